//! The rows of an export between the first pass and the second one.

use std::{
    fs::File,
    io::{self, Write as _},
    os::unix::fs::FileExt as _,
    sync::mpsc::{SyncSender, sync_channel},
    thread,
};

use keyferry_core::{
    CredentialRecord, DecodeError, Foreseen, Located, OpenRows, RowFaults, RpId, SpoolReader, SumNumber,
    keep_in_spool,
};

use crate::export::Row;

/// In which order rows come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// As they stand in the file.
    OfFile,
    /// By credential ID, as far as memory allows: an index that is filled in its own order is written once, and one that
    /// is filled in any other order is written again with each batch.
    OfIds,
}

/// Parts that rows are dealt to, by the first bits of their ID: each is put in order in memory, so of ten million rows a
/// part must not be many.
const PARTS: usize = 1 << PART_BITS;
const PART_BITS: u32 = 9;
/// Bytes of a part that wait in memory: 32 MiB in all, so a small file never reaches the disk.
const WAITING: usize = 1 << 16;
/// Rows of one part that are put in order together at most, and their bytes: IDs that all begin alike are hostile, and
/// so are rows that are all as long as may be.
const IN_ORDER: usize = 1 << 16;
const IN_ORDER_BYTES: usize = 32 << 20;
/// So many rows are dealt to their parts in any case: meanwhile it shows, as a rule, whether the target is compared as a
/// whole, and the rows of a first import are never mixed.
const DEALT: usize = 1 << 16;
/// Refused rows that are kept at most: a file with more of them is read once more instead.
const MOST_REFUSED: usize = 100_000;
/// Rows that are handed over together, and how often before the reading thread waits: enough that a batch of a database
/// is there soon when the last one is written.
const HANDED_OVER: usize = 1024;
const HANDED_OVER_BYTES: usize = 1 << 19;
const AHEAD: usize = 16;

/// Keeps the rows of the first pass, as far as there is room.
pub(crate) struct Spool {
    order: Order,
    /// The first one holds what is not dealt.
    parts: Vec<Part>,
    /// Holds what does not wait in memory; it has no name, so it ends with the process.
    file: Option<File>,
    length: u64,
    refused: Vec<RowFaults>,
    count: usize,
    is_full: bool,
    /// Whether rows were left out that nobody may want again.
    is_part: bool,
}

/// The rows of one part: what was written to the file, and what waits.
#[derive(Default)]
struct Part {
    written: Vec<(u64, usize)>,
    waiting: Vec<u8>,
}

impl Spool {
    pub(crate) fn new(order: Order) -> Self {
        let parts = match order {
            Order::OfFile => 1,
            Order::OfIds => 1 + PARTS,
        };
        Self {
            order,
            parts: (0..parts).map(|_| Part::default()).collect(),
            file: None,
            length: 0,
            refused: Vec::new(),
            count: 0,
            is_full: false,
            is_part: false,
        }
    }

    /// Keeps a row and the sum that it is part of; without room for it nothing is kept any more.
    pub(crate) fn add(&mut self, row: &Row, sum: SumNumber) {
        if self.is_full {
            return;
        }
        let is_kept = match row {
            Ok(located) => self.keep(located, sum).is_ok(),
            Err(DecodeError::Row(faults)) if self.refused.len() < MOST_REFUSED => {
                self.refused.push(faults.clone());
                true
            }
            Err(_) => false,
        };
        if !is_kept {
            self.end();
        }
    }

    fn end(&mut self) {
        *self = Self { is_full: true, ..Self::new(Order::OfFile) };
    }

    /// Leaves a row out; all of them must be read again then, should it be wanted.
    pub(crate) fn leave_out(&mut self) {
        self.is_part = true;
    }

    /// Keeps nothing any more if rows were left out, since all of them are wanted now.
    pub(crate) fn end_unless_whole(&mut self) {
        if self.is_part {
            self.end();
        }
    }

    fn keep(&mut self, located: &Located<CredentialRecord>, sum: SumNumber) -> io::Result<()> {
        self.count += 1;
        // Of the rows in a sum few are wanted again as a rule, and can be put in order then, in runs: all in one place they
        // take a third of the time to keep.
        let is_dealt = sum == SumNumber::NONE || self.count <= DEALT;
        let part = match self.order {
            Order::OfIds if is_dealt => 1 + part_of(located.value.credential_id.as_bytes()),
            _ => 0,
        };
        let Some(part) = self.parts.get_mut(part) else { return Ok(()) };
        keep_in_spool(located, sum, &mut part.waiting);
        if part.waiting.len() < WAITING {
            return Ok(());
        }
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(tempfile::tempfile()?),
        };
        file.write_all(&part.waiting)?;
        part.written.push((self.length, part.waiting.len()));
        self.length += u64::try_from(part.waiting.len()).unwrap_or(u64::MAX);
        part.waiting.clear();
        Ok(())
    }

    /// Returns what was kept; `None` where there was no room for it, so that the file must be read again.
    pub(crate) fn finish(self) -> Option<Spooled> {
        let count = self.refused.len() + self.count;
        (!self.is_full).then_some(Spooled { spool: self, count, open: None })
    }
}

