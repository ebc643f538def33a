//! Long lists in blocks of one size.
//!
//! A list that grows in one piece leaves room that nobody uses and its smaller selves behind. Blocks are never moved, and
//! what one list gives back the next one takes.

use std::mem;

/// The bytes of a block.
const BLOCK: usize = 1 << 14;

/// A list that is only ever longer, or gone.
pub(super) struct Blocks<T> {
    full: Vec<Vec<T>>,
    /// What is being filled stands here, where it is found in one step less.
    last: Vec<T>,
}

impl<T> Default for Blocks<T> {
    fn default() -> Self {
        Self { full: Vec::new(), last: Vec::new() }
    }
}

impl<T: Copy> Blocks<T> {
    /// How many values a block has.
    const LENGTH: usize = BLOCK / size_of::<T>();

    pub(super) fn push(&mut self, value: T) {
        self.make_room();
        self.last.push(value);
    }

    /// Begins a new block where the last one is full.
    fn make_room(&mut self) {
        // The first one has no room at all.
        if self.last.len() == Self::LENGTH || self.last.capacity() == 0 {
            let full = mem::replace(&mut self.last, Vec::with_capacity(Self::LENGTH));
            if !full.is_empty() {
                self.full.push(full);
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.full.len() * Self::LENGTH + self.last.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = T> {
        self.full.iter().flatten().chain(&self.last).copied()
    }

    /// Adds values in order.
    pub(super) fn extend(&mut self, mut values: &[T]) {
        while !values.is_empty() {
            self.make_room();
            let room = Self::LENGTH - self.last.len();
            let (now, later) = values.split_at(values.len().min(room));
            self.last.extend_from_slice(now);
            values = later;
        }
    }

    /// Returns the blocks in order, each to be given back when it is done with.
    pub(super) fn into_blocks(self) -> impl Iterator<Item = Vec<T>> {
        self.full.into_iter().chain([self.last])
    }

    /// Returns the values in order; each block is given back when its last value was taken.
    pub(super) fn drain(self) -> impl Iterator<Item = T> {
        self.into_blocks().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_in_blocks(list: &Blocks<u64>) -> bool {
        list.full.iter().chain([&list.last]).all(|block| block.capacity() * size_of::<u64>() == BLOCK)
    }

    #[test]
    fn values_stay_in_order() {
        let mut blocks = Blocks::default();
        assert_eq!((blocks.len(), blocks.iter().count()), (0, 0));
        for number in 0..10_000_u64 {
            blocks.push(number);
            assert_eq!(blocks.len(), blocks.iter().count().min(usize::try_from(number + 1).unwrap()));
        }
        assert!(is_in_blocks(&blocks));
        assert!(blocks.iter().eq(0..10_000));
        let mut again = Blocks::default();
        again.push(0);
        for some in (1..10_000_u64).collect::<Vec<_>>().chunk_by(|one, _| one % 3_001 != 0) {
            again.extend(some);
        }
        assert_eq!(again.len(), 10_000);
        assert!(is_in_blocks(&again));
        assert!(again.into_blocks().flatten().eq(0..10_000) && blocks.drain().eq(0..10_000));
    }
}
