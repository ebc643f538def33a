//! A file of records as a sink.

use std::{error::Error, marker::PhantomData, path::Path};

use keyferry_core::{
    Backup, CredentialId, Profile, Shown, Sink, SinkError, SinkErrorKind, StoredRecord, Write, Written,
};
use serde_json::{Map, Value};

use crate::{FileLock, RecordFormat, change::carry_over, records_file::RecordsFile};

/// A JSON file of one library's records.
///
/// Nothing is visible before [`Sink::finish`]: until then the file is as it was.
///
/// ```
/// use keyferry_core::Sink as _;
/// use keyferry_json::{JsonSink, simplewebauthn::SimpleWebAuthn};
/// let folder = tempfile::tempdir()?;
/// let mut sink = JsonSink::<SimpleWebAuthn>::open_for_reading(&folder.path().join("passkeys.jsonl"))?;
/// assert!(sink.fetch(&[])?.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct JsonSink<F> {
    file: RecordsFile,
    name: String,
    lock: Option<FileLock>,
    has_failed: bool,
    profile: Profile,
    format: PhantomData<F>,
}

impl<F: RecordFormat> JsonSink<F> {
    /// Opens a file to read it; one that is missing is an empty target.
    ///
    /// # Errors
    /// - `Unreachable`: the file cannot be read.
    /// - `SchemaMismatch`: it holds something else than this library's records, or an ID twice.
    pub fn open_for_reading(path: &Path) -> Result<Self, SinkError> {
        Self::open(path, None)
    }

    /// Opens a file to change it and keeps other imports away from it.
    ///
    /// # Errors
    /// - `Busy`: another import is running.
    /// - `Unreachable`: the file or its folder cannot be read or written, or it is a symbolic link.
    /// - `SchemaMismatch`: it holds something else than this library's records, or an ID twice.
    pub fn open_for_writing(path: &Path) -> Result<Self, SinkError> {
        let lock = FileLock::acquire(path)?;
        Self::open_locked(path, lock)
    }

    /// Opens a file to change it, with a lock that was taken before.
    ///
    /// # Errors
    /// - as [`JsonSink::open_for_writing`], but for `Busy`.
    pub fn open_locked(path: &Path, lock: FileLock) -> Result<Self, SinkError> {
        Self::open(path, Some(lock))
    }

    fn open(path: &Path, lock: Option<FileLock>) -> Result<Self, SinkError> {
        let name = Shown(&path.to_string_lossy()).to_string();
        let file = RecordsFile::open(path, F::KEYED_BY_ACCOUNT, |text| {
            let stored = decode::<F>(text)?.1;
            let account = stored.account.map(|account| account.as_str().to_owned()).unwrap_or_default();
            Ok((stored.credential_id, account))
        })
        .map_err(|error| {
            let kind = match error.kind() {
                std::io::ErrorKind::InvalidData => SinkErrorKind::SchemaMismatch,
                _ => SinkErrorKind::Unreachable,
            };
            SinkError::new(kind, format!("cannot read {} records from {name}", F::PROFILE.name))
                .because(error)
        })?;
        Ok(Self { file, name, lock, has_failed: false, profile: F::PROFILE, format: PhantomData })
    }

    /// Tells whether there was a file when it was opened.
    pub fn exists(&self) -> bool {
        self.file.exists()
    }

    fn failed(&self, action: &str, source: impl Into<Box<dyn Error + Send + Sync>>) -> SinkError {
        SinkError::new(SinkErrorKind::Refused, format!("cannot {action} {}", self.name)).because(source)
    }

    fn stored(&mut self, id: &CredentialId) -> Result<Option<Decoded>, SinkError> {
        let Some(text) = self.file.get(id).map_err(|error| self.failed("read", error))? else {
            return Ok(None);
        };
        let (record, stored) = decode::<F>(&text).map_err(|message| self.failed("read", message))?;
        if stored.credential_id != *id {
            // Two IDs met in one 64-bit hash; the keys of the hash are new in every run.
            return Err(self.failed("index", "two credential IDs have the same hash, run again"));
        }
        Ok(Some((record, stored)))
    }

