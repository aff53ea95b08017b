//! Compresses content on its way to the other mover, where it gets there sooner by it.
//!
//! That takes three things: the link is what is waited for, not the disk behind it; a sample of the content gets smaller; and
//! what that saves on the link is more than it costs here. All three are measured while a pass runs, for each connection by
//! itself, since a pass cannot know its network. Content that is compressed or encrypted already, and links that are faster
//! than a core, pay next to nothing for being asked. Digests are of the content itself, on both ends.

use std::time::{Duration, Instant};

use zstd::bulk::Compressor;

use crate::mover::ground::fail::{self, Result};

/// The fastest level: a slower one would keep all but the slowest links waiting.
const LEVEL: i32 = 1;
/// Less content than this is not worth a sample.
const CONTENT_BYTES_MIN: usize = 16 << 10;
const SAMPLE_BYTES: usize = 64 << 10;
/// A sample must get this small.
const RATIO_MAX: f64 = 0.85;
/// The time of a frame must get this short, so that a measurement that is a little off does no harm.
const TIME_MAX: f64 = 0.8;
/// Faster than a core compresses anything worth it: not even a sample is taken.
const LINK_BYTES_PER_SECOND_MAX: f64 = 500e6;
/// The target must wait for content this much of its time.
const STARVING_PERCENT_MIN: u8 = 50;

/// Compresses what goes over one connection.
#[derive(Default)]
pub struct Compress {
    rate: Rate,
    compressor: Option<Compressor<'static>>,
    joined: Vec<u8>,
    compressed: Vec<u8>,
}

impl Compress {
    /// Notes how long the connection took to carry bytes.
    pub fn has_sent(&mut self, bytes: u64, took: Duration) {
        self.rate.add(bytes, took);
    }

    /// Returns the content of a frame compressed, if it gets there sooner so.
    pub fn compress(&mut self, parts: &[&[u8]], starving_percent: u8) -> Option<&[u8]> {
        let bytes: usize = parts.iter().map(|part| part.len()).sum();
        let rate = self.rate.of_late().filter(|&rate| rate < LINK_BYTES_PER_SECOND_MAX)?;
        if bytes < CONTENT_BYTES_MIN || starving_percent < STARVING_PERCENT_MIN {
            return None;
        }
        if self.compressor.is_none() {
            self.compressor = Compressor::new(LEVEL).ok();
        }
        let compressor = self.compressor.as_mut()?;
        let sample = sample(parts);
        let began = Instant::now();
        let sampled = into_at_most(compressor, sample, sample.len(), &mut self.compressed)?;
        if !is_worth_it(sample.len(), sampled, began.elapsed(), rate) {
            return None;
        }
        let content = match parts {
            [all] => all,
            _ => {
                self.joined.clear();
                parts.iter().for_each(|part| self.joined.extend_from_slice(part));
                self.joined.as_slice()
            }
        };
        into_at_most(compressor, content, (bytes as f64 * RATIO_MAX) as usize, &mut self.compressed)?;
        Some(&self.compressed)
    }
}

/// Compresses into a buffer, of which the length is returned; none if it takes more than this.
fn into_at_most(compressor: &mut Compressor<'_>, content: &[u8], most: usize, into: &mut Vec<u8>) -> Option<usize> {
    into.resize(most, 0);
    let length = compressor.compress_to_buffer(content, into.as_mut_slice()).ok()?;
    into.truncate(length);
    Some(length)
}

/// A stretch from the middle of the longest part: beginnings of files are often unlike the rest of them.
fn sample<'a>(parts: &[&'a [u8]]) -> &'a [u8] {
    let part = parts.iter().max_by_key(|part| part.len()).copied().unwrap_or_default();
    let length = part.len().min(SAMPLE_BYTES);
    let start = (part.len() - length) / 2;
    &part[start..start + length]
}

/// Whether compressing and then sending takes less time than sending.
fn is_worth_it(sample_bytes: usize, compressed_bytes: usize, took: Duration, bytes_per_second: f64) -> bool {
    let ratio = compressed_bytes as f64 / sample_bytes as f64;
    let as_it_is = sample_bytes as f64 / bytes_per_second;
    ratio < RATIO_MAX && took.as_secs_f64() + ratio * as_it_is < TIME_MAX * as_it_is
}

/// How fast a connection has been of late.
#[derive(Debug, Default)]
struct Rate {
    bytes: u64,
    time: Duration,
    of_late: Option<f64>,
}

/// A rate is of at least so much time, or of so many bytes on a link that takes no time for them.
const WINDOW: Duration = Duration::from_millis(50);
const WINDOW_BYTES: u64 = 16 << 20;

