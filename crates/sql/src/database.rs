//! What the sink asks of a driver: one small trait, which sqlx and diesel fill in.

use std::{future::Future, sync::Arc};

use crate::{Cells, DatabaseError, Dialect, Value};

/// The text of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The SQL; binds are written as the dialect does: `?`, or `$1`, `$2`, … in PostgreSQL.
    pub text: Arc<str>,
    /// Whether the same text comes again and again, so that a driver should keep it prepared.
    pub is_repeated: bool,
}

impl Statement {
    /// Creates a statement that is not kept prepared.
    pub fn once(text: impl Into<Arc<str>>) -> Self {
        Self { text: text.into(), is_repeated: false }
    }

    /// Creates a statement that is kept prepared.
    pub fn repeated(text: impl Into<Arc<str>>) -> Self {
        Self { text: text.into(), is_repeated: true }
    }
}

/// What is done with each row of an answer.
pub type Each<'a> = &'a mut (dyn FnMut(&dyn Cells) + Send);

/// One connection to a database, as a driver gives it.
///
/// The functions return futures, so that an asynchronous driver can be awaited; a synchronous one returns futures that
/// are ready at once, and [`ready`] takes the answer out of them. So both drivers run the same sink and the same
/// statements.
pub trait Database: Send {
    /// The binds of a statement, as the driver sends them.
    type Binds<'v>: Send;

    /// Returns which kind of database it is.
    fn dialect(&self) -> Dialect;

    /// Makes the binds of a statement; it needs no connection, so that one which is busy need not be waited for.
    ///
    /// # Errors
    /// - a value is of a kind that this database does not bind, or too long for its protocol.
    fn binds<'v>(values: Vec<Value<'v>>) -> Result<Self::Binds<'v>, DatabaseError>;

    /// Runs one statement or several, without binds, by the simple protocol where the database has one.
    ///
    /// # Errors
    /// - the database refuses, or cannot be reached any more.
    fn run(&mut self, statements: &str) -> impl Future<Output = Result<(), DatabaseError>> + Send;

    /// Runs a statement and returns how many rows it affected; for an UPDATE, how many it found.
    ///
    /// # Errors
    /// - the database refuses, or cannot be reached any more.
    fn execute_bound(
        &mut self,
        statement: &Statement,
        binds: Self::Binds<'_>,
    ) -> impl Future<Output = Result<u64, DatabaseError>> + Send;

    /// Makes the binds of a statement and runs it, as [`Database::execute_bound`].
    ///
    /// # Errors
    /// - as [`Database::binds`] and [`Database::execute_bound`].
    fn execute(
        &mut self,
        statement: &Statement,
        values: &[Value<'_>],
    ) -> impl Future<Output = Result<u64, DatabaseError>> + Send {
        async move {
            let binds = Self::binds(values.iter().map(Value::borrowed).collect())?;
            self.execute_bound(statement, binds).await
        }
    }

    /// Runs a query and shows each row to `each`.
    ///
    /// # Errors
    /// - the database refuses, or cannot be reached any more.
    fn query(
        &mut self,
        statement: &Statement,
        binds: &[Value<'_>],
        each: Each<'_>,
    ) -> impl Future<Output = Result<(), DatabaseError>> + Send;

    /// Runs PostgreSQL's `COPY … FROM STDIN (FORMAT binary)` into [`COPY_TABLE`](crate::COPY_TABLE), whose columns are
    /// those of `data`; other databases are never asked to.
    ///
    /// # Errors
    /// - the database refuses, or cannot be reached any more.
    fn copy(&mut self, data: &[u8]) -> impl Future<Output = Result<(), DatabaseError>> + Send;

    /// Tells whether [`Database::copy_into`] and [`Database::copy_out`] work.
    fn copies_anywhere(&self) -> bool {
        false
    }

    /// Runs this `COPY … FROM STDIN (FORMAT binary)` and returns how many rows it added (PostgreSQL; only asked for where
    /// [`Database::copies_anywhere`]).
    ///
    /// `next` puts the next piece of the data into an empty buffer, and leaves it empty at the end. It is called while the
    /// server takes the pieces before.
    ///
    /// # Errors
    /// - the database refuses, or cannot be reached any more.
    fn copy_into(
        &mut self,
        _statement: &str,
        _next: &mut (dyn FnMut(&mut Vec<u8>) + Send),
    ) -> impl Future<Output = Result<u64, DatabaseError>> + Send {
        std::future::ready(Err(DatabaseError::other("this driver copies rows into one table only")))
    }

    /// Runs this `COPY … TO STDOUT (FORMAT binary)` and shows the answer to `each`, piece by piece, until it says that it
    /// has seen enough; the connection is of no use then (PostgreSQL; only asked for where [`Database::copies_anywhere`]).
    ///
    /// # Errors
    /// - the database refuses, or cannot be reached any more; the connection may be of no use afterwards.
    fn copy_out(
        &mut self,
        _statement: &str,
        _each: &mut (dyn FnMut(&[u8]) -> bool + Send),
    ) -> impl Future<Output = Result<(), DatabaseError>> + Send {
        std::future::ready(Err(DatabaseError::other("this driver copies no rows out of a table")))
    }

    /// Ends the connection and waits until that is done.
    fn close(self) -> impl Future<Output = ()> + Send
    where
        Self: Sized;
}

/// Takes the answer out of a future of a synchronous driver, which is ready at once.
///
/// `None` where it is not: the driver is not a synchronous one.
pub fn ready<F: Future>(future: F) -> Option<F::Output> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut context) {
        std::task::Poll::Ready(output) => Some(output),
        std::task::Poll::Pending => None,
    }
}
