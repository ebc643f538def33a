//! The reference sink: a target in memory that holds every rule of the trait, in the plainest words.
//!
//! An adapter author reads here what [`Sink`] asks for; the conformance suite runs against it, so a rule that the
//! reference cannot keep is a wrong rule.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
};

use keyferry_core::{
    Backup, CannotLogIn, CredentialId, CredentialRecord, Form, Profile, Sink, SinkError, SinkErrorKind,
    StoredRecord, Survey, Verdict, Write, Written,
};

/// A target that keeps every item, as a table of our own schema does.
pub const FULL: Profile = Profile {
    name: "memory",
    library: Cow::Borrowed("none"),
    keeps_status: true,
    represent: Verdict::Fixed(|record| Ok(StoredRecord::from(record))),
    verifies: Verdict::Fixed(|_| Ok(())),
};

/// A target that keeps every item but the status: what stands there can log in.
pub const WITHOUT_STATUS: Profile = Profile {
    name: "memory-without-status",
    keeps_status: false,
    represent: Verdict::Fixed(|record| Ok(StoredRecord { status: None, ..StoredRecord::from(record) })),
    ..FULL
};

/// A target like the JSON record of a small library: no user, no RP ID, no status, and backup flags it must know.
pub const LOSSY: Profile = Profile {
    name: "memory-lossy",
    keeps_status: false,
    represent: Verdict::Fixed(represent_lossy),
    verifies: Verdict::Fixed(|record| represent_lossy(record).map(|_| ())),
    ..FULL
};

fn represent_lossy(record: &CredentialRecord) -> Result<StoredRecord, CannotLogIn> {
    let backup = record.backup.ok_or(CannotLogIn::BackupUnknown)?;
    let bare = StoredRecord::bare(
        record.credential_id.clone(),
        record.public_key.to_polymorphic(),
        record.sign_count,
    );
    Ok(StoredRecord { transports: record.transports.clone(), backup: Some(backup), ..bare })
}

/// All stores of this process, by folder: a sink that is opened again finds what an earlier one wrote.
static STORES: LazyLock<Mutex<HashMap<PathBuf, Arc<Mutex<Store>>>>> = LazyLock::new(Mutex::default);

#[derive(Default)]
struct Store {
    rows: HashMap<CredentialId, StoredRecord>,
    refused: HashSet<CredentialId>,
}

/// A target in memory.
///
/// ```
/// use std::path::Path;
///
/// use keyferry_core::{Sink as _, StoredRecord, Write, Written};
/// use keyferry_testkit::{memory::{self, MemorySink}, records::record};
///
/// let mut sink = MemorySink::open(Path::new("anywhere"), memory::FULL);
/// let record = record(1);
/// assert_eq!(sink.upsert(&[Write::Insert(&record)])?, [Written::Done]);
/// assert_eq!(sink.fetch(&[&record.credential_id])?, [StoredRecord::from(&record)]);
/// # Ok::<(), keyferry_core::SinkError>(())
/// ```
#[derive(Clone)]
pub struct MemorySink {
    profile: Profile,
    store: Arc<Mutex<Store>>,
}

impl MemorySink {
    /// Opens the store of this name; nothing is read from or written to a disk.
    #[must_use]
    pub fn open(folder: &Path, profile: Profile) -> Self {
        let store = Arc::clone(lock(&STORES).entry(folder.to_owned()).or_default());
        Self { profile, store }
    }

    /// Makes the store refuse every write of this credential with an error, as a constraint or a full disk would.
    pub fn refuse(&mut self, id: &CredentialId) {
        lock(&self.store).refused.insert(id.clone());
    }

    /// Puts a credential there without any rule, as the server that owns the store may.
    pub fn put(&mut self, row: StoredRecord) {
        lock(&self.store).rows.insert(row.credential_id.clone(), row);
    }

    /// Takes a credential away without any rule.
    pub fn take(&mut self, id: &CredentialId) -> Option<StoredRecord> {
        lock(&self.store).rows.remove(id)
    }

    /// Returns how many credentials stand there.
    #[must_use]
    pub fn len(&self) -> usize {
        lock(&self.store).rows.len()
    }

