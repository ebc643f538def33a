//! A suite that cannot fail proves nothing: each of these sinks breaks the contract in one way and must be caught.

use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use keyferry_core::{
    Backup, CoseKey, CredentialId, CredentialRecord, Identifier, Profile, SignCount, Sink, SinkError, Status,
    StoredRecord, Timestamp, Transports, Verdict, Write, Written,
};
use keyferry_testkit::{
    conformance::{Harness, RULES, Rule},
    memory::{self, MemorySink},
    records::{credential_id, identifier, record},
};

use crate::bugs::{BUGS, Bug};

/// A memory with one bug.
struct Broken {
    bug: Bug,
    inner: MemorySink,
    /// What waits for the end of the run, for bugs that postpone.
    waiting: Vec<Own>,
    last_batch: Vec<CredentialId>,
}

/// A change that outlives the call.
#[derive(Clone)]
enum Own {
    Insert(Box<CredentialRecord>),
    Update { stored: Box<StoredRecord>, merged: Box<StoredRecord> },
    Remove { stored: Box<StoredRecord> },
}

impl Own {
    fn of(write: &Write<'_>) -> Self {
        match *write {
            Write::Insert(record) => Self::Insert(Box::new(record.clone())),
            Write::Update { stored, merged } => {
                Self::Update { stored: Box::new(stored.clone()), merged: Box::new(merged.clone()) }
            }
            Write::Remove { stored } => Self::Remove { stored: Box::new(stored.clone()) },
        }
    }

    fn as_write(&self) -> Write<'_> {
        match self {
            Self::Insert(record) => Write::Insert(record),
            Self::Update { stored, merged } => Write::Update { stored, merged },
            Self::Remove { stored } => Write::Remove { stored },
        }
    }
}

impl Broken {
    fn open(folder: &Path, bug: Bug) -> Self {
        let profile = match bug {
            Bug::RemovesUnguarded | Bug::NeverRemoves => memory::WITHOUT_STATUS,
            Bug::GuessesBackup => Profile {
                represent: Verdict::Fixed(|record| Ok(with_guessed_backup(record))),
                ..memory::FULL
            },
            Bug::WritesTheUnwritable => memory::LOSSY,
            _ => memory::FULL,
        };
        Self { bug, inner: MemorySink::open(folder, profile), waiting: Vec::new(), last_batch: Vec::new() }
    }

    /// Returns the ID under which the store knows this one.
    fn alias(&self, id: &CredentialId) -> CredentialId {
        let bytes = id.as_bytes();
        match self.bug {
            Bug::TruncatesIds => credential_id(&bytes[..bytes.len().min(255)]),
            Bug::FoldsIds => credential_id(id.to_base64url().to_lowercase().as_bytes()),
            _ => id.clone(),
        }
    }

    fn row(&mut self, id: &CredentialId) -> Option<StoredRecord> {
        let row = self.inner.take(id)?;
        self.inner.put(row.clone());
        Some(row)
    }

    /// Makes one change with the bug in it.
    fn change(&mut self, mut write: Own) -> Result<Written, SinkError> {
        let id = write.as_write().credential_id().clone();
        let held = self.row(&self.alias(&id));
        match (self.bug, &mut write, held) {
            (Bug::ReplacesRows, Own::Insert(record), _) => {
                self.inner.put(StoredRecord::from(&**record));
                return Ok(Written::Done);
            }
            (Bug::UpdatesUnguarded, Own::Update { merged, .. }, Some(held)) => {
                let sign_count = held.sign_count.max(merged.sign_count);
                self.inner.put(StoredRecord { sign_count, ..(**merged).clone() });
                return Ok(Written::Done);
            }
            (Bug::RemovesUnguarded, Own::Remove { .. }, _) => {
                return Ok(self.inner.take(&id).map_or(Written::Changed, |_| Written::Done));
            }
            (Bug::NeverRemoves, Own::Remove { .. }, _) => return Ok(Written::Done),
            (Bug::UpdateInserts, Own::Update { merged, .. }, None) => {
                self.inner.put((**merged).clone());
                return Ok(Written::Done);
            }
            (Bug::WritesTheUnwritable, Own::Insert(record), None) => {
                record.backup.get_or_insert(Backup::SingleDevice);
            }
            (Bug::FreezesCounter, Own::Update { merged, .. }, _) => merged.sign_count = SignCount(0),
            (Bug::LowersCounter, Own::Update { stored, merged }, Some(held)) => {
                let answer = self.inner.upsert(&[Write::Update { stored, merged }])?.remove(0);
                if answer == Written::Done {
                    let row = self.row(&id).unwrap_or(held);
                    self.inner.put(StoredRecord { sign_count: merged.sign_count, ..row });
                }
                return Ok(answer);
            }
            (Bug::Reactivates, Own::Update { merged, .. }, _) => {
                merged.status = merged.status.as_ref().map(|status| match status {
                    Status::Suspended => Status::Active,
                    other => other.clone(),
                });
            }
            (bug, Own::Update { stored, .. } | Own::Remove { stored }, Some(held)) => {
                loosen(bug, stored, &held)
            }
            _ => {}
        }
        if self.bug == Bug::TruncatesIds || self.bug == Bug::FoldsIds {
            let alias = self.alias(&id);
            match &mut write {
                Own::Insert(record) => record.credential_id = alias,
                Own::Update { stored, .. } | Own::Remove { stored } => stored.credential_id = alias,
            }
        }
        Ok(self.inner.upsert(&[write.as_write()])?.remove(0))
    }
}

