//! Whole runs: plan, import, verify, again, and cut off in the middle.

use keyferry_core::{
    Authority, Backup, CredentialRecord, FaultCode, Item, SignCount, Status, StoredRecord, Transports, Write,
    Written,
};

use super::{
    Harness,
    checks::{assert_conflict, assert_holds, assert_same, assert_unchanged},
    harness::done,
    variants,
};
use crate::{
    Algorithm,
    records::{key, of_user, record},
};

/// What stands in the target, and an export with one row of each fate: new, changed, same, revoked, forged, stale.
fn target_and_export() -> (Vec<CredentialRecord>, Vec<CredentialRecord>) {
    let here: Vec<_> = (1..=6).map(record).collect();
    let revoked = |seed| CredentialRecord { status: Status::Revoked, ..record(seed) };
    let export = vec![
        record(1),
        CredentialRecord { sign_count: SignCount(8), ..record(2) },
        CredentialRecord { sign_count: SignCount(4), ..record(3) },
        revoked(4),
        CredentialRecord { public_key: key(Algorithm::Es256, 666), ..of_user(record(5), "mallory") },
        CredentialRecord { transports: None, ..record(6) },
        record(7),
        revoked(8),
        CredentialRecord { sign_count: SignCount(u32::MAX), ..record(9) },
    ];
    (here, export)
}

/// A plan has the same report as the import that follows it, and writes nothing.
pub fn a_plan_says_what_an_import_does(harness: &mut Harness) {
    let (here, export) = target_and_export();
    harness.insert(&here);
    let before = harness.content(&export);
    for authority in [Authority::Target, Authority::Export] {
        let before = harness.content(&export);
        let planned = harness.plan(&export, authority);
        assert_unchanged(harness, &export, &before, "a plan");
        assert_eq!(planned, harness.plan(&export, authority), "a plan and the next one");
        assert_eq!(planned, harness.apply(&export, authority), "a plan and its import, {authority:?}");
    }
    let after = harness.content(&export);
    let is_there: Vec<_> = after.iter().map(Option::is_some).collect();
    let keeps_status = harness.profile().keeps_status;
    let extreme = harness.profile().represent(&export[8]).is_ok();
    assert_eq!(is_there, [true, true, true, keeps_status, true, true, true, keeps_status, extreme]);
    assert_eq!(after[4], before[4], "the forged row");
}

/// The same export a second time changes nothing: every row is unchanged, left out, or the same conflict.
pub fn a_second_run_changes_nothing(harness: &mut Harness) {
    let (here, export) = target_and_export();
    harness.insert(&here);
    let first = harness.import(&export);
    let before = harness.content(&export);
    for run in ["second", "third"] {
        let plan = harness.plan(&export, Authority::Export);
        let report = harness.import(&export);
        assert_eq!(plan, report, "the plan of the {run} run");
        let counts = report.counts;
        assert_eq!((counts.inserted, counts.updated, counts.removed), (0, 0, 0), "the {run} run: {counts:?}");
        assert_eq!((counts.conflict, &report.faults), (1, &first.faults), "the {run} run");
        assert_unchanged(harness, &export, &before, run);
    }
}

/// After an import, verify finds no difference and changes nothing.
pub fn verify_is_clean_after_an_import(harness: &mut Harness) {
    let (here, mut export) = target_and_export();
    export.remove(4); // a forged row is a conflict to verify as well
    export.extend((50..).zip(variants::items()).map(|(seed, (_, variant))| CredentialRecord {
        credential_id: record(seed).credential_id,
        ..variant
    }));
    harness.insert(&here);
    let imported = harness.import(&export);
    let before = harness.content(&export);
    let report = harness.verify(&export);
    assert!(report.is_clean(), "{:?}", report.faults);
    assert_eq!(report.counts.read, report.counts.unchanged + report.counts.skipped, "{:?}", report.counts);
    // What was removed is left out from now on; everything else is there.
    assert_eq!(report.counts.skipped, imported.counts.skipped + imported.counts.removed);
    assert_eq!(report.cannot_log_in, imported.cannot_log_in, "who cannot log in");
    assert_unchanged(harness, &export, &before, "verify");
}

