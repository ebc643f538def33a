//! Reading and writing credential records in SQLite.

use std::{fmt, path::Path, sync::Arc};

use keyferry_core::{
    Backup, CredentialId, CredentialRecord, Identifier, SinkError, SinkErrorKind, Status, StoredRecord,
    UserHandle, Write, Written,
};
use keyferry_sql::sqlite;
use sqlx::{AssertSqlSafe, Connection as _, Sqlite, SqliteConnection, query::Query, sqlite::SqliteArguments};

use super::open::{Access, Found, Opened, open};
use super::row::read_row;
use crate::{
    convert::{self, Row},
    failure::failure,
};

/// How many IDs one SELECT asks for, and how many rows one INSERT adds: enough that the way to the driver's thread does
/// not count, and well within SQLite's binds.
const IDS: usize = 4096;
const ROWS: usize = 512;
const _: () = assert!(IDS <= sqlite::MAX_BINDS && ROWS <= sqlite::max_rows_per_insert());

/// A table of credential records in a SQLite file.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// use keyferry_sqlx::{Access, Found, SqliteSink};
/// # let folder = tempfile::tempdir()?;
/// let path = folder.path().join("passkeys.db");
/// let sink = SqliteSink::connect(&path, Access::Write).await?;
/// assert_eq!(sink.found(), Found::NoFile);
/// sink.close().await?;
/// let sink = SqliteSink::connect(&path, Access::Read).await?;
/// assert_eq!(sink.found(), Found::Table);
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct SqliteSink {
    connection: Option<SqliteConnection>,
    access: Access,
    found: Found,
    name: String,
    /// A batch was begun and not ended: its future was dropped half-way.
    is_interrupted: bool,
    select: Arc<str>,
    insert: Arc<str>,
}

impl SqliteSink {
    /// Opens a database file.
    ///
    /// For reading, a missing file or a database without the table is an empty target, and stays as it is; see
    /// [`SqliteSink::found`]. For writing, what is missing is made: the file for its owner only, the table in one
    /// transaction. An existing database keeps its journal mode and its settings.
    ///
    /// # Errors
    /// - `Unreachable`: a symbolic link, a folder that does not exist or may not be written to, not a file;
    /// - `SchemaMismatch`: not a SQLite database, another table of the same name, or a schema of a newer version;
    /// - `Busy`: another program has been writing for five seconds;
    /// - `Refused`: a file that may not be written to, a full disk.
    pub async fn connect(path: impl AsRef<Path>, access: Access) -> Result<Self, SinkError> {
        let Opened { connection, found, name } = open(path.as_ref(), access).await?;
        let (select, insert) = (sqlite::select(IDS).into(), sqlite::insert(ROWS).into());
        Ok(Self { connection, access, found, name, is_interrupted: false, select, insert })
    }

    /// Says what stood at the path before it was opened.
    pub fn found(&self) -> Found {
        self.found
    }

    /// Closes the database and waits until that is done.
    ///
    /// # Errors
    /// - the driver's thread has ended by itself.
    pub async fn close(self) -> Result<(), SinkError> {
        match self.connection {
            Some(connection) => {
                connection.close().await.map_err(|error| failure(format!("closing {}", self.name), &error))
            }
            None => Ok(()),
        }
    }

    /// Reads the credentials of these IDs, in any order; one that is not there is left out.
    ///
    /// # Errors
    /// - the database cannot be read;
    /// - `SchemaMismatch`: a row holds something that is no credential record.
    pub async fn fetch(&mut self, ids: &[&CredentialId]) -> Result<Vec<StoredRecord>, SinkError> {
        let is_empty = self.access == Access::Read && self.found != Found::Table;
        let Some(connection) = self.connection.as_mut().filter(|_| !is_empty) else {
            return Ok(Vec::new());
        };
        let mut records = Vec::with_capacity(ids.len());
        for ids in ids.chunks(IDS) {
            let mut query = cached(&self.select, ids.len() == IDS, || sqlite::select(ids.len()));
            for id in ids {
                query = query.bind(id.as_bytes());
            }
            let rows = query
                .fetch_all(&mut *connection)
                .await
                .map_err(|error| failure(format!("reading {}", self.name), &error))?;
            for row in &rows {
                records.push(read_row(row).map_err(|unreadable| {
                    let action = format!("reading {}", self.name);
                    SinkError::new(SinkErrorKind::SchemaMismatch, action).because(unreadable)
                })?);
            }
        }
        Ok(records)
    }

