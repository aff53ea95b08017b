//! Numbers that look random and are the same for the same seed, so that a failure can be made again.

/// A sequence of numbers.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d)
    }

    /// The next number (SplitMix64).
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below this one, which must not be 0.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub(crate) fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).expect("it is below a length")
    }

    /// Makes an input worse; `others` are sound inputs to take parts from.
    pub(crate) fn worsened(&mut self, sound: &[u8], others: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = sound.to_vec();
        for _ in 0..=self.below(3) {
            let at = self.index(bytes.len() + 1);
            match self.below(7) {
                0 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
                1 if at < bytes.len() => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][self.index(5)],
                2 => bytes.truncate(at),
                3 => {
                    let other = &others[self.index(others.len())];
                    let from = self.index(other.len() + 1);
                    bytes.truncate(at);
                    bytes.extend_from_slice(&other[from..]);
                }
                // A number in the form of the wire, as large as can be.
                4 => drop(bytes.splice(at..bytes.len().min(at + 1), [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1])),
                5 => drop(bytes.splice(at..at, (0..self.below(20)).map(|_| self.next() as u8).collect::<Vec<_>>())),
                _ => {
                    let length = (self.next() >> self.below(64)) as u32;
                    let at = at.min(4);
                    bytes.splice(at..bytes.len().min(at + 4), length.to_le_bytes());
                }
            }
        }
        bytes
    }
}
