//! Millions of hashes in little memory.
//!
//! They are dealt out by their first byte, which then need not be kept, and each part is sorted by itself.

use std::hash::{BuildHasher as _, Hash, RandomState};

use super::{blocks::Blocks, frequencies::Frequencies};

/// How many parts there are.
pub(super) const PARTS: usize = 256;

/// Returns the part of a hash.
pub(super) fn part(hash: u64) -> usize {
    usize::from(hash.to_be_bytes()[0])
}

/// Hashes, each as often as it was added.
pub(super) struct Hashes {
    parts: Vec<Blocks<[u8; 7]>>,
}

impl Default for Hashes {
    fn default() -> Self {
        Self { parts: (0..PARTS).map(|_| Blocks::default()).collect() }
    }
}

impl Hashes {
    pub(super) fn add(&mut self, hash: u64) {
        let [_, rest @ ..] = hash.to_be_bytes();
        self.parts[part(hash)].push(rest);
    }

    /// Returns the hashes by part, in no order within it.
    pub(super) fn into_parts(self) -> impl Iterator<Item = impl Iterator<Item = u64>> {
        (0..=u8::MAX).zip(self.parts).map(|(first, list)| {
            list.drain().map(move |[a, b, c, d, e, f, g]| u64::from_be_bytes([first, a, b, c, d, e, f, g]))
        })
    }

    /// Tells each hash once, with how often it was added.
    pub(super) fn count(self, mut tell: impl FnMut(u64, usize)) {
        let mut sorted = Vec::new();
        for part in self.into_parts() {
            sorted.clear();
            sorted.extend(part);
            sorted.sort_unstable();
            sorted.chunk_by(u64::eq).for_each(|group| tell(group[0], group.len()));
        }
    }
}

/// Counts how often values occur, for 7 bytes a value.
///
/// Values are known by keyed 64-bit hashes: two different ones hardly ever count as one.
///
/// ```
/// # use keyferry_core::Occurrences;
/// let mut occurrences = Occurrences::default();
/// ["a", "b", "a", "a"].iter().for_each(|value| occurrences.add(value));
/// let found = occurrences.frequencies();
/// assert_eq!((found.values, found.several, found.most), (2, 1, 3));
/// ```
#[derive(Default)]
pub struct Occurrences {
    hasher: RandomState,
    hashes: Hashes,
}

impl Occurrences {
    /// Adds a value.
    pub fn add(&mut self, value: impl Hash) {
        self.hashes.add(self.hasher.hash_one(value));
    }

    /// Returns how often the values were added.
    pub fn frequencies(self) -> Frequencies {
        let mut found = Frequencies::default();
        self.hashes.count(|_, count| found.add(u64::try_from(count).unwrap_or(u64::MAX)));
        found
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn hashes_are_counted() {
        let mut hashes = Hashes::default();
        let mut expected = BTreeMap::new();
        for number in 0..20_000_u64 {
            let hash = (number * number % 7919).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            hashes.add(hash);
            *expected.entry(hash).or_insert(0) += 1;
        }
        let mut found = BTreeMap::new();
        hashes.count(|hash, count| assert_eq!(found.insert(hash, count), None));
        assert_eq!(found, expected);
    }
}
