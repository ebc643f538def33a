//! What is written is what is read: every record, by its ID alone.

use std::collections::HashSet;

use keyferry_core::{CredentialId, CredentialRecord, Item, Status, StoredRecord, Write, Written};

use super::{
    Harness,
    checks::{assert_holds, assert_same},
    harness::done,
    variants::{self, Variant},
};
use crate::records::{credential_id, record};

/// An empty target fetches nothing, before and after a run that had nothing to write.
pub fn an_empty_target_fetches_nothing(harness: &mut Harness) {
    let records = [record(1), record(2)];
    let ids: Vec<_> = records.iter().map(|record| &record.credential_id).collect();
    for _ in 0..2 {
        harness.abandon(|sink| {
            assert!(done(sink.fetch(&ids)).is_empty(), "an empty target holds something");
            assert!(done(sink.fetch(&[])).is_empty(), "nothing was asked for");
        });
        assert!(harness.upsert(&[]).is_empty(), "nothing was to be written");
    }
}

/// An ID that is not there is left out of the answer, whatever stands beside it.
pub fn an_unknown_id_is_absent(harness: &mut Harness) {
    let (here, absent) = (record(1), record(2));
    harness.insert(std::slice::from_ref(&here));
    let found = harness.through(|sink| sink.fetch(&[&absent.credential_id, &here.credential_id]));
    assert_eq!(found.len(), 1, "one of two is there");
    assert_same(&found[0], &harness.represent(&here), "beside an unknown ID");
    assert!(harness.stored(&absent).is_none(), "an unknown ID has an answer");
}

/// An ID that is asked for twice in one batch is answered once.
pub fn an_id_asked_for_twice_is_answered_once(harness: &mut Harness) {
    let (one, two) = (record(1), record(2));
    harness.insert(&[one.clone(), two.clone()]);
    let (one, two) = (&one.credential_id, &two.credential_id);
    let found = harness.through(|sink| sink.fetch(&[one, two, one, one, two]));
    let distinct: HashSet<_> = found.iter().map(|stored| &stored.credential_id).collect();
    assert_eq!((found.len(), distinct.len()), (2, 2), "two IDs were asked for, some of them twice");
}

/// A representation never changes ID, key, counter, user, RP ID, backup or status: each is as exported or not kept.
///
/// What no login depends on (transports, times, names of models) a target may round or drop; the report then says so.
pub fn a_representation_is_honest(harness: &mut Harness) {
    let profile = harness.profile();
    for (what, record) in variants::all() {
        let stored = match profile.represent(&record) {
            Ok(stored) => stored,
            Err(reason) => {
                let says = profile.verifies(&record);
                assert!(says.is_err(), "{what}: cannot be held ({reason}), but is said to log in");
                continue;
            }
        };
        let whole = StoredRecord::from(&record);
        for item in whole.differences(&stored) {
            let dropped = match item {
                Item::CredentialId | Item::PublicKey | Item::SignCount => false,
                Item::BackupEligible | Item::BackupState => stored.backup.is_none(),
                Item::Status => stored.status.is_none(),
                Item::UserId => stored.user_id.is_none(),
                Item::ExternalUserId => stored.external_user_id.is_none(),
                Item::UserHandle => stored.user_handle.is_none(),
                Item::RpId => stored.rp_id.is_none(),
                Item::Account => stored.account.is_none(),
                _ => true,
            };
            assert!(dropped, "{what}: the representation has another {item} than the record");
        }
        assert_eq!(stored.status.is_some(), profile.keeps_status, "{what}: `keeps_status` and `represent`");
    }
}

/// Every item comes back as it is represented, whether everything is known of a credential or nothing.
pub fn every_item_is_kept(harness: &mut Harness) {
    are_kept(harness, &variants::items());
}

/// IDs of 1 to 1023 bytes come back, of any bytes.
pub fn credential_ids_are_kept(harness: &mut Harness) {
    are_kept(harness, &variants::ids());
}

