//! One file, one answer: what the rows of a file say about each other.

mod blocks;
mod frequencies;
mod hashes;
mod pairs;

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasher as _, Hash, RandomState},
};

pub use frequencies::Frequencies;
use hashes::Hashes;
pub use hashes::Occurrences;
use pairs::{Half, Pairs};

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

/// Gathers what is needed to compare all rows of a file: 7 bytes a row, and 17 for each user.
///
/// Rows are known by keyed 64-bit hashes, with keys that no file can foresee. Should two different IDs ever meet in one
/// hash (less than one chance in a hundred thousand at ten million rows), both are reported as a conflict and none is
/// imported: the error is on the safe side and in the report.
///
/// ```
/// # use keyferry_core::*;
/// let builder = OneFileBuilder::default();
/// let file = builder.build();
/// assert!(file.is_consistent() && !file.wants_another_look());
/// ```
#[derive(Default)]
pub struct OneFileBuilder {
    hasher: RandomState,
    ids: Hashes,
    users: Pairs,
    /// Which identifier names the account, as far as a record has shown it.
    account: Option<Half>,
    /// Accounts of records that do not have both identifiers, once for each record.
    alone: Hashes,
    handles: Pairs,
}

impl OneFileBuilder {
    /// Adds a record.
    pub fn add(&mut self, record: &CredentialRecord) {
        self.ids.add(self.hasher.hash_one(&record.credential_id));
        if !self.bind(&record.user_id, &record.external_user_id, Some(&record.account)) {
            self.alone.add(self.hasher.hash_one(&record.account));
        }
        // A handle that is the account's own text cannot be anybody else's.
        if let Some(handle) = record
            .user_handle
            .as_ref()
            .filter(|handle| handle.as_bytes() != record.account.as_str().as_bytes())
        {
            self.handles.add((self.hasher.hash_one(handle), self.hasher.hash_one(&record.account)), false);
        }
    }

    /// Adds a row that was refused: no other row may use its ID, and its user is bound as in every other row.
    ///
    /// Else a row that is mended later could say what would have been a contradiction in one file.
    pub fn add_refused(&mut self, row: &RowFaults) {
        if let Some(credential_id) = &row.credential_id {
            self.ids.add(self.hasher.hash_one(credential_id));
        }
        self.bind(&row.user_id, &row.external_user_id, None);
    }

    /// Binds a user's two names to each other; tells whether the account was counted with them.
    fn bind(
        &mut self,
        user_id: &Option<Identifier>,
        external_user_id: &Option<Identifier>,
        account: Option<&Identifier>,
    ) -> bool {
        let (Some(user), Some(external)) = (user_id, external_user_id) else { return false };
        let half = account.and_then(|account| {
            // One rule names all accounts of a file; by whatever else an account is named, it is counted by itself.
            let halves = [(Half::Second, external), (Half::First, user)];
            let mut named = halves.iter().filter(|(_, identifier)| *identifier == account);
            let (half, _) = named.find(|(half, _)| self.account.is_none_or(|known| known == *half))?;
            Some(*half)
        });
        self.account = self.account.or(half);
        self.users.add((self.hasher.hash_one(user), self.hasher.hash_one(external)), half.is_some());
        half.is_some()
    }

    /// Finds the rows that contradict each other.
    ///
    /// Rows that have one ID in common are all in conflict until [`OneFile::look_again`] has seen them.
    pub fn build(self) -> OneFile {
        let mut repeated = HashMap::new();
        self.ids.count(|id, count| {
            if count > 1 {
                repeated.insert(id, Repeated::NotSeen);
            }
        });
        let users = self.users.find(self.account.unwrap_or(Half::Second), self.alone);
        let handles = self.handles.find(Half::First, Hashes::default());
        OneFile {
            hasher: self.hasher,
            repeated,
            split_users: users.shared_first,
            shared_externals: users.shared_second,
            shared_handles: handles.shared_first,
            accounts: users.frequencies,
        }
    }
}

/// What the rows of one file say about each other.
pub struct OneFile {
    hasher: RandomState,
    /// By the hash of an ID that several rows have.
    repeated: HashMap<u64, Repeated>,
    split_users: HashSet<u64>,
    shared_externals: HashSet<u64>,
    shared_handles: HashSet<u64>,
    accounts: Frequencies,
}

/// The rows of one ID, as far as they were seen again.
enum Repeated {
    NotSeen,
    /// All have this content; the first row of them.
    Same {
        content: u64,
        first: u64,
    },
    /// The first row, and all from the first one that contradicts it.
    Differ(Vec<u64>),
}