/// Verify finds what is missing, what differs, and what can log in though it should not.
pub fn verify_finds_what_differs(harness: &mut Harness) {
    let (held, beside) = (record(1), record(2));
    harness.insert(&[held.clone(), beside.clone()]);
    let before = harness.content(&[held.clone(), beside.clone()]);
    let find = |export: CredentialRecord, code, item, what: &str| {
        let report = harness.verify(&[export, beside.clone()]);
        assert_conflict(&report, code, what);
        assert_eq!((report.faults[0].fault.item, report.counts.unchanged), (item, 1), "{what}");
    };
    find(record(3), FaultCode::MissingInTarget, Item::CredentialId, "a missing credential");
    let other_key = CredentialRecord { public_key: key(Algorithm::Es256, 666), ..held.clone() };
    find(other_key, FaultCode::KeyChanged, Item::PublicKey, "another key");
    let higher = CredentialRecord { sign_count: SignCount(6), ..held.clone() };
    find(higher, FaultCode::DiffersInTarget, Item::SignCount, "a counter below the exported one");
    let revoked = CredentialRecord { status: Status::Revoked, ..held.clone() };
    find(revoked, FaultCode::ActiveInTarget, Item::Status, "active in the target, revoked in the export");
    let represented = harness.represent(&held);
    if represented.account.is_some() {
        let other = of_user(held.clone(), "mallory");
        find(other, FaultCode::UserChanged, Item::Account, "another user");
    }
    if represented.transports.is_some() {
        let other =
            CredentialRecord { transports: Some(Transports::new(["hybrid", "internal"])), ..held.clone() };
        find(other, FaultCode::DiffersInTarget, Item::Transports, "transports in another order");
    }
    assert_unchanged(harness, &[held, beside], &before, "verify");
}

/// A batch of inserts, updates and removals, some of them too late, is answered in its order.
pub fn a_mixed_batch_is_answered_in_order(harness: &mut Harness) {
    let here: Vec<_> = (0..40).map(record).collect();
    let new: Vec<_> = (100..140).map(record).collect();
    let is_removal = |number: usize| !harness.profile().keeps_status && number.is_multiple_of(8);
    harness.insert(&here);
    let stored: Vec<_> = here.iter().map(|record| harness.held(record)).collect();
    let raise = |row: &StoredRecord| StoredRecord { sign_count: SignCount(70), ..row.clone() };
    let merged: Vec<_> = stored.iter().map(raise).collect();
    // Every third row was another key when it was read.
    let mut read = stored.clone();
    for row in read.iter_mut().step_by(3) {
        row.public_key = key(Algorithm::Es256, 666);
    }
    let mut writes = Vec::new();
    let mut expected = Vec::new();
    for (number, (stored, merged)) in read.iter().zip(&merged).enumerate() {
        let write =
            if is_removal(number) { Write::Remove { stored } } else { Write::Update { stored, merged } };
        // Each odd row is also inserted, which is always too late; no odd row is removed.
        writes.extend([write, Write::Insert(&new[number]), Write::Insert(&here[number | 1])]);
        let answer = if number.is_multiple_of(3) { Written::Changed } else { Written::Done };
        expected.extend([answer, Written::Done, Written::Changed]);
    }
    assert_eq!(harness.upsert(&writes), expected, "the answers to a mixed batch");
    for (number, record) in here.iter().enumerate() {
        let what = format!("row {number} of a mixed batch");
        match (number.is_multiple_of(3), is_removal(number)) {
            (true, _) => assert_holds(harness, &stored[number], record, &what),
            (false, true) => assert!(harness.stored(record).is_none(), "{what}: removed, but there"),
            (false, false) => assert_holds(harness, &merged[number], record, &what),
        }
    }
    for record in &new {
        assert_holds(harness, &harness.represent(record), record, "new in a mixed batch");
    }
}

