//! One file, one answer: what the rows of a file say about each other.

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasher as _, Hash, RandomState},
};

use crate::{CredentialRecord, Fault, FaultCode, Identifier, Item, Location, RowFaults};

/// How one row stands to the others of its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// No other row contradicts it, and it is the first with its content.
    First,
    /// An earlier row says the same.
    Duplicate,
    /// Other rows contradict it; none of them is imported, since nobody knows which one is right.
    Conflict(Fault),
}

/// Gathers what is needed to compare all rows of a file: 24 bytes a row, and 16 for each user.
///
/// Rows are known by keyed 64-bit hashes, with keys that no file can foresee. Should two different IDs ever meet in one
/// hash (less than one chance in a hundred thousand at ten million rows), both are reported as a conflict and none is
/// imported: the error is on the safe side and in the report.
///
/// ```
/// # use keyferry_core::*;
/// let builder = OneFileBuilder::default();
/// let file = builder.build();
/// assert_eq!(file.conflicting_ids(), 0);
/// ```
#[derive(Default)]
pub struct OneFileBuilder {
    hasher: RandomState,
    rows: Vec<Row>,
    users: Pairs,
    handles: Pairs,
}

/// Pairs of hashes, each kept once.
#[derive(Default)]
struct Pairs {
    list: Vec<(u64, u64)>,
    since_sorted: usize,
}

impl Pairs {
    fn add(&mut self, pair: (u64, u64)) {
        self.list.push(pair);
        self.since_sorted += 1;
        // Users return with each credential of theirs: drop what is known already, at an amortised cost.
        if self.since_sorted > 100_000 + self.list.len() / 2 {
            self.sort();
            self.since_sorted = 0;
        }
    }

    fn sort(&mut self) {
        self.list.sort_unstable();
        self.list.dedup();
    }

    /// Returns the first halves that stand with more than one second half.
    fn shared_first(&mut self) -> HashSet<u64> {
        self.sort();
        self.list.windows(2).filter(|pair| pair[0].0 == pair[1].0).map(|pair| pair[0].0).collect()
    }

    fn reverse(&mut self) {
        self.list.iter_mut().for_each(|(first, second)| std::mem::swap(first, second));
    }
}

/// One row: its ID, its content, where it stands. Ordered by ID, then row.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    id: u64,
    row: u64,
    content: u64,
}

impl OneFileBuilder {
    /// Adds a record.
    pub fn add(&mut self, location: Location, record: &CredentialRecord) {
        let content = self.hasher.hash_one(record);
        self.rows.push(Row { id: self.hasher.hash_one(&record.credential_id), row: location.row, content });
        self.bind(&record.user_id, &record.external_user_id);
        // A handle that is the account's own text cannot be anybody else's.
        if let Some(handle) = record
            .user_handle
            .as_ref()
            .filter(|handle| handle.as_bytes() != record.account.as_str().as_bytes())
        {
            self.handles.add((self.hasher.hash_one(handle), self.hasher.hash_one(&record.account)));
        }
    }

    /// Adds a row that was refused: no other row may use its ID, and its user is bound as in every other row.
    ///
    /// Else a row that is mended later could say what would have been a contradiction in one file.
    pub fn add_refused(&mut self, row: &RowFaults) {
        if let Some(credential_id) = &row.credential_id {
            let content = self.hasher.hash_one(("refused", row.location));
            self.rows.push(Row { id: self.hasher.hash_one(credential_id), row: row.location.row, content });
        }
        self.bind(&row.user_id, &row.external_user_id);
    }

    fn bind(&mut self, user_id: &Option<Identifier>, external_user_id: &Option<Identifier>) {
        if let (Some(user), Some(external)) = (user_id, external_user_id) {
            self.users.add((self.hasher.hash_one(user), self.hasher.hash_one(external)));
        }
    }

    /// Finds the rows that contradict each other.
    pub fn build(mut self) -> OneFile {
        let mut duplicates = HashMap::new();
        let mut conflicts = HashMap::new();
        self.rows.sort_unstable();
        for group in self.rows.chunk_by(|a, b| a.id == b.id) {
            let [first, others @ ..] = group else { continue };
            if others.is_empty() {
                continue;
            }
            if others.iter().all(|row| row.content == first.content) {
                duplicates.insert(first.id, first.row);
            } else {
                conflicts.insert(first.id, group.iter().map(|row| row.row).collect());
            }
        }
        let split_users = self.users.shared_first();
        self.users.reverse();
        let shared_externals = self.users.shared_first();
        let shared_handles = self.handles.shared_first();
        OneFile { hasher: self.hasher, duplicates, conflicts, split_users, shared_externals, shared_handles }
    }
}

/// What the rows of one file say about each other.
pub struct OneFile {
    hasher: RandomState,
    /// Hash of the ID to the first row.
    duplicates: HashMap<u64, u64>,
    /// Hash of the ID to all rows.
    conflicts: HashMap<u64, Vec<u64>>,
    split_users: HashSet<u64>,
    shared_externals: HashSet<u64>,
    shared_handles: HashSet<u64>,
}

