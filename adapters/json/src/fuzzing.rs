//! The splitter of a JSON file, so that a fuzz target can compare it with serde_json's answer.
//!
//! Only there with the feature `fuzzing`; nothing else may use it.

use std::io::{self, BufReader};

use crate::splitter::{self, Splitter};

/// How records stand in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// One JSON array.
    Array,
    /// One JSON object a line.
    Lines,
    /// One JSON object that has an array of records under the name of each account.
    Accounts,
}

/// A record as it stands in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The byte with which it begins, counted from 0.
    pub offset: u64,
    /// Its bytes.
    pub record: Vec<u8>,
    /// The account under which it stands, in a file of accounts.
    pub account: Option<String>,
}

/// Splits a file, read in pieces of at most `capacity` bytes, into its records.
///
/// # Errors
/// - The records do not stand as the layout says.
pub fn split(bytes: &[u8], layout: Layout, capacity: usize) -> io::Result<Vec<Found>> {
    let layout = match layout {
        Layout::Array => splitter::Layout::Array,
        Layout::Lines => splitter::Layout::Lines,
        Layout::Accounts => splitter::Layout::Accounts,
    };
    let mut splitter = Splitter::new(BufReader::with_capacity(capacity, bytes), layout);
    let mut record = Vec::new();
    let mut found = Vec::new();
    while let Some(offset) = splitter.next(&mut record)? {
        let account = splitter.account().map(str::to_owned);
        found.push(Found { offset, record: record.clone(), account });
    }
    Ok(found)
}
