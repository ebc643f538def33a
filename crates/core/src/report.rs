//! The account of a run: every row is in it exactly once.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use crate::{
    CannotLogIn, CredentialRecord, Fault, Identifier, Item, Location, Profile, Status, StoredRecord,
};

/// The most faults that are kept one by one; counts go on beyond it, so memory has a bound.
const KEPT_FAULTS: usize = 1_000_000;
/// The most rows of which at least one fault is kept, so that the rejects file has the row.
const KEPT_ROWS: usize = 10_000_000;

/// What became of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// New in the target.
    Inserted,
    /// Changed in the target.
    Updated,
    /// In the target as it should be.
    Unchanged,
    /// Taken out of a target without a status, because it is not active any more.
    Removed,
    /// Left out on purpose.
    Skipped,
    /// Said by an earlier row already.
    Duplicate,
    /// Legal by itself, but forbidden.
    Conflict,
    /// Not legal.
    Refused,
}

/// How many rows each thing became of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the variants of Count")]
pub struct Counts {
    /// The rows that were read.
    pub read: u64,
    pub inserted: u64,
    pub updated: u64,
    pub unchanged: u64,
    pub removed: u64,
    pub skipped: u64,
    pub duplicate: u64,
    pub conflict: u64,
    pub refused: u64,
}

impl Counts {
    /// Returns the names and numbers in the order of the report.
    pub fn named(&self) -> [(&'static str, u64); 9] {
        [
            ("read", self.read),
            ("inserted", self.inserted),
            ("updated", self.updated),
            ("unchanged", self.unchanged),
            ("removed", self.removed),
            ("skipped", self.skipped),
            ("duplicate", self.duplicate),
            ("conflict", self.conflict),
            ("refused", self.refused),
        ]
    }

    /// Tells whether every row that was read is accounted for.
    pub fn add_up(&self) -> bool {
        let [(_, read), parts @ ..] = self.named();
        parts.iter().try_fold(0_u64, |sum, (_, part)| sum.checked_add(*part)) == Some(read)
    }

    fn each_with(&mut self, other: &Self, change: impl Fn(&mut u64, u64)) {
        let Counts { read, inserted, updated, unchanged, removed, skipped, duplicate, conflict, refused } =
            self;
        let ours = [read, inserted, updated, unchanged, removed, skipped, duplicate, conflict, refused];
        ours.into_iter().zip(other.named()).for_each(|(ours, (_, theirs))| change(ours, theirs));
    }

    fn add(&mut self, count: Count) {
        let slot = match count {
            Count::Inserted => &mut self.inserted,
            Count::Updated => &mut self.updated,
            Count::Unchanged => &mut self.unchanged,
            Count::Removed => &mut self.removed,
            Count::Skipped => &mut self.skipped,
            Count::Duplicate => &mut self.duplicate,
            Count::Conflict => &mut self.conflict,
            Count::Refused => &mut self.refused,
        };
        *slot += 1;
        self.read += 1;
    }
}

/// A fault and the row that it was found in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowFault {
    /// Where the row stands.
    pub location: Location,
    /// What is wrong.
    pub fault: Fault,
}

impl fmt::Display for RowFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.location, self.fault)
    }
}

/// The account of a run.
///
/// ```
/// use keyferry_core::{Count, Report};
/// let mut report = Report::default();
/// report.count(Count::Inserted);
/// assert!(report.counts.add_up());
/// assert!(report.is_clean());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// How many rows each thing became of.
    pub counts: Counts,
    /// How many rows cannot log in at the target, by reason; some of them are written all the same.
    pub cannot_log_in: BTreeMap<CannotLogIn, u64>,
    /// How many values the target has no place for, by item.
    pub not_kept: BTreeMap<Item, u64>,
    /// How many credentials have a higher sign count in the target than in the export.
    pub stale_sign_counts: u64,
    /// How many credentials are another backup state than the export says, which logins change.
    pub moved_backup_states: u64,
    /// The faults of refused and conflicting rows, in the order in which they were found.
    pub faults: Vec<RowFault>,
    /// How many faults were found beyond those that are kept.
    pub faults_left_out: u64,
}

impl Report {
    /// Counts a row without a fault.
    pub fn count(&mut self, count: Count) {
        self.counts.add(count);
    }

