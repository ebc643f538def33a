//! What an import would do to one credential: the rules of a safe import, pure.

use crate::{Backup, CannotLogIn, CredentialRecord, Fault, FaultCode, Item, Profile, Status, StoredRecord};

/// Says who is in charge of a credential that is in the target already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Authority {
    /// Before the switch: backup state, transports and status follow the export.
    #[default]
    Export,
    /// After the switch: only new credentials are added.
    Target,
}

/// What an import would do to one credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// It is new.
    Insert,
    /// Some of its items change; never user, key, RP ID or backup eligibility.
    Update {
        /// The credential as it shall stand.
        merged: Box<StoredRecord>,
        /// What changes.
        items: Vec<Item>,
    },
    /// It stands there as it should.
    Unchanged {
        /// The target's sign count is above the exported one: it was used there since, or the export is old.
        stale_sign_count: bool,
    },
    /// It is not active any more, and the target has no status to say so.
    Remove,
    /// It is left out on purpose.
    Skip(CannotLogIn),
    /// What is asked for is forbidden.
    Conflict(Fault),
}

/// Compares a record with what a target holds under its credential ID.
///
/// - A credential never moves to another user, key or RP ID; its backup eligibility never changes; a user handle that
///   is known is not replaced.
/// - The sign count becomes the higher one.
/// - Backup state, transports and status follow the export, but what it does not know erases nothing, and a status only
///   moves forwards: pending, active, suspended, revoked.
/// - Where the target has no status, a credential that is not active is removed, or left out.
/// - A status that is not known is never written: a new spelling of `active` must not bar everybody.
pub fn compare(
    stored: Option<&StoredRecord>,
    record: &CredentialRecord,
    profile: &Profile,
    authority: Authority,
) -> Comparison {
    let is_unknown = matches!(record.status, Status::Other(_));
    let barred = !profile.keeps_status && !record.status.is_active();
    let Some(stored) = stored else {
        // Not left out on purpose: nobody knows what the word means, and an operator must.
        if is_unknown {
            return Comparison::Conflict(unknown_status("it is left out"));
        }
        if barred {
            return Comparison::Skip(CannotLogIn::of_status(&record.status));
        }
        if profile.lost(record).is_some() {
            return Comparison::Insert;
        }
        return match profile.represent(record) {
            Err(reason) => Comparison::Skip(reason),
            Ok(_) => Comparison::Insert,
        };
    };
    // Against the whole record, not its representation: what a target cannot keep is unknown there and passes.
    if let Some(fault) = forbidden(stored, &StoredRecord::from(record)) {
        return Comparison::Conflict(fault);
    }
    let stale_sign_count = stored.sign_count > record.sign_count;
    if authority == Authority::Target {
        return Comparison::Unchanged { stale_sign_count };
    }
    if is_unknown && stored.status.as_ref() != Some(&record.status) {
        return Comparison::Conflict(unknown_status("the target's own stays"));
    }
    if barred {
        // What stands there is active. Pending comes before that: an older export, not a reason to bar anybody.
        return match record.status.stage() < Status::Active.stage() {
            true => Comparison::Unchanged { stale_sign_count },
            false => Comparison::Remove,
        };
    }
    let wanted = match profile.represent(record) {
        Ok(wanted) => wanted,
        // What cannot be written any more can still be barred.
        Err(_) if profile.keeps_status && !record.status.is_active() => {
            StoredRecord { status: Some(record.status.clone()), ..stored.clone() }
        }
        Err(reason) => return Comparison::Skip(reason),
    };
    if let Some(fault) = reactivation(stored, &wanted) {
        return Comparison::Conflict(fault);
    }
    let merged = merge(stored, wanted);
    let items = stored.differences(&merged);
    if items.is_empty() {
        return Comparison::Unchanged { stale_sign_count };
    }
    Comparison::Update { merged: Box::new(merged), items }
}