impl OneFile {
    /// Returns how a row stands to the others; the same for every pass over the file.
    pub fn standing(&self, location: Location, record: &CredentialRecord) -> Standing {
        let id = self.hasher.hash_one(&record.credential_id);
        if let Some(rows) = self.conflicts.get(&id) {
            let message =
                format!("the same credential ID stands in rows {} with different content", list(rows));
            return Standing::Conflict(Fault::new(Item::CredentialId, FaultCode::CredentialIdTwice, message));
        }
        if contains(&self.split_users, &self.hasher, &record.user_id) {
            let message = "this user stands with different external user IDs in the file";
            return Standing::Conflict(Fault::new(Item::UserId, FaultCode::UserIdNotOneToOne, message));
        }
        if contains(&self.shared_externals, &self.hasher, &record.external_user_id) {
            let message = "this external user ID stands with different user IDs in the file";
            return Standing::Conflict(Fault::new(
                Item::ExternalUserId,
                FaultCode::UserIdNotOneToOne,
                message,
            ));
        }
        if contains(&self.shared_handles, &self.hasher, &record.user_handle) {
            let message = "this user handle stands with different accounts in the file";
            return Standing::Conflict(Fault::new(Item::UserHandle, FaultCode::UserIdNotOneToOne, message));
        }
        match self.duplicates.get(&id) {
            Some(first) if *first != location.row => Standing::Duplicate,
            _ => Standing::First,
        }
    }

    /// Tells whether no two rows have to do with each other, so that each of them is the first with its content.
    pub fn is_consistent(&self) -> bool {
        self.duplicates.is_empty()
            && self.conflicts.is_empty()
            && self.split_users.is_empty()
            && self.shared_externals.is_empty()
            && self.shared_handles.is_empty()
    }

    /// Returns how many credential IDs stand in rows that contradict each other.
    pub fn conflicting_ids(&self) -> usize {
        self.conflicts.len()
    }
}

fn contains<T: Hash>(set: &HashSet<u64>, hasher: &RandomState, value: &Option<T>) -> bool {
    !set.is_empty() && value.as_ref().is_some_and(|value| set.contains(&hasher.hash_one(value)))
}

/// Names at most five rows.
fn list(rows: &[u64]) -> String {
    let named: Vec<String> = rows.iter().take(5).map(u64::to_string).collect();
    match rows.len() {
        0..=5 => named.join(", "),
        more => format!("{} and {} more", named.join(", "), more - 5),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SignCount, items::tests_support::record};

    fn at(row: u64) -> Location {
        Location { row, line: row + 1 }
    }

    fn standings(records: &[CredentialRecord]) -> Vec<Standing> {
        let mut builder = OneFileBuilder::default();
        let rows = || records.iter().zip(1..);
        rows().for_each(|(record, row)| builder.add(at(row), record));
        let file = builder.build();
        rows().map(|(record, row)| file.standing(at(row), record)).collect()
    }

    fn code(standing: &Standing) -> Option<FaultCode> {
        match standing {
            Standing::Conflict(fault) => Some(fault.code),
            _ => None,
        }
    }

    #[test]
    fn the_same_content_counts_once() {
        let list = [record(1), record(2), record(1), record(1)];
        assert_eq!(
            standings(&list),
            [Standing::First, Standing::First, Standing::Duplicate, Standing::Duplicate]
        );
    }

    #[test]
    fn neither_the_first_nor_the_last_of_a_contradiction_wins() {
        let mut other_user = record(2);
        other_user.credential_id = record(1).credential_id;
        let mut other_count = record(1);
        other_count.sign_count = SignCount(6);
        for other in [other_user, other_count] {
            let found = standings(&[record(1), record(3), other, record(1)]);
            let codes: Vec<_> = found.iter().map(code).collect();
            let twice = Some(FaultCode::CredentialIdTwice);
            assert_eq!(codes, [twice, None, twice, twice]);
        }
    }

    #[test]
    fn a_refused_row_makes_its_id_ambiguous() {
        let mut builder = OneFileBuilder::default();
        builder.add(at(1), &record(1));
        let id = Some(record(1).credential_id);
        builder.add_refused(&RowFaults { location: at(2), credential_id: id, ..RowFaults::default() });
        assert_eq!(code(&builder.build().standing(at(1), &record(1))), Some(FaultCode::CredentialIdTwice));
    }

    #[test]
    fn a_refused_row_binds_its_user() {
        let mut builder = OneFileBuilder::default();
        builder.add(at(1), &record(1));
        let (user_id, external_user_id) = (record(2).user_id, record(1).external_user_id);
        builder.add_refused(&RowFaults {
            location: at(2),
            user_id,
            external_user_id,
            ..RowFaults::default()
        });
        assert_eq!(code(&builder.build().standing(at(1), &record(1))), Some(FaultCode::UserIdNotOneToOne));
    }

    #[test]
    fn users_are_one_to_one() {
        let mut two_names = record(2);
        two_names.user_id = record(1).user_id;
        let mut shared = record(4);
        shared.external_user_id = record(3).external_user_id;
        let found = standings(&[record(1), two_names, record(3), shared, record(5)]);
        let not = Some(FaultCode::UserIdNotOneToOne);
        assert_eq!(found.iter().map(code).collect::<Vec<_>>(), [not, not, not, not, None]);
    }

    #[test]
    fn two_accounts_never_share_a_user_handle() {
        // The same UUID in upper and in lower case: two accounts, one handle.
        let handle = || Some(crate::UserHandle::new([7; 16]).unwrap());
        let list = [1, 2, 3]
            .map(|seed| CredentialRecord { user_handle: handle().filter(|_| seed < 3), ..record(seed) });
        let not = Some(FaultCode::UserIdNotOneToOne);
        assert_eq!(standings(&list).iter().map(code).collect::<Vec<_>>(), [not, not, None]);
        let one_account =
            [list[0].clone(), CredentialRecord { credential_id: record(2).credential_id, ..list[0].clone() }];
        assert_eq!(standings(&one_account), [Standing::First, Standing::First]);
    }
}
