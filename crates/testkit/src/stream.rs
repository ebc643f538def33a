//! A deterministic stream of bytes: SHA-256 over a seed and a counter.
//!
//! Everything the test kit makes comes out of one of these, so the same seed gives the same bytes on each machine and
//! with any number of threads. The bytes are well mixed, but they are test data, not secrets.

use core::convert::Infallible;

use rsa::rand_core::{TryCryptoRng, TryRng};
use sha2::{Digest, Sha256};

#[derive(Debug, Clone)]
pub(crate) struct Stream {
    seed: [u8; 32],
    counter: u64,
    block: [u8; 32],
    used: usize,
}

impl Stream {
    /// Starts the stream of these parts; the label keeps the streams of different uses apart.
    pub(crate) fn new(label: &str, parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for part in [label.as_bytes()].iter().chain(parts) {
            // With its length before it, no two lists of parts give the same input.
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part);
        }
        Self { seed: hash.finalize().into(), counter: 0, block: [0; 32], used: 32 }
    }

    pub(crate) fn fill(&mut self, out: &mut [u8]) {
        for byte in out {
            if self.used == self.block.len() {
                let hash = Sha256::new().chain_update(self.seed).chain_update(self.counter.to_be_bytes());
                self.block = hash.finalize().into();
                self.counter += 1;
                self.used = 0;
            }
            *byte = self.block[self.used];
            self.used += 1;
        }
    }

    pub(crate) fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        self.fill(&mut out);
        out
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut out = vec![0; length];
        self.fill(&mut out);
        out
    }

    /// A number below `bound`. The modulus favours small numbers by less than one in 2^32 for the bounds used here.
    pub(crate) fn below(&mut self, bound: u32) -> u32 {
        let wide = u64::from_be_bytes(self.array()) % u64::from(bound.max(1));
        u32::try_from(wide).unwrap_or_default()
    }

    /// A number from `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: u32, high: u32) -> u32 {
        low + self.below(high.saturating_sub(low).saturating_add(1))
    }

    /// True in `percent` of 100 cases.
    pub(crate) fn chance(&mut self, percent: u32) -> bool {
        self.below(100) < percent
    }

    /// One of the choices, each as likely as its weight.
    ///
    /// An empty list or one without any weight is a fault of the table it stands in.
    pub(crate) fn pick<'a, T>(&mut self, choices: &'a [(u32, T)]) -> &'a T {
        let mut left = self.below(choices.iter().map(|(weight, _)| weight).sum());
        for (weight, choice) in choices {
            if left < *weight {
                return choice;
            }
            left -= weight;
        }
        unreachable!("the weights of a table of choices are all zero")
    }
}

// PSS signatures take their salt from an RNG of this interface.
impl TryRng for Stream {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_be_bytes(self.array()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_be_bytes(self.array()))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        self.fill(out);
        Ok(())
    }
}

impl TryCryptoRng for Stream {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pieces_do_not_change_the_stream() {
        let whole = Stream::new("x", &[b"seed"]).bytes(100);
        let mut pieces = Stream::new("x", &[b"seed"]);
        assert_eq!([pieces.bytes(1), pieces.bytes(40), pieces.bytes(59)].concat(), whole);
        assert_ne!(Stream::new("x", &[b"see", b"d"]).bytes(100), whole);
        assert_ne!(Stream::new("y", &[b"seed"]).bytes(100), whole);
    }

    #[test]
    fn numbers_stay_in_their_range() {
        let mut stream = Stream::new("x", &[]);
        for _ in 0..1000 {
            assert!((1..=5).contains(&stream.between(1, 5)));
            assert_ne!(stream.pick(&[(1, 'a'), (0, 'b'), (3, 'c')]), &'b');
        }
    }
}
