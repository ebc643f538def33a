//! Sums of hashes, in which the order of what was added is lost and nothing else.

use std::hash::{BuildHasher as _, RandomState};

use super::SumNumber;

/// How many sums there are: some thousand changes leave most of them alone, and they take a few megabytes.
const SUMS: usize = 1 << 18;

/// What was added up of one side.
///
/// The key of the hash is new in every run, and nobody is shown a hash. So whatever somebody puts into a file or a target,
/// two sums of different records are the same by accident only: in one of 2^64 runs, in one of 2^46 for any of the sums.
#[derive(Clone)]
pub(super) struct Sums {
    hasher: RandomState,
    sums: Vec<Sum>,
    records: u64,
    /// Rows that are in none of the sums.
    in_none: u64,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Sum {
    hashes: u64,
    records: u64,
}

impl Default for Sums {
    fn default() -> Self {
        Self { hasher: RandomState::new(), sums: vec![Sum::default(); SUMS], records: 0, in_none: 0 }
    }
}

impl Sums {
    /// Returns empty sums that can be compared with these.
    pub(super) fn with_same_keys(&self) -> Self {
        Self { hasher: self.hasher.clone(), ..Self::default() }
    }

    pub(super) fn add(&mut self, form: &[u8]) -> SumNumber {
        self.records += 1;
        let number = number_of(form);
        if let Some(sum) = self.sums.get_mut(number) {
            sum.hashes = sum.hashes.wrapping_add(self.hasher.hash_one(form));
            sum.records += 1;
        }
        u32::try_from(number).map_or(SumNumber::NONE, SumNumber)
    }

    pub(super) fn add_none(&mut self) -> SumNumber {
        self.in_none += 1;
        SumNumber::NONE
    }

    /// Returns how many records were added.
    pub(super) fn records(&self) -> u64 {
        self.records
    }

    /// Returns which sums are others, and how many of our rows must be looked up for them.
    pub(super) fn differing(&self, theirs: &Self) -> (Vec<bool>, u64) {
        let differs: Vec<bool> =
            self.sums.iter().zip(&theirs.sums).map(|(ours, theirs)| ours != theirs).collect();
        let of_sums = self.sums.iter().zip(&differs).filter(|(_, differs)| **differs);
        let rows: u64 = of_sums.map(|(sum, _)| sum.records).sum();
        // What is in no sum is as it should be only where nothing at all is otherwise.
        let in_none = if differs.contains(&true) { self.in_none } else { 0 };
        (differs, rows + in_none)
    }
}

/// Returns the sum that a record belongs to.
///
/// It has nothing to do with the hash that is added up. Somebody who puts all records into one sum has all of them looked
/// up, and no more.
pub(super) fn number_of(form: &[u8]) -> usize {
    let (words, rest) = form.as_chunks::<8>();
    let mut last = [0; 8];
    last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    let mixed = words.iter().chain([&last]).fold(0_u64, |mixed, word| {
        // An odd number with bits all over it: what differs anywhere reaches the highest ones.
        (mixed.rotate_left(26) ^ u64::from_le_bytes(*word)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    });
    usize::try_from(mixed >> (u64::BITS - SUMS.ilog2())).unwrap_or_default() // safe: 18 bits
}
