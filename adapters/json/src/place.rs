//! Where the text of a record stands, in 64 bits.

use std::io;

/// Bits of the length; no record is longer than 1 MiB.
const LENGTH_BITS: u32 = 21;
/// Bits of the offset: 2 TiB.
const OFFSET_BITS: u32 = 41;

/// Which file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Home {
    /// The file as it was when it was opened.
    Old,
    /// The journal of what is new.
    Added,
    /// The journal of what replaces something.
    Changed,
}

/// A file, where in it, and how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) home: Home,
    pub(crate) offset: u64,
    pub(crate) length: usize,
}

impl Place {
    /// What stands for the place of a record that is gone; no place is packed so.
    pub(crate) const GONE: u64 = u64::MAX;

    /// Returns the place in 64 bits.
    ///
    /// # Errors
    /// - the record or the file is too long for that.
    pub(crate) fn packed(self) -> io::Result<u64> {
        let home = match self.home {
            Home::Old => 0,
            Home::Added => 1,
            Home::Changed => 2,
        };
        let length = u64::try_from(self.length).unwrap_or(u64::MAX);
        if length >> LENGTH_BITS != 0 || self.offset >> OFFSET_BITS != 0 {
            return Err(io::Error::other("a record or the file is too long"));
        }
        Ok(home << (LENGTH_BITS + OFFSET_BITS) | self.offset << LENGTH_BITS | length)
    }

    /// Returns the place again; `None` for [`Place::GONE`].
    pub(crate) fn unpacked(packed: u64) -> Option<Self> {
        let home = match packed >> (LENGTH_BITS + OFFSET_BITS) {
            0 => Home::Old,
            1 => Home::Added,
            2 => Home::Changed,
            _ => return None,
        };
        let offset = (packed >> LENGTH_BITS) & ((1 << OFFSET_BITS) - 1);
        let length = usize::try_from(packed & ((1 << LENGTH_BITS) - 1)).ok()?;
        Some(Self { home, offset, length })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_come_back_up_to_their_bounds() {
        for home in [Home::Old, Home::Added, Home::Changed] {
            for (offset, length) in [(0, 2), (7, 1 << 20), ((1 << 41) - 1, (1 << 21) - 1)] {
                let place = Place { home, offset, length };
                assert_eq!(Place::unpacked(place.packed().unwrap()), Some(place));
            }
            assert!(Place { home, offset: 1 << 41, length: 1 }.packed().is_err());
            assert!(Place { home, offset: 0, length: 1 << 21 }.packed().is_err());
        }
        assert_eq!(Place::unpacked(Place::GONE), None);
    }
}
