//! A file of records as a sink.

use std::{error::Error, marker::PhantomData, path::Path};

use keyferry_core::{
    Backup, CredentialId, CredentialRecord, Held, Profile, Shown, Sink, SinkError, SinkErrorKind,
    StoredRecord, Survey, Write, Written,
};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    FileLock, RecordFormat,
    change::carry_over,
    records_file::{Key, RecordsFile},
    survey::JsonSurvey,
};

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
    /// A record as it would be written.
    text: Vec<u8>,
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
        let file = RecordsFile::open(path, F::KEYED_BY_ACCOUNT, key_of::<F>).map_err(|error| {
            let kind = match error.kind() {
                std::io::ErrorKind::InvalidData => SinkErrorKind::SchemaMismatch,
                _ => SinkErrorKind::Unreachable,
            };
            SinkError::new(kind, format!("cannot read {} records from {name}", F::PROFILE.name))
                .because(error)
        })?;
        let (profile, text) = (F::PROFILE, Vec::new());
        Ok(Self { file, name, lock, has_failed: false, profile, text, format: PhantomData })
    }

    /// Opens a file to compare it as a whole; `None` where there is none, or it does not have a record on each line.
    pub fn survey(path: &Path) -> Option<impl Survey + use<F>>
    where
        F: 'static,
    {
        JsonSurvey::<F>::open(path)
    }

    /// Tells whether there was a file when it was opened.
    pub fn exists(&self) -> bool {
        self.file.exists()
    }

    fn failed(&self, action: &str, source: impl Into<Box<dyn Error + Send + Sync>>) -> SinkError {
        failed(&self.name, action, source)
    }

    fn stored(&mut self, id: &CredentialId) -> Result<Option<Decoded>, SinkError> {
        let text = self.file.get(id).map_err(|error| failed(&self.name, "read", error))?;
        text.map(|text| decode_of::<F>(text, id, &self.name)).transpose()
    }

    /// Looks a record up; where its text is what would be written, nobody needs to understand it.
    fn held_of(&mut self, record: &CredentialRecord) -> Result<Held, SinkError> {
        let text = self.file.get(&record.credential_id).map_err(|error| failed(&self.name, "read", error))?;
        let Some(text) = text else { return Ok(Held::Nothing) };
        if write_text::<F>(record, &mut self.text).is_ok() && self.text == text {
            return Ok(Held::AsWritten);
        }
        let (_, stored) = decode_of::<F>(text, &record.credential_id, &self.name)?;
        Ok(Held::Record(Box::new(stored)))
    }

    fn insert(&mut self, record: &CredentialRecord) -> Result<Written, SinkError> {
        let id = &record.credential_id;
        if let Err(message) = write_text::<F>(record, &mut self.text) {
            return match self.stored(id)? {
                Some(_) => Ok(Written::Changed),
                None => Err(self.failed("write", message)),
            };
        }
        let added = self.file.add(id, record.account.as_str(), &self.text);
        match added.map_err(|error| self.failed("write", error))? {
            true => Ok(Written::Done),
            false => Ok(Written::Changed),
        }
    }

    /// Makes one change, unless the record is not any more what it was when it was read.
    fn write(&mut self, write: &Write<'_>) -> Result<Written, SinkError> {
        if let Write::Insert(record) = write {
            return self.insert(record);
        }
        let current = self.stored(write.credential_id())?;
        match (write, current) {
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
                let text = serde_json::to_vec(&record).map_err(|error| self.failed("write", error))?;
                let changed = self.file.change(&merged.credential_id, &text);
                changed.map_err(|error| self.failed("write", error))?;
            }
            (Write::Remove { stored }, Some((_, current))) if is_as_read(stored, &current) => {
                self.file.remove(&stored.credential_id).map_err(|error| self.failed("write", error))?;
            }
            _ => return Ok(Written::Changed),
        }
        Ok(Written::Done)
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

    fn held(&mut self, records: &[&CredentialRecord]) -> Result<Vec<Held>, SinkError> {
        records.iter().map(|record| self.held_of(record)).collect()
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

fn failed(name: &str, action: &str, source: impl Into<Box<dyn Error + Send + Sync>>) -> SinkError {
    SinkError::new(SinkErrorKind::Refused, format!("cannot {action} {name}")).because(source)
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

/// Decodes as far as the key, and finds everything wrong that [`decode`] finds.
pub(crate) fn key_of<F: RecordFormat>(text: &[u8], scratch: &mut Vec<u8>) -> Result<Key, String> {
    let stored = match serde_json::from_slice::<F::Record>(text) {
        // A text that is what would be written has no other members, so there is nothing else in it to be wrong.
        Ok(record) if is_text_of(&record, text, scratch) => F::to_stored(&record)?,
        _ => decode::<F>(text)?.1,
    };
    let account = stored.account.map(|account| account.as_str().to_owned()).unwrap_or_default();
    Ok((stored.credential_id, account))
}

fn is_text_of(record: &impl Serialize, text: &[u8], scratch: &mut Vec<u8>) -> bool {
    scratch.clear();
    serde_json::to_writer(&mut *scratch, record).is_ok() && scratch == text
}

fn decode_of<F: RecordFormat>(text: &[u8], id: &CredentialId, name: &str) -> Result<Decoded, SinkError> {
    let (record, stored) = decode::<F>(text).map_err(|message| failed(name, "read", message))?;
    if stored.credential_id != *id {
        // Two IDs met in one 64-bit hash; the keys of the hash are new in every run.
        return Err(failed(name, "index", "two credential IDs have the same hash, run again"));
    }
    Ok((record, stored))
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

/// Writes a record on one line.
pub(crate) fn write_text<F: RecordFormat>(
    record: &CredentialRecord,
    text: &mut Vec<u8>,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    text.clear();
    F::write(record, text)?;
    if text.first() != Some(&b'{') {
        return Err(NO_OBJECT.into());
    }
    Ok(())
}

fn encode<F: RecordFormat>(view: &StoredRecord) -> Result<Map<String, Value>, Box<dyn Error + Send + Sync>> {
    let record = F::to_record(view).map_err(|reason| format!("the target cannot hold it: {reason}"))?;
    match serde_json::to_value(record)? {
        Value::Object(map) => Ok(map),
        _ => Err(NO_OBJECT.into()),
    }
}

const NO_OBJECT: &str = "a record is not a JSON object";

#[cfg(test)]
mod tests;
