//! The records of an export on their way from the decoding threads.

use std::{collections::BTreeMap, mem, num::NonZero};

use keyferry_core::{CredentialRecord, DecodeError, Located, Rules};

use super::{COLUMNS, Decoder};
use crate::{
    CsvRows, FileError, Note,
    export_file::Position,
    in_order::{InOrder, Lent},
    raw_rows::RawRows,
};

/// The most threads that decode; beyond it unpacking is what the others wait for.
const MOST_THREADS: usize = 8;

pub(super) type Row = Result<Located<CredentialRecord>, DecodeError>;

/// The records of an export, some rows at a time, decoded on several threads.
///
/// A batch that is dropped goes back to the thread that decoded it, which can use its memory again.
pub struct Batches {
    batches: InOrder<Decoded>,
    ended: bool,
    notes: BTreeMap<Note, u64>,
    position: Position,
}

/// Rows that were decoded together, to be looked at or to be taken.
pub struct Batch(Lent<Decoded>);

/// What a decoding thread gives.
#[derive(Default)]
pub(super) struct Decoded {
    pub(super) rows: Vec<Row>,
    pub(super) notes: BTreeMap<Note, u64>,
    pub(super) is_last: bool,
}

impl Batches {
    pub(super) fn start(rows: CsvRows, positions: [usize; COLUMNS.len()], rules: Rules) -> Self {
        let position = rows.position();
        let decoder = Decoder { columns: rows.header().len(), positions, rules };
        let threads = std::thread::available_parallelism().map_or(1, NonZero::get).min(MOST_THREADS);
        let mut rows = Some(rows);
        let cut = move || RawRows::cut(&mut rows);
        let batches = InOrder::start(threads, cut, move |raw| decoder.batch(raw));
        Self { batches, ended: false, notes: BTreeMap::new(), position }
    }

    /// Returns how often each unusual thing was seen so far.
    pub fn notes(&self) -> &BTreeMap<Note, u64> {
        &self.notes
    }

    /// Returns how many bytes of the file were read, for a progress bar.
    pub fn position(&self) -> Position {
        self.position.clone()
    }
}

impl Iterator for Batches {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        if self.ended {
            return None;
        }
        let Some(batch) = self.batches.next() else {
            self.ended = true;
            let died = std::io::Error::other("a decoding thread ended early; this is a bug");
            let rows = vec![Err(DecodeError::Stop(Box::new(FileError::Read(died))))];
            return Some(Batch(Lent::by_nobody(Decoded { rows, ..Decoded::default() })));
        };
        self.ended = batch.is_last || matches!(batch.rows.last(), Some(Err(DecodeError::Stop(_))));
        for (note, count) in &batch.notes {
            *self.notes.entry(*note).or_default() += count;
        }
        Some(Batch(batch))
    }
}

impl AsRef<[Row]> for Batch {
    fn as_ref(&self) -> &[Row] {
        &self.0.rows
    }
}

impl IntoIterator for Batch {
    type Item = Row;
    type IntoIter = std::vec::IntoIter<Row>;

    fn into_iter(mut self) -> Self::IntoIter {
        mem::take(&mut self.0.rows).into_iter()
    }
}

/// The records of an export, row by row.
pub struct Rows {
    batches: Batches,
    /// What is left of the batch that came last.
    batch: std::vec::IntoIter<Row>,
}

impl Rows {
    pub(super) fn of(batches: Batches) -> Self {
        Self { batches, batch: Vec::new().into_iter() }
    }

    /// Returns how often each unusual thing was seen so far.
    pub fn notes(&self) -> &BTreeMap<Note, u64> {
        self.batches.notes()
    }

    /// Returns how many bytes of the file were read, for a progress bar.
    pub fn position(&self) -> Position {
        self.batches.position()
    }
}

impl Iterator for Rows {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        loop {
            if let Some(row) = self.batch.next() {
                return Some(row);
            }
            self.batch = self.batches.next()?.into_iter();
        }
    }
}
