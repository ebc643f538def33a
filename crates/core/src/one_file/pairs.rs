//! Millions of pairs of hashes, each kept once and counted.
//!
//! Pairs are dealt out by the first byte of their first half. That byte need not be kept, and the count stands in its place:
//! 16 bytes a pair, however often it occurs.

use std::{
    collections::{HashMap, HashSet},
    mem,
};

use super::{
    blocks::Blocks,
    frequencies::Frequencies,
    hashes::{Hashes, PARTS, part},
};

/// The least number of pairs of a part that wait to be put in order.
const LEAST_WAITING: usize = 64;
/// The most, as a share of those that are in order: each turn walks over all of these.
const WAITING_SHARE: usize = 16;
/// In how many turns second halves are compared, so that few of them stand beside the pairs; a power of two.
const TURNS: usize = 16;

/// The most that a pair's own count can hold.
const MOST_COUNTED: u64 = 0xff;

/// Names one half of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Half {
    First,
    Second,
}

/// The first half without its first byte and, in the last one, the count; the second half.
#[derive(Clone, Copy)]
struct Pair(u64, u64);

impl Pair {
    fn key(self) -> (u64, u64) {
        (self.0 >> 8, self.1)
    }

    fn count(self) -> u64 {
        self.0 & MOST_COUNTED
    }

    fn first(self, part: usize) -> u64 {
        (u64::try_from(part).unwrap_or_default() << 56) | (self.0 >> 8)
    }
}

/// Pairs with the same first byte.
#[derive(Default)]
struct Part {
    /// In order, each once.
    sorted: Blocks<Pair>,
    waiting: Vec<Pair>,
}

/// Pairs of hashes, each kept once, with how often it was counted.
pub(super) struct Pairs {
    parts: Vec<Part>,
    /// What does not fit into a pair's own count.
    more: HashMap<(u64, u64), u64>,
}

impl Default for Pairs {
    fn default() -> Self {
        Self { parts: (0..PARTS).map(|_| Part::default()).collect(), more: HashMap::new() }
    }
}

/// What pairs say once all are known.
#[derive(Default)]
pub(super) struct Found {
    /// First halves that stand with more than one second half.
    pub(super) shared_first: HashSet<u64>,
    /// Second halves that stand with more than one first half.
    pub(super) shared_second: HashSet<u64>,
    /// How often the values of a half were counted.
    pub(super) frequencies: Frequencies,
}

/// A half of a pair, or a hash that stands alone, and how often it was counted.
struct Seen {
    hash: u64,
    pairs: u32,
    count: u32,
}

impl Pairs {
    /// Adds a pair, and counts it if `is_counted`.
    pub(super) fn add(&mut self, (first, second): (u64, u64), is_counted: bool) {
        let at = part(first);
        let part = &mut self.parts[at];
        let most = (part.sorted.len() / WAITING_SHARE).max(LEAST_WAITING);
        if part.waiting.len() >= most {
            part.sort(at, &mut self.more);
        }
        if part.waiting.capacity() == part.waiting.len() {
            part.waiting.reserve_exact(most - part.waiting.len());
        }
        part.waiting.push(Pair((first << 8) | u64::from(is_counted), second));
    }

    /// Finds the halves that stand with several others, and how often each value of `half` was counted.
    ///
    /// `alone` are such values that were counted without a pair.
    pub(super) fn find(mut self, half: Half, alone: Hashes) -> Found {
        for (at, part) in self.parts.iter_mut().enumerate() {
            part.sort(at, &mut self.more);
            part.waiting = Vec::new();
        }
        let (first_alone, second_alone) = match half {
            Half::First => (alone, Hashes::default()),
            Half::Second => (Hashes::default(), alone),
        };
        let mut found = Found::default();
        for (side, alone, shared) in [
            (Half::First, first_alone, &mut found.shared_first),
            (Half::Second, second_alone, &mut found.shared_second),
        ] {
            self.groups(side, alone, |hash, pairs, count| {
                if pairs > 1 {
                    shared.insert(hash);
                }
                if side == half {
                    found.frequencies.add(count);
                }
            });
        }
        found
    }

    /// Tells each value of a half, with how many pairs have it and how often these were counted.
    fn groups(&self, half: Half, alone: Hashes, mut tell: impl FnMut(u64, u64, u64)) {
        let mut alone = alone.into_parts();
        let mut seen = Vec::new();
        for turn in 0..TURNS {
            let of_turn = turn * PARTS / TURNS..(turn + 1) * PARTS / TURNS;
            seen.clear();
            let parts = self.parts.iter().enumerate();
            for (at, part) in parts.filter(|(at, _)| half == Half::Second || of_turn.contains(at)) {
                for pair in part.sorted.iter() {
                    let hash = match half {
                        Half::First => pair.first(at),
                        Half::Second => pair.1,
                    };
                    if of_turn.contains(&self::part(hash)) {
                        seen.push(Seen { hash, pairs: 1, count: self.count(at, pair) });
                    }
                }
            }
            let alone = alone.by_ref().take(of_turn.len()).flatten();
            seen.extend(alone.map(|hash| Seen { hash, pairs: 0, count: 1 }));
            seen.sort_unstable_by_key(|seen| seen.hash);
            for group in seen.chunk_by(|one, other| one.hash == other.hash) {
                let sum = |number: fn(&Seen) -> u32| group.iter().map(|seen| u64::from(number(seen))).sum();
                tell(group[0].hash, sum(|seen| seen.pairs), sum(|seen| seen.count));
            }
        }
    }

