//! Runs that go otherwise than planned: drifting exports, replays, and files that say something else the second time.

#![allow(clippy::unwrap_used, reason = "a run that cannot be made is a failure")]

use std::path::Path;

use keyferry_core::{
    Authority, CannotLogIn, CredentialRecord, Located, Location, Mode, OneFileBuilder, Profile, RecordDraft,
    Report, RpId, Rules, Run, SignCount, Sink as _, Standing, Status, StoredRecord, UserHandleRule, Verdict,
    apply, gate, transfer, verify,
};
use keyferry_testkit::{
    memory::{FULL, MemorySink, WITHOUT_STATUS},
    records::{identifier, record},
};

fn located(records: &[CredentialRecord]) -> Vec<Located<CredentialRecord>> {
    let rows = records.iter().zip(1..);
    rows.map(|(value, row)| Located { location: Location { row, line: row + 1 }, value: value.clone() })
        .collect()
}

fn import(sink: &mut MemorySink, records: &[CredentialRecord]) -> Report {
    let mut report = Report::default();
    apply(sink, &located(records), Authority::Export, &mut report).unwrap();
    report
}

fn read_back(sink: &mut MemorySink, records: &[CredentialRecord]) -> Report {
    let mut report = Report::default();
    verify(sink, &located(records), Authority::Export, &mut report).unwrap();
    report
}

fn with_status(seed: u64, status: &str) -> CredentialRecord {
    CredentialRecord { status: Status::parse(status), ..record(seed) }
}

#[test]
fn a_drift_in_the_spelling_of_active_bars_nobody_and_can_be_mended() {
    for (name, profile) in [("drift-full", FULL), ("drift-without", WITHOUT_STATUS)] {
        let mut sink = MemorySink::open(Path::new(name), profile);
        import(&mut sink, &[record(1), record(2)]);
        let report = import(&mut sink, &[with_status(1, "Active"), with_status(2, "Active")]);
        assert_eq!((report.counts.removed, report.counts.updated, report.counts.conflict), (0, 0, 2));
        assert_eq!(import(&mut sink, &[record(1), record(2)]).counts.unchanged, 2);
    }
}

#[test]
fn a_replayed_older_export_removes_nobody() {
    let mut sink = MemorySink::open(Path::new("replay"), WITHOUT_STATUS);
    import(&mut sink, &[record(1)]);
    let report = import(&mut sink, &[with_status(1, "pending")]);
    assert_eq!((report.counts.removed, report.counts.unchanged), (0, 1));
}

#[test]
fn an_unknown_status_is_never_left_out_in_silence() {
    let mut sink = MemorySink::open(Path::new("unknown"), FULL);
    let report = import(&mut sink, &[with_status(1, "enabled"), record(2)]);
    assert_eq!((report.counts.conflict, report.counts.inserted), (1, 1));
    assert!(!report.is_clean());
}

#[test]
fn who_can_log_in_is_said_of_the_target_that_is_in_charge() {
    let mut sink = MemorySink::open(Path::new("charge"), FULL);
    import(&mut sink, &[record(1), with_status(2, "revoked")]);
    let mut report = Report::default();
    let export = located(&[with_status(1, "revoked"), with_status(2, "revoked")]);
    apply(&mut sink, &export, Authority::Target, &mut report).unwrap();
    assert_eq!(report.cannot_log_in.values().sum::<u64>(), 1, "the first one is active there");
}

#[test]
fn another_spelling_of_a_uuid_is_not_the_victims_handle() {
    let rules = Rules {
        user_handle: UserHandleRule::ExternalUserIdUuid,
        ..Rules::new(RpId::parse("example.com").unwrap())
    };
    let made = |seed: u64, external: &str| {
        let record = record(seed);
        let draft = RecordDraft {
            credential_id: Some(record.credential_id),
            public_key: Some(record.public_key),
            sign_count: Some(record.sign_count),
            status: Some(Status::Active),
            user_id: record.user_id,
            external_user_id: Some(identifier(external)),
            ..RecordDraft::default()
        };
        draft.into_record(&rules, Vec::new())
    };
    for other in [
        "{c0ffee00-0000-4000-8000-000000000001}",
        "urn:uuid:c0ffee00-0000-4000-8000-000000000001",
        "c0ffee00000040008000000000000001",
    ] {
        assert!(made(2, other).is_err(), "{other}");
    }
    let both = ["c0ffee00-0000-4000-8000-000000000001", "C0FFEE00-0000-4000-8000-000000000001"];
    let rows = located(&[made(1, both[0]).unwrap(), made(2, both[1]).unwrap()]);
    let mut builder = OneFileBuilder::default();
    rows.iter().for_each(|row| builder.add(&row.value));
    let file = builder.build();
    for row in rows {
        assert!(matches!(file.standing(row.location, &row.value), Standing::Conflict(_)));
    }
}

#[test]
fn verify_is_clean_after_an_import_of_an_export_that_knows_more_or_less() {
    let less =
        CredentialRecord { aaguid: None, created_at: None, user_id: None, transports: None, ..record(1) };
    for (name, first, second) in [("more", less.clone(), record(1)), ("less", record(1), less)] {
        let mut sink = MemorySink::open(Path::new(name), FULL);
        import(&mut sink, &[first]);
        import(&mut sink, std::slice::from_ref(&second));
        let report = read_back(&mut sink, &[second]);
        assert!(report.is_clean(), "{name}: {:?}", report.faults);
    }
}

#[test]
fn verify_finds_more_access_than_the_export_gives() {
    let mut sink = MemorySink::open(Path::new("access"), FULL);
    import(&mut sink, &[record(1)]);
    for status in ["suspended", "revoked"] {
        assert!(!read_back(&mut sink, &[with_status(1, status)]).is_clean(), "{status}");
    }
    assert!(
        read_back(&mut sink, &[with_status(1, "pending")]).is_clean(),
        "an older export, which no import follows"
    );
}

#[test]
fn a_revocation_arrives_even_where_the_record_could_not_be_written_any_more() {
    let represent = |record: &CredentialRecord| {
        record.backup.map(|_| StoredRecord::from(record)).ok_or(CannotLogIn::BackupUnknown)
    };
    let mut sink =
        MemorySink::open(Path::new("revoked"), Profile { represent: Verdict::Fixed(represent), ..FULL });
    import(&mut sink, &[record(1)]);
    import(&mut sink, &[CredentialRecord { backup: None, ..with_status(1, "revoked") }]);
    let stored = sink.fetch(&[&record(1).credential_id]).unwrap();
    assert_eq!(stored[0].status, Some(Status::Revoked));
}

#[test]
fn records_that_contradict_each_other_are_not_written_even_without_a_gate() {
    let mut sink = MemorySink::open(Path::new("contradiction"), FULL);
    let other = CredentialRecord { sign_count: SignCount(9), ..record(1) };
    let report = import(&mut sink, &[record(1), other, record(2), record(2)]);
    assert_eq!((report.counts.conflict, report.counts.inserted, report.counts.duplicate), (2, 1, 1));
}

#[test]
fn a_second_pass_with_other_rows_is_an_error() {
    let mut sink = MemorySink::open(Path::new("second-pass"), FULL);
    let seen = gate(|| Ok(located(&[record(1)]).into_iter().map(|row| [Ok(row)])), |_| {}).unwrap();
    let rows = located(&[record(1), record(2)]).into_iter().map(Ok);
    let mut report = Report::default();
    assert!(
        transfer(
            rows,
            &seen,
            &mut sink,
            Run { mode: Mode::Apply, authority: Authority::Export },
            &mut report,
            |_| {}
        )
        .is_err()
    );
}
