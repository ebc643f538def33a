//! The rows of an export between the first pass and the second one.

use std::{
    io::{self, BufReader, BufWriter, Seek as _, Write as _},
    sync::mpsc::sync_channel,
    thread,
};

use keyferry_core::{DecodeError, RowFaults, RpId, SpoolReader, SpoolWriter};
use tempfile::SpooledTempFile;

use crate::export::Row;

/// Rows up to this many bytes stay in memory; more of them go to a temporary file that has no name.
const IN_MEMORY: usize = 16 << 20;
/// Refused rows that are kept at most: a file with more of them is read once more instead.
const MOST_REFUSED: usize = 100_000;
const BUFFER: usize = 1 << 18;
/// Rows that are handed over together, and how often before the reading thread waits.
const HANDED_OVER: usize = 1024;
const WAITING: usize = 4;

/// Keeps the rows of the first pass, as far as there is room.
pub(crate) struct Spool {
    rows: Option<SpoolWriter<BufWriter<SpooledTempFile>>>,
    refused: Vec<RowFaults>,
    count: usize,
}

impl Spool {
    pub(crate) fn new() -> Self {
        let file = BufWriter::with_capacity(BUFFER, SpooledTempFile::new(IN_MEMORY));
        Self { rows: Some(SpoolWriter::new(file)), refused: Vec::new(), count: 0 }
    }

    /// Keeps a row; without room for it nothing is kept any more.
    pub(crate) fn add(&mut self, row: &Row) {
        let Some(writer) = &mut self.rows else { return };
        let is_kept = match row {
            Ok(located) => {
                self.count += 1;
                writer.add(located).is_ok()
            }
            Err(DecodeError::Row(faults)) if self.refused.len() < MOST_REFUSED => {
                self.refused.push(faults.clone());
                true
            }
            Err(_) => false,
        };
        if !is_kept {
            (self.rows, self.refused) = (None, Vec::new());
        }
    }

    /// Returns what was kept; `None` where there was no room for it, so that the file must be read again.
    pub(crate) fn finish(self) -> Option<Spooled> {
        let mut file = self.rows?.into_inner().into_inner().ok()?;
        file.flush().and_then(|()| file.rewind()).ok()?;
        Some(Spooled { file, refused: self.refused, count: self.count })
    }
}

/// The rows of the first pass.
pub(crate) struct Spooled {
    file: SpooledTempFile,
    refused: Vec<RowFaults>,
    count: usize,
}

impl Spooled {
    /// Returns how many rows there are.
    pub(crate) fn len(&self) -> u64 {
        u64::try_from(self.refused.len() + self.count).unwrap_or(u64::MAX)
    }

    /// Gives the refused rows and then the others, which are read on a thread of their own.
    pub(crate) fn rows(self, rp_id: RpId) -> impl Iterator<Item = Row> {
        let (sender, receiver) = sync_channel::<Vec<Row>>(WAITING);
        let file = BufReader::with_capacity(BUFFER, self.file);
        thread::spawn(move || {
            let stop = |error: io::Error| DecodeError::Stop(error.into());
            let mut rows = SpoolReader::new(file, rp_id).map(|row| row.map_err(stop));
            loop {
                let handed: Vec<Row> = rows.by_ref().take(HANDED_OVER).collect();
                if handed.is_empty() || sender.send(handed).is_err() {
                    return;
                }
            }
        });
        let refused = self.refused.into_iter().map(|row| Err(DecodeError::Row(row)));
        // Were the thread to die, rows would be missing: whoever takes them counts them against the first pass.
        refused.chain(receiver.into_iter().flatten().take(self.count))
    }
}

#[cfg(test)]
mod tests {
    use keyferry_core::{Fault, FaultCode, Item, Location};

    use super::*;

    fn refused(row: u64) -> Row {
        let faults = vec![Fault::new(Item::Row, FaultCode::ColumnCount, "found 3 of 13 cells")];
        let location = Location { row, line: row + 1 };
        Err(DecodeError::Row(RowFaults { location, faults, ..RowFaults::default() }))
    }

    #[test]
    fn refused_rows_come_back_until_there_are_too_many() {
        let mut spool = Spool::new();
        (1..=100_000).for_each(|row| spool.add(&refused(row)));
        let mut few = Spool::new();
        few.add(&refused(7));
        let rows: Vec<Row> = few.finish().unwrap().rows(RpId::parse("example.com").unwrap()).collect();
        assert!(matches!(&rows[..], [Err(DecodeError::Row(row))] if row.location.row == 7));
        spool.add(&refused(100_001));
        spool.add(&refused(100_002));
        assert!(spool.finish().is_none());
    }
}