    /// Makes these changes in one transaction, all or none, and answers each in order.
    ///
    /// An insert of an ID that is there already, and an update or removal of a credential that is not any more what was
    /// read, change nothing and are answered [`Written::Changed`].
    ///
    /// # Errors
    /// - the database was opened for reading;
    /// - it cannot be written: busy, full, read-only, or a constraint or trigger of the application's own refuses a row.
    ///   Nothing of the batch stays.
    pub async fn upsert(&mut self, writes: &[Write<'_>]) -> Result<Vec<Written>, SinkError> {
        // A credential more than was read is rare. Only the second try asks row by row which one it is, so that the first
        // one has nothing to pay for it.
        for rows in [ROWS, 1] {
            if let Some(written) = self.transaction(writes, rows).await? {
                return Ok(written);
            }
        }
        let action = format!("writing to {}", self.name);
        Err(SinkError::new(SinkErrorKind::Refused, action).because("SQLite lost count of the rows"))
    }

    /// Makes these changes, inserts `rows` at a time; `None` where one of several inserts found its ID there already.
    async fn transaction(
        &mut self,
        writes: &[Write<'_>],
        rows: usize,
    ) -> Result<Option<Vec<Written>>, SinkError> {
        let action = format!("writing to {}", self.name);
        let (Some(connection), Access::Write) = (&mut self.connection, self.access) else {
            return Err(
                SinkError::new(SinkErrorKind::Refused, action).because("it was opened for reading only")
            );
        };
        if self.is_interrupted {
            let _ = execute(connection, "ROLLBACK").await;
        }
        self.is_interrupted = true;
        let written = match execute(connection, sqlite::BEGIN).await {
            Ok(()) => write(connection, &self.insert, writes, rows).await,
            Err(error) => Err(error),
        };
        let written = match written {
            Ok(Some(written)) => execute(connection, "COMMIT").await.map(|()| Some(written)),
            other => other,
        };
        if !matches!(written, Ok(Some(_))) {
            // After some errors, a full disk among them, SQLite has rolled back already and answers with an error.
            let _ = execute(connection, "ROLLBACK").await;
        }
        self.is_interrupted = false;
        written.map_err(|error| failure(action, &error))
    }
}

impl fmt::Debug for SqliteSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SqliteSink({}, {:?})", self.name, self.access)
    }
}

async fn execute(connection: &mut SqliteConnection, statement: &'static str) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(statement).execute(connection).await.map(drop)
}

/// Makes the changes inside a transaction.
async fn write(
    connection: &mut SqliteConnection,
    full_insert: &Arc<str>,
    writes: &[Write<'_>],
    rows: usize,
) -> Result<Option<Vec<Written>>, sqlx::Error> {
    let mut written = Vec::with_capacity(writes.len());
    let mut inserts = Vec::new();
    for change in writes {
        let affected = match change {
            Write::Insert(record) => {
                inserts.push((written.len(), *record));
                0 // answered below
            }
            Write::Update { stored, merged } => {
                let query = bind_guard(bind_merged(sqlx::query(sqlite::UPDATE), merged), stored);
                query.execute(&mut *connection).await?.rows_affected()
            }
            Write::Remove { stored } => {
                let query = bind_guard(sqlx::query(sqlite::DELETE), stored);
                query.execute(&mut *connection).await?.rows_affected()
            }
        };
        written.push(if affected == 1 { Written::Done } else { Written::Changed });
    }
    // In the order of the index, neighbours share their pages.
    inserts.sort_unstable_by(|(_, one), (_, other)| one.credential_id.cmp(&other.credential_id));
    for chunk in inserts.chunks(rows) {
        let mut query = cached(full_insert, chunk.len() == ROWS, || sqlite::insert(chunk.len()));
        for (_, record) in chunk {
            query = bind_record(query, record);
        }
        let affected = query.execute(&mut *connection).await?.rows_affected();
        if usize::try_from(affected) == Ok(chunk.len()) {
            for (index, _) in chunk {
                if let Some(answer) = written.get_mut(*index) {
                    *answer = Written::Done;
                }
            }
        } else if rows > 1 {
            return Ok(None);
        }
    }
    Ok(Some(written))
}

type Statement<'q> = Query<'q, Sqlite, SqliteArguments>;

/// Takes the statement of a full chunk, which the driver keeps prepared, or makes the one of the last chunk.
fn cached<'q>(full: &Arc<str>, is_full: bool, shorter: impl FnOnce() -> String) -> Statement<'q> {
    if is_full {
        sqlx::query(AssertSqlSafe(Arc::clone(full)))
    } else {
        sqlx::query(AssertSqlSafe(shorter())).persistent(false)
    }
}

fn bind_record<'q>(query: Statement<'q>, record: &'q CredentialRecord) -> Statement<'q> {
    let row = Row::from(record);
    query
        .bind(row.credential_id)
        .bind(row.public_key)
        .bind(row.cose_algorithm)
        .bind(row.sign_count)
        .bind(row.transports)
        .bind(row.uv_initialized)
        .bind(row.backup_eligible)
        .bind(row.backup_state)
        .bind(row.aaguid)
        .bind(row.authenticator_attachment)
        .bind(row.attestation_format)
        .bind(row.created_at)
        .bind(row.status)
        .bind(row.user_id)
        .bind(row.external_user_id)
        .bind(row.user_handle)
        .bind(row.rp_id)
        .bind(row.account)
}

fn bind_merged<'q>(query: Statement<'q>, merged: &'q StoredRecord) -> Statement<'q> {
    query
        .bind(i64::from(merged.sign_count.0))
        .bind(merged.transports.as_ref().map(convert::transports_to_text))
        .bind(merged.backup.map(Backup::eligible))
        .bind(merged.backup.map(Backup::state))
        .bind(merged.status.as_ref().map(Status::as_str))
        .bind(merged.user_handle.as_ref().map(UserHandle::as_bytes))
}

fn bind_guard<'q>(query: Statement<'q>, stored: &'q StoredRecord) -> Statement<'q> {
    query
        .bind(stored.credential_id.as_bytes())
        .bind(stored.public_key.as_bytes())
        .bind(stored.account.as_ref().map(Identifier::as_str))
        .bind(stored.rp_id.as_ref().map(|rp_id| rp_id.as_str()))
        .bind(stored.backup.map(Backup::eligible))
        .bind(stored.status.as_ref().map(Status::as_str))
        .bind(stored.user_id.as_ref().map(Identifier::as_str))
        .bind(stored.external_user_id.as_ref().map(Identifier::as_str))
        .bind(stored.user_handle.as_ref().map(UserHandle::as_bytes))
}
