//! Where in a file something stands.

use std::fmt;

/// A place in an export.
///
/// Data rows count from 1, the header is not one of them; lines are physical lines and count from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    /// The number of the data row, from 1.
    pub row: u64,
    /// The physical line on which the row begins, from 1.
    pub line: u64,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "row {} (line {})", self.row, self.line)
    }
}

/// A value together with the row that it was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located<T> {
    /// Where the row stands.
    pub location: Location,
    /// What was read.
    pub value: T,
}
