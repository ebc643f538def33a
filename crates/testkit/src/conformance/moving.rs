//! What may change of a credential, and in which direction alone.

use keyferry_core::{
    Authority, Backup, CredentialRecord, FaultCode, Item, SignCount, Status, StoredRecord, Transports, Write,
    Written, apply,
};

use super::{
    Harness,
    checks::{assert_conflict, assert_holds, assert_same, assert_unchanged, located},
    race::{Race, rival},
};
use crate::{
    Algorithm,
    records::{key, record},
};

/// What an export says anew (counter, transports, backup state, status, a handle that was unknown) is written.
pub fn an_update_is_made(harness: &mut Harness) {
    let unknown = CredentialRecord { user_handle: None, ..record(1) };
    // A target that cannot be without a user handle has none to learn.
    let before = if harness.profile().represent(&unknown).is_ok() { unknown } else { record(1) };
    let status = if harness.profile().keeps_status { Status::Suspended } else { Status::Active };
    let after = CredentialRecord {
        sign_count: SignCount(before.sign_count.0 + 1),
        transports: Some(Transports::new(["nfc", "teleport"])),
        backup: Some(Backup::BackedUp),
        status,
        user_handle: record(1).user_handle,
        ..before.clone()
    };
    let beside = record(2);
    harness.insert(&[before, beside.clone()]);
    let report = harness.import(std::slice::from_ref(&after));
    assert_eq!(report.counts.updated, 1, "{:?}", report.counts);
    assert_holds(harness, &harness.represent(&after), &after, "after an update");
    assert_holds(harness, &harness.represent(&beside), &beside, "beside an update");
}

/// The stored sign count never becomes lower: not by an older export, and not by an update that asks for it.
pub fn a_sign_count_never_goes_back(harness: &mut Harness) {
    let with = |count| CredentialRecord { sign_count: SignCount(count), ..record(1) };
    let count = |record: &CredentialRecord| harness.held(record).sign_count.0;
    // Past the middle of 32 bits, where a signed column turns round. A target that cannot hold it says so.
    let high = 2_147_483_700;
    let high = if harness.profile().represent(&with(high)).is_ok() { high } else { 2_000 };
    harness.insert(&[with(high)]);
    let report = harness.import(&[with(5)]);
    assert_eq!((report.counts.unchanged, report.stale_sign_counts), (1, 1), "an older export");
    assert_eq!(count(&with(0)), high, "an older export");

    let stored = harness.held(&with(0));
    let at = |count| StoredRecord { sign_count: SignCount(count), ..stored.clone() };
    // As read, and as read before logins raised it: each time the higher one stays.
    for (read, asked) in [(high, high - 1), (high, 0), (1, 2), (high - 9, high - 1)] {
        let what = format!("read {read}, asked for {asked}, held {high}");
        harness.write(Write::Update { stored: &at(read), merged: &at(asked) });
        assert_eq!(count(&with(0)), high, "{what}");
    }
    let raise = Write::Update { stored: &stored, merged: &at(high + 1) };
    assert_eq!(harness.write(raise), Written::Done, "a counter that rises");
    assert_eq!(count(&with(0)), high + 1, "a counter that rises");
}

