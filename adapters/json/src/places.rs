//! Finds places by 64-bit keys in about 20 bytes each.

use std::mem;

/// Parts of the table, by the upper bits of the key: one of them grows at a time, so growing takes little memory.
const PARTS: usize = 1 << PART_BITS;
/// What the upper bits are shifted out by.
const PART_BITS: u32 = 10;
/// Slots that a part begins with at least; up to an eighth more, so that not all of them grow at the same time: what they
/// leave behind then is memory, too, for a while.
const SMALLEST: usize = 128;
/// Slots for which room is made beyond the shared ones.
const SPARE: usize = 8;
/// The value of a slot that is free.
const FREE: u64 = u64::MAX - 1;

/// Values by keys that are spread evenly over all numbers: keyed hashes, or [`spread`] ones.
///
/// A table of slots in the order of their keys: a key says by itself about where it stands, and those that would stand in
/// one slot follow each other. With keys that are not spread it is slow and right all the same.
pub(crate) struct Places {
    parts: Vec<Part>,
    length: usize,
}

impl Default for Places {
    fn default() -> Self {
        let first = |number| SMALLEST + number % (SMALLEST / 8);
        Self { parts: (0..PARTS).map(|number| Part::new(first(number))).collect(), length: 0 }
    }
}

impl Places {
    pub(crate) fn is_empty(&self) -> bool {
        self.length == 0
    }

    pub(crate) fn get(&self, key: u64) -> Option<u64> {
        self.parts.get(share(key, PARTS))?.get(key)
    }

    /// Sets a value and returns the one before it.
    pub(crate) fn insert(&mut self, key: u64, value: u64) -> Option<u64> {
        let before = self.add(key, value)?;
        let slot = self.parts.get_mut(share(key, PARTS)).and_then(|part| part.slot(key));
        slot.into_iter().for_each(|slot| *slot = value);
        Some(before)
    }

    /// Sets the value of a new key; one that is there keeps its value, which is returned.
    pub(crate) fn add(&mut self, key: u64, value: u64) -> Option<u64> {
        let before = self.parts.get_mut(share(key, PARTS))?.add(key, value);
        self.length += usize::from(before.is_none());
        before
    }
}

/// The slots of one part, and how many are taken.
struct Part {
    slots: Vec<(u64, u64)>,
    /// How many slots are shared among the keys; those beyond them are for what found no room.
    shared: usize,
    length: usize,
    /// How many slots are shared at first.
    first: usize,
}

impl Part {
    fn new(first: usize) -> Self {
        Self { slots: Vec::new(), shared: 0, length: 0, first }
    }

    fn home(&self, key: u64) -> usize {
        share(key << PART_BITS, self.shared)
    }

    /// Returns where a key stands, or the slot that it would have.
    fn find(&self, key: u64) -> Result<usize, usize> {
        let home = self.home(key);
        for (at, (other, value)) in self.slots.iter().enumerate().skip(home) {
            if *value == FREE || *other > key {
                return Err(at);
            }
            if *other == key {
                return Ok(at);
            }
        }
        Err(self.slots.len())
    }

    fn get(&self, key: u64) -> Option<u64> {
        self.slots.get(self.find(key).ok()?).map(|(_, value)| *value)
    }

    fn slot(&mut self, key: u64) -> Option<&mut u64> {
        let at = self.find(key).ok()?;
        self.slots.get_mut(at).map(|(_, value)| value)
    }

    fn add(&mut self, key: u64, value: u64) -> Option<u64> {
        if self.length >= self.shared - self.shared / 8 {
            self.grow();
        }
        match self.find(key) {
            Ok(at) => return self.slots.get(at).map(|(_, value)| *value),
            Err(at) => self.put(at, (key, value)),
        }
        self.length += 1;
        None
    }

    /// Puts a pair into a slot; what stands there and after it moves up to the next free slot.
    fn put(&mut self, at: usize, mut pair: (u64, u64)) {
        for slot in self.slots.iter_mut().skip(at) {
            mem::swap(slot, &mut pair);
            if pair.1 == FREE {
                return;
            }
        }
        // Not twice the memory, as it would grow by itself.
        self.slots.reserve_exact(SPARE);
        self.slots.push(pair);
    }

    fn grow(&mut self) {
        self.shared = (self.shared + self.shared / 8).max(self.first);
        let mut slots = Vec::with_capacity(self.shared + 4 * SPARE);
        // In order, so each stands at its home or right after the one before it.
        for pair in mem::take(&mut self.slots).into_iter().filter(|(_, value)| *value != FREE) {
            let home = self.home(pair.0);
            if slots.len() < home {
                slots.resize(home, (0, FREE));
            }
            slots.push(pair);
        }
        if slots.len() < self.shared {
            slots.resize(self.shared, (0, FREE));
        }
        self.slots = slots;
    }
}

/// Returns as large a part of a length as the key is of all numbers.
fn share(key: u64, length: usize) -> usize {
    let length = u64::try_from(length).unwrap_or(u64::MAX);
    usize::try_from((u128::from(key) * u128::from(length)) >> 64).unwrap_or(usize::MAX)
}

/// Spreads numbers that stand close together; two of them never meet (the last step of SplitMix64, one to one).
pub(crate) fn spread(mut number: u64) -> u64 {
    number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_in_is_found_and_nothing_else() {
        let count = 600_007_u64;
        let mut places = Places::default();
        for number in (0..count).filter(|number| number % 3 != 2) {
            assert_eq!(places.insert(spread(number), number), None);
        }
        for number in (0..count).step_by(5).filter(|number| number % 3 != 2) {
            assert_eq!(places.insert(spread(number), number + count), Some(number));
        }
        for number in 0..count {
            let expected = match (number % 3, number % 5) {
                (2, _) => None,
                (_, 0) => Some(number + count),
                _ => Some(number),
            };
            assert_eq!(places.get(spread(number)), expected, "{number}");
        }
        let slots = || places.parts.iter().flat_map(|part| &part.slots);
        assert!(slots().filter(|(_, value)| *value != FREE).is_sorted_by_key(|(key, _)| *key));
        let taken = slots().filter(|(_, value)| *value != FREE).count();
        assert_eq!((taken, places.length), (400_005, 400_005));
        assert!(taken * 4 > slots().count() * 3, "three quarters of the slots are taken");
    }

    #[test]
    fn keys_that_are_not_spread_are_found_all_the_same() {
        for begin in [0, u64::MAX - 5_000] {
            let mut places = Places::default();
            assert!(places.is_empty());
            for number in 0..=5_000 {
                places.insert(begin + number, number);
            }
            assert!(!places.is_empty());
            assert!((0..=5_000).all(|number| places.get(begin + number) == Some(number)));
            assert_eq!(places.get(begin.wrapping_sub(1)), None);
            assert_eq!(places.get(begin.wrapping_add(5_001)), None);
        }
    }
}