    /// Returns how often a pair was counted.
    fn count(&self, part: usize, pair: Pair) -> u32 {
        let more = match self.more.is_empty() {
            true => 0,
            false => self.more.get(&(pair.first(part), pair.1)).copied().unwrap_or_default(),
        };
        u32::try_from(pair.count() + more).unwrap_or(u32::MAX)
    }
}

impl Part {
    /// Puts the waiting pairs among the others.
    fn sort(&mut self, at: usize, more: &mut HashMap<(u64, u64), u64>) {
        self.waiting.sort_unstable_by_key(|pair| pair.key());
        let mut join = |pair: &mut Pair, other: Pair| {
            let mut count = pair.count() + other.count();
            if count > MOST_COUNTED {
                *more.entry((pair.first(at), pair.1)).or_default() += MOST_COUNTED;
                count -= MOST_COUNTED;
            }
            pair.0 = (pair.0 & !MOST_COUNTED) | count;
        };
        self.waiting.dedup_by(|other, pair| {
            let is_same = other.key() == pair.key();
            if is_same {
                join(pair, *other);
            }
            is_same
        });
        let mut sorted = Blocks::default();
        let mut waiting = self.waiting.drain(..).peekable();
        for mut pair in mem::take(&mut self.sorted).drain() {
            while let Some(before) = waiting.next_if(|waiting| waiting.key() < pair.key()) {
                sorted.push(before);
            }
            if let Some(same) = waiting.next_if(|waiting| waiting.key() == pair.key()) {
                join(&mut pair, same);
            }
            sorted.push(pair);
        }
        waiting.for_each(|pair| sorted.push(pair));
        self.sorted = sorted;
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

    fn held(pairs: &Pairs) -> usize {
        pairs.parts.iter().map(|part| part.sorted.len() + part.waiting.len()).sum()
    }

    #[test]
    fn pairs_are_kept_once_and_shared_halves_found_from_both_sides() {
        for half in [Half::First, Half::Second] {
            let mut pairs = Pairs::default();
            for _ in 0..50 {
                (0..10_000).for_each(|number| pairs.add((hash(number, 9_000), hash(number, 9_900)), true));
            }
            assert!(held(&pairs) < 10_000 + PARTS * LEAST_WAITING);
            let found = pairs.find(half, Hashes::default());
            // 9000 to 9899 stand with themselves, and 9900 to 9999 with 0 to 99.
            let first = (0..1_000).map(|number| hash(number, 9_000)).collect::<BTreeSet<_>>();
            assert_eq!(found.shared_first.into_iter().collect::<BTreeSet<_>>(), first);
            let second = (0..100).map(|number| hash(number, 9_900)).collect::<BTreeSet<_>>();
            assert_eq!(found.shared_second.into_iter().collect::<BTreeSet<_>>(), second);
            let values = if half == Half::First { 9_000 } else { 9_900 };
            assert_eq!(found.frequencies, Frequencies { values, several: values, most: 100 });
        }
    }

    #[test]
    fn counts_are_those_of_a_map() {
        // Frequent and rare ones, some never counted, some alone too, and pairs whose count needs more than a byte.
        for half in [Half::First, Half::Second] {
            let (mut pairs, mut alone, mut expected) = (Pairs::default(), Hashes::default(), BTreeMap::new());
            for number in 0..60_000_u64 {
                let who = if number % 3 == 0 { number % 40 } else { number % 5_003 };
                let pair = (hash(who, u64::MAX), hash(who + 7_000, u64::MAX));
                let counted = if half == Half::First { pair.0 } else { pair.1 };
                let is_counted = who % 11 != 0;
                pairs.add(pair, is_counted);
                *expected.entry(counted).or_insert(0) += u64::from(is_counted);
                if who % 13 == 0 {
                    alone.add(counted);
                    *expected.entry(counted).or_insert(0) += 1;
                }
                if number % 100 == 0 {
                    alone.add(hash(number, u64::MAX).rotate_left(9));
                    *expected.entry(hash(number, u64::MAX).rotate_left(9)).or_insert(0) += 1;
                }
            }
            assert!(!pairs.more.is_empty());
            let found = pairs.find(half, alone);
            assert!(found.shared_first.is_empty() && found.shared_second.is_empty());
            let mut frequencies = Frequencies::default();
            expected.values().for_each(|count| frequencies.add(*count));
            assert_eq!(found.frequencies, frequencies);
            assert!(frequencies.most > 2 * MOST_COUNTED);
        }
    }
}
