//! The sink of the SQL engine, over a synchronous driver.

use std::{fmt, future::Future};

use keyferry_core::{
    AccountFound, Coming, CredentialId, CredentialRecord, Form, Held, Profile, Sink, SinkError,
    SinkErrorKind, StoredRecord, Write, Written,
};
use keyferry_sql::{Database, Found, Opening, ShowsRows, SqlLock, SqlSink, TableName, WholeTable, ready};

/// A table of credential records in a database, over one of diesel's connections.
pub struct DieselSink<D: Database> {
    /// `None`: there is no file, and nothing was to be made; or it is being closed.
    sink: Option<SqlSink<D>>,
    empty: Profile,
}

impl<D: Database> DieselSink<D> {
    /// Opens a table on a connection, and inspects its columns, collations and indexes before anything is written.
    ///
    /// # Errors
    /// - as [`SqlSink::open`].
    pub fn open(database: D, opening: Opening) -> Result<Self, SinkError> {
        let empty = keyferry_sql::profile_of(database.dialect());
        now(SqlSink::open(database, opening))?.map(|sink| Self { sink: Some(sink), empty })
    }

    /// Makes the sink of a file that is not there: what is read from it is empty.
    pub(crate) fn of_nothing() -> Self {
        Self { sink: None, empty: keyferry_sql::profile_of(keyferry_sql::Dialect::Sqlite) }
    }

    pub(crate) fn with_new_file(self) -> Self {
        self.with(SqlSink::with_new_file)
    }

    /// Keeps every other import away until the sink is dropped; `database` is a connection of its own to the server.
    ///
    /// # Errors
    /// - `Busy`: another import is running; the message says whose, as far as the server tells;
    /// - the server cannot be asked.
    pub fn locked(self, database: D, table: &TableName, name: &str) -> Result<Self, SinkError> {
        let lock = now(SqlLock::acquire(database, table, name))??;
        Ok(self.with(|sink| sink.with_lock(lock)))
    }

    fn with(mut self, change: impl FnOnce(SqlSink<D>) -> SqlSink<D>) -> Self {
        self.sink = self.sink.take().map(change);
        self
    }

    /// Says what was there before this sink was opened.
    pub fn found(&self) -> Found {
        self.sink.as_ref().map_or(Found::NoFile, SqlSink::found)
    }

    /// Returns what the operator should know about the table.
    pub fn warnings(&self) -> &[String] {
        self.sink.as_ref().map(SqlSink::warnings).unwrap_or_default()
    }

    /// Makes a survey of it, where the table is ours and there already; `None` also where the database has no such thing:
    /// through diesel, SQLite has.
    pub fn into_survey(self) -> Option<WholeTable<Self>> {
        WholeTable::of(self)
    }
}

impl<D: Database> ShowsRows for DieselSink<D> {
    fn form(&self) -> Option<Form> {
        self.sink.as_ref().and_then(SqlSink::form)
    }

    fn show(&mut self, each: &mut (dyn FnMut(&[u8]) -> bool + Send)) -> Result<bool, SinkError> {
        match &mut self.sink {
            Some(sink) => now(sink.show(each))?,
            None => Ok(false),
        }
    }
}

impl<D: Database> Sink for DieselSink<D> {
    fn profile(&self) -> &Profile {
        self.sink.as_ref().map_or(&self.empty, SqlSink::profile)
    }

    fn batch_size(&self) -> usize {
        self.sink.as_ref().map_or(8192, SqlSink::batch_size)
    }

    fn accounts(&mut self, records: &[&CredentialRecord]) -> Result<Vec<AccountFound>, SinkError> {
        match &mut self.sink {
            Some(sink) => now(sink.accounts(records))?,
            None => Ok(vec![AccountFound::One; records.len()]),
        }
    }

    fn fetch(&mut self, ids: &[&CredentialId]) -> Result<Vec<StoredRecord>, SinkError> {
        match &mut self.sink {
            Some(sink) => now(sink.fetch(ids))?,
            None => Ok(Vec::new()),
        }
    }

    fn held(&mut self, records: &[&CredentialRecord]) -> Result<Vec<Held>, SinkError> {
        match &mut self.sink {
            Some(sink) => now(sink.held(records))?,
            None => Ok(vec![Held::Nothing; records.len()]),
        }
    }

    fn begin(&mut self, coming: Coming) -> Result<(), SinkError> {
        match &mut self.sink {
            Some(sink) => now(sink.begin(coming))?,
            None => Ok(()),
        }
    }

    fn finish(&mut self) -> Result<(), SinkError> {
        match &mut self.sink {
            Some(sink) => now(sink.finish())?,
            None => Ok(()),
        }
    }

    fn upsert(&mut self, writes: &[Write<'_>]) -> Result<Vec<Written>, SinkError> {
        match &mut self.sink {
            Some(sink) => now(sink.upsert(writes))?,
            None => {
                let error = SinkError::new(SinkErrorKind::Refused, "writing to a database that is not there");
                Err(error.because("it was opened for reading only"))
            }
        }
    }
}

impl<D: Database> Drop for DieselSink<D> {
    fn drop(&mut self) {
        if let Some(sink) = self.sink.take() {
            // What was committed is on disk already; closing has nothing left to lose.
            let _ = ready(sink.close());
        }
    }
}

impl<D: Database> fmt::Debug for DieselSink<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.sink {
            Some(sink) => write!(f, "Diesel{sink:?}"),
            None => f.write_str("DieselSqlSink(no file)"),
        }
    }
}

/// Takes the answer of a synchronous driver.
fn now<F: Future>(future: F) -> Result<F::Output, SinkError> {
    ready(future).ok_or_else(|| {
        SinkError::new(SinkErrorKind::Unreachable, "using a driver that does not answer at once")
    })
}