/// Returns the part of an ID; those of a part stand before all of the next one.
fn part_of(id: &[u8]) -> usize {
    let mut begin = id.iter().copied().chain([0, 0]);
    let begin = u16::from_be_bytes([begin.next().unwrap_or_default(), begin.next().unwrap_or_default()]);
    usize::from(begin >> (u16::BITS - PART_BITS))
}

/// The rows of the first pass.
pub(crate) struct Spooled {
    spool: Spool,
    count: usize,
    /// Which of them are wanted, if not all.
    open: Option<OpenRows>,
}

impl Spooled {
    /// Leaves out the rows that need not be looked up; those that were refused are accounted for, too.
    pub(crate) fn only_open(mut self, foreseen: &Foreseen) -> Self {
        self.spool.refused.clear();
        let count = usize::try_from(foreseen.rows()).unwrap_or(usize::MAX);
        Self { count, open: Some(foreseen.open()), ..self }
    }

    /// Tells whether none was left out.
    pub(crate) fn has_all_rows(&self) -> bool {
        !self.spool.is_part
    }

    /// Returns how many rows there are.
    pub(crate) fn len(&self) -> u64 {
        u64::try_from(self.count).unwrap_or(u64::MAX)
    }

    /// Gives the refused rows and then the others, which are read on a thread of their own.
    pub(crate) fn rows(mut self, rp_id: RpId) -> impl Iterator<Item = Row> {
        let (sender, receiver) = sync_channel::<Vec<Row>>(AHEAD);
        let (refused, count) = (std::mem::take(&mut self.spool.refused), self.count);
        thread::spawn(move || {
            let mut out = Out { sender, order: self.spool.order, rows: Vec::new(), bytes: 0 };
            if let Err(error) = self.read(&rp_id, &mut out) {
                // Whoever waits for these rows counts them, so an end that cannot be told is noticed, too.
                let _ = out.sender.send(vec![Err(DecodeError::Stop(error.into()))]);
            }
        });
        let refused = refused.into_iter().map(|row| Err(DecodeError::Row(row)));
        refused.chain(receiver.into_iter().flatten()).take(count)
    }

    fn read(self, rp_id: &RpId, out: &mut Out) -> io::Result<()> {
        let mut kept = Vec::new();
        let wanted = |sum| self.open.as_ref().is_none_or(|open| open.contains(sum));
        for part in self.spool.parts {
            for (offset, length) in part.written {
                let file = self.spool.file.as_ref();
                let file = file.ok_or_else(|| io::Error::other("no row was written"))?;
                kept.resize(length, 0);
                file.read_exact_at(&mut kept, offset)?;
                out.add(SpoolReader::new(&kept, rp_id.clone()).only(&wanted))?;
            }
            out.add(SpoolReader::new(&part.waiting, rp_id.clone()).only(&wanted))?;
            // The few that are wanted of a part can be handed over with those of the next.
            if self.open.is_none() || out.rows.len() >= HANDED_OVER {
                out.hand_over();
            }
        }
        out.hand_over();
        Ok(())
    }
}

/// Rows of a part on their way out.
struct Out {
    sender: SyncSender<Vec<Row>>,
    order: Order,
    rows: Vec<Located<CredentialRecord>>,
    /// How many bytes these rows were kept in.
    bytes: usize,
}

impl Out {
    fn add(&mut self, mut kept: SpoolReader<'_>) -> io::Result<()> {
        for row in kept.by_ref() {
            self.rows.push(row?);
        }
        self.bytes += kept.given();
        if self.order == Order::OfFile || self.rows.len() >= IN_ORDER || self.bytes >= IN_ORDER_BYTES {
            self.hand_over();
        }
        Ok(())
    }