/// Returns what the target does not give back of a record for which nothing is to be done where it holds exactly what it
/// keeps; `None` where that is not known.
///
/// [`compare`] then says the same of the record's representation, and finds no sign count that is ahead; and an import
/// writes the record into an empty target.
pub(crate) fn settled(record: &CredentialRecord, profile: &Profile) -> Option<&'static [Item]> {
    profile.lost(record).filter(|_| record.status.is_active())
}

/// Finds what an import must never change; an item that one side does not know is no contradiction.
fn forbidden(stored: &StoredRecord, wanted: &StoredRecord) -> Option<Fault> {
    fn differ<T: PartialEq>(stored: &Option<T>, wanted: &Option<T>) -> bool {
        matches!((stored, wanted), (Some(stored), Some(wanted)) if stored != wanted)
    }
    let eligible = |backup: Option<Backup>| backup.map(Backup::eligible);
    let conflict = |item, code, what: &str| {
        Some(Fault::new(item, code, format!("the target holds this credential {what}")))
    };
    if !stored.public_key.is_same_key(&wanted.public_key) {
        return conflict(Item::PublicKey, FaultCode::KeyChanged, "ID with another public key");
    }
    for (item, changed) in [
        (Item::Account, differ(&stored.account, &wanted.account)),
        (Item::ExternalUserId, differ(&stored.external_user_id, &wanted.external_user_id)),
        (Item::UserId, differ(&stored.user_id, &wanted.user_id)),
    ] {
        if changed {
            return conflict(item, FaultCode::UserChanged, "for another user");
        }
    }
    if differ(&stored.rp_id, &wanted.rp_id) {
        return conflict(Item::RpId, FaultCode::RpIdChanged, "for another RP ID");
    }
    if differ(&eligible(stored.backup), &eligible(wanted.backup)) {
        return conflict(
            Item::BackupEligible,
            FaultCode::BackupEligibleChanged,
            "with another backup eligibility",
        );
    }
    if differ(&stored.user_handle, &wanted.user_handle) {
        return conflict(Item::UserHandle, FaultCode::UserHandleChanged, "with another user handle");
    }
    None
}

fn unknown_status(outcome: &str) -> Fault {
    let message = format!("not one of active, suspended, revoked and pending; {outcome}");
    Fault::new(Item::Status, FaultCode::StatusUnknown, message)
}

fn reactivation(stored: &StoredRecord, wanted: &StoredRecord) -> Option<Fault> {
    let (held, wanted) = (stored.status.as_ref()?, wanted.status.as_ref()?);
    (wanted.is_active() && held.stage() > wanted.stage()).then(|| {
        let message =
            format!("active in the export, but the target holds it as {}", crate::Shown(held.as_str()));
        Fault::new(Item::Status, FaultCode::Reactivated, message)
    })
}

