//! Reading and writing credential records in a table, over any driver.

mod accounts;
mod change;
mod insert;
mod late_index;
mod open;
mod packed_rows;
mod range;
mod read;
mod stream;
mod survey;
mod whole;
mod write;

use std::{collections::HashMap, fmt, sync::Arc};

use keyferry_core::{
    CredentialId, CredentialRecord, Held, Profile, SinkError, SinkErrorKind, StoredRecord, Write, Written,
};

pub use open::{Access, Found, Opening};

use crate::{Database, DatabaseError, Dialect, Value, table::Table};

/// The cache of SQLite's pages that rows are added with in no such order, in KiB: the indexes of a million rows.
const LARGE_CACHE: &str = "PRAGMA cache_size = -65536";

/// A table of credential records in a database.
///
/// The functions are those of [`keyferry_core::Sink`], asynchronous; adapters make a `Sink` of it.
pub struct SqlSink<D> {
    database: D,
    /// `None`: there is no such table yet, and nothing was to be made.
    table: Option<Arc<Table>>,
    profile: Profile,
    access: Access,
    found: Found,
    /// The name of the target in messages.
    name: String,
    /// The accounts that the last records named: the account's own value of each name.
    known: HashMap<Box<str>, Value<'static>>,
    /// The table was empty when a file was begun, and nobody else was seen to add a row since: what is in it came with
    /// that file, of which no row comes twice. Nothing rests on it but that a look-up is left out; the statements that
    /// write find out who was wrong.
    is_ours_alone: bool,
    put_off: whole::PutOff,
    /// Rows of others stand between those that are looked up (PostgreSQL).
    is_sparse: bool,
    /// A batch was begun and not ended: its future was dropped half-way.
    is_interrupted: bool,
    warnings: Vec<String>,
    /// What keeps other imports away, where it is not a file.
    lock: Option<crate::SqlLock<D>>,
    has_large_cache: bool,
}

impl<D: Database> SqlSink<D> {
    /// Returns what is true of the table as a target.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Says what was there before.
    pub fn found(&self) -> Found {
        self.found
    }

    /// Returns what the operator should know about the table, such as a collation that folds case.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Returns how many records are read, compared and written together.
    ///
    /// Each commit rewrites nearly every leaf of an index that is not filled in its own order: in SQLite a million rows in
    /// batches of 8,192 write 8.3 GB, in batches of 65,536 they write 2.1 GB. Where such indexes wait for the rows, a batch
    /// is no larger than its few waits for the disk ask for; where nothing is written, it is small. A server takes 16,384
    /// rows as fast as more of them.
    pub fn batch_size(&self) -> usize {
        match self.database.dialect() {
            Dialect::Sqlite if self.access == Access::Read => 16_384,
            Dialect::Sqlite if self.put_off == whole::PutOff::ByUs => 24_576,
            Dialect::Sqlite => 65_536,
            Dialect::Postgres | Dialect::MySql => 16_384,
        }
    }

    /// Takes over the lock that keeps other imports away; it is given back when the sink is closed.
    #[must_use]
    pub fn with_lock(mut self, lock: crate::SqlLock<D>) -> Self {
        self.lock = Some(lock);
        self
    }

    /// Ends the connection and waits until that is done.
    pub async fn close(mut self) {
        // Whoever did not come to the end has been told so already.
        let _ = self.finish().await;
        self.database.close().await;
        if let Some(lock) = self.lock {
            lock.release().await;
        }
    }

    /// Reads the credentials of these IDs, in any order; one that is not there is left out.
    ///
    /// # Errors
    /// - the database cannot be read;
    /// - `SchemaMismatch`: a row holds something that is no credential record.
    pub async fn fetch(&mut self, ids: &[&CredentialId]) -> Result<Vec<StoredRecord>, SinkError> {
        let Some(table) = self.table.clone() else { return Ok(Vec::new()) };
        let action = format!("reading {}", self.name);
        let rows = read::credentials(&mut self.database, &table, ids, false).await;
        let rows = rows.map_err(|error| error.while_doing(&action))?;
        Ok(rows.into_iter().map(|row| row.stored).collect())
    }

