//! The asynchronous sink behind the synchronous trait.

use std::{fmt, future::Future, panic, thread};

use keyferry_core::{
    AccountFound, Coming, CredentialId, CredentialRecord, Form, Held, Profile, Sink, SinkError,
    SinkErrorKind, StoredRecord, Write, Written,
};
use keyferry_sql::{Database, Found, ShowsRows, SqlLock, SqlSink, WholeTable};
use tokio::runtime::{Builder, Handle, Runtime};

/// A [`SqlSink`] that blocks the thread it is called on; it brings its own small runtime.
///
/// It may be called inside a runtime, too: the work then goes to a thread of its own, and the calling one waits.
///
/// ```
/// use keyferry_core::Sink as _;
/// use keyferry_sqlx::{BlockingSink, Dialect, TableMap, TableName, read_sqlite};
/// # let folder = tempfile::tempdir()?;
/// let path = folder.path().join("passkeys.db");
/// let map = TableMap::own(Dialect::Sqlite, TableName::own());
/// let sink = BlockingSink::open(|| read_sqlite(&path, map))?;
/// assert_eq!(sink.profile().name, "sqlite");
/// assert!(!path.exists());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct BlockingSink<D: Database> {
    /// `None` only while it is dropped, or where there is no file yet.
    sink: Option<SqlSink<D>>,
    runtime: Option<Runtime>,
    /// What is true where there is no file yet.
    empty: Option<Profile>,
}

/// What opening a file for reading finds: the table, or no file at all.
pub enum Opened<D> {
    /// A database.
    Sink(SqlSink<D>),
    /// Nothing; what is read from it is empty.
    Nothing(Profile),
}

impl<D> From<SqlSink<D>> for Opened<D> {
    fn from(sink: SqlSink<D>) -> Self {
        Self::Sink(sink)
    }
}

impl<D: Database> BlockingSink<D> {
    /// Opens a sink by an asynchronous function such as [`crate::open_sqlite`].
    ///
    /// # Errors
    /// - as that function;
    /// - no runtime can be made: the process is short of file descriptors or threads.
    pub fn open<T: Into<Opened<D>> + Send, F>(open: impl FnOnce() -> F) -> Result<Self, SinkError>
    where
        F: Future<Output = Result<T, SinkError>> + Send,
    {
        let runtime = runtime()?;
        match block_on(&runtime, open()) {
            Ok(opened) => Ok(match opened.into() {
                Opened::Sink(sink) => Self { sink: Some(sink), runtime: Some(runtime), empty: None },
                Opened::Nothing(profile) => Self { sink: None, runtime: Some(runtime), empty: Some(profile) },
            }),
            Err(error) => {
                runtime.shutdown_background(); // dropping it would panic inside another runtime
                Err(error)
            }
        }
    }

    /// Says what was there before this sink was connected.
    pub fn found(&self) -> Found {
        self.sink.as_ref().map_or(Found::NoFile, SqlSink::found)
    }

    /// Returns what the operator should know about the table.
    pub fn warnings(&self) -> &[String] {
        self.sink.as_ref().map(SqlSink::warnings).unwrap_or_default()
    }

    /// Makes a survey of it, where the table is ours and there already; `None` also where the database has no such thing.
    pub fn into_survey(self) -> Option<WholeTable<Self>> {
        WholeTable::of(self)
    }

    fn parts(&mut self) -> Result<(&mut SqlSink<D>, &Runtime), SinkError> {
        match (&mut self.sink, &self.runtime) {
            (Some(sink), Some(runtime)) => Ok((sink, runtime)),
            (None, Some(_)) => {
                let error = SinkError::new(SinkErrorKind::Refused, "writing to a database that is not there");
                Err(error.because("it was opened for reading only"))
            }
            _ => Err(SinkError::new(SinkErrorKind::Unreachable, "using a database that is closed")),
        }
    }
}

impl<D: Database> Sink for BlockingSink<D> {
    fn profile(&self) -> &Profile {
        match (&self.sink, &self.empty) {
            (Some(sink), _) => sink.profile(),
            (None, Some(profile)) => profile,
            (None, None) => const { &keyferry_sql::profile_of(keyferry_sql::Dialect::Sqlite) },
        }
    }

    fn batch_size(&self) -> usize {
        self.sink.as_ref().map_or(8192, SqlSink::batch_size)
    }

    fn accounts(&mut self, records: &[&CredentialRecord]) -> Result<Vec<AccountFound>, SinkError> {
        if self.sink.is_none() {
            return Ok(vec![AccountFound::One; records.len()]);
        }
        let (sink, runtime) = self.parts()?;
        block_on(runtime, sink.accounts(records))
    }

