//! Finds the records of a file that has one on each line, on all cores.
//!
//! It only ever accepts. A line that is not a record, an ID that stands twice, a record on several lines: whatever
//! deviates, the careful reader of the whole file decides and finds the words; so what is accepted here must be accepted
//! there, with the same places. Tests compare the two.

use std::{
    fs::File,
    hash::{BuildHasher as _, RandomState},
    io, thread,
};

use keyferry_core::SearchedModuli;
use memchr::{memchr, memrchr};

use crate::{
    place::{Home, Place},
    places::Places,
    records_file::KeyOf,
    window::read_at,
};

/// Bytes that one thread looks through at a time; no line is longer, as no record may be.
const BLOCK: usize = 1 << 20;

/// The hash of an ID and its packed place.
type Found = Vec<(u64, u64)>;

/// Returns the place of each record by the hash of its ID; `None` where the careful reader must decide.
pub(crate) fn find(file: &File, hasher: &RandomState, key_of: KeyOf) -> io::Result<Option<Places>> {
    let threads = thread::available_parallelism().map_or(1, usize::from).min(8);
    let moduli = SearchedModuli::current();
    let search = |block: &Block| moduli.known(|| block.find(hasher, key_of));
    let mut places = Places::default();
    let mut found = Vec::new();
    let mut offset = 0;
    let mut next = blocks(file, &mut offset, threads)?;
    while let Some(round) = next {
        if round.is_empty() {
            return Ok(add(&mut places, found).then_some(places));
        }
        // While these are looked through, what was found before is put in order and the next ones are read.
        let (searched, is_once, read) = thread::scope(|scope| {
            let workers: Vec<_> = round.iter().map(|block| scope.spawn(|| search(block))).collect();
            let is_once = add(&mut places, found);
            let read = blocks(file, &mut offset, threads);
            let searched = workers.into_iter().map(|worker| worker.join().ok().flatten());
            (searched.collect::<Option<Vec<Found>>>(), is_once, read)
        });
        let Some(searched) = searched.filter(|_| is_once) else { return Ok(None) };
        (found, next) = (searched, read?);
    }
    Ok(None)
}

/// Tells whether none of the IDs was there before.
fn add(places: &mut Places, found: Vec<Found>) -> bool {
    found.into_iter().flatten().all(|(hash, place)| places.add(hash, place).is_none())
}

/// Whole lines, and where they begin.
struct Block {
    offset: u64,
    text: Vec<u8>,
}

/// Reads the next blocks, none at the end of the file; `None` where a line is longer than a block.
fn blocks(file: &File, offset: &mut u64, count: usize) -> io::Result<Option<Vec<Block>>> {
    let mut blocks = Vec::new();
    while blocks.len() < count {
        let mut text = vec![0; BLOCK];
        let length = read_at(file, *offset, &mut text)?;
        let whole = match memrchr(b'\n', text.get(..length).unwrap_or_default()) {
            _ if length < BLOCK => length,
            Some(at) => at + 1,
            None => return Ok(None),
        };
        if whole == 0 {
            break;
        }
        text.truncate(whole);
        blocks.push(Block { offset: *offset, text });
        *offset += u64::try_from(whole).unwrap_or(u64::MAX);
    }
    Ok(Some(blocks))
}

impl Block {
    fn find(&self, hasher: &RandomState, key_of: KeyOf) -> Option<Found> {
        let mut found = Vec::new();
        let mut scratch = Vec::new();
        let mut begin = 0;
        while begin < self.text.len() {
            let rest = self.text.get(begin..)?;
            let (line, step) = match memchr(b'\n', rest) {
                Some(length) => (rest.get(..length)?, length + 1),
                None => (rest, rest.len()),
            };
            if !line.is_empty() {
                // An object that is JSON from the first byte of a line to the last is what the careful reader finds there.
                let is_alone = line.first() == Some(&b'{') && line.last() == Some(&b'}');
                let (id, _) = key_of(is_alone.then_some(line)?, &mut scratch).ok()?;
                let offset = self.offset + u64::try_from(begin).ok()?;
                let place = Place { home: Home::Old, offset, length: line.len() };
                found.push((hasher.hash_one(&id), place.packed().ok()?));
            }
            begin += step;
        }
        Some(found)
    }
}

#[cfg(test)]
mod tests;
