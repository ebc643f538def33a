//! Finds the records of a file in any layout, one after the other, and says what is wrong with it.

use std::{
    collections::HashSet,
    fs::File,
    hash::{BuildHasher as _, RandomState},
    io::{self, BufReader, Seek as _, SeekFrom},
};

use crate::{
    place::{Home, Place},
    places::Places,
    records_file::KeyOf,
    splitter::{Layout, Splitter},
};

/// Returns the place of each record by the hash of its ID.
///
/// # Errors
/// - the file cannot be read, is not in its layout, or has the same ID twice; `key_of` fails.
pub(crate) fn find(old: &File, layout: Layout, hasher: &RandomState, key_of: KeyOf) -> io::Result<Places> {
    let mut reader = old.try_clone()?;
    reader.seek(SeekFrom::Start(0))?;
    let mut splitter = Splitter::new(BufReader::with_capacity(1 << 18, reader), layout);
    let mut index = Places::default();
    let (mut text, mut scratch) = (Vec::new(), Vec::new());
    let mut number = 0_u64;
    let mut accounts = HashSet::new();
    let mut last_account = None;
    while let Some(offset) = splitter.next(&mut text)? {
        number += 1;
        let bad = |message: String| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                format!("record {number} (byte {}): {message}", offset + 1),
            )
        };
        let (id, account) = key_of(&text, &mut scratch).map_err(bad)?;
        if let Some(current) = splitter.account() {
            if current != account {
                return Err(bad("it stands under another account than its own".to_owned()));
            }
            let is_new = last_account.as_deref() != Some(current);
            if is_new && !accounts.insert(hasher.hash_one(current)) {
                return Err(bad("its account stands in the file twice".to_owned()));
            }
            last_account = Some(account);
        }
        let place = Place { home: Home::Old, offset, length: text.len() }.packed()?;
        if index.add(hasher.hash_one(&id), place).is_some() {
            return Err(bad("its credential ID stands in an earlier record, too".to_owned()));
        }
    }
    Ok(index)
}
