//! Opening a table of credentials in each database.

use keyferry_core::SinkError;
use keyferry_sql::{Access, Opening, SqlSink, TableMap};

#[cfg(feature = "sqlite")]
pub use sqlite::{BlockingSqliteSink, open_sqlite, read_sqlite};

#[cfg(feature = "sqlite")]
mod sqlite {
    use std::{path::Path, time::Duration};

    use keyferry_sql::{Dialect, SqliteFile, TableName, profile_of};
    use sqlx::{ConnectOptions as _, SqliteConnection, sqlite::SqliteConnectOptions};

    use super::{Access, Opening, SinkError, SqlSink, TableMap};
    use crate::{BlockingSink, Opened, SqliteDatabase, driver::failure};

    /// How long SQLite waits for another program that is writing.
    const PATIENCE: Duration = Duration::from_secs(5);

    /// A [`BlockingSink`] over a SQLite file.
    pub type BlockingSqliteSink = BlockingSink<SqliteDatabase>;

    impl BlockingSqliteSink {
        /// Opens our own table in a file as [`open_sqlite`] and [`read_sqlite`] do.
        ///
        /// # Errors
        /// - as those.
        pub fn connect(path: impl AsRef<Path>, access: Access) -> Result<Self, SinkError> {
            let path = path.as_ref();
            let map = TableMap::own(Dialect::Sqlite, TableName::own());
            match access {
                Access::Read => Self::open(|| read_sqlite(path, map)),
                Access::Write => Self::open(|| open_sqlite(path, map)),
            }
        }
    }

    /// Opens a table in a SQLite file for writing: a missing file is made for its owner only, a missing table of ours too.
    ///
    /// An existing database keeps its journal mode and its settings.
    ///
    /// # Errors
    /// - `Unreachable`: a symbolic link, a folder that does not exist or may not be written to, not a file;
    /// - `SchemaMismatch`: not a SQLite database, or a table that does not take what the map says;
    /// - `Busy`: another program has been writing for five seconds;
    /// - `Refused`: a file that may not be written to, a full disk.
    pub async fn open_sqlite(path: &Path, map: TableMap) -> Result<SqlSink<SqliteDatabase>, SinkError> {
        let file = SqliteFile::prepare(path, Access::Write)?;
        let opened = open(&file, map, Access::Write).await;
        match opened {
            Ok(sink) if file.is_there() => Ok(sink),
            Ok(sink) => Ok(sink.with_new_file()),
            Err(error) => {
                file.undo();
                Err(error)
            }
        }
    }

    /// Opens a table in a SQLite file for reading: nothing is created, nothing is changed, and what is missing counts as
    /// empty.
    ///
    /// # Errors
    /// - as [`open_sqlite`].
    pub async fn read_sqlite(path: &Path, map: TableMap) -> Result<Opened<SqliteDatabase>, SinkError> {
        let file = SqliteFile::prepare(path, Access::Read)?;
        if !file.is_there() {
            return Ok(Opened::Nothing(profile_of(Dialect::Sqlite)));
        }
        open(&file, map, Access::Read).await.map(Opened::Sink)
    }

    async fn open(
        file: &SqliteFile,
        map: TableMap,
        access: Access,
    ) -> Result<SqlSink<SqliteDatabase>, SinkError> {
        let name = file.name().to_owned();
        let mut options = SqliteConnectOptions::new()
            .filename(file.path())
            .busy_timeout(PATIENCE)
            .disable_statement_logging();
        if access == Access::Read {
            options = options.read_only(file.has_journal()).pragma("query_only", "ON");
        }
        let connection: SqliteConnection = options
            .connect()
            .await
            .map_err(|error| failure(Dialect::Sqlite, &error).while_doing(format!("opening {name}")))?;
        SqlSink::open(SqliteDatabase::from(connection), Opening { map, access, name }).await
    }
}

/// Opens a table in PostgreSQL.
///
/// For writing, our own table is made where it is missing.
///
/// # Errors
/// - the server cannot be reached, or does not let this user in;
/// - as [`SqlSink::open`].
#[cfg(feature = "postgres")]
pub async fn open_postgres(
    address: &keyferry_sql::ServerAddress,
    map: TableMap,
    access: Access,
) -> Result<SqlSink<crate::PgDatabase>, SinkError> {
    let name = address.to_string();
    let database = crate::connect_postgres(address)
        .await
        .map_err(|error| error.while_doing(format!("connecting to {name}")))?;
    SqlSink::open(database, Opening { map, access, name }).await
}

/// Opens a table in MySQL or MariaDB.
///
/// For writing, our own table is made where it is missing.
///
/// # Errors
/// - the server cannot be reached, or does not let this user in;
/// - as [`SqlSink::open`].
#[cfg(feature = "mysql")]
pub async fn open_mysql(
    address: &keyferry_sql::ServerAddress,
    map: TableMap,
    access: Access,
) -> Result<SqlSink<crate::MySqlDatabase>, SinkError> {
    let name = address.to_string();
    let database = crate::connect_mysql(address)
        .await
        .map_err(|error| error.while_doing(format!("connecting to {name}")))?;
    SqlSink::open(database, Opening { map, access, name }).await
}
