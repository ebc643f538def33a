//! Comparisons with messages that say which item of which record is at fault.

use keyferry_core::{CredentialRecord, FaultCode, Item, Located, Location, Report, StoredRecord};

use super::Harness;

/// Gives each record a row, from 1.
pub(super) fn located(records: &[CredentialRecord]) -> Vec<Located<CredentialRecord>> {
    (1..)
        .zip(records)
        .map(|(row, record)| Located { location: Location { row, line: row + 1 }, value: record.clone() })
        .collect()
}

/// Demands that the target holds exactly this.
pub(super) fn assert_holds(harness: &Harness, wanted: &StoredRecord, record: &CredentialRecord, what: &str) {
    match harness.stored(record) {
        Some(found) => assert_same(&found, wanted, what),
        None => panic!("{what}: not in the target"),
    }
}

/// Demands that two views are the same in every item, the bytes of the key among them.
pub(super) fn assert_same(found: &StoredRecord, wanted: &StoredRecord, what: &str) {
    let names: Vec<_> = wanted.differences(found).into_iter().map(Item::name).collect();
    assert!(names.is_empty(), "{what}: another {} than represented", names.join(", "));
    // `differences` takes two encodings of one key as the same; a target gives back the bytes that it was given.
    assert!(found == wanted, "{what}: the key in other bytes than represented");
}

/// Demands that the target holds what it held before.
pub(super) fn assert_unchanged(
    harness: &Harness,
    records: &[CredentialRecord],
    before: &[Option<StoredRecord>],
    what: &str,
) {
    let after = harness.content(records);
    for (record, (before, after)) in records.iter().zip(before.iter().zip(&after)) {
        match (before, after) {
            (Some(before), Some(after)) => assert_same(after, before, what),
            (None, None) => {}
            (Some(_), None) => panic!("{what}: {:?} is gone", record.credential_id),
            (None, Some(_)) => panic!("{what}: {:?} was added", record.credential_id),
        }
    }
}

/// Demands one conflict with this code, and that nothing else became of the one record.
pub(super) fn assert_conflict(report: &Report, code: FaultCode, what: &str) {
    let codes: Vec<_> = report.faults.iter().map(|row| row.fault.code).collect();
    assert_eq!((report.counts.conflict, codes.as_slice()), (1, &[code][..]), "{what}: {:?}", report.counts);
}