impl Rate {
    fn add(&mut self, bytes: u64, took: Duration) {
        self.bytes += bytes;
        self.time += took;
        if self.time >= WINDOW || self.bytes >= WINDOW_BYTES {
            self.of_late = Some(self.bytes as f64 / self.time.as_secs_f64().max(f64::MIN_POSITIVE));
            (self.bytes, self.time) = (0, Duration::ZERO);
        }
    }

    /// In bytes a second; none until it is known.
    fn of_late(&self) -> Option<f64> {
        self.of_late
    }
}

/// Expands content that came compressed; it must fill what it was said to be, exactly.
pub fn expand(compressed: &[u8], content: &mut [u8]) -> Result<()> {
    match zstd::bulk::decompress_to_buffer(compressed, content) {
        Ok(bytes) if bytes == content.len() => Ok(()),
        Ok(_) | Err(_) => Err(fail::peer("the other mover sent compressed content that is not what it says")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So slow that it is worth it even if this thread is kept waiting for seconds while it compresses.
    fn slow() -> Compress {
        let mut compress = Compress::default();
        compress.has_sent(1 << 20, Duration::from_secs(100));
        compress
    }

    fn text(bytes: usize) -> Vec<u8> {
        let lines = (0..).flat_map(|number: u64| format!("{:x} INFO request {number} took 17 us\n", number * number).into_bytes());
        lines.take(bytes).collect()
    }

    fn noise(bytes: usize) -> Vec<u8> {
        let mut reader = blake3::Hasher::new().finalize_xof();
        let mut noise = vec![0; bytes];
        reader.fill(&mut noise);
        noise
    }

    #[test]
    fn what_is_compressed_comes_out_as_it_was() {
        let content = text(1 << 20);
        let (one, rest) = content.split_at(300_000);
        for parts in [&[content.as_slice()][..], &[one, rest]] {
            let compressed = slow().compress(parts, 100).expect("it is worth it").to_vec();
            assert!(compressed.len() < content.len() / 2, "{}", compressed.len());
            let mut expanded = vec![0; content.len()];
            expand(&compressed, &mut expanded).expect("sound");
            assert_eq!(expanded, content);
        }
    }

    #[test]
    fn what_would_not_get_there_sooner_is_left_as_it_is() {
        let (text, noise) = (text(1 << 20), noise(1 << 20));
        assert!(slow().compress(&[&text], 100).is_some());
        assert_eq!(slow().compress(&[&noise], 100), None, "it does not get smaller");
        assert_eq!(slow().compress(&[&text], 10), None, "the target's disk is what is waited for");
        assert_eq!(slow().compress(&[&text[..9000]], 100), None, "it is too little");
        assert_eq!(Compress::default().compress(&[&text], 100), None, "nothing is known of the link");
        let mut fast = Compress::default();
        fast.has_sent(WINDOW_BYTES, Duration::from_millis(10));
        assert_eq!(fast.compress(&[&text], 100), None, "the link is faster than a core");
    }

    #[test]
    fn content_whose_middle_is_not_like_the_rest_is_left_as_it_is() {
        let mut content = noise(1 << 20);
        let middle = (content.len() - SAMPLE_BYTES) / 2;
        content[middle..middle + SAMPLE_BYTES].fill(7);
        assert_eq!(slow().compress(&[&content], 100), None);
    }

    #[test]
    fn time_saved_is_weighed_against_time_spent() {
        let (at_1_mb, at_100_mb) = (1e6, 100e6);
        let took = Duration::from_micros(500);
        assert!(is_worth_it(100_000, 50_000, took, at_1_mb), "0.1 s against 0.05 s and half a millisecond");
        assert!(!is_worth_it(100_000, 50_000, took, at_100_mb), "1 ms against half a millisecond twice");
        assert!(!is_worth_it(100_000, 90_000, Duration::ZERO, at_1_mb), "it hardly gets smaller");
    }

    #[test]
    fn a_rate_is_of_the_last_while_only() {
        let mut rate = Rate::default();
        rate.add(1000, Duration::from_millis(1));
        assert_eq!(rate.of_late(), None);
        rate.add(1000, Duration::from_millis(99));
        assert_eq!(rate.of_late(), Some(20_000.0));
        rate.add(WINDOW_BYTES, Duration::from_millis(8));
        assert!(rate.of_late().expect("known") > 1e9);
    }

    #[test]
    fn compressed_content_is_what_it_says_or_refused() {
        let content = text(100_000);
        let compressed = slow().compress(&[&content], 100).expect("it is worth it").to_vec();
        for length in [0, 1, content.len() - 1, content.len() + 1] {
            assert!(expand(&compressed, &mut vec![0; length]).is_err(), "of {length} bytes");
        }
        assert!(expand(&compressed[..compressed.len() - 1], &mut vec![0; content.len()]).is_err());
        assert!(expand(b"noise", &mut [0; 5]).is_err());
    }
}
