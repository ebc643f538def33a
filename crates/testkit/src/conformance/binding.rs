//! A credential stays with its user, its key and its relying party, whoever asks for what.

use keyferry_core::{
    Authority, Backup, CredentialRecord, FaultCode, Item, SignCount, Status, StoredRecord, Transports, Write,
    Written, apply,
};

use super::{
    Harness,
    checks::{assert_conflict, assert_holds, assert_unchanged, located},
    race::{Race, rival},
};
use crate::{
    Algorithm,
    records::{identifier, key, of_user, record, rp_id, user_handle},
};

/// What a row of an export may try to do to a credential that is there.
struct Attack {
    what: &'static str,
    /// The item that gives it away, where the target keeps it.
    item: Item,
    code: FaultCode,
    record: CredentialRecord,
}

fn victim() -> CredentialRecord {
    of_user(record(1), "José")
}

/// Every way to name another owner, each with changes beside it that would be legal by themselves.
fn attacks(victim: &CredentialRecord) -> Vec<Attack> {
    let mut list = Vec::new();
    let mut add = |what, item, code, record: CredentialRecord| {
        let record = CredentialRecord {
            sign_count: SignCount(victim.sign_count.0 + 100),
            transports: Some(Transports::new(["usb"])),
            ..record
        };
        list.push(Attack { what, item, code, record });
    };
    let with_account = |name: &str| CredentialRecord { account: identifier(name), ..victim.clone() };
    let key = key(Algorithm::Es256, 666);
    let user = FaultCode::UserChanged;
    add("another user", Item::Account, user, of_user(victim.clone(), "mallory"));
    for (what, name) in [
        ("another account", "mallory"),
        ("an account of another case", "JOSÉ"),
        ("an account without the accent", "Jose"),
        ("an account with a space at its end", "José "),
        ("an account in another normal form", "Jose\u{301}"),
        ("an account that goes on", "Joséphine"),
    ] {
        add(what, Item::Account, user, with_account(name));
    }
    let external = Some(identifier("mallory"));
    let other = CredentialRecord { external_user_id: external.clone(), ..victim.clone() };
    add("another external user ID", Item::ExternalUserId, user, other);
    let other = CredentialRecord { user_id: external, ..victim.clone() };
    add("another user ID", Item::UserId, user, other);
    let other = CredentialRecord { public_key: key.clone(), ..victim.clone() };
    add("another key", Item::PublicKey, FaultCode::KeyChanged, other);
    let other = CredentialRecord { public_key: key, ..of_user(victim.clone(), "mallory") };
    add("another user and key", Item::PublicKey, FaultCode::KeyChanged, other);
    let other = CredentialRecord { rp_id: rp_id("evil.example"), ..victim.clone() };
    add("another RP ID", Item::RpId, FaultCode::RpIdChanged, other);
    let other = CredentialRecord { backup: Some(Backup::SingleDevice), ..victim.clone() };
    add("another backup eligibility", Item::BackupEligible, FaultCode::BackupEligibleChanged, other);
    let other = CredentialRecord { user_handle: Some(user_handle(b"mallory")), ..victim.clone() };
    add("another user handle", Item::UserHandle, FaultCode::UserHandleChanged, other);
    list
}

/// Tells whether a target keeps the item, by what it keeps of a record in which everything is known.
fn keeps(stored: &StoredRecord, item: Item) -> bool {
    match item {
        Item::Account => stored.account.is_some(),
        Item::ExternalUserId => stored.external_user_id.is_some(),
        Item::UserId => stored.user_id.is_some(),
        Item::RpId => stored.rp_id.is_some(),
        Item::BackupEligible => stored.backup.is_some(),
        Item::UserHandle => stored.user_handle.is_some(),
        _ => true, // the ID and the key, without which no target can work
    }
}

