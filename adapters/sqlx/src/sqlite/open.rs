//! Opening a database file, for reading without a trace, or for writing.

use std::{
    fs::{self, OpenOptions},
    io,
    path::{Path, PathBuf, absolute},
    time::Duration,
};

use keyferry_core::{Shown, SinkError, SinkErrorKind};
use keyferry_sql::{Dialect, sqlite};
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, SqliteConnection, sqlite::SqliteConnectOptions,
};

use super::shape::{self, Shape};
use crate::failure::failure;

/// How long SQLite waits for another program that is writing.
const PATIENCE: Duration = Duration::from_secs(5);

/// Says what a database is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reading: nothing is created, nothing is changed, and what is missing counts as empty.
    Read,
    /// Writing: a missing file (readable by its owner only) and a missing table are made.
    Write,
}

/// Says what stood at the path before it was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// No file; an import makes it.
    NoFile,
    /// A database without the table; an import adds it.
    NoTable,
    /// The table.
    Table,
}

/// A database as it was opened; `connection` is missing only where there is no file and none was to be made.
pub(super) struct Opened {
    pub(super) connection: Option<SqliteConnection>,
    pub(super) found: Found,
    pub(super) name: String,
}

/// Opens a database and sees to it that what stands there is ours.
pub(super) async fn open(path: &Path, access: Access) -> Result<Opened, SinkError> {
    let name = Shown(&path.file_name().unwrap_or(path.as_os_str()).to_string_lossy()).to_string();
    let action = format!("opening {name}");
    let unreachable = |error: io::Error| SinkError::new(SinkErrorKind::Unreachable, &*action).because(error);
    // An absolute path is a path: SQLite takes `:memory:`, `file:...` and an empty one for something else.
    let path = absolute(path).map_err(unreachable)?;
    let is_there = look_at(&path).map_err(unreachable)?;
    if !is_there && access == Access::Read {
        return Ok(Opened { connection: None, found: Found::NoFile, name });
    }
    if !is_there {
        create(&path).map_err(unreachable)?;
    }
    let opened = match connect(&path, access, &action).await {
        Ok(connection) => prepare(connection, access, &action).await,
        Err(error) => Err(error),
    };
    match opened {
        Ok((connection, table)) => {
            let found = if is_there { table } else { Found::NoFile };
            Ok(Opened { connection: Some(connection), found, name })
        }
        Err(error) => {
            // Made here and still empty: it goes, so that a failed run leaves no trace.
            if !is_there && fs::symlink_metadata(&path).is_ok_and(|made| made.len() == 0) {
                let _ = fs::remove_file(&path);
            }
            Err(error)
        }
    }
}

/// Tells whether a database file is there.
fn look_at(path: &Path) -> io::Result<bool> {
    let refused = |message| Err(io::Error::other(message));
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_symlink() => {
            // Whoever may write into the folder could have put it there, to have another file written to.
            refused("it is a symbolic link; name the file that it points to")
        }
        Ok(found) if !found.is_file() => refused("it is not a file"),
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => match path.parent().map(fs::metadata) {
            Some(Ok(folder)) if folder.is_dir() => Ok(false),
            _ => refused("its folder does not exist"),
        },
        Err(error) => Err(error),
    }
}

/// Makes an empty file for the owner alone; fails where something has come to stand there meanwhile.
fn create(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

async fn connect(path: &Path, access: Access, action: &str) -> Result<SqliteConnection, SinkError> {
    let mut options = SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(PATIENCE)
        .pragma("cache_size", "-65536") // of this connection only: 64 MiB keep the indexes of a million rows
        .disable_statement_logging();
    if access == Access::Read {
        // A reader that cannot write leaves `-wal` and `-shm` files behind where a database in WAL mode had none, so
        // SQLite may clean up after itself there. Where a journal lies beside it, somebody is at work or has crashed:
        // even recovery would be a change.
        options = options.read_only(has_journal(path)).pragma("query_only", "ON");
    }
    options.connect().await.map_err(|error| failure(action, &error))
}

fn has_journal(path: &Path) -> bool {
    ["-wal", "-journal"].iter().any(|suffix| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name).exists()
    })
}

/// Checks what is in the database and, for writing, makes what is missing.
async fn prepare(
    mut connection: SqliteConnection,
    access: Access,
    action: &str,
) -> Result<(SqliteConnection, Found), SinkError> {
    let driver = |error: sqlx::Error| failure(action, &error);
    // For writing, in one transaction, so that of two first imports one waits.
    let begin = if access == Access::Write { sqlite::BEGIN } else { "BEGIN" };
    sqlx::raw_sql(begin).execute(&mut connection).await.map_err(driver)?;
    let checked = match shape::check(&mut connection, action).await {
        Ok(shape) if access == Access::Write => migrate(&mut connection, shape, action).await.map(|()| shape),
        checked => checked,
    };
    let ended = match checked {
        Ok(shape) => {
            let commit = sqlx::raw_sql("COMMIT").execute(&mut connection).await;
            commit.map(|_| shape).map_err(driver)
        }
        error => error,
    };
    match ended {
        Ok(Shape::NoTable) => Ok((connection, Found::NoTable)),
        Ok(Shape::Table { .. }) => Ok((connection, Found::Table)),
        Err(error) => {
            let _ = connection.close().await; // closing rolls back
            Err(error)
        }
    }
}

async fn migrate(connection: &mut SqliteConnection, shape: Shape, action: &str) -> Result<(), SinkError> {
    let done = match shape {
        Shape::NoTable => 0,
        Shape::Table { version } => version,
    };
    let steps = keyferry_sql::migrations(Dialect::Sqlite).iter().skip(done);
    // Last one that writes nothing: it finds out about a read-only file before an import has begun.
    for statements in steps.chain(&[sqlite::WRITE_NOTHING]) {
        sqlx::raw_sql(AssertSqlSafe(*statements))
            .execute(&mut *connection)
            .await
            .map_err(|error| failure(action, &error))?;
    }
    Ok(())
}
