//! Millions of pairs of hashes, each kept once and counted.
//!
//! Pairs are dealt out by the first byte of their first half. That byte need not be kept, and the count stands in its place:
//! 16 bytes a pair, however often it occurs.

use std::{
    collections::{HashMap, HashSet},
    iter, mem, vec,
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

/// The most that a pair's own count can hold.
const MOST_COUNTED: u64 = 0xff;

/// Names one half of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Half {
    First,
    Second,
}

/// A half without its first byte, which its part says, and a count in the last one.
#[derive(Clone, Copy)]
struct Counted(u64);

impl Counted {
    fn new(hash: u64, count: u64) -> Self {
        Self((hash << 8) | count)
    }

    fn rest(self) -> u64 {
        self.0 >> 8
    }

    fn hash(self, part: usize) -> u64 {
        (u64::try_from(part).unwrap_or_default() << 56) | self.rest()
    }

    fn count(self) -> u64 {
        self.0 & MOST_COUNTED
    }
}

/// The first half, with the pair's count, and the second one.
#[derive(Clone, Copy)]
struct Pair(Counted, u64);

impl Pair {
    fn key(self) -> (u64, u64) {
        (self.0.rest(), self.1)
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

impl Seen {
    fn in_pair(hash: u64, count: u64) -> Self {
        Self { pairs: 1, ..Self::alone(hash, count) }
    }

    fn alone(hash: u64, count: u64) -> Self {
        Self { hash, pairs: 0, count: u32::try_from(count).unwrap_or(u32::MAX) }
    }
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
        part.waiting.push(Pair(Counted::new(first, is_counted.into()), second));
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
        let mut seen = Vec::new();
        let mut more = More::new(&self.more, |(first, _)| first);
        for ((at, part), alone) in self.parts.iter().enumerate().zip(first_alone.into_parts()) {
            let pairs = part.sorted.iter().map(|Pair(first, _)| first);
            seen.extend(pairs.map(|first| Seen::in_pair(first.hash(at), first.count())));
            add_alone(&mut seen, alone);
            seen.extend(more.of_part(at));
            let frequencies = (half == Half::First).then_some(&mut found.frequencies);
            group(&mut seen, &mut found.shared_first, frequencies);
        }
        let mut more = More::new(&self.more, |(_, second)| second);
        let seconds = self.second_halves();
        for ((at, part), alone) in seconds.into_iter().enumerate().zip(second_alone.into_parts()) {
            seen.extend(part.drain().map(|second| Seen::in_pair(second.hash(at), second.count())));
            add_alone(&mut seen, alone);
            seen.extend(more.of_part(at));
            let frequencies = (half == Half::Second).then_some(&mut found.frequencies);
            group(&mut seen, &mut found.shared_second, frequencies);
        }
        found
    }

    /// Deals out the second halves by their own first byte; the pairs are given back meanwhile.
    fn second_halves(self) -> Vec<Blocks<Counted>> {
        let mut parts: Vec<_> = (0..PARTS).map(|_| Blocks::default()).collect();
        for Pair(first, second) in self.parts.into_iter().flat_map(|part| part.sorted.drain()) {
            parts[part(second)].push(Counted::new(second, first.count()));
        }
        parts
    }
}

/// One half of the pairs whose own count was too small for them, in order, with the rest of their counts.
struct More(iter::Peekable<vec::IntoIter<(u64, u64)>>);

impl More {
    fn new(more: &HashMap<(u64, u64), u64>, half: fn(&(u64, u64)) -> &u64) -> Self {
        let mut list: Vec<_> = more.iter().map(|(pair, count)| (*half(pair), *count)).collect();
        list.sort_unstable();
        Self(list.into_iter().peekable())
    }

    /// Returns those of the next part; every part must have its turn.
    fn of_part(&mut self, at: usize) -> impl Iterator<Item = Seen> {
        iter::from_fn(move || self.0.next_if(|(hash, _)| part(*hash) == at))
            .map(|(hash, count)| Seen::alone(hash, count))
    }
}

/// Adds hashes that stand alone; the same one again and again, as a file of a single account has it, takes no more room.
fn add_alone(seen: &mut Vec<Seen>, hashes: impl Iterator<Item = u64>) {
    for hash in hashes {
        match seen.last_mut() {
            Some(last) if last.hash == hash => last.count = last.count.saturating_add(1),
            _ => seen.push(Seen::alone(hash, 1)),
        }
    }
}

/// Puts together what was seen of each hash, and takes it away.
fn group(seen: &mut Vec<Seen>, shared: &mut HashSet<u64>, mut frequencies: Option<&mut Frequencies>) {
    seen.sort_unstable_by_key(|seen| seen.hash);
    for group in seen.chunk_by(|one, other| one.hash == other.hash) {
        if group.iter().map(|seen| seen.pairs).sum::<u32>() > 1 {
            shared.insert(group[0].hash);
        }
        if let Some(frequencies) = &mut frequencies {
            frequencies.add(group.iter().map(|seen| u64::from(seen.count)).sum());
        }
    }
    seen.clear();
}

impl Part {
    /// Puts the waiting pairs among the others.
    fn sort(&mut self, at: usize, more: &mut HashMap<(u64, u64), u64>) {
        self.waiting.sort_unstable_by_key(|pair| pair.key());
        let mut join = |pair: &mut Pair, other: Pair| {
            let mut count = pair.0.count() + other.0.count();
            if count > MOST_COUNTED {
                *more.entry((pair.0.hash(at), pair.1)).or_default() += MOST_COUNTED;
                count -= MOST_COUNTED;
            }
            pair.0 = Counted::new(pair.0.rest(), count);
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
        for mut block in mem::take(&mut self.sorted).into_blocks() {
            let mut rest = block.as_mut_slice();
            while let Some(next) = waiting.peek()
                && let Some(at) = rest.iter().position(|pair| pair.key() >= next.key())
            {
                let (before, after) = rest.split_at_mut(at);
                sorted.extend(before);
                match after.first_mut() {
                    Some(same) if same.key() == next.key() => join(same, *next),
                    _ => sorted.push(*next),
                }
                waiting.next();
                rest = after;
            }
            sorted.extend(rest);
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
    fn counts_of_a_shared_half_are_added_up_once() {
        for (half, most) in [(Half::First, 1_000), (Half::Second, 1_600)] {
            let mut pairs = Pairs::default();
            for (pair, count) in [((1, 7), 600), ((1, 8), 400), ((2, 7), 1_000), ((3, 9), 0)] {
                (0..count.max(1)).for_each(|_| pairs.add(pair, count > 0));
            }
            let found = pairs.find(half, Hashes::default());
            assert_eq!((found.shared_first, found.shared_second), ([1].into(), [7].into()));
            assert_eq!(found.frequencies, Frequencies { values: 2, several: 2, most });
        }
    }

    #[test]
    fn a_hash_that_stands_alone_again_and_again_takes_no_more_room() {
        let mut seen = vec![Seen::in_pair(7, 2)];
        add_alone(&mut seen, [7, 7, 9].into_iter().chain(std::iter::repeat_n(8, 1_000)));
        let found: Vec<_> = seen.iter().map(|seen| (seen.hash, seen.pairs, seen.count)).collect();
        assert_eq!(found, [(7, 1, 4), (9, 0, 1), (8, 0, 1_000)]);
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