/// A login between reading and writing is not lost: the higher counter stays, and the import goes on.
pub fn a_login_between_reading_and_writing_survives(harness: &mut Harness) {
    for (seed, at_login, exported, expected) in [(1, 9, 7, 9), (2, 6, 7, 7), (3, 7, 7, 7)] {
        let before = record(seed); // a count of 5, not backed up
        let export = CredentialRecord {
            sign_count: SignCount(exported),
            transports: Some(Transports::new(["nfc"])),
            ..before.clone()
        };
        harness.insert(std::slice::from_ref(&before));
        let read = harness.held(&before);
        let used = StoredRecord {
            sign_count: SignCount(at_login),
            backup: read.backup.map(|_| Backup::BackedUp),
            ..read.clone()
        };
        let report = harness.report(std::slice::from_ref(&export), |sink, report| {
            let login = Write::Update { stored: &read, merged: &used };
            let mut race = Race::new(sink, |sink| rival(sink, &[login]));
            apply(&mut race, &located(std::slice::from_ref(&export)), Authority::Export, report)
        });
        let what = format!("read 5, {at_login} by a login, {exported} in the export");
        assert!(report.is_clean(), "{what}: {:?}", report.faults);
        let held = harness.held(&before);
        assert_eq!(held.sign_count, SignCount(expected), "{what}");
        // Whoever was right about the backup state: everything else is what the export said.
        let wanted = StoredRecord { backup: held.backup, ..harness.represent(&export) };
        assert_same(&StoredRecord { sign_count: export.sign_count, ..held }, &wanted, &what);
    }
}

/// A status only moves forwards: a revocation is followed, and nothing becomes active again on its own.
pub fn a_status_only_moves_forwards(harness: &mut Harness) {
    // Where no status is kept, `only_active_credentials_stand_where_no_status_is_kept` says what holds instead.
    if !harness.profile().keeps_status {
        return;
    }
    let with = |status| CredentialRecord { status, ..record(1) };
    let held = || harness.held(&record(1)).status;
    harness.insert(&[with(Status::Pending)]);
    for status in [Status::Active, Status::Suspended, Status::Revoked] {
        assert_eq!(harness.import(&[with(status.clone())]).counts.updated, 1, "to {status}");
        assert_eq!(held(), Some(status));
    }
    // As a replayed older export would: none of it is believed, and nothing beside the status is written either.
    let before = harness.content(&[record(1)]);
    let raised = CredentialRecord { sign_count: SignCount(70), ..with(Status::Active) };
    assert_conflict(&harness.import(&[raised]), FaultCode::Reactivated, "revoked, active in the export");
    assert_unchanged(harness, &[record(1)], &before, "revoked, active in the export");
    for status in [Status::Suspended, Status::Pending] {
        assert_eq!(
            harness.import(&[with(status.clone())]).counts.unchanged,
            1,
            "revoked, {status} in the export"
        );
        assert_unchanged(harness, &[record(1)], &before, "revoked, less in the export");
    }
}

/// A credential that was revoked between reading and writing stays revoked.
pub fn a_revocation_between_reading_and_writing_stands(harness: &mut Harness) {
    if !harness.profile().keeps_status {
        return; // no place for a revocation; a removal there is a rule of its own
    }
    for (seed, status) in [(1, Status::Revoked), (2, Status::Suspended), (3, Status::parse("locked"))] {
        let active = record(seed);
        let export = CredentialRecord { sign_count: SignCount(7), ..active.clone() };
        harness.insert(std::slice::from_ref(&active));
        let read = harness.held(&active);
        let barred = StoredRecord { status: Some(status.clone()), ..read.clone() };
        let report = harness.report(std::slice::from_ref(&export), |sink, report| {
            let revoke = Write::Update { stored: &read, merged: &barred };
            let mut race = Race::new(sink, |sink| rival(sink, &[revoke]));
            apply(&mut race, &located(std::slice::from_ref(&export)), Authority::Export, report)
        });
        let what = format!("{status} between reading and writing");
        assert_conflict(&report, FaultCode::Reactivated, &what);
        assert_holds(harness, &barred, &active, &what);

        let raised = StoredRecord { sign_count: SignCount(9), ..read.clone() };
        let stale = Write::Update { stored: &read, merged: &raised };
        assert_eq!(harness.write(stale), Written::Changed, "{what}, and written all the same");
        assert_holds(harness, &barred, &active, &what);
    }
}

