//! Many records: batches as large as a move makes them, and runs of several batches.

use std::{collections::HashMap, sync::LazyLock};

use keyferry_core::{
    Authority, CredentialRecord, DecodeError, Located, Location, Mode, Report, RowFaults, Run, SignCount,
    StoredRecord, Write, Written, gate, transfer,
};

use super::{Harness, checks::assert_same, harness::done};
use crate::{
    Algorithm,
    records::{key, many_records, record},
};

/// The number of records: above the largest batch of the core, and above what one SQL statement can bind.
const MANY: u32 = 10_000;

static RECORDS: LazyLock<Vec<CredentialRecord>> = LazyLock::new(|| many_records(MANY));

/// Ten thousand records are inserted, read and updated, each time in one batch and each row answered for itself.
pub fn ten_thousand_records_are_one_batch(harness: &mut Harness) {
    let records = &*RECORDS;
    harness.insert(records);
    let mut rows = fetch(harness, records);
    for record in records {
        let row = rows.get(&record.credential_id).map(|row| (row, harness.represent(record)));
        let (row, wanted) = row.unwrap_or_else(|| panic!("{:?} of many is not there", record.credential_id));
        assert_same(row, &wanted, "one of many");
    }

    // Some rows in the middle are not what they were when they were read.
    let is_late = |number: usize| matches!(number, 0 | 4999 | 8191 | 8192 | 9999);
    let mut read: Vec<_> = records.iter().filter_map(|record| rows.remove(&record.credential_id)).collect();
    let raise = |row: &StoredRecord| {
        let sign_count = SignCount(row.sign_count.0 + 100_000);
        StoredRecord { sign_count, ..row.clone() }
    };
    let merged: Vec<_> = read.iter().map(raise).collect();
    let other = key(Algorithm::Es256, 666);
    for (number, row) in read.iter_mut().enumerate() {
        if is_late(number) {
            row.public_key = other.clone();
        }
    }
    let pairs = read.iter().zip(&merged);
    let writes: Vec<_> = pairs.map(|(stored, merged)| Write::Update { stored, merged }).collect();
    for (number, answer) in harness.upsert(&writes).into_iter().enumerate() {
        let expected = if is_late(number) { Written::Changed } else { Written::Done };
        assert_eq!(answer, expected, "the answer to change {number} of many");
    }
    let rows = fetch(harness, records);
    for (number, record) in records.iter().enumerate() {
        let count = rows.get(&record.credential_id).map(|row| row.sign_count.0);
        let raised = if is_late(number) { 0 } else { 100_000 };
        assert_eq!(count, Some(record.sign_count.0 + raised), "the counter of row {number} of many");
    }
}

/// Reads all of them in one batch.
fn fetch(
    harness: &Harness,
    records: &[CredentialRecord],
) -> HashMap<keyferry_core::CredentialId, StoredRecord> {
    let absent: Vec<_> = (0..10).map(|seed| record(seed).credential_id).collect();
    let ids: Vec<_> = records.iter().map(|record| &record.credential_id).chain(&absent).collect();
    let found = harness.abandon(|sink| done(sink.fetch(&ids)));
    assert_eq!(found.len(), records.len(), "as many as were written");
    let rows: HashMap<_, _> = found.into_iter().map(|row| (row.credential_id.clone(), row)).collect();
    assert_eq!(rows.len(), records.len(), "each of them once");
    rows
}

type Row = Result<Located<CredentialRecord>, DecodeError>;

/// A file of several batches arrives whole, with repeated, contradicting and illegal rows, each counted once.
pub fn a_file_of_several_batches_arrives(harness: &mut Harness) {
    let records = &*RECORDS;
    // Rows 1 to 10000 as they are; then one again, one with another user's key, one that cannot be read.
    let forged = CredentialRecord { public_key: key(Algorithm::Es256, 666), ..records[7].clone() };
    let rows = || -> Vec<Row> {
        let values = records.iter().cloned().chain([records[3].clone(), forged.clone()]);
        let mut rows: Vec<Row> =
            (1..).zip(values).map(|(row, value)| Ok(Located { location: at(row), value })).collect();
        let location = at(u64::from(MANY) + 3);
        rows.push(Err(DecodeError::Row(RowFaults { location, ..RowFaults::default() })));
        rows
    };
    let gate = match gate(|| Ok([rows()].into_iter()), |_| {}) {
        Ok(gate) => gate,
        Err(error) => panic!("the gate stopped: {error}"),
    };
    let run = |mode| {
        let mut report = Report::default();
        harness.abandon(|sink| {
            let rows = rows().into_iter();
            let result =
                transfer(rows, &gate, sink, Run { mode, authority: Authority::Export }, &mut report, |_| {});
            if let Err(error) = result {
                panic!("the run stopped: {error}");
            }
        });
        assert!(report.counts.add_up(), "{:?}", report.counts);
        assert_eq!(report.counts.read, gate.rows, "every row is in the report");
        let counts = report.counts;
        assert_eq!((counts.duplicate, counts.conflict, counts.refused), (1, 2, 1), "{counts:?}");
        report
    };
    let many = u64::from(MANY) - 1;
    let planned = run(Mode::Plan);
    assert_eq!(run(Mode::Apply), planned, "a plan and its import");
    assert_eq!(planned.counts.inserted, many, "{:?}", planned.counts);
    assert_eq!(run(Mode::Verify).counts.unchanged, many, "read back");
    assert_eq!(run(Mode::Apply).counts.unchanged, many, "a second run");
    assert!(harness.stored(&records[7]).is_none(), "a contradiction in the file was imported");
}

fn at(row: u64) -> Location {
    Location { row, line: row + 1 }
}