    /// Looks up what is there of these records; answers each in order, and says of a row of our own table that holds
    /// what would be written now no more than that.
    ///
    /// # Errors
    /// - as [`SqlSink::fetch`].
    pub async fn held(&mut self, records: &[&CredentialRecord]) -> Result<Vec<Held>, SinkError> {
        if self.is_ours_alone {
            return Ok(vec![Held::Nothing; records.len()]);
        }
        if let Some(table) = self.table.clone().filter(|table| table.map.is_own) {
            let held = read::compared(&mut self.database, &table, records, &mut self.is_sparse).await;
            return held.map_err(|error| error.while_doing(&format!("reading {}", self.name)));
        }
        let ids: Vec<_> = records.iter().map(|record| &record.credential_id).collect();
        let stored = self.fetch(&ids).await?;
        let mut stored: HashMap<CredentialId, StoredRecord> =
            stored.into_iter().map(|stored| (stored.credential_id.clone(), stored)).collect();
        let held = ids.into_iter().map(|id| match stored.remove(id) {
            Some(stored) => Held::Record(Box::new(stored)),
            None => Held::Nothing,
        });
        Ok(held.collect())
    }

    /// Makes these changes in one transaction, all but those that it answers otherwise than [`Written::Done`].
    ///
    /// An insert of an ID that is there already, and an update or removal of a credential that is not any more what was
    /// read, change nothing and are answered [`Written::Changed`]. A row that a constraint or trigger of the database
    /// refuses is answered [`Written::Refused`], and the others are written.
    ///
    /// # Errors
    /// - the table was opened for reading;
    /// - it cannot be written: busy, full, read-only; nothing of the batch stays;
    /// - `OutcomeUnknown`: the connection ended while the batch was committed.
    pub async fn upsert(&mut self, writes: &[Write<'_>]) -> Result<Vec<Written>, SinkError> {
        let action = format!("writing to {}", self.name);
        let Some(table) = self.table.clone().filter(|_| self.access == Access::Write) else {
            let why = "it was opened for reading only";
            return Err(SinkError::new(SinkErrorKind::Refused, action).because(why));
        };
        if let Some(lock) = &mut self.lock {
            lock.check(&self.name).await?;
        }
        let is_scattered = self.database.dialect() == Dialect::Sqlite
            && self.put_off != whole::PutOff::ByUs
            && writes.iter().any(|write| matches!(write, Write::Insert(_)));
        if is_scattered && !self.has_large_cache {
            self.database.run(LARGE_CACHE).await.map_err(|error| error.while_doing(&action))?;
            self.has_large_cache = true;
        }
        let written = write::batch(self, &table, writes, &action).await;
        // Somebody else is adding rows, too, or it is not known what stands there: from here on it is looked up.
        self.is_ours_alone &=
            written.as_ref().is_ok_and(|written| written.iter().all(|one| *one == Written::Done));
        written
    }

    /// Looks the accounts up that these records are bound to; answers each in order.
    ///
    /// # Errors
    /// - the database cannot be read.
    pub async fn accounts(
        &mut self,
        records: &[&CredentialRecord],
    ) -> Result<Vec<keyferry_core::AccountFound>, SinkError> {
        accounts::look_up(self, records).await
    }
}

impl<D> fmt::Debug for SqlSink<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SqlSink({}, {:?})", self.name, self.access)
    }
}

/// Why a batch was not read or written.
pub(crate) enum Trouble {
    /// The database refused.
    Database(DatabaseError),
    /// A row holds something that is no credential record.
    Unreadable(String),
}

impl From<DatabaseError> for Trouble {
    fn from(error: DatabaseError) -> Self {
        Self::Database(error)
    }
}

impl Trouble {
    pub(crate) fn while_doing(self, action: &str) -> SinkError {
        match self {
            Self::Database(error) => error.while_doing(action),
            Self::Unreadable(why) => SinkError::new(SinkErrorKind::SchemaMismatch, action).because(why),
        }
    }
}