/// An export that names another owner of a credential, or denies what never changes, meets a conflict.
///
/// Nothing of such a row is written, not even what would be legal by itself; neither is a revocation by it believed.
pub fn a_credential_never_moves(harness: &mut Harness) {
    let victim = victim();
    harness.insert(std::slice::from_ref(&victim));
    let before = harness.content(std::slice::from_ref(&victim));
    let represented = harness.represent(&victim);
    // What a target has no place for it cannot compare; that it is not kept stands in the report.
    for attack in attacks(&victim).into_iter().filter(|attack| keeps(&represented, attack.item)) {
        for status in [Status::Active, Status::Revoked] {
            for authority in [Authority::Export, Authority::Target] {
                let row = CredentialRecord { status: status.clone(), ..attack.record.clone() };
                let what = format!("{}, {status}, {authority:?}", attack.what);
                assert_conflict(&harness.apply(&[row], authority), attack.code, &what);
                assert_unchanged(harness, std::slice::from_ref(&victim), &before, &what);
            }
        }
    }
}

/// An insert of an ID that is there is [`Written::Changed`], even of the very same record, and twice in one batch.
pub fn a_taken_id_is_not_inserted_again(harness: &mut Harness) {
    let victim = victim();
    harness.insert(std::slice::from_ref(&victim));
    let before = harness.content(std::slice::from_ref(&victim));
    assert_eq!(harness.write(Write::Insert(&victim)), Written::Changed, "the same record again");
    // The ID alone counts here, so this holds for targets that keep no user, too.
    for attack in attacks(&victim) {
        assert_eq!(harness.write(Write::Insert(&attack.record)), Written::Changed, "{}", attack.what);
        assert_unchanged(harness, std::slice::from_ref(&victim), &before, attack.what);
    }
    let (new, rest) = (record(2), record(3));
    let other = CredentialRecord { public_key: key(Algorithm::Es256, 666), ..new.clone() };
    let answers = harness.upsert(&[Write::Insert(&new), Write::Insert(&other), Write::Insert(&rest)]);
    assert_eq!(answers, [Written::Done, Written::Changed, Written::Done], "an ID twice in one batch");
    assert_holds(harness, &harness.represent(&new), &new, "an ID twice in one batch");
}

/// An update or a removal of an ID that is not there is [`Written::Changed`] and adds nothing.
pub fn a_missing_credential_is_neither_updated_nor_removed(harness: &mut Harness) {
    let (here, gone) = (record(1), record(2));
    harness.insert(std::slice::from_ref(&here));
    let stored = harness.represent(&gone);
    let merged = StoredRecord { sign_count: SignCount(50), ..stored.clone() };
    let update = Write::Update { stored: &stored, merged: &merged };
    assert_eq!(harness.write(update), Written::Changed, "an update of nothing");
    if !harness.profile().keeps_status {
        assert_eq!(
            harness.write(Write::Remove { stored: &stored }),
            Written::Changed,
            "a removal of nothing"
        );
    }
    assert!(harness.stored(&gone).is_none(), "an update added what was not there");
    assert_holds(harness, &harness.represent(&here), &here, "beside an update of nothing");
}

/// An update that was decided on for another owner's credential is [`Written::Changed`] and changes nothing.
///
/// So it is when the credential was deleted, and its ID registered again, between reading and writing.
pub fn a_stale_update_moves_nothing(harness: &mut Harness) {
    each_stale_view(harness, |harness, stale, what| {
        let merged = StoredRecord { sign_count: SignCount(900), ..stale.clone() };
        let answer = harness.write(Write::Update { stored: stale, merged: &merged });
        assert_eq!(answer, Written::Changed, "an update that was read of {what}");
    });
}

/// A removal that was decided on for another owner's credential is [`Written::Changed`], and the credential stays.
pub fn a_stale_removal_takes_nothing(harness: &mut Harness) {
    // A target with a status is never asked to remove anything.
    if harness.profile().keeps_status {
        return;
    }
    each_stale_view(harness, |harness, stale, what| {
        let answer = harness.write(Write::Remove { stored: stale });
        assert_eq!(answer, Written::Changed, "a removal that was read of {what}");
    });
}

