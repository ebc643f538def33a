//! Long lists in blocks of one size.
//!
//! A list that grows in one piece leaves room that nobody uses and its smaller selves behind. Blocks are never moved, and
//! what one list gives back the next one takes.

/// The bytes of a block.
const BLOCK: usize = 1 << 14;

/// A list that is only ever longer, or gone.
pub(super) struct Blocks<T> {
    blocks: Vec<Vec<T>>,
}

impl<T> Default for Blocks<T> {
    fn default() -> Self {
        Self { blocks: Vec::new() }
    }
}

impl<T: Copy> Blocks<T> {
    /// How many values a block has.
    const LENGTH: usize = BLOCK / size_of::<T>();

    pub(super) fn push(&mut self, value: T) {
        match self.blocks.last_mut() {
            Some(block) if block.len() < Self::LENGTH => block.push(value),
            _ => {
                let mut block = Vec::with_capacity(Self::LENGTH);
                block.push(value);
                self.blocks.push(block);
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        // All are full but the last one.
        self.blocks.last().map_or(0, |last| (self.blocks.len() - 1) * Self::LENGTH + last.len())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = T> {
        self.blocks.iter().flatten().copied()
    }

    /// Adds values in order.
    pub(super) fn extend(&mut self, mut values: &[T]) {
        while let Some((first, _)) = values.split_first() {
            let room = match self.blocks.last_mut() {
                Some(block) if block.len() < Self::LENGTH => block,
                _ => {
                    self.push(*first);
                    values = &values[1..];
                    continue;
                }
            };
            let (now, later) = values.split_at(values.len().min(Self::LENGTH - room.len()));
            room.extend_from_slice(now);
            values = later;
        }
    }

    /// Returns the blocks in order, each to be given back when it is done with.
    pub(super) fn into_blocks(self) -> impl Iterator<Item = Vec<T>> {
        self.blocks.into_iter()
    }

    /// Returns the values in order; each block is given back when its last value was taken.
    pub(super) fn drain(self) -> impl Iterator<Item = T> {
        self.blocks.into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stay_in_order() {
        let mut blocks = Blocks::default();
        assert_eq!((blocks.len(), blocks.iter().count()), (0, 0));
        for number in 0..10_000_u64 {
            blocks.push(number);
            assert_eq!(blocks.len(), blocks.iter().count().min(usize::try_from(number + 1).unwrap()));
        }
        assert!(blocks.blocks.iter().all(|block| block.capacity() * size_of::<u64>() == BLOCK));
        assert!(blocks.iter().eq(0..10_000));
        let mut again = Blocks::default();
        again.push(0);
        for some in (1..10_000_u64).collect::<Vec<_>>().chunk_by(|one, _| one % 3_001 != 0) {
            again.extend(some);
        }
        assert_eq!(again.len(), 10_000);
        assert!(again.blocks.iter().all(|block| block.capacity() * size_of::<u64>() == BLOCK));
        assert!(again.into_blocks().flatten().eq(0..10_000) && blocks.drain().eq(0..10_000));
    }
}