    fn fetch(&mut self, ids: &[&CredentialId]) -> Result<Vec<StoredRecord>, SinkError> {
        if self.sink.is_none() {
            return Ok(Vec::new());
        }
        let (sink, runtime) = self.parts()?;
        block_on(runtime, sink.fetch(ids))
    }

    fn held(&mut self, records: &[&CredentialRecord]) -> Result<Vec<Held>, SinkError> {
        if self.sink.is_none() {
            return Ok(vec![Held::Nothing; records.len()]);
        }
        let (sink, runtime) = self.parts()?;
        block_on(runtime, sink.held(records))
    }

    fn begin(&mut self, coming: Coming) -> Result<(), SinkError> {
        let (sink, runtime) = self.parts()?;
        block_on(runtime, sink.begin(coming))
    }

    fn upsert(&mut self, writes: &[Write<'_>]) -> Result<Vec<Written>, SinkError> {
        let (sink, runtime) = self.parts()?;
        block_on(runtime, sink.upsert(writes))
    }

    fn finish(&mut self) -> Result<(), SinkError> {
        if self.sink.is_none() {
            return Ok(());
        }
        let (sink, runtime) = self.parts()?;
        block_on(runtime, sink.finish())
    }
}

impl<D: Database> ShowsRows for BlockingSink<D> {
    fn form(&self) -> Option<Form> {
        self.sink.as_ref().and_then(SqlSink::form)
    }

    fn show(&mut self, each: &mut (dyn FnMut(&[u8]) -> bool + Send)) -> Result<bool, SinkError> {
        let (sink, runtime) = self.parts()?;
        block_on(runtime, sink.show(each))
    }
}

impl<D: Database> Drop for BlockingSink<D> {
    /// Waits until the connection is closed, so that nothing of this process touches the database afterwards.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            if let Some(sink) = self.sink.take() {
                // What was committed is on disk already; closing has nothing left to lose.
                block_on(&runtime, sink.close());
            }
            runtime.shutdown_background();
        }
    }
}

impl<D: Database> fmt::Debug for BlockingSink<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.sink {
            Some(sink) => write!(f, "Blocking{sink:?}"),
            None => f.write_str("BlockingSqlSink(no file)"),
        }
    }
}

/// A lock on a table of a server, held until it goes into a sink or is dropped.
pub struct BlockingLock<D: Database> {
    lock: Option<SqlLock<D>>,
    runtime: Option<Runtime>,
}

impl<D: Database> BlockingLock<D> {
    /// Takes a lock by an asynchronous function.
    ///
    /// # Errors
    /// - as that function.
    pub fn acquire<F>(acquire: impl FnOnce() -> F) -> Result<Self, SinkError>
    where
        F: Future<Output = Result<SqlLock<D>, SinkError>> + Send,
    {
        let runtime = runtime()?;
        match block_on(&runtime, acquire()) {
            Ok(lock) => Ok(Self { lock: Some(lock), runtime: Some(runtime) }),
            Err(error) => {
                runtime.shutdown_background();
                Err(error)
            }
        }
    }

    /// Opens a sink on the same runtime, and gives it the lock.
    ///
    /// # Errors
    /// - as the asynchronous function.
    pub fn open<F>(mut self, open: impl FnOnce() -> F) -> Result<BlockingSink<D>, SinkError>
    where
        F: Future<Output = Result<SqlSink<D>, SinkError>> + Send,
    {
        let (Some(lock), Some(runtime)) = (self.lock.take(), self.runtime.take()) else {
            return Err(SinkError::new(SinkErrorKind::Unreachable, "using a lock that was given back"));
        };
        match block_on(&runtime, open()) {
            Ok(sink) => {
                Ok(BlockingSink { sink: Some(sink.with_lock(lock)), runtime: Some(runtime), empty: None })
            }
            Err(error) => {
                block_on(&runtime, lock.release());
                runtime.shutdown_background();
                Err(error)
            }
        }
    }
}

impl<D: Database> Drop for BlockingLock<D> {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            if let Some(lock) = self.lock.take() {
                block_on(&runtime, lock.release());
            }
            runtime.shutdown_background();
        }
    }
}

fn runtime() -> Result<Runtime, SinkError> {
    Builder::new_current_thread().enable_all().build().map_err(|error| {
        SinkError::new(SinkErrorKind::Unreachable, "starting the database client").because(error)
    })
}

/// Runs a future to its end, inside a runtime on a thread of its own, where blocking is allowed.
fn block_on<F>(runtime: &Runtime, future: F) -> F::Output
where
    F: Future<Output: Send> + Send,
{
    if Handle::try_current().is_err() {
        return runtime.block_on(future);
    }
    thread::scope(|scope| match scope.spawn(|| runtime.block_on(future)).join() {
        Ok(output) => output,
        Err(panicked) => panic::resume_unwind(panicked),
    })
}