/// Where no status is kept, a credential that is not active is left out, and one that was active is removed.
pub fn only_active_credentials_stand_where_no_status_is_kept(harness: &mut Harness) {
    if harness.profile().keeps_status {
        return; // there it stands with its status
    }
    let barred = ["suspended", "revoked", "pending", "Active", "locked"].map(Status::parse);
    for (seed, status) in (1..).zip(barred) {
        let report = harness.import(&[CredentialRecord { status: status.clone(), ..record(seed) }]);
        // A word that nobody knows is left out too, but not in silence.
        let left_out = match status {
            Status::Other(_) => report.counts.conflict,
            _ => report.counts.skipped,
        };
        assert_eq!(left_out, 1, "new and {status}: {:?}", report.counts);
        assert!(harness.stored(&record(seed)).is_none(), "new and {status}, but there");
    }
    let (one, beside) = (record(11), record(12));
    let revoked = CredentialRecord { status: Status::Revoked, ..one.clone() };
    harness.insert(&[one.clone(), beside.clone()]);
    // A login before the removal moves the counter, and the removal is as right as before.
    let read = harness.held(&one);
    let used = StoredRecord { sign_count: SignCount(80), ..read.clone() };
    assert_eq!(harness.write(Write::Update { stored: &read, merged: &used }), Written::Done);
    assert_eq!(harness.import(std::slice::from_ref(&revoked)).counts.removed, 1, "active, now revoked");
    assert!(harness.stored(&one).is_none(), "revoked in the export, but still there");
    assert_holds(harness, &harness.represent(&beside), &beside, "beside a removal");
    assert_eq!(harness.import(std::slice::from_ref(&revoked)).counts.skipped, 1, "removed before");

    // Deleted and registered again, with another key, between reading and writing: that one is not ours to remove.
    let native = CredentialRecord { public_key: key(Algorithm::Es256, 666), ..one.clone() };
    harness.insert(std::slice::from_ref(&one));
    let read = harness.held(&one);
    let report = harness.report(std::slice::from_ref(&revoked), |sink, report| {
        let mut race = Race::new(sink, |sink| {
            rival(sink, &[Write::Remove { stored: &read }]);
            rival(sink, &[Write::Insert(&native)]);
        });
        apply(&mut race, &located(std::slice::from_ref(&revoked)), Authority::Export, report)
    });
    assert_conflict(&report, FaultCode::KeyChanged, "registered again before a removal");
    assert_holds(harness, &harness.represent(&native), &native, "registered again before a removal");
}

/// Once the target is in charge, an import adds what is new and changes nothing that is there.
pub fn a_target_in_charge_only_gains(harness: &mut Harness) {
    let (held, new) = (record(1), record(2));
    harness.insert(std::slice::from_ref(&held));
    let before = harness.content(std::slice::from_ref(&held));
    for status in [Status::Active, Status::Revoked] {
        let moved = CredentialRecord {
            sign_count: SignCount(70),
            transports: Some(Transports::new(["usb"])),
            backup: Some(Backup::BackedUp),
            status,
            ..held.clone()
        };
        let report = harness.apply(&[moved], Authority::Target);
        assert_eq!(report.counts.unchanged, 1, "{:?}", report.counts);
        assert_unchanged(harness, std::slice::from_ref(&held), &before, "the target is in charge");
    }
    let report = harness.apply(&[held, new.clone()], Authority::Target);
    assert_eq!((report.counts.unchanged, report.counts.inserted), (1, 1), "{:?}", report.counts);
    assert_holds(harness, &harness.represent(&new), &new, "new while the target is in charge");
    let kept = StoredRecord::from(&new).differences(&harness.represent(&new));
    let reported: Vec<Item> = report.not_kept.keys().copied().collect();
    // An active credential needs no status, and one of its identifiers stands there as the account.
    let is_said = |item: &Item| {
        matches!(item, Item::Status)
            || (matches!(item, Item::ExternalUserId) && harness.represent(&new).account.is_some())
    };
    let kept: Vec<Item> = kept.into_iter().filter(|item| !is_said(item)).collect();
    assert!(kept.iter().all(|item| reported.contains(item)), "not kept, and not reported: {kept:?}");
}
