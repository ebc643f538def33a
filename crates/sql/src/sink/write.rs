//! One batch as one transaction.

use std::{collections::HashMap, time::Duration};

use keyferry_core::{SinkError, SinkErrorKind, Write, Written};

use super::{SqlSink, Trouble, change, insert};
use crate::{Class, Database, DatabaseError, Dialect, Kind, Value, table::Table, text};

/// How often a batch is tried again that stood in another transaction's way.
const TRIES: u32 = 6;

/// What is true while a batch is written.
pub(super) struct Batch<'b, D> {
    pub(super) database: &'b mut D,
    pub(super) table: &'b Table,
    pub(super) known: &'b HashMap<Box<str>, Value<'static>>,
    /// The time of the import.
    pub(super) now: i64,
    /// Something was otherwise than a batch may expect: who is refused and who comes too late is asked row by row.
    pub(super) is_careful: bool,
    copied: CopyTables,
    copied_at_mark: CopyTables,
}

/// The tables that rows are copied into (PostgreSQL), as they are in this transaction.
#[derive(Clone, Default)]
struct CopyTables {
    /// The columns of each.
    made: Vec<Vec<Kind>>,
    /// The one that bears the name which is copied into.
    current: Option<usize>,
}

/// Why a batch was not written.
pub(super) enum Stop {
    /// It must be done again, row by row where rows stand out.
    Again { is_careful: bool },
    /// It cannot be done.
    Trouble(Trouble),
}

impl From<DatabaseError> for Stop {
    fn from(error: DatabaseError) -> Self {
        match error.class {
            Class::Again => Self::Again { is_careful: false },
            _ => Self::Trouble(Trouble::Database(error)),
        }
    }
}

impl From<Trouble> for Stop {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Database(error) => error.into(),
            unreadable @ Trouble::Unreadable(_) => Self::Trouble(unreadable),
        }
    }
}

/// Writes a batch in one transaction.
pub(super) async fn batch<D: Database>(
    sink: &mut SqlSink<D>,
    table: &Table,
    writes: &[Write<'_>],
    action: &str,
) -> Result<Vec<Written>, SinkError> {
    let mut is_careful = false;
    for attempt in 0..TRIES {
        match transaction(sink, table, writes, is_careful, action).await? {
            Ok(written) => return Ok(written),
            // A row that stands out is rare. Only then is asked which one it is, so that others pay nothing for it.
            Err(Again { is_careful: careful }) => is_careful |= careful,
        }
        // Whoever stood in the way gets a moment; the wait is short and bounded.
        std::thread::sleep(Duration::from_millis(5) * attempt);
    }
    let why = "other transactions stood in the way of this batch again and again";
    Err(SinkError::new(SinkErrorKind::Busy, action).because(why))
}

struct Again {
    is_careful: bool,
}

async fn transaction<D: Database>(
    sink: &mut SqlSink<D>,
    table: &Table,
    writes: &[Write<'_>],
    is_careful: bool,
    action: &str,
) -> Result<Result<Vec<Written>, Again>, SinkError> {
    if sink.is_interrupted {
        let _ = sink.database.run("ROLLBACK").await;
    }
    sink.is_interrupted = true;
    let now = now();
    let (database, known) = (&mut sink.database, &sink.known);
    let (copied, copied_at_mark) = (CopyTables::default(), CopyTables::default());
    let mut batch = Batch { database, table, known, now, is_careful, copied, copied_at_mark };
    let written = match batch.database.run(begin(table.dialect)).await {
        Ok(()) => all(&mut batch, writes).await,
        Err(error) => Err(error.into()),
    };
    let result = match written {
        Ok(written) => match sink.database.run("COMMIT").await {
            Ok(()) => Ok(Ok(written)),
            Err(error) if error.class == Class::Connection => {
                let why = format!(
                    "{}; it is not known whether the last {} rows were kept",
                    error.message,
                    writes.len()
                );
                Err(SinkError::new(SinkErrorKind::OutcomeUnknown, action).because(why))
            }
            Err(error) if error.class == Class::Again => Ok(Err(Again { is_careful: false })),
            Err(error) => Err(error.while_doing(action)),
        },
        Err(Stop::Again { is_careful }) => Ok(Err(Again { is_careful })),
        Err(Stop::Trouble(trouble)) => Err(trouble.while_doing(action)),
    };
    if !matches!(result, Ok(Ok(_))) {
        // After some errors, a full disk among them, SQLite has rolled back already and answers with an error.
        let _ = sink.database.run("ROLLBACK").await;
    }
    sink.is_interrupted = false;
    result
}

/// Begins a transaction that may write.
///
/// In SQLite at once, so that two writers never both read first and then wait for each other. In PostgreSQL deferred
/// constraints are checked with each statement, where the row that breaks one can still be named.
pub(super) fn begin(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => "BEGIN IMMEDIATE",
        Dialect::Postgres => "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET CONSTRAINTS ALL IMMEDIATE",
        Dialect::MySql => "START TRANSACTION READ WRITE",
    }
}

async fn all<D: Database>(batch: &mut Batch<'_, D>, writes: &[Write<'_>]) -> Result<Vec<Written>, Stop> {
    let mut written = vec![Written::Done; writes.len()];
    change::all(batch, writes, &mut written).await?;
    insert::all(batch, writes, &mut written).await?;
    Ok(written)
}

pub(super) fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH);
    since.ok().and_then(|since| i64::try_from(since.as_micros()).ok()).unwrap_or_default()
}

impl<D: Database> Batch<'_, D> {
    /// Marks a place in the transaction to go back to.
    pub(super) async fn mark(&mut self) -> Result<(), DatabaseError> {
        self.copied_at_mark.clone_from(&self.copied);
        self.database.run("SAVEPOINT keyferry").await
    }

    /// Takes back what came after the mark.
    pub(super) async fn take_back(&mut self) -> Result<(), DatabaseError> {
        self.copied.clone_from(&self.copied_at_mark);
        self.database.run("ROLLBACK TO SAVEPOINT keyferry").await
    }

    /// Keeps what came after the mark.
    pub(super) async fn keep(&mut self) -> Result<(), DatabaseError> {
        self.database.run("RELEASE SAVEPOINT keyferry").await
    }

    /// Copies rows into a table that goes with the transaction (PostgreSQL).
    ///
    /// Rows of the same columns go into the same table each time: the locks of one that was dropped stay until the
    /// transaction ends, and some thousands of them fill the server's table of locks.
    pub(super) async fn copy(&mut self, kinds: Vec<Kind>, data: &[u8]) -> Result<(), DatabaseError> {
        let CopyTables { made, current } = &mut self.copied;
        let wanted = made.iter().position(|known| *known == kinds);
        if wanted.is_none() || wanted != *current {
            if let Some(current) = current {
                self.database.run(&text::put_copy_table_away(*current)).await?;
            }
            let statement = match wanted {
                Some(wanted) => text::take_copy_table(wanted),
                None => text::create_copy_table(&kinds),
            };
            self.database.run(&statement).await?;
            *current = Some(wanted.unwrap_or(made.len()));
            if wanted.is_none() {
                made.push(kinds);
            }
        }
        self.database.run(&text::empty_copy_table()).await?;
        self.database.copy(data).await
    }
}