    /// Hands over what there is; when nobody takes it any more, the rest is of no use.
    fn hand_over(&mut self) {
        // Long rows are handed over in fewer, so that what waits has a bound in bytes, too.
        let each = (self.bytes / self.rows.len().max(1)).max(1);
        let most = (HANDED_OVER_BYTES / each).clamp(1, HANDED_OVER);
        self.bytes = 0;
        let rows = std::mem::take(&mut self.rows);
        let mut order: Vec<usize> = (0..rows.len()).collect();
        if self.order == Order::OfIds {
            // A record is moved once and not with each step of the sort.
            let id = |at: &usize| rows.get(*at).map(|row| &row.value.credential_id);
            order.sort_unstable_by(|one, other| id(one).cmp(&id(other)));
        }
        let mut rows: Vec<Option<Located<CredentialRecord>>> = rows.into_iter().map(Some).collect();
        let mut rows = order.into_iter().filter_map(|at| rows.get_mut(at)?.take()).map(Ok);
        loop {
            let handed: Vec<Row> = rows.by_ref().take(most).collect();
            if handed.is_empty() || self.sender.send(handed).is_err() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use keyferry_core::{Fault, FaultCode, Item, Location};
    use keyferry_testkit::records::record;

    use super::*;

    fn rp_id() -> RpId {
        record(1).rp_id
    }

    fn refused(row: u64) -> Row {
        let faults = vec![Fault::new(Item::Row, FaultCode::ColumnCount, "found 3 of 13 cells")];
        let location = Location { row, line: row + 1 };
        Err(DecodeError::Row(RowFaults { location, faults, ..RowFaults::default() }))
    }

    #[test]
    fn refused_rows_come_back_until_there_are_too_many() {
        let mut spool = Spool::new(Order::OfFile);
        (1..=100_000).for_each(|row| spool.add(&refused(row), SumNumber::NONE));
        let mut few = Spool::new(Order::OfIds);
        few.add(&refused(7), SumNumber::NONE);
        let rows: Vec<Row> = few.finish().unwrap().rows(rp_id()).collect();
        assert!(matches!(&rows[..], [Err(DecodeError::Row(row))] if row.location.row == 7));
        spool.add(&refused(100_001), SumNumber::NONE);
        spool.add(&refused(100_002), SumNumber::NONE);
        assert!(spool.finish().is_none());
    }

    fn rows(count: u64, longer_by: usize) -> Vec<Located<CredentialRecord>> {
        let template = record(1);
        let row = |row| {
            let id = u64::wrapping_mul(row, 0x9e37_79b9_7f4a_7c15).to_be_bytes();
            let mut value = template.clone();
            value.credential_id =
                keyferry_core::CredentialId::new([&id[..], &vec![7; longer_by]].concat()).unwrap();
            Located { location: Location { row, line: row + 1 }, value }
        };
        (1..=count).map(row).collect()
    }

    fn is_sorted(rows: &[Located<CredentialRecord>]) -> bool {
        rows.is_sorted_by_key(|row| &row.value.credential_id)
    }

    #[test]
    fn rows_in_a_sum_come_back_in_runs_and_the_first_and_all_others_in_order() {
        let rows = rows(70_000, 8);
        let mut spool = Spool::new(Order::OfIds);
        for row in &rows {
            let is_in_sum = row.location.row % 4 != 0;
            let sum = if is_in_sum { SumNumber::from_bytes([1, 0, 0, 0]) } else { SumNumber::NONE };
            spool.add(&Ok(row.clone()), sum);
        }
        let mut back: Vec<_> = spool.finish().unwrap().rows(rp_id()).map(Result::unwrap).collect();
        let dealt = DEALT + (70_000 - DEALT) / 4;
        let (undealt, all_others) = back.split_at(70_000 - dealt);
        assert!(is_sorted(undealt) && is_sorted(all_others));
        assert!(undealt.iter().all(|row| row.location.row > 65_536));
        back.sort_by_key(|row| row.location);
        assert_eq!(back, rows);
    }

    /// Enough rows that some of them go to the file and some wait in memory.
    #[test]
    fn rows_come_back_whole_in_either_order() {
        let count = 60_000;
        let rows = rows(count, 900);
        let back = |order| {
            let mut spool = Spool::new(order);
            rows.iter().for_each(|row| spool.add(&Ok(row.clone()), SumNumber::NONE));
            assert!(spool.file.is_some() && spool.parts.iter().any(|part| !part.waiting.is_empty()));
            let spooled = spool.finish().unwrap();
            assert_eq!(spooled.len(), count);
            spooled.rows(rp_id()).map(Result::unwrap).collect::<Vec<_>>()
        };
        assert_eq!(back(Order::OfFile), rows);
        let by_id = back(Order::OfIds);
        assert!(is_sorted(&by_id));
        let mut by_row = by_id;
        by_row.sort_by_key(|row| row.location);
        assert_eq!(by_row, rows);
    }
}