/// A batch that fails leaves no trace, and what was written before it stays whole.
pub fn a_failed_batch_leaves_no_trace(harness: &mut Harness) {
    let (here, first, poison, last) = (record(1), record(2), record(3), record(4));
    let all = [here.clone(), first.clone(), poison.clone(), last.clone()];
    harness.insert(std::slice::from_ref(&here));
    let before = harness.content(&all);
    let stored = harness.held(&here);
    let merged = StoredRecord { sign_count: SignCount(70), ..stored.clone() };
    let fails = |poison: &CredentialRecord, what: &str| {
        let update = Write::Update { stored: &stored, merged: &merged };
        let batch = [update, Write::Insert(&first), Write::Insert(poison), Write::Insert(&last)];
        let result = harness.abandon(|sink| {
            let result = sink.upsert(&batch);
            // A run stops at an error; should it finish all the same, nothing of the batch may turn up.
            let _ = sink.finish();
            result
        });
        assert!(result.is_err(), "{what} was written without an error: {result:?}");
        assert_unchanged(harness, &all, &before, what);
    };
    // What the target cannot hold is left out by every caller in the core; a sink must not write it either.
    for (what, variant) in variants::all() {
        if harness.profile().represent(&variant).is_err() {
            let id = poison.credential_id.clone();
            fails(&CredentialRecord { credential_id: id, ..variant }, &what);
        }
    }
    // Where nobody told how to make a write fail, and everything can be held, there is no failure to look at.
    if harness.refuse(&poison.credential_id) {
        let update = Write::Update { stored: &stored, merged: &merged };
        let batch = [update, Write::Insert(&first), Write::Insert(&poison), Write::Insert(&last)];
        let result = harness.abandon(|sink| {
            let result = sink.upsert(&batch);
            if result.is_ok() {
                done(sink.finish());
            }
            result
        });
        match result {
            Err(_) => assert_unchanged(harness, &all, &before, "a batch with a write that the store refuses"),
            // The store is able to leave out that one alone, and says so.
            Ok(answers) => {
                assert!(
                    matches!(
                        &answers[..],
                        [Written::Done, Written::Done, Written::Refused(why), Written::Done] if !why.is_empty()
                    ),
                    "{answers:?}"
                );
                assert_holds(harness, &merged, &here, "an update beside a refused write");
                assert!(harness.stored(&poison).is_none(), "the refused write is there");
                assert_holds(harness, &harness.represent(&first), &first, "an insert beside a refused write");
                assert_holds(harness, &harness.represent(&last), &last, "an insert beside a refused write");
                return;
            }
        }
    }
    harness.insert(&[first, last]);
}

/// A run that goes away without finishing leaves whole batches, from the first on, or none: never a part of one.
pub fn an_unfinished_run_is_not_half_visible(harness: &mut Harness) {
    let here = record(1);
    harness.insert(std::slice::from_ref(&here));
    let stored = harness.held(&here);
    let merged = StoredRecord {
        sign_count: SignCount(70),
        backup: stored.backup.map(|_| Backup::BackedUp),
        ..stored.clone()
    };
    let (second, third, fourth) = (record(2), record(3), record(4));
    harness.abandon(|sink| {
        let update = Write::Update { stored: &stored, merged: &merged };
        done(sink.upsert(&[Write::Insert(&second), update]));
        done(sink.upsert(&[Write::Insert(&third), Write::Insert(&fourth)]));
    });
    let held = harness.held(&here);
    let first = held == merged;
    let [second, third, fourth] = [&second, &third, &fourth].map(|record| harness.stored(record).is_some());
    assert_same(&held, if first { &merged } else { &stored }, "a credential in an unfinished run");
    assert_eq!(second, first, "half of the first batch is there");
    assert_eq!(third, fourth, "half of the second batch is there");
    assert!(first || !third, "the second batch is there, the first is not");

    // Whatever stayed of it, the next run ends where an undisturbed one would have ended.
    let export = [CredentialRecord { sign_count: SignCount(70), ..here }, record(2), record(3), record(4)];
    let report = harness.import(&export);
    assert!(report.is_clean(), "{:?}", report.faults);
    assert!(harness.verify(&export).is_clean(), "after a run that was cut off");
}