impl OneFile {
    /// Returns how a row stands to the others; the same for every pass over the file.
    pub fn standing(&self, location: Location, record: &CredentialRecord) -> Standing {
        // Nearly every file has no such rows, and then no ID needs to be hashed again.
        let repeated = match self.repeated.is_empty() {
            true => None,
            false => self.repeated.get(&self.hasher.hash_one(&record.credential_id)),
        };
        let twice = match repeated {
            Some(Repeated::NotSeen) => Some("the same credential ID stands in several rows".to_owned()),
            Some(Repeated::Differ(rows)) => {
                Some(format!("the same credential ID stands in rows {} with different content", list(rows)))
            }
            Some(Repeated::Same { .. }) | None => None,
        };
        if let Some(message) = twice {
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
        match repeated {
            Some(Repeated::Same { first, .. }) if *first != location.row => Standing::Duplicate,
            _ => Standing::First,
        }
    }

    /// Tells whether IDs stand in several rows, which [`OneFile::look_again`] must see to compare them.
    pub fn wants_another_look(&self) -> bool {
        self.repeated.values().any(|rows| matches!(rows, Repeated::NotSeen))
    }

    /// Compares a row with the others of its ID; all rows must come by once more, in order.
    pub fn look_again(&mut self, location: Location, record: &CredentialRecord) {
        let Some(rows) = self.repeated.get_mut(&self.hasher.hash_one(&record.credential_id)) else { return };
        rows.add(location.row, self.hasher.hash_one(record));
    }

    /// Does the same with a row that was refused: it contradicts every other one of its ID.
    pub fn look_again_at_refused(&mut self, row: &RowFaults) {
        let Some(credential_id) = &row.credential_id else { return };
        let Some(rows) = self.repeated.get_mut(&self.hasher.hash_one(credential_id)) else { return };
        rows.add(row.location.row, self.hasher.hash_one(("refused", row.location)));
    }

    /// Returns how many accounts the records have, and how many records an account has.
    ///
    /// All records count, also those that contradict each other.
    pub fn accounts(&self) -> Frequencies {
        self.accounts
    }

    /// Tells whether no two rows have to do with each other, so that each of them is the first with its content.
    pub fn is_consistent(&self) -> bool {
        self.repeated.is_empty()
            && self.split_users.is_empty()
            && self.shared_externals.is_empty()
            && self.shared_handles.is_empty()
    }
}

impl Repeated {
    fn add(&mut self, row: u64, of_row: u64) {
        match self {
            Self::NotSeen => *self = Self::Same { content: of_row, first: row },
            Self::Same { content, .. } if *content == of_row => {}
            Self::Same { first, .. } => *self = Self::Differ(vec![*first, row]),
            Self::Differ(rows) => rows.push(row),
        }
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
        rows().for_each(|(record, _)| builder.add(record));
        let mut file = builder.build();
        rows().for_each(|(record, row)| file.look_again(at(row), record));
        assert!(!file.wants_another_look());
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
        builder.add(&record(1));
        let credential_id = Some(record(1).credential_id);
        let refused = RowFaults { location: at(2), credential_id, ..RowFaults::default() };
        builder.add_refused(&refused);
        let mut file = builder.build();
        file.look_again(at(1), &record(1));
        file.look_again_at_refused(&refused);
        assert_eq!(code(&file.standing(at(1), &record(1))), Some(FaultCode::CredentialIdTwice));
    }

    #[test]
    fn rows_of_one_id_are_in_conflict_until_they_were_seen_again() {
        let mut builder = OneFileBuilder::default();
        [1, 2, 1].iter().for_each(|seed| builder.add(&record(*seed)));
        let file = builder.build();
        assert!(file.wants_another_look() && !file.is_consistent());
        assert_eq!(code(&file.standing(at(1), &record(1))), Some(FaultCode::CredentialIdTwice));
        assert_eq!(file.standing(at(2), &record(2)), Standing::First);
    }

    #[test]
    fn a_refused_row_binds_its_user() {
        let mut builder = OneFileBuilder::default();
        builder.add(&record(1));
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
    fn accounts_are_counted_by_whichever_identifier_names_them() {
        let (by_external, by_user) = (record(1).external_user_id, record(1).user_id);
        for account in [by_external.clone().unwrap(), by_user.clone().unwrap()] {
            // With both identifiers, with the one that names the account, and named by neither.
            let whole = CredentialRecord { account: account.clone(), ..record(1) };
            let half = CredentialRecord {
                user_id: by_user.clone().filter(|user| *user == account),
                external_user_id: by_external.clone().filter(|external| *external == account),
                ..whole.clone()
            };
            let other = |seed: u8| record(seed).account;
            let neither = CredentialRecord { account: other(7), ..record(1) };
            let mut builder = OneFileBuilder::default();
            // A refused row has no account.
            builder.add_refused(&RowFaults {
                user_id: record(3).user_id,
                external_user_id: record(3).external_user_id,
                ..RowFaults::default()
            });
            [&whole, &half, &neither, &whole, &half].iter().for_each(|record| builder.add(record));
            let expected = Frequencies { values: 2, several: 1, most: 4 };
            assert_eq!(builder.build().accounts(), expected);
        }
        let mut builder = OneFileBuilder::default();
        let by_user = CredentialRecord { account: record(2).user_id.unwrap(), ..record(2) };
        [&record(1), &by_user, &by_user, &record(2)].iter().for_each(|record| builder.add(record));
        assert_eq!(builder.build().accounts(), Frequencies { values: 3, several: 1, most: 2 });
        assert_eq!(OneFileBuilder::default().build().accounts(), Frequencies::default());
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