    /// Makes one change, unless the record is not any more what it was when it was read.
    fn write(&mut self, write: &Write<'_>) -> Result<Written, SinkError> {
        let current = self.stored(write.credential_id())?;
        match (write, current) {
            (Write::Insert(record), None) => {
                let value = encode::<F>(&StoredRecord::from(*record))
                    .map_err(|message| self.failed("write", message))?;
                self.put(&record.credential_id, record.account.as_str(), &value)?;
            }
            (Write::Update { stored, merged }, Some((mut record, current)))
                if is_as_read(stored, &current) =>
            {
                let merged = StoredRecord {
                    sign_count: merged.sign_count.max(current.sign_count),
                    ..(*merged).clone()
                };
                let before = encode::<F>(&current).map_err(|message| self.failed("write", message))?;
                let after = encode::<F>(&merged).map_err(|message| self.failed("write", message))?;
                carry_over(&mut record, &before, &after);
                let account = merged.account.as_ref().map(|account| account.as_str()).unwrap_or_default();
                self.put(&merged.credential_id, account, &record)?;
            }
            (Write::Remove { stored }, Some((_, current))) if is_as_read(stored, &current) => {
                self.file.remove(&stored.credential_id).map_err(|error| self.failed("write", error))?;
            }
            _ => return Ok(Written::Changed),
        }
        Ok(Written::Done)
    }

    fn put(
        &mut self,
        id: &CredentialId,
        account: &str,
        record: &Map<String, Value>,
    ) -> Result<(), SinkError> {
        let text = serde_json::to_vec(record).map_err(|error| self.failed("write", error))?;
        self.file.put(id, account, &text).map_err(|error| self.failed("write", error))
    }
}

impl<F: RecordFormat> Sink for JsonSink<F> {
    fn profile(&self) -> &Profile {
        &self.profile
    }

    fn fetch(&mut self, ids: &[&CredentialId]) -> Result<Vec<StoredRecord>, SinkError> {
        let mut found = Vec::new();
        for id in ids.iter().collect::<std::collections::HashSet<_>>() {
            found.extend(self.stored(id)?.map(|(_, stored)| stored));
        }
        Ok(found)
    }

    fn upsert(&mut self, writes: &[Write<'_>]) -> Result<Vec<Written>, SinkError> {
        if self.lock.is_none() {
            return Err(self.failed("write", "it was opened for reading"));
        }
        let written: Result<Vec<_>, _> = writes.iter().map(|write| self.write(write)).collect();
        // Half a batch must not become visible, whatever the caller does with the error.
        self.has_failed |= written.is_err();
        written
    }

    fn finish(&mut self) -> Result<(), SinkError> {
        if self.lock.is_none() {
            return Err(self.failed("write", "it was opened for reading"));
        }
        if self.has_failed {
            return Err(self.failed("write", "a change before this one failed"));
        }
        self.file.write().map_err(|error| self.failed("write", error))
    }
}

/// Tells whether what decides over a login is as it was when the change was decided.
fn is_as_read(stored: &StoredRecord, current: &StoredRecord) -> bool {
    let eligible = |record: &StoredRecord| record.backup.map(Backup::eligible);
    stored.public_key.is_same_key(&current.public_key)
        && stored.account == current.account
        && stored.user_id == current.user_id
        && stored.external_user_id == current.external_user_id
        && stored.rp_id == current.rp_id
        && stored.user_handle == current.user_handle
        && stored.status == current.status
        && eligible(stored) == eligible(current)
}

/// A record as it stands in the file, with what the application added, and what keyferry understands of it.
type Decoded = (Map<String, Value>, StoredRecord);

fn decode<F: RecordFormat>(text: &[u8]) -> Result<Decoded, String> {
    // serde_json's own message quotes what it found, which may name a user.
    let told = |error: serde_json::Error| {
        let what = if error.is_data() { "a member is missing or of another kind" } else { "not JSON" };
        format!("{what} (line {}, column {} of the record)", error.line(), error.column())
    };
    let record: Map<String, Value> = serde_json::from_slice(text).map_err(told)?;
    let typed: F::Record = serde_json::from_slice(text).map_err(told)?;
    Ok((record, F::to_stored(&typed)?))
}

fn encode<F: RecordFormat>(view: &StoredRecord) -> Result<Map<String, Value>, Box<dyn Error + Send + Sync>> {
    let record = F::to_record(view).map_err(|reason| format!("the target cannot hold it: {reason}"))?;
    match serde_json::to_value(record)? {
        Value::Object(map) => Ok(map),
        _ => Err("a record is not a JSON object".into()),
    }
}