    /// Tells whether no credential stands there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Survey for MemorySink {
    fn profile(&self) -> &Profile {
        &self.profile
    }

    fn form(&self) -> Form {
        let profile = self.profile.clone();
        Box::new(move |record, text| match profile.represent(record) {
            Ok(stored) => {
                text.extend(shown(&stored));
                true
            }
            Err(_) => false,
        })
    }

    fn holds(&mut self, first: &[&CredentialRecord]) -> Result<usize, SinkError> {
        let store = lock(&self.store);
        let is_there = |record: &&&CredentialRecord| {
            let stored = self.profile.represent(record).ok();
            stored.is_some() && store.rows.get(&record.credential_id) == stored.as_ref()
        };
        Ok(first.iter().filter(is_there).count())
    }

    fn show(&mut self, each: &mut (dyn FnMut(&[u8]) -> bool + Send)) -> Result<bool, SinkError> {
        Ok(lock(&self.store).rows.values().all(|row| each(&shown(row))))
    }
}

/// A row in bytes that no other row has.
fn shown(row: &StoredRecord) -> Vec<u8> {
    format!("{row:?}").into_bytes()
}

impl Sink for MemorySink {
    fn profile(&self) -> &Profile {
        &self.profile
    }

    fn fetch(&mut self, ids: &[&CredentialId]) -> Result<Vec<StoredRecord>, SinkError> {
        let store = lock(&self.store);
        let distinct: HashSet<_> = ids.iter().copied().collect();
        Ok(distinct.into_iter().filter_map(|id| store.rows.get(id)).cloned().collect())
    }

    fn upsert(&mut self, writes: &[Write<'_>]) -> Result<Vec<Written>, SinkError> {
        let mut store = lock(&self.store);
        // The transaction: work on a copy of the rows concerned, and put them there only when all of it went well.
        let mut rows: HashMap<CredentialId, Option<StoredRecord>> = HashMap::new();
        let mut answers = Vec::with_capacity(writes.len());
        for write in writes {
            let id = write.credential_id();
            if store.refused.contains(id) {
                return Err(SinkError::new(SinkErrorKind::Refused, "writing to the memory"));
            }
            let row = rows.entry(id.clone()).or_insert_with(|| store.rows.get(id).cloned());
            answers.push(change(row, write, &self.profile)?);
        }
        for (id, row) in rows {
            match row {
                Some(row) => store.rows.insert(id, row),
                None => store.rows.remove(&id),
            };
        }
        Ok(answers)
    }
}

/// Makes one change to one row, where the row is what it was when it was read.
fn change(
    row: &mut Option<StoredRecord>,
    write: &Write<'_>,
    profile: &Profile,
) -> Result<Written, SinkError> {
    let changed = match (write, &*row) {
        (Write::Insert(record), None) => {
            let represented = profile.represent(record).map_err(|reason| {
                SinkError::new(SinkErrorKind::Refused, "writing to the memory").because(reason.to_string())
            })?;
            Some(represented)
        }
        (Write::Update { stored, merged }, Some(held)) if is_as_read(held, stored) => Some(StoredRecord {
            sign_count: held.sign_count.max(merged.sign_count),
            transports: merged.transports.clone(),
            backup: merged.backup,
            status: merged.status.clone(),
            user_handle: merged.user_handle.clone(),
            ..held.clone()
        }),
        (Write::Remove { stored }, Some(held)) if is_as_read(held, stored) => None,
        _ => return Ok(Written::Changed),
    };
    *row = changed;
    Ok(Written::Done)
}

/// Compares what no login moves: user, key, RP ID, backup eligibility and status. Counter and backup state may differ.
fn is_as_read(held: &StoredRecord, read: &StoredRecord) -> bool {
    let eligible = |row: &StoredRecord| row.backup.map(Backup::eligible);
    let user = |row: &StoredRecord| {
        (row.account.clone(), row.user_id.clone(), row.external_user_id.clone(), row.user_handle.clone())
    };
    held.public_key.is_same_key(&read.public_key)
        && user(held) == user(read)
        && held.rp_id == read.rp_id
        && eligible(held) == eligible(read)
        && held.status == read.status
}

/// A test that panicked leaves a store that the next test may still use: each change is whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