fn merge(stored: &StoredRecord, wanted: StoredRecord) -> StoredRecord {
    let status = match (&stored.status, wanted.status) {
        (Some(held), Some(status)) if status.stage() > held.stage() => Some(status),
        (held, _) => held.clone(),
    };
    StoredRecord {
        sign_count: stored.sign_count.max(wanted.sign_count),
        transports: wanted.transports.or_else(|| stored.transports.clone()),
        backup: wanted.backup.or(stored.backup),
        user_handle: stored.user_handle.clone().or(wanted.user_handle),
        status,
        ..stored.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Identifier, RpId, SignCount, Status, Transports, UserHandle, Verdict,
        items::tests_support::{key, record},
    };

    fn keeps_all() -> Profile {
        Profile {
            name: "all",
            library: "none".into(),
            keeps_status: true,
            represent: Verdict::Fixed(|record| Ok(StoredRecord::from(record))),
            verifies: Verdict::Fixed(|_| Ok(())),
        }
    }

    fn without_status() -> Profile {
        let represent =
            |record: &CredentialRecord| Ok(StoredRecord { status: None, ..StoredRecord::from(record) });
        Profile { keeps_status: false, represent: Verdict::Fixed(represent), ..keeps_all() }
    }

    fn run(stored: &StoredRecord, record: &CredentialRecord) -> Comparison {
        compare(Some(stored), record, &keeps_all(), Authority::Export)
    }

    fn code(comparison: Comparison) -> FaultCode {
        match comparison {
            Comparison::Conflict(fault) => fault.code,
            other => panic!("expected a conflict, found {other:?}"),
        }
    }

    fn updated(comparison: Comparison) -> (StoredRecord, Vec<Item>) {
        match comparison {
            Comparison::Update { merged, items } => (*merged, items),
            other => panic!("expected an update, found {other:?}"),
        }
    }

    #[test]
    fn a_credential_never_moves() {
        let record = record(1);
        let held = StoredRecord::from(&record);
        let other = |item| Some(Identifier::new(item, "mallory").unwrap());
        for (stored, expected) in [
            (StoredRecord { public_key: key(2), ..held.clone() }, FaultCode::KeyChanged),
            (StoredRecord { account: other(Item::Account), ..held.clone() }, FaultCode::UserChanged),
            (StoredRecord { user_id: other(Item::UserId), ..held.clone() }, FaultCode::UserChanged),
            (
                StoredRecord { external_user_id: other(Item::ExternalUserId), ..held.clone() },
                FaultCode::UserChanged,
            ),
            (
                StoredRecord { rp_id: Some(RpId::parse("evil.example").unwrap()), ..held.clone() },
                FaultCode::RpIdChanged,
            ),
            (
                StoredRecord { backup: Some(Backup::SingleDevice), ..held.clone() },
                FaultCode::BackupEligibleChanged,
            ),
        ] {
            for authority in [Authority::Export, Authority::Target] {
                assert_eq!(code(compare(Some(&stored), &record, &keeps_all(), authority)), expected);
                let revoked = CredentialRecord { status: Status::Revoked, ..record.clone() };
                assert_eq!(code(compare(Some(&stored), &revoked, &without_status(), authority)), expected);
            }
        }
        let handle = |byte| Some(UserHandle::new([byte]).unwrap());
        let stored = StoredRecord { user_handle: handle(1), ..held.clone() };
        let with_handle = CredentialRecord { user_handle: handle(2), ..record.clone() };
        assert_eq!(code(run(&stored, &with_handle)), FaultCode::UserHandleChanged);
        assert_eq!(updated(run(&held, &with_handle)).1, [Item::UserHandle]);
        assert_eq!(run(&stored, &record), Comparison::Unchanged { stale_sign_count: false });
    }

    #[test]
    fn the_sign_count_only_rises() {
        let record = record(1); // 5
        let with = |count| StoredRecord { sign_count: SignCount(count), ..StoredRecord::from(&record) };
        assert_eq!(run(&with(5), &record), Comparison::Unchanged { stale_sign_count: false });
        assert_eq!(run(&with(6), &record), Comparison::Unchanged { stale_sign_count: true });
        let (merged, items) = updated(run(&with(4), &record));
        assert_eq!((merged.sign_count, items), (SignCount(5), vec![Item::SignCount]));
    }

    #[test]
    fn backup_state_follows_and_unknown_erases_nothing() {
        let record = record(1); // backed up
        let with = |backup| StoredRecord { backup, ..StoredRecord::from(&record) };
        assert_eq!(updated(run(&with(Some(Backup::Eligible)), &record)).1, [Item::BackupState]);
        assert_eq!(updated(run(&with(None), &record)).1, [Item::BackupEligible, Item::BackupState]);
        let unknown = CredentialRecord { backup: None, transports: None, ..record.clone() };
        assert_eq!(
            run(&with(Some(Backup::BackedUp)), &unknown),
            Comparison::Unchanged { stale_sign_count: false }
        );
        let moved = CredentialRecord { transports: Some(Transports::new(["usb"])), ..record.clone() };
        assert_eq!(updated(run(&with(record.backup), &moved)).1, [Item::Transports]);
    }

    #[test]
    fn every_step_of_a_status() {
        let all = ["pending", "active", "suspended", "odd", "revoked"].map(Status::parse);
        for held in &all {
            for wanted in &all {
                let stored = StoredRecord { status: Some(held.clone()), ..StoredRecord::from(&record(1)) };
                let incoming = CredentialRecord { status: wanted.clone(), ..record(1) };
                let result = run(&stored, &incoming);
                match (held.stage(), wanted.stage()) {
                    _ if *wanted == Status::Other("odd".into()) && held != wanted => {
                        assert_eq!(code(result), FaultCode::StatusUnknown);
                    }
                    (held, 1) if held > 1 => assert_eq!(code(result), FaultCode::Reactivated),
                    (held, new) if new > held => assert_eq!(updated(result).0.status.as_ref(), Some(wanted)),
                    _ => assert_eq!(result, Comparison::Unchanged { stale_sign_count: false }),
                }
            }
        }
    }

    #[test]
    fn without_a_status_only_active_credentials_stand_there() {
        let active = record(1);
        let revoked = CredentialRecord { status: Status::Revoked, ..record(1) };
        let stored = without_status().represent(&active).unwrap();
        let run = |stored, record| compare(stored, record, &without_status(), Authority::Export);
        assert_eq!(run(None, &active), Comparison::Insert);
        assert_eq!(run(None, &revoked), Comparison::Skip(CannotLogIn::Status(Status::Revoked)));
        assert_eq!(run(Some(&stored), &revoked), Comparison::Remove);
        let pending = CredentialRecord { status: Status::Pending, ..record(1) };
        assert_eq!(run(Some(&stored), &pending), Comparison::Unchanged { stale_sign_count: false });
    }

    #[test]
    fn a_new_spelling_of_active_bars_nobody() {
        let drifted = CredentialRecord { status: Status::parse("Active"), ..record(1) };
        for profile in [keeps_all(), without_status()] {
            let stored = profile.represent(&record(1)).unwrap();
            let run = |stored| compare(stored, &drifted, &profile, Authority::Export);
            assert_eq!(code(run(None)), FaultCode::StatusUnknown);
            assert_eq!(code(run(Some(&stored))), FaultCode::StatusUnknown);
        }
    }

    #[test]
    fn what_cannot_be_written_any_more_can_still_be_barred() {
        let profile =
            Profile { represent: Verdict::Fixed(|_| Err(CannotLogIn::BackupUnknown)), ..keeps_all() };
        let revoked = CredentialRecord { status: Status::Revoked, ..record(1) };
        let stored = StoredRecord::from(&record(1));
        let (merged, items) = updated(compare(Some(&stored), &revoked, &profile, Authority::Export));
        assert_eq!((merged.status, items), (Some(Status::Revoked), vec![Item::Status]));
    }

    #[test]
    fn what_a_target_cannot_hold_is_left_out() {
        let profile =
            Profile { represent: Verdict::Fixed(|_| Err(CannotLogIn::BackupUnknown)), ..keeps_all() };
        let record = record(1);
        assert_eq!(
            compare(None, &record, &profile, Authority::Export),
            Comparison::Skip(CannotLogIn::BackupUnknown)
        );
        let other = StoredRecord { public_key: key(2), ..StoredRecord::from(&record) };
        assert_eq!(code(compare(Some(&other), &record, &profile, Authority::Export)), FaultCode::KeyChanged);
    }

    #[test]
    fn a_target_in_charge_only_gains() {
        let record = record(1);
        let older =
            StoredRecord { sign_count: SignCount(1), transports: None, ..StoredRecord::from(&record) };
        let target = |stored| compare(stored, &record, &keeps_all(), Authority::Target);
        assert_eq!(target(Some(&older)), Comparison::Unchanged { stale_sign_count: false });
        assert_eq!(target(None), Comparison::Insert);
    }
}
