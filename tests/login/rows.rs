//! Databases of a test's own, and their rows as each adapter reads them.

use std::{fmt, path::PathBuf};

use keyferry_core::{CredentialId, Sink, StoredRecord};
use keyferry_sql::{Access, Database as _, Dialect, TableMap, TableName, ready};
use keyferry_sqlx::BlockingSink;
use keyferry_testkit::servers::{self, Kind};

use crate::{cases, command::Run};

/// An empty database.
pub(crate) enum Database {
    Sqlite(PathBuf),
    Server(Kind, String),
}

/// The library that reads the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Adapter {
    Sqlx,
    Diesel,
}

impl Database {
    /// One of each kind that is installed.
    pub(crate) fn each(run: &Run) -> Vec<Self> {
        let server = |kind| Some(Self::Server(kind, servers::shared(kind)?.database()));
        let file = Self::Sqlite(run.path("passkeys.db"));
        [Some(file), server(Kind::Postgres), server(Kind::MySql)].into_iter().flatten().collect()
    }

    pub(crate) fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Server(Kind::Postgres, _) => Dialect::Postgres,
            Self::Server(Kind::MySql, _) => Dialect::MySql,
        }
    }

    /// The address that the command takes.
    pub(crate) fn target(&self) -> String {
        match self {
            Self::Sqlite(path) => format!("sqlite:{}", path.display()),
            Self::Server(_, url) => url.clone(),
        }
    }

    /// Runs statements, as the application does.
    pub(crate) fn execute(&self, statements: &str) {
        match self {
            Self::Sqlite(path) => {
                std::fs::OpenOptions::new().append(true).create(true).open(path).unwrap();
                let mut database = keyferry_diesel::connect_sqlite(path).unwrap();
                ready(database.run(statements)).unwrap().unwrap();
            }
            Self::Server(kind, url) => {
                servers::shared(*kind).unwrap().sql(url, statements).unwrap();
            }
        }
    }

    /// Opens a table to read it.
    pub(crate) fn open(&self, adapter: Adapter, map: TableMap) -> Box<dyn Sink> {
        match (self, adapter) {
            (Self::Sqlite(path), Adapter::Sqlx) => {
                Box::new(BlockingSink::open(|| keyferry_sqlx::read_sqlite(path, map)).unwrap())
            }
            (Self::Sqlite(path), Adapter::Diesel) => {
                Box::new(keyferry_diesel::open_sqlite(path, map, Access::Read).unwrap())
            }
            (Self::Server(Kind::Postgres, url), Adapter::Sqlx) => {
                let address = url.parse().unwrap();
                let open = || keyferry_sqlx::open_postgres(&address, map, Access::Read);
                Box::new(BlockingSink::open(open).unwrap())
            }
            (Self::Server(Kind::Postgres, url), Adapter::Diesel) => {
                Box::new(keyferry_diesel::open_postgres(url, url, map, Access::Read).unwrap())
            }
            (Self::Server(Kind::MySql, url), Adapter::Sqlx) => {
                let address = url.parse().unwrap();
                Box::new(
                    BlockingSink::open(|| keyferry_sqlx::open_mysql(&address, map, Access::Read)).unwrap(),
                )
            }
            (Self::Server(Kind::MySql, url), Adapter::Diesel) => {
                Box::new(keyferry_diesel::open_mysql(url, url, map, Access::Read).unwrap())
            }
        }
    }
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite(_) => "SQLite",
            Self::Server(Kind::Postgres, _) => "PostgreSQL",
            Self::Server(Kind::MySql, _) => "MariaDB",
        })
    }
}

/// The rows of one database, as one adapter reads them.
pub(crate) struct Rows {
    pub(crate) source: String,
    rows: Vec<StoredRecord>,
}

impl Rows {
    /// Those that an application lets in: a table of ours keeps every credential, whatever its status.
    pub(crate) fn active(&self) -> impl Iterator<Item = &StoredRecord> {
        self.rows.iter().filter(|row| row.status.as_ref().is_some_and(|status| status.is_active()))
    }
}

/// Imports into our own table of each database, and reads it by each adapter.
pub(crate) fn of_each(run: &Run) -> Vec<Rows> {
    let cases = cases::all();
    let ids: Vec<_> =
        cases.iter().map(|case| CredentialId::new(case.credential.credential_id.clone()).unwrap()).collect();
    let ids: Vec<&CredentialId> = ids.iter().collect();
    let mut read = Vec::new();
    for database in Database::each(run) {
        run.import_to(&database.target(), &[]);
        for adapter in [Adapter::Sqlx, Adapter::Diesel] {
            let mut sink = database.open(adapter, TableMap::own(database.dialect(), TableName::own()));
            let rows = sink.fetch(&ids).unwrap();
            assert_eq!(rows.len(), cases.len(), "a table keeps every credential, whatever its status");
            read.push(Rows { source: format!("{database} by {adapter:?}"), rows });
        }
    }
    read
}