/// Hands out views of the victim's credential as it is not, as if they had been read before it changed.
fn each_stale_view(harness: &Harness, attempt: impl Fn(&Harness, &StoredRecord, &str)) {
    let victim = victim();
    harness.insert(std::slice::from_ref(&victim));
    let before = harness.content(std::slice::from_ref(&victim));
    let represented = harness.represent(&victim);
    for attack in attacks(&victim).into_iter().filter(|attack| keeps(&represented, attack.item)) {
        let Ok(stale) = harness.profile().represent(&attack.record) else { continue };
        attempt(harness, &stale, attack.what);
        assert_unchanged(harness, std::slice::from_ref(&victim), &before, attack.what);
    }
}

/// A user handle or a backup eligibility that was unknown when it was read, and is known now, is not overwritten.
pub fn what_was_unknown_is_not_overwritten(harness: &mut Harness) {
    let single = CredentialRecord { backup: Some(Backup::SingleDevice), ..record(1) };
    let Ok(held) = harness.profile().represent(&single) else { return }; // then it holds no such credential
    harness.insert(std::slice::from_ref(&single));
    let raised = StoredRecord { sign_count: SignCount(900), ..held.clone() };
    let unchanged = |stale: &StoredRecord, merged: &StoredRecord, what: &str| {
        let answer = harness.write(Write::Update { stored: stale, merged });
        assert_eq!(answer, Written::Changed, "{what} was unknown when it was read");
        assert_holds(harness, &held, &single, what);
    };
    // Only where the target can leave the item empty can it have been read as unknown.
    let unknown = CredentialRecord { backup: None, ..single.clone() };
    if held.backup.is_some() && harness.profile().represent(&unknown).is_ok_and(|row| row.backup.is_none()) {
        let stale = StoredRecord { backup: None, ..held.clone() };
        let merged = StoredRecord { backup: Some(Backup::Eligible), ..raised.clone() };
        unchanged(&stale, &merged, "backup eligibility");
    }
    let unknown = CredentialRecord { user_handle: None, ..single.clone() };
    if held.user_handle.is_some()
        && harness.profile().represent(&unknown).is_ok_and(|row| row.user_handle.is_none())
    {
        let stale = StoredRecord { user_handle: None, ..held.clone() };
        let merged = StoredRecord { user_handle: Some(user_handle(b"mallory")), ..raised };
        unchanged(&stale, &merged, "the user handle");
    }
}

/// Two that insert one ID at the same time end in one credential and one conflict; the first stays whole.
pub fn a_race_for_an_id_ends_in_a_conflict(harness: &mut Harness) {
    let native = of_user(record(1), "native");
    let exported = CredentialRecord { credential_id: native.credential_id.clone(), ..record(2) };
    let report = harness.report(std::slice::from_ref(&exported), |sink, report| {
        let mut race = Race::new(sink, |sink| rival(sink, &[Write::Insert(&native)]));
        apply(&mut race, &located(std::slice::from_ref(&exported)), Authority::Export, report)
    });
    assert_conflict(&report, FaultCode::KeyChanged, "an ID that was registered meanwhile");
    assert_holds(harness, &harness.represent(&native), &native, "the credential that was there first");

    // The same record from two imports is no contradiction: it is there, as it should be.
    let twice = record(3);
    let report = harness.report(std::slice::from_ref(&twice), |sink, report| {
        let mut race = Race::new(sink, |sink| rival(sink, &[Write::Insert(&twice)]));
        apply(&mut race, &located(std::slice::from_ref(&twice)), Authority::Export, report)
    });
    assert_eq!(report.counts.unchanged, 1, "imported by somebody else meanwhile: {:?}", report.counts);
}