    /// Counts a row with its faults.
    pub fn fault(&mut self, count: Count, location: Location, faults: impl IntoIterator<Item = Fault>) {
        self.counts.add(count);
        for (number, fault) in faults.into_iter().enumerate() {
            let limit = if number == 0 { KEPT_ROWS } else { KEPT_FAULTS };
            if self.faults.len() < limit {
                self.faults.push(RowFault { location, fault });
            } else {
                self.faults_left_out += 1;
            }
        }
    }

    /// Notes whether a record can log in at the target, where it has this status, and what the target does not keep.
    pub fn describe(
        &mut self,
        record: &CredentialRecord,
        profile: &Profile,
        status: &Status,
        is_written: bool,
    ) {
        self.describe_login(profile.log_in_as(record, status));
        if !is_written {
            return;
        }
        if let Some(lost) = profile.lost(record) {
            self.describe_lost(record, lost);
        } else if let Ok(represented) = profile.represent(record) {
            for item in StoredRecord::from(record).differences(&represented) {
                self.not_kept_but_said(record, item, represented.account.as_ref());
            }
        }
    }

    fn describe_login(&mut self, verdict: Result<(), CannotLogIn>) {
        if let Err(reason) = verdict {
            *self.cannot_log_in.entry(reason).or_default() += 1;
        }
    }

    fn describe_lost(&mut self, record: &CredentialRecord, lost: &[Item]) {
        let keeps_account = !lost.contains(&Item::Account);
        for item in lost.iter().filter(|item| is_there(record, **item)) {
            self.not_kept_but_said(record, *item, keeps_account.then_some(&record.account));
        }
    }

    /// Accounts for an active record that stands in the target as it should, but for what the target does not give back.
    pub(crate) fn unchanged(&mut self, record: &CredentialRecord, profile: &Profile, lost: &[Item]) {
        self.count(Count::Unchanged);
        self.describe_login(profile.verifies(record));
        self.describe_lost(record, lost);
    }

    /// Counts an item that does not come back from a target that has this account.
    fn not_kept_but_said(&mut self, record: &CredentialRecord, item: Item, account: Option<&Identifier>) {
        // What the target says in other words is not lost: an active credential needs no status there, and the
        // identifier that names the account stands there as the account.
        let is_said = match item {
            Item::Status => record.status.is_active(),
            Item::UserId => account.is_some() && record.user_id.as_ref() == account,
            Item::ExternalUserId => account.is_some() && record.external_user_id.as_ref() == account,
            _ => false,
        };
        if !is_said {
            *self.not_kept.entry(item).or_default() += 1;
        }
    }

    /// Adds the account of other rows.
    pub(crate) fn add(&mut self, other: Self) {
        self.each_with(&other, |ours, theirs| *ours += theirs);
        let room = KEPT_ROWS.saturating_sub(self.faults.len());
        let left_out = other.faults.len().saturating_sub(room);
        self.faults.extend(other.faults.into_iter().take(room));
        self.faults_left_out += u64::try_from(left_out).unwrap_or(u64::MAX);
    }

    /// Takes the account of some rows back, which was given before.
    pub(crate) fn subtract(&mut self, part: &Self) {
        self.each_with(part, |ours, theirs| *ours = ours.saturating_sub(theirs));
        self.cannot_log_in.retain(|_, count| *count > 0);
        self.not_kept.retain(|_, count| *count > 0);
        let rows: BTreeSet<Location> = part.faults.iter().map(|fault| fault.location).collect();
        self.faults.retain(|fault| !rows.contains(&fault.location));
    }

    /// Changes every count by that of another report.
    fn each_with(&mut self, other: &Self, change: impl Fn(&mut u64, u64)) {
        self.counts.each_with(&other.counts, &change);
        for (reason, count) in &other.cannot_log_in {
            change(self.cannot_log_in.entry(reason.clone()).or_default(), *count);
        }
        for (item, count) in &other.not_kept {
            change(self.not_kept.entry(*item).or_default(), *count);
        }
        change(&mut self.stale_sign_counts, other.stale_sign_counts);
        change(&mut self.moved_backup_states, other.moved_backup_states);
        change(&mut self.faults_left_out, other.faults_left_out);
    }

    /// Tells whether no row was refused or in conflict.
    pub fn is_clean(&self) -> bool {
        self.counts.conflict == 0 && self.counts.refused == 0
    }
}