/// Names of users come back byte for byte, whatever they look like to other programs.
pub fn identifiers_are_kept(harness: &mut Harness) {
    are_kept(harness, &variants::identifiers());
}

/// Transports keep their order and values that nobody knows; absent ones are not empty ones.
pub fn transports_are_kept(harness: &mut Harness) {
    are_kept(harness, &variants::transports());
}

/// Sign counts from 0 to 4294967295 come back.
pub fn sign_counts_are_kept(harness: &mut Harness) {
    are_kept(harness, &variants::sign_counts());
}

/// Times come back as they are represented, before 1970 and to the microsecond.
pub fn times_are_kept(harness: &mut Harness) {
    are_kept(harness, &variants::times());
}

/// Keys of every algorithm come back in the same bytes.
pub fn keys_are_kept(harness: &mut Harness) {
    are_kept(harness, &variants::keys());
}

/// A target with a status keeps each of them; one without holds the active credentials alone.
pub fn statuses_are_kept(harness: &mut Harness) {
    are_kept(harness, &variants::statuses());
}

/// Imports all variants in one batch; what the target cannot hold must be left out, and the rest come back.
fn are_kept(harness: &Harness, variants: &[Variant]) {
    let profile = harness.profile();
    let records: Vec<_> = variants.iter().map(|(_, record)| record.clone()).collect();
    let report = harness.import(&records);
    let mut kept = 0;
    for (what, record) in variants {
        // A status that nobody knows is written nowhere.
        let is_unknown = matches!(record.status, Status::Other(_));
        let is_barred = is_unknown || (!profile.keeps_status && !record.status.is_active());
        match profile.represent(record) {
            Ok(wanted) if !is_barred => {
                kept += 1;
                assert_holds(harness, &wanted, record, what);
            }
            _ => assert!(harness.stored(record).is_none(), "{what}: there, though it cannot be held"),
        }
    }
    let left_out = report.counts.skipped + report.counts.conflict;
    assert_eq!((report.counts.inserted, left_out), (kept, report.counts.read - kept));
}

/// Two IDs that differ in any bit are two credentials.
pub fn near_ids_are_different_ids(harness: &mut Harness) {
    let pairs = variants::near_ids();
    let with = |id: &CredentialId, seed| CredentialRecord { credential_id: id.clone(), ..record(seed) };
    let ones: Vec<_> = (100..).zip(&pairs).map(|(seed, (_, one, _))| with(one, seed)).collect();
    let others: Vec<_> = (200..).zip(&pairs).map(|(seed, (_, _, other))| with(other, seed)).collect();
    harness.insert(&ones);
    for ((what, ..), other) in pairs.iter().zip(&others) {
        assert!(harness.stored(other).is_none(), "an ID was found for another one; they differ in {what}");
    }
    harness.insert(&others);
    for ((what, ..), (one, other)) in pairs.iter().zip(ones.iter().zip(&others)) {
        for record in [one, other] {
            assert_holds(harness, &harness.represent(record), record, &format!("IDs that differ in {what}"));
        }
    }
}

/// A sink reads what it wrote itself, before it is finished: an import looks again at what changed meanwhile.
pub fn a_sink_reads_its_own_writes(harness: &mut Harness) {
    let new = record(1);
    let wanted = harness.represent(&new);
    harness.through(|sink| {
        assert_eq!(sink.upsert(&[Write::Insert(&new)])?, [Written::Done]);
        let found = sink.fetch(&[&new.credential_id])?;
        assert_eq!(found.len(), 1, "what was just written is there");
        assert_same(&found[0], &wanted, "just written");
        assert_eq!(sink.upsert(&[Write::Insert(&new)])?, [Written::Changed], "inserted twice in one run");
        assert!(sink.fetch(&[&credential_id(b"never written")])?.is_empty());
        Ok(())
    });
    assert_holds(harness, &wanted, &new, "after the run");
}
