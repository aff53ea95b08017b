//! Reads many files, or many parts of one, from the disk at once, past the page cache.
//!
//! Files that were written one after another mostly lie one after another, so that the kernel merges such reads into a few
//! requests; read one by one, small files cost a request and a wait each, and so do changed pages all over a large one. This is the
//! kernel's asynchronous I/O (`io_submit(2)`), which container sandboxes permit, unlike io_uring. What could not be read here, for whatever
//! reason, is left to the ordinary way of reading, which tells the reason better; nothing is decided by how a file was read.
//!
//! One of four files with unsafe code (the others are [`crate::mover::manners::priority`], [`super::buffer`] and [`super::cached`]): the kernel writes into a
//! buffer while nobody holds it. No call returns before the kernel is done with the buffer.
#![expect(unsafe_code, reason = "asynchronous I/O has no safe interface")]

use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::Mutex;

use rustix::fs::OFlags;

/// Reads underway at once for one thread.
pub const READS_MAX: usize = 128;

/// A read of a part of a file.
#[derive(Debug)]
pub struct BatchRead<'a> {
    /// The file.
    pub file: BorrowedFd<'a>,
    /// Where in the file it begins, a multiple of [`super::buffer::ALIGNMENT`].
    pub offset: u64,
    /// Where in the buffer it goes, likewise.
    pub at: usize,
    /// How many bytes, likewise.
    pub length: usize,
}

/// A thread's way to read many files at once.
#[derive(Debug)]
pub struct BatchReader(Context);

/// The kernel's handle.
#[derive(Clone, Copy, Debug)]
struct Context(libc::c_ulong);

/// Handles that nobody uses: the kernel takes long to give one up. They are as many as were used at once, and end with the process.
static UNUSED: Mutex<Vec<Context>> = Mutex::new(Vec::new());

/// `struct iocb` of `linux/aio_abi.h`, with its two halves of the first word in the order of little-endian machines; both stay zero.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Request {
    data: u64,
    key_and_flags: u64,
    operation: u16,
    priority: i16,
    file: u32,
    buffer: u64,
    bytes: u64,
    offset: i64,
    reserved: u64,
    flags: u32,
    event_file: u32,
}

/// `struct io_event`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Event {
    data: u64,
    request: u64,
    result: i64,
    result_too: i64,
}

/// `IOCB_CMD_PREAD`.
const READ: u16 = 0;

impl BatchReader {
    /// Returns a way to read; none where the kernel has none, or does not let us.
    #[must_use]
    pub fn new() -> Option<BatchReader> {
        let unused = UNUSED.lock().expect("no thread panics while it holds this lock").pop();
        unused.or_else(Context::new).map(BatchReader)
    }

    /// Carries out at most [`READS_MAX`] reads; returns how many bytes each of them brought, none where it failed.
    ///
    /// # Panics
    /// If a read does not lie within the buffer, or there are too many.
    pub fn read(&mut self, reads: &[BatchRead<'_>], buffer: &mut [u8]) -> Vec<Option<usize>> {
        assert!(reads.len() <= READS_MAX, "no more reads than were asked for");
        assert!(reads.iter().all(|read| read.at + read.length <= buffer.len()), "reads stay within the buffer");
        let start = buffer.as_mut_ptr();
        let mut requests = [Request::default(); READS_MAX];
        for (index, (read, request)) in reads.iter().zip(&mut requests).enumerate() {
            *request = Request {
                data: index as u64,
                operation: READ,
                file: read.file.as_raw_fd().cast_unsigned(),
                buffer: start.wrapping_add(read.at).expose_provenance() as u64,
                bytes: read.length as u64,
                offset: read.offset.cast_signed(),
                ..Request::default()
            };
        }
        let mut brought = vec![None; reads.len()];
        let modes: Vec<Option<Mode>> = reads.iter().map(|read| make_direct(read.file)).collect();
        let ready: Vec<usize> = (0..reads.len()).filter(|&index| modes[index].is_some()).collect();
        let mut waiting: &[usize] = &ready;
        while !waiting.is_empty() {
            let pointers: Vec<*mut Request> = waiting.iter().map(|&index| &raw mut requests[index]).collect();
            let begun = self.0.submit(&pointers);
            self.0.wait_for(begun, &mut brought);
            // One that the kernel does not take is left out, and the rest is tried again.
            waiting = &waiting[begun.max(1)..];
        }
        for (read, mode) in reads.iter().zip(modes) {
            if let Some(Mode::Cached(flags)) = mode {
                // What goes wrong here shows when the file is read by itself.
                let _ = rustix::fs::fcntl_setfl(read.file, flags);
            }
        }
        brought
    }
}

/// How reads of a file went before.
#[derive(Clone, Copy)]
enum Mode {
    /// Past the page cache.
    Direct,
    /// Through it, with these flags.
    Cached(OFlags),
}

/// Makes reads of a file go past the page cache; returns how they went before, or none if that cannot be had.
fn make_direct(file: BorrowedFd<'_>) -> Option<Mode> {
    let flags = rustix::fs::fcntl_getfl(file).ok()?;
    if flags.contains(OFlags::DIRECT) {
        return Some(Mode::Direct);
    }
    rustix::fs::fcntl_setfl(file, flags | OFlags::DIRECT).ok().map(|()| Mode::Cached(flags))
}

impl Drop for BatchReader {
    fn drop(&mut self) {
        UNUSED.lock().expect("no thread panics while it holds this lock").push(self.0);
    }
}

impl Context {
    fn new() -> Option<Context> {
        let mut context: libc::c_ulong = 0;
        // SAFETY: the kernel writes one word to the address, which is that of a word of ours.
        let outcome = unsafe { libc::syscall(libc::SYS_io_setup, READS_MAX as libc::c_ulong, &raw mut context) };
        (outcome == 0).then_some(Context(context))
    }