/// Tells whether a record says something about an item.
fn is_there(record: &CredentialRecord, item: Item) -> bool {
    match item {
        Item::Transports => record.transports.is_some(),
        Item::UvInitialized => record.uv_initialized.is_some(),
        Item::BackupEligible | Item::BackupState => record.backup.is_some(),
        Item::Aaguid => record.aaguid.is_some(),
        Item::AuthenticatorAttachment => record.authenticator_attachment.is_some(),
        Item::AttestationFormat => record.attestation_format.is_some(),
        Item::CreatedAt => record.created_at.is_some(),
        Item::UserId => record.user_id.is_some(),
        Item::ExternalUserId => record.external_user_id.is_some(),
        Item::UserHandle => record.user_handle.is_some(),
        Item::CredentialId | Item::PublicKey | Item::SignCount | Item::Row => false,
        Item::Status | Item::RpId | Item::Account => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FaultCode, Verdict, items::tests_support::record};

    fn profile() -> Profile {
        let represent = |record: &CredentialRecord| {
            let mut kept = StoredRecord::bare(
                record.credential_id.clone(),
                record.public_key.clone(),
                record.sign_count,
            );
            kept.account = Some(record.account.clone());
            Ok(kept)
        };
        Profile {
            name: "few",
            library: "none".into(),
            keeps_status: false,
            represent: Verdict::Fixed(represent),
            verifies: Verdict::Fixed(|_| Ok(())),
        }
    }

    #[test]
    fn what_is_said_in_other_words_is_kept() {
        let mut report = Report::default();
        report.describe(&record(1), &profile(), &Status::Active, true);
        let items: Vec<_> = report.not_kept.keys().map(|item| item.name()).collect();
        assert_eq!(items, ["transports", "backup_eligible", "backup_state", "user_id", "rp_id"]);
        assert!(report.cannot_log_in.is_empty());
    }

    #[test]
    fn what_is_lost_is_the_same_whether_it_is_known_or_found_out() {
        const WITHOUT: &[Item] = &[
            Item::Transports,
            Item::BackupEligible,
            Item::BackupState,
            Item::Status,
            Item::UserId,
            Item::RpId,
        ];
        fn represent(record: &CredentialRecord) -> Result<StoredRecord, CannotLogIn> {
            let (transports, backup, status, user_id, rp_id) = (None, None, None, None, None);
            Ok(StoredRecord { transports, backup, status, user_id, rp_id, ..StoredRecord::from(record) })
        }
        let found_out = Profile { represent: Verdict::Fixed(represent), ..profile() };
        let keeps = |record: &CredentialRecord| record.sign_count.0 != 3;
        let otherwise = |record: &CredentialRecord| represent(record);
        let known = Profile { represent: Verdict::Part { without: WITHOUT, keeps, otherwise }, ..profile() };
        for seed in 1..9 {
            let mut record = record(seed);
            record.sign_count.0 = u32::from(seed);
            record.transports = record.transports.filter(|_| seed != 4);
            record.backup = record.backup.filter(|_| seed != 5);
            record.user_id = record.user_id.filter(|_| seed != 6);
            if seed >= 7 {
                record.account = record.user_id.clone().unwrap();
            }
            assert_eq!(known.represent(&record), found_out.represent(&record), "{seed}");
            assert_eq!(known.lost(&record).is_none(), seed == 3, "the careful way is taken");
            let described = |profile| {
                let mut report = Report::default();
                report.describe(&record, profile, &Status::Active, true);
                report
            };
            assert_eq!(described(&known), described(&found_out), "{seed}");
        }
    }

    #[test]
    fn who_is_not_active_cannot_log_in() {
        let mut report = Report::default();
        report.describe(&record(1), &profile(), &Status::Revoked, false);
        assert_eq!(report.cannot_log_in.get(&CannotLogIn::Status(Status::Revoked)), Some(&1));
        assert!(report.not_kept.is_empty());
    }

    #[test]
    fn counts_add_up_and_faults_are_kept() {
        let mut report = Report::default();
        report.count(Count::Inserted);
        let fault = || Fault::new(Item::PublicKey, FaultCode::KeyNotCbor, "x");
        report.fault(Count::Refused, Location { row: 2, line: 3 }, [fault(), fault()]);
        assert!(report.counts.add_up() && !report.is_clean());
        assert_eq!((report.counts.read, report.faults.len()), (2, 2));
        report.counts.read += 1;
        assert!(!report.counts.add_up());
    }
}