impl Sink for Broken {
    fn profile(&self) -> &Profile {
        self.inner.profile()
    }

    fn fetch(&mut self, ids: &[&CredentialId]) -> Result<Vec<StoredRecord>, SinkError> {
        let mut asked: Vec<_> = ids.to_vec();
        if self.bug != Bug::Repeats {
            asked.sort();
            asked.dedup();
        }
        let mut found = Vec::new();
        for id in asked {
            let alias = self.alias(id);
            let row = match (self.row(&alias), self.bug) {
                (None, Bug::Invents) => {
                    Some(StoredRecord { credential_id: id.clone(), ..(&record(0)).into() })
                }
                (Some(row), Bug::FoldsIds) => Some(StoredRecord { credential_id: id.clone(), ..row }),
                (row, _) => row,
            };
            let Some(mut row) = row else { continue };
            if self.bug == Bug::CountsLooks {
                self.inner
                    .put(StoredRecord { sign_count: SignCount(row.sign_count.0 | 0x100), ..row.clone() });
            }
            spoil(self.bug, &mut row);
            found.push(row);
        }
        Ok(found)
    }

    fn upsert(&mut self, writes: &[Write<'_>]) -> Result<Vec<Written>, SinkError> {
        if self.bug == Bug::KeepsLastBatch {
            for id in std::mem::take(&mut self.last_batch) {
                self.inner.take(&id);
            }
            self.last_batch = writes.iter().map(|write| write.credential_id().clone()).collect();
        }
        let before: Vec<_> = writes.iter().map(|write| self.row(write.credential_id())).collect();
        let mut answers = Vec::with_capacity(writes.len());
        for (number, write) in writes.iter().enumerate() {
            let is_last = number > 0 && number + 1 == writes.len();
            let postponed = match self.bug {
                Bug::ReadsBehind => true,
                Bug::HalfVisible => !matches!(write, Write::Insert(_)),
                _ => false,
            };
            if postponed {
                self.waiting.push(Own::of(write));
                answers.push(Written::Done);
                continue;
            }
            if self.bug == Bug::ForgetsLastRow && is_last
                || self.bug == Bug::ForgetsBeyond5000 && number >= 5000
            {
                answers.push(Written::Done);
                continue;
            }
            match self.change(Own::of(write)) {
                Ok(Written::Changed) if self.bug == Bug::AlwaysDone => answers.push(Written::Done),
                Ok(answer) => answers.push(answer),
                Err(error) => {
                    if self.bug != Bug::LeavesTraces {
                        undo(&mut self.inner, writes, before);
                    }
                    return Err(error);
                }
            }
        }
        match self.bug {
            Bug::AnswersBackwards => answers.reverse(),
            Bug::AnswersTheDoneOnly => answers.retain(|answer| *answer == Written::Done),
            _ => {}
        }
        Ok(answers)
    }

    fn finish(&mut self) -> Result<(), SinkError> {
        for write in std::mem::take(&mut self.waiting) {
            self.inner.upsert(&[write.as_write()])?;
        }
        Ok(())
    }
}

/// Puts back what stood there before a batch that failed.
fn undo(inner: &mut MemorySink, writes: &[Write<'_>], before: Vec<Option<StoredRecord>>) {
    for (write, row) in writes.iter().zip(before) {
        inner.take(write.credential_id());
        row.into_iter().for_each(|row| inner.put(row));
    }
}

fn with_guessed_backup(record: &CredentialRecord) -> StoredRecord {
    StoredRecord { backup: record.backup.or(Some(Backup::SingleDevice)), ..record.into() }
}

/// Takes what was read for what is there, in the item that a careless guard does not compare.
fn loosen(bug: Bug, read: &mut StoredRecord, held: &StoredRecord) {
    let same = |fold: fn(&str) -> String| {
        let fold = |name: &Option<Identifier>| name.as_ref().map(|name| fold(name.as_str()));
        fold(&read.account) == fold(&held.account)
    };
    match bug {
        Bug::ForgetsRpId => read.rp_id = held.rp_id.clone(),
        Bug::FoldsUsers if same(str::to_lowercase) => read.account = held.account.clone(),
        Bug::PadsUsers if same(|name| name.trim_end().to_owned()) => read.account = held.account.clone(),
        Bug::FillsUnknown => {
            read.backup = read.backup.or(held.backup);
            read.user_handle = read.user_handle.take().or_else(|| held.user_handle.clone());
        }
        Bug::IgnoresStatus => read.status = held.status.clone(),
        _ => {}
    }
}

/// Shows a row as a store gives it back that lost something of it.
fn spoil(bug: Bug, row: &mut StoredRecord) {
    let transports = |keep: fn(&str) -> Vec<&str>| {
        move |list: &mut Transports| *list = Transports::new(list.clone().iter().flat_map(keep))
    };
    match bug {
        Bug::DropsTransports => row.transports.iter_mut().for_each(transports(|value| {
            if Transports::KNOWN.contains(&value) { vec![value] } else { Vec::new() }
        })),
        Bug::JoinsTransports => {
            row.transports.iter_mut().for_each(transports(|value| value.split(',').collect()));
        }
        Bug::TakesAbsentForEmpty => row.transports = Some(row.transports.take().unwrap_or_default()),
        Bug::TrimsNames => row.account = row.account.take().map(|name| identifier(name.as_str().trim())),
        Bug::HidesUsers => row.account = None,
        Bug::RoundsTimes => {
            let round = |time: Timestamp| time.microseconds() / 1_000_000 * 1_000_000;
            row.created_at = row.created_at.and_then(|time| Timestamp::from_microseconds(round(time)));
        }
        Bug::RewritesKeys => {
            let key = &row.public_key;
            row.public_key =
                CoseKey::from_parameters(key.algorithm(), key.parameters()).expect("a legal key");
        }
        Bug::LosesAaguid => row.aaguid = None,
        Bug::CutsCounter => row.sign_count.0 &= 0x7fff_ffff,
        Bug::ShowsHighCounters => row.sign_count = SignCount(u32::MAX),
        Bug::NarrowsStatus if row.status != Some(Status::Active) => row.status = Some(Status::Revoked),
        _ => {}
    }
}

/// Rules that take a second; they look for bugs of size alone.
const SLOW: [&str; 2] = ["ten_thousand_records_are_one_batch", "a_file_of_several_batches_arrives"];

/// Returns the rules that a sink with this bug does not pass; the slow ones are asked where one of them must see it.
fn caught(bug: Bug, expected: &str) -> Vec<&'static str> {
    let fails = |rule: Rule| {
        let harness = || {
            Harness::new(move |folder| Broken::open(folder, bug))
                .refusing(move |folder, id| Broken::open(folder, bug).inner.refuse(id))
        };
        catch_unwind(AssertUnwindSafe(|| rule(&mut harness()))).is_err()
    };
    let asked = RULES.iter().filter(|(name, _)| !SLOW.contains(name) || SLOW.contains(&expected));
    asked.filter(|(_, rule)| fails(*rule)).map(|(name, _)| *name).collect()
}

#[test]
fn every_bug_is_caught_and_every_rule_catches_one() {
    let mut idle: BTreeSet<_> = RULES.iter().map(|(name, _)| *name).collect();
    let mut missed = Vec::new();
    for (bug, expected) in BUGS {
        let caught = caught(*bug, expected);
        println!("{bug:?}: {} rules: {}", caught.len(), caught.join(", "));
        if !caught.contains(expected) {
            missed.push(format!("{bug:?} passes {expected}"));
        }
        caught.iter().for_each(|rule| _ = idle.remove(rule));
    }
    assert!(missed.is_empty(), "bugs that their rule does not see: {missed:#?}");
    assert!(idle.is_empty(), "rules that no bug has ever broken: {idle:#?}");
}

/// The wrapper itself adds nothing: without a bug it passes.
#[test]
fn a_sink_without_a_bug_passes() {
    assert_eq!(caught(Bug::None, SLOW[0]), [""; 0]);
}