    /// Returns how many of the requests were begun.
    fn submit(&self, requests: &[*mut Request]) -> usize {
        // SAFETY: the pointers lead to requests that outlive this call, the only time the kernel reads them. Each names an open file
        // and a part of a buffer that its caller holds exclusively until `wait_for` has returned for all that were begun.
        let outcome = unsafe { libc::syscall(libc::SYS_io_submit, self.0, requests.len() as libc::c_long, requests.as_ptr()) };
        usize::try_from(outcome).unwrap_or(0)
    }

    /// Waits until as many requests as were begun have ended, and notes what they brought.
    fn wait_for(&self, begun: usize, brought: &mut [Option<usize>]) {
        let mut events = [Event::default(); READS_MAX];
        let mut left = begun;
        while left > 0 {
            let (least, most) = (1_i64, left as i64);
            // SAFETY: there is room for as many events as may come; no time limit is given.
            let outcome = unsafe {
                libc::syscall(libc::SYS_io_getevents, self.0, least, most, events.as_mut_ptr(), std::ptr::null::<libc::timespec>())
            };
            let ended = match usize::try_from(outcome) {
                Ok(ended) => ended,
                Err(_) if std::io::Error::last_os_error().kind() == std::io::ErrorKind::Interrupted => 0,
                // The kernel may still write to memory that would be given to somebody else.
                Err(_) => std::process::abort(),
            };
            for event in &events[..ended] {
                brought[event.data as usize] = usize::try_from(event.result).ok();
            }
            left -= ended;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::fd::AsFd;

    use super::*;
    use crate::mover::disk::buffer::{ALIGNMENT, Buffer};

    const ROOM: usize = 8 * ALIGNMENT;

    #[test]
    fn each_file_comes_to_its_place() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let contents: Vec<Vec<u8>> = (0..READS_MAX).map(|number| vec![number as u8; number * 251]).collect();
        let files: Vec<File> =
            contents.iter().enumerate().map(|(number, content)| file(&folder.path().join(number.to_string()), content)).collect();
        let mut buffer = Buffer::default();
        buffer.set_length(READS_MAX * ROOM);
        let reads: Vec<BatchRead<'_>> = files
            .iter()
            .enumerate()
            .map(|(index, file)| BatchRead { file: file.as_fd(), offset: 0, at: index * ROOM, length: ROOM })
            .collect();
        let brought = BatchReader::new().expect("this kernel has it").read(&reads, buffer.padded());
        for ((content, read), brought) in contents.iter().zip(&reads).zip(brought) {
            assert_eq!(brought, Some(content.len()));
            assert_eq!(&buffer[read.at..read.at + content.len()], content.as_slice());
        }
    }

    #[test]
    fn one_that_cannot_be_read_does_not_hold_up_the_others() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let file = file(&folder.path().join("file"), b"content");
        let directory = File::open(folder.path()).expect("it is there");
        let mut buffer = Buffer::default();
        buffer.set_length(4 * ROOM);
        let all = [&directory, &file, &directory, &file];
        let reads: Vec<BatchRead<'_>> = all
            .iter()
            .enumerate()
            .map(|(index, file)| BatchRead { file: file.as_fd(), offset: 0, at: index * ROOM, length: ROOM })
            .collect();
        let mut together = BatchReader::new().expect("this kernel has it");
        assert_eq!(together.read(&reads, buffer.padded()), [None, Some(7), None, Some(7)]);
    }

    fn file(path: &std::path::Path, content: &[u8]) -> File {
        std::fs::write(path, content).expect("it can be written");
        File::open(path).expect("it is there")
    }
}
