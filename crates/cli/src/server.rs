//! Database servers as targets: PostgreSQL, MySQL and MariaDB.

use keyferry_core::{SinkError, SinkErrorKind, Survey};
use keyferry_sql::{Access, DatabaseError, Dialect, ServerAddress, SqlLock, TableMap, TableName};
use keyferry_sqlx::{
    BlockingLock, BlockingSink, MySqlDatabase, PgDatabase, connect_mysql, connect_postgres, open_mysql,
    open_postgres,
};

use crate::targets::{OpenTarget, boxed};

/// The lock on a table of a server.
pub(crate) enum ServerLock {
    Postgres(BlockingLock<PgDatabase>),
    MySql(BlockingLock<MySqlDatabase>),
}

impl ServerLock {
    /// Keeps every other import away from a table.
    pub(crate) fn acquire(address: &ServerAddress, table: &TableName) -> Result<Self, SinkError> {
        let name = address.to_string();
        let failed = |error: DatabaseError| error.while_doing(format!("connecting to {name}"));
        match address.dialect() {
            Dialect::Postgres => BlockingLock::acquire(async || {
                let database = connect_postgres(address).await.map_err(failed)?;
                SqlLock::acquire(database, table, &name).await
            })
            .map(Self::Postgres),
            Dialect::MySql => BlockingLock::acquire(async || {
                let database = connect_mysql(address).await.map_err(failed)?;
                SqlLock::acquire(database, table, &name).await
            })
            .map(Self::MySql),
            Dialect::Sqlite => Err(no_server()),
        }
    }

    /// Opens the table to change it.
    pub(crate) fn open(self, address: &ServerAddress, map: TableMap) -> Result<OpenTarget, SinkError> {
        Ok(match self {
            Self::Postgres(lock) => {
                OpenTarget::of_database(lock.open(|| open_postgres(address, map, Access::Write))?)
            }
            Self::MySql(lock) => {
                OpenTarget::of_database(lock.open(|| open_mysql(address, map, Access::Write))?)
            }
        })
    }
}

/// Opens the table to read it.
pub(crate) fn open_for_reading(address: &ServerAddress, map: TableMap) -> Result<OpenTarget, SinkError> {
    match address.dialect() {
        Dialect::Postgres => {
            BlockingSink::open(|| open_postgres(address, map, Access::Read)).map(OpenTarget::of_database)
        }
        Dialect::MySql => {
            BlockingSink::open(|| open_mysql(address, map, Access::Read)).map(OpenTarget::of_database)
        }
        Dialect::Sqlite => Err(no_server()),
    }
}

/// Opens the table to compare it as a whole; `None` where that cannot be.
pub(crate) fn survey(address: &ServerAddress, map: TableMap) -> Result<Option<Box<dyn Survey>>, SinkError> {
    match address.dialect() {
        Dialect::Postgres => {
            let sink = BlockingSink::open(|| open_postgres(address, map, Access::Read))?;
            Ok(sink.into_survey().map(boxed))
        }
        Dialect::MySql | Dialect::Sqlite => Ok(None),
    }
}

fn no_server() -> SinkError {
    SinkError::new(SinkErrorKind::Unreachable, "a SQLite file has no server")
}
