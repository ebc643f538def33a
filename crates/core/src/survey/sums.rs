//! Sums of hashes, in which the order of what was added is lost and nothing else.

use std::hash::{BuildHasher as _, RandomState};

use super::SumNumber;

/// How many sums there are: some thousand changes leave most of them alone, and they fit a processor's cache.
const SUMS: usize = 1 << 17;

/// What was added up of one side.
///
/// The key of the hash is new in every run, and nobody is shown a hash. So whatever somebody puts into a file or a target,
/// two sums of different records are the same by accident only: in one of 2^64 runs, in one of 2^47 for any of the sums.
#[derive(Clone)]
pub(super) struct Sums {
    hasher: RandomState,
    hashes: Vec<u64>,
    /// How many records are in each sum, and in none.
    counts: Vec<u32>,
    in_none: u64,
    /// Hashes that are not in their sums yet: a sum is far away in memory as a rule, and many can be fetched at once.
    waiting: Vec<(usize, u64)>,
}

/// How many hashes wait.
const WAITING: usize = 64;

impl Default for Sums {
    fn default() -> Self {
        let (hashes, counts) = (vec![0; SUMS], vec![0; SUMS]);
        let waiting = Vec::with_capacity(WAITING);
        Self { hasher: RandomState::new(), hashes, counts, in_none: 0, waiting }
    }
}

impl Sums {
    /// Returns empty sums that can be compared with these.
    pub(super) fn with_same_keys(&self) -> Self {
        Self { hasher: self.hasher.clone(), ..Self::default() }
    }

    /// Adds a record.
    pub(super) fn add(&mut self, form: &[u8]) -> SumNumber {
        let number = number_of(form);
        self.waiting.push((number, self.hasher.hash_one(form)));
        if self.waiting.len() == WAITING {
            self.complete();
        }
        u32::try_from(number).map_or(SumNumber::NONE, SumNumber)
    }

    /// Adds what waits to its sums.
    fn complete(&mut self) {
        for (number, hash) in self.waiting.drain(..) {
            if let (Some(sum), Some(count)) = (self.hashes.get_mut(number), self.counts.get_mut(number)) {
                *sum = sum.wrapping_add(hash);
                *count = count.saturating_add(1); // then more rows come than were foreseen, and the run stops
            }
        }
    }

    /// Counts a record that is in no sum.
    pub(super) fn add_none(&mut self) {
        self.in_none += 1;
    }

    /// Adds all that was added to others with the same keys.
    pub(super) fn add_all(&mut self, mut others: Self) {
        self.complete();
        others.complete();
        self.hashes.iter_mut().zip(&others.hashes).for_each(|(sum, other)| *sum = sum.wrapping_add(*other));
        self.counts.iter_mut().zip(&others.counts).for_each(|(sum, other)| *sum = sum.saturating_add(*other));
        self.in_none += others.in_none;
    }

    /// Returns which sums are others, and how many of our rows must be looked up for them.
    pub(super) fn differing(&mut self, theirs: &mut Self) -> (Vec<bool>, u64) {
        self.complete();
        theirs.complete();
        let both = |sums: &Self| -> Vec<(u64, u32)> {
            sums.hashes.iter().copied().zip(sums.counts.iter().copied()).collect()
        };
        let differs: Vec<bool> =
            both(self).into_iter().zip(both(theirs)).map(|(ours, theirs)| ours != theirs).collect();
        let of_sums = self.counts.iter().zip(&differs).filter(|(_, differs)| **differs);
        let rows: u64 = of_sums.map(|(count, _)| u64::from(*count)).sum();
        // What is in no sum is as it should be only where nothing at all is otherwise.
        let in_none = if differs.contains(&true) { self.in_none } else { 0 };
        (differs, rows + in_none)
    }
}

/// Returns the position of the sum that a record belongs to.
///
/// It has nothing to do with the hash that is added up. Somebody who puts all records into one sum has all of them looked
/// up, and no more. All bytes count: what differs between records that one maker numbered may be a few of them.
pub(super) fn number_of(form: &[u8]) -> usize {
    // Four at once, since each waits for its last product.
    let (blocks, rest) = form.as_chunks::<32>();
    let mut last = [0; 32];
    last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    let mut mixed = [1, 2, 3, 4];
    for block in blocks.iter().chain([&last]) {
        let (words, _) = block.as_chunks::<8>();
        mixed.iter_mut().zip(words).for_each(|(mixed, word)| *mixed = mix(*mixed, u64::from_le_bytes(*word)));
    }
    let all = mixed.into_iter().fold(0, mix);
    usize::try_from(all >> (u64::BITS - SUMS.ilog2())).unwrap_or_default() // safe: 17 bits
}

/// What differs anywhere in a word reaches the highest bits, by a number with bits all over it.
fn mix(mixed: u64, word: u64) -> u64 {
    (mixed.rotate_left(26) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
