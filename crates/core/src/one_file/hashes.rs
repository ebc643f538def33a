//! Millions of hashes in little memory.
//!
//! They are dealt out by their first byte: each part grows and is sorted by itself, so the memory beside what is held stays
//! small.

use std::{
    collections::HashSet,
    hash::{BuildHasher as _, Hash, RandomState},
    mem,
};

const PARTS: usize = 256;

fn part(hash: u64) -> usize {
    usize::from(hash.to_be_bytes()[0])
}

/// Makes room for a quarter more, since twice as much would be memory that nobody uses.
fn grow<T>(list: &mut Vec<T>) {
    list.reserve_exact(list.len() / 4 + 16);
}

/// Hashes, each as often as it was added.
pub(super) struct Hashes {
    parts: Vec<Vec<u64>>,
}

impl Default for Hashes {
    fn default() -> Self {
        Self { parts: (0..PARTS).map(|_| Vec::new()).collect() }
    }
}

impl Hashes {
    pub(super) fn add(&mut self, hash: u64) {
        let list = &mut self.parts[part(hash)];
        if list.len() == list.capacity() {
            grow(list);
        }
        list.push(hash);
    }

    /// Returns each hash once, with how often it was added.
    pub(super) fn counted(&mut self) -> impl Iterator<Item = (u64, usize)> {
        self.parts.iter_mut().for_each(|list| list.sort_unstable());
        let groups = self.parts.iter().flat_map(|list| list.chunk_by(u64::eq));
        groups.map(|group| (group[0], group.len()))
    }
}

/// Counts how often values occur, for 8 bytes a value.
///
/// Values are known by keyed 64-bit hashes: two different ones hardly ever count as one.
///
/// ```
/// # use keyferry_core::Occurrences;
/// let mut occurrences = Occurrences::default();
/// ["a", "b", "a", "a"].iter().for_each(|value| occurrences.add(value));
/// assert_eq!(occurrences.counts().collect::<std::collections::BTreeSet<_>>(), [1, 3].into());
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

    /// Returns how often each value was added, in no order.
    pub fn counts(&mut self) -> impl Iterator<Item = usize> {
        self.hashes.counted().map(|(_, count)| count)
    }
}

/// Pairs of hashes, each kept once.
pub(super) struct Pairs {
    parts: Vec<Vec<(u64, u64)>>,
}

impl Default for Pairs {
    fn default() -> Self {
        Self { parts: (0..PARTS).map(|_| Vec::new()).collect() }
    }
}

impl Pairs {
    pub(super) fn add(&mut self, pair: (u64, u64)) {
        let list = &mut self.parts[part(pair.0)];
        if list.len() == list.capacity() {
            // Users return with each credential of theirs: drop what is known already before more is asked for. What was
            // sorted the last time is one run for this sort.
            list.sort();
            list.dedup();
            if list.len() > list.capacity() / 10 * 9 {
                grow(list);
            }
        }
        list.push(pair);
    }

    /// Returns the first halves that stand with more than one second half.
    pub(super) fn shared_first(&mut self) -> HashSet<u64> {
        let mut shared = HashSet::new();
        for list in &mut self.parts {
            list.sort_unstable();
            list.dedup();
            shared.extend(list.windows(2).filter(|pair| pair[0].0 == pair[1].0).map(|pair| pair[0].0));
        }
        shared
    }

    /// Returns the pairs with their halves exchanged; each part of them is given back as soon as it was moved.
    pub(super) fn reversed(&mut self) -> Self {
        let mut sizes = [0; PARTS];
        self.parts.iter().flatten().for_each(|(_, second)| sizes[part(*second)] += 1);
        // Of just these sizes: lists that grow would leave their smaller selves behind.
        let mut reversed = Self { parts: sizes.map(Vec::with_capacity).into() };
        for list in &mut self.parts {
            for (first, second) in mem::take(list) {
                reversed.parts[part(second)].push((second, first));
            }
        }
        reversed
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    /// Numbers below `most` that look like hashes.
    fn hash(number: u64, most: u64) -> u64 {
        (number % most).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    #[test]
    fn hashes_are_counted() {
        let mut hashes = Hashes::default();
        let mut expected = BTreeMap::new();
        for number in 0..20_000_u64 {
            let hash = hash(number * number, 7919);
            hashes.add(hash);
            *expected.entry(hash).or_insert(0) += 1;
        }
        assert_eq!(hashes.counted().collect::<BTreeMap<_, _>>(), expected);
    }

    #[test]
    fn pairs_are_kept_once_and_shared_halves_found_from_both_sides() {
        let mut pairs = Pairs::default();
        for _ in 0..5 {
            (0..10_000).for_each(|number| pairs.add((hash(number, 9_000), hash(number, 9_900))));
        }
        assert!(pairs.parts.iter().map(Vec::len).sum::<usize>() < 20_000);
        // 9000 to 9899 stand with themselves, and 9900 to 9999 with 0 to 99.
        let first = (0..1_000).map(|number| hash(number, 9_000)).collect::<BTreeSet<_>>();
        assert_eq!(pairs.shared_first().into_iter().collect::<BTreeSet<_>>(), first);
        let second = (0..100).map(|number| hash(number, 9_900)).collect::<BTreeSet<_>>();
        assert_eq!(pairs.reversed().shared_first().into_iter().collect::<BTreeSet<_>>(), second);
    }
}
