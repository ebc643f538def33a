//! The asynchronous sink behind the synchronous trait.

use std::{future::Future, panic, path::Path, thread};

use keyferry_core::{CredentialId, Profile, Sink, SinkError, SinkErrorKind, StoredRecord, Write, Written};
use tokio::runtime::{Builder, Handle, Runtime};

use crate::{Access, Found, PROFILE, SqliteSink};

/// A [`SqliteSink`] that blocks the thread it is called on; it brings its own small runtime.
///
/// It may be called inside a runtime, too: the work then goes to a thread of its own, and the calling one waits.
///
/// ```
/// use keyferry_core::Sink as _;
/// # let folder = tempfile::tempdir()?;
/// let path = folder.path().join("passkeys.db");
/// let sink = keyferry_sqlx::BlockingSqliteSink::connect(&path, keyferry_sqlx::Access::Read)?;
/// assert_eq!(sink.profile().name, "sqlite");
/// assert!(!path.exists());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct BlockingSqliteSink {
    /// `None` only while it is dropped.
    sink: Option<SqliteSink>,
    runtime: Option<Runtime>,
    found: Found,
}

impl BlockingSqliteSink {
    /// Opens a database as [`SqliteSink::connect`] does.
    ///
    /// # Errors
    /// - as [`SqliteSink::connect`];
    /// - no runtime can be made: the process is short of file descriptors or threads.
    pub fn connect(path: impl AsRef<Path>, access: Access) -> Result<Self, SinkError> {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(|error| {
            SinkError::new(SinkErrorKind::Unreachable, "starting the database client").because(error)
        })?;
        let sink = block_on(&runtime, SqliteSink::connect(path.as_ref(), access));
        match sink {
            Ok(sink) => Ok(Self { found: sink.found(), sink: Some(sink), runtime: Some(runtime) }),
            Err(error) => {
                runtime.shutdown_background(); // dropping it would panic inside another runtime
                Err(error)
            }
        }
    }

    /// Says what was there before this sink was connected.
    pub fn found(&self) -> Found {
        self.found
    }

    fn parts(&mut self) -> Result<(&mut SqliteSink, &Runtime), SinkError> {
        match (&mut self.sink, &self.runtime) {
            (Some(sink), Some(runtime)) => Ok((sink, runtime)),
            _ => Err(SinkError::new(SinkErrorKind::Unreachable, "using a database that is closed")),
        }
    }
}

impl Sink for BlockingSqliteSink {
    fn profile(&self) -> &Profile {
        &PROFILE
    }

    /// SQLite rewrites nearly every leaf of its indexes at each commit, since credential IDs are random: a million rows
    /// in batches of 8,192 write 8.3 GB, in batches of 65,536 they write 2.1 GB.
    fn batch_size(&self) -> usize {
        65_536
    }

    fn fetch(&mut self, ids: &[&CredentialId]) -> Result<Vec<StoredRecord>, SinkError> {
        let (sink, runtime) = self.parts()?;
        block_on(runtime, sink.fetch(ids))
    }

    fn upsert(&mut self, writes: &[Write<'_>]) -> Result<Vec<Written>, SinkError> {
        let (sink, runtime) = self.parts()?;
        block_on(runtime, sink.upsert(writes))
    }
}

impl Drop for BlockingSqliteSink {
    /// Waits until the file is closed, so that nothing of this process touches it afterwards.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            if let Some(sink) = self.sink.take() {
                // What was committed is on disk already; closing has nothing left to lose.
                let _ = block_on(&runtime, sink.close());
            }
            runtime.shutdown_background();
        }
    }
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
