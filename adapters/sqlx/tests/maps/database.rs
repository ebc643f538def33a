//! A database with a framework's own tables in it.

use std::{fs, path::PathBuf};

use keyferry_core::{
    Authority, CredentialRecord, Located, Location, Report, Sink, SinkError, StoredRecord, apply, plan,
    verify,
};
use keyferry_sqlx::{
    Access, BlockingSink, Dialect, MySqlDatabase, PgDatabase, SqliteDatabase, TableMap, open_mysql,
    open_postgres, open_sqlite,
};
use keyferry_testkit::servers::{Kind, Server, shared};
use sqlx::{AssertSqlSafe, Connection as _, Row as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;

/// A database of a test's own.
pub(crate) struct Database {
    pub(crate) dialect: Dialect,
    /// The URL, or the path of the file.
    place: String,
    _folder: Option<TempDir>,
}

/// The databases that can be tested here; a server that is not installed is left out, and says so.
pub(crate) fn dialects() -> Vec<Dialect> {
    let mut dialects = vec![Dialect::Sqlite];
    dialects.extend(shared(Kind::Postgres).map(|_| Dialect::Postgres));
    dialects.extend(shared(Kind::MySql).map(|_| Dialect::MySql));
    dialects
}

impl Database {
    /// Makes an empty database.
    pub(crate) fn new(dialect: Dialect) -> Self {
        let (place, folder) = match dialect {
            Dialect::Sqlite => {
                let folder = tempfile::tempdir().unwrap();
                (folder.path().join("app.db").to_str().unwrap().to_owned(), Some(folder))
            }
            Dialect::Postgres | Dialect::MySql => (server(dialect).database(), None),
        };
        Self { dialect, place, _folder: folder }
    }

    /// Makes a database with the tables of a framework; `None` where the framework does not support it.
    pub(crate) fn of(framework: &str, dialect: Dialect) -> Option<Self> {
        let file = match dialect {
            Dialect::Sqlite => "sqlite.sql",
            Dialect::Postgres => "postgres.sql",
            Dialect::MySql => "mysql.sql",
        };
        let path: PathBuf =
            [env!("CARGO_MANIFEST_DIR"), "../../fixtures/frameworks", framework, file].iter().collect();
        let ddl = fs::read_to_string(path).ok()?;
        let database = Self::new(dialect);
        database.sql(&ddl);
        Some(database)
    }

    /// Returns the same database of a server, for another user.
    pub(crate) fn for_user(&self, user: &str, password: &str) -> Self {
        let (scheme, rest) = self.place.split_once("://").unwrap();
        let (_, address) = rest.rsplit_once('@').unwrap();
        let place = format!("{scheme}://{user}:{password}@{address}");
        Self { dialect: self.dialect, place, _folder: None }
    }

    /// Runs statements as another program would; names stand in double quotes.
    pub(crate) fn sql(&self, statements: &str) {
        self.ask(statements);
    }

    /// Runs statements, the last of them a query of one column of text, and returns its rows as lines.
    pub(crate) fn ask(&self, statements: &str) -> String {
        match self.dialect {
            Dialect::Sqlite => sqlite(&self.place, statements),
            Dialect::Postgres => server(self.dialect).sql(&self.place, statements).unwrap(),
            Dialect::MySql => {
                let ansi = format!(
                    "SET SESSION sql_mode = CONCAT(@@sql_mode, ',ANSI_QUOTES,PIPES_AS_CONCAT,NO_BACKSLASH_ESCAPES');\n{statements}"
                );
                server(self.dialect).sql(&self.place, &ansi).unwrap()
            }
        }
    }

    /// Returns how a query writes bytes as lower-case digits.
    pub(crate) fn hex(&self, column: &str) -> String {
        match self.dialect {
            Dialect::Postgres => format!("encode({column}, 'hex')"),
            Dialect::Sqlite | Dialect::MySql => format!("lower(hex({column}))"),
        }
    }

    /// Returns everything in these tables, as text that differs where a byte does.
    pub(crate) fn dump(&self, tables: &[&str]) -> String {
        tables.iter().map(|table| self.dump_table(table)).collect::<Vec<_>>().join("\n--\n")
    }

    fn dump_table(&self, table: &str) -> String {
        let quoted: Vec<_> = table.split('.').map(|part| format!("\"{part}\"")).collect();
        let quoted = quoted.join(".");
        let columns = match self.dialect {
            Dialect::Sqlite => {
                format!("SELECT 'quote(\"' || name || '\")' FROM pragma_table_info('{table}')")
            }
            Dialect::Postgres => return self.ask(&format!("SELECT t::text FROM {quoted} AS t ORDER BY 1")),
            Dialect::MySql => format!(
                "SELECT CONCAT('COALESCE(HEX(CAST(\"', column_name, '\" AS BINARY)), ''NULL'')') \
                 FROM information_schema.columns WHERE table_schema = database() AND table_name = '{table}'"
            ),
        };
        let columns: Vec<_> = self.ask(&columns).lines().map(str::to_owned).collect();
        let line = match self.dialect {
            Dialect::MySql => format!("CONCAT_WS('|', {})", columns.join(", ")),
            _ => columns.join(" || '|' || "),
        };
        self.ask(&format!("SELECT {line} FROM {quoted} ORDER BY 1"))
    }

    /// Opens the table of a map.
    pub(crate) fn open(&self, map: TableMap, access: Access) -> Result<Target, SinkError> {
        Ok(match self.dialect {
            Dialect::Sqlite => Target::Sqlite(BlockingSink::open(|| open_sqlite(self.place.as_ref(), map))?),
            Dialect::Postgres => {
                let address = self.place.parse().unwrap();
                Target::Postgres(BlockingSink::open(|| open_postgres(&address, map, access))?)
            }
            Dialect::MySql => {
                let address = self.place.parse().unwrap();
                Target::MySql(BlockingSink::open(|| open_mysql(&address, map, access))?)
            }
        })
    }

    /// Opens the table of a shipped map for writing.
    pub(crate) fn target(&self, map: &str) -> Target {
        self.open(TableMap::shipped(map, self.dialect).unwrap().unwrap(), Access::Write).unwrap()
    }

    /// Opens the table of a map that is given as text.
    pub(crate) fn with_map(&self, text: &str) -> Result<Target, String> {
        let map = TableMap::parse(text, self.dialect).map_err(|error| error.to_string())?;
        self.open(map, Access::Write).map_err(|error| {
            let source = error.source.as_ref().map(ToString::to_string).unwrap_or_default();
            format!("{error}: {source}")
        })
    }
}

fn server(dialect: Dialect) -> &'static Server {
    shared(if dialect == Dialect::MySql { Kind::MySql } else { Kind::Postgres }).unwrap()
}

pub(crate) fn sqlite(path: &str, statements: &str) -> String {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
        let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        let rows = sqlx::raw_sql(AssertSqlSafe(statements)).fetch_all(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        let text = |row: &sqlx::sqlite::SqliteRow| {
            let value = row.try_get::<Option<String>, _>(0).map(Option::unwrap_or_default);
            value.unwrap_or_else(|_| row.get::<i64, _>(0).to_string())
        };
        rows.iter().map(text).collect::<Vec<_>>().join("\n")
    })
}

/// The sink of one of the databases.
pub(crate) enum Target {
    Sqlite(BlockingSink<SqliteDatabase>),
    Postgres(BlockingSink<PgDatabase>),
    MySql(BlockingSink<MySqlDatabase>),
}

impl Target {
    fn sink(&mut self) -> &mut dyn Sink {
        match self {
            Self::Sqlite(sink) => sink,
            Self::Postgres(sink) => sink,
            Self::MySql(sink) => sink,
        }
    }

    /// Returns what the operator is warned of.
    pub(crate) fn warnings(&self) -> String {
        match self {
            Self::Sqlite(sink) => sink.warnings(),
            Self::Postgres(sink) => sink.warnings(),
            Self::MySql(sink) => sink.warnings(),
        }
        .join("\n")
    }

    /// Imports records that must all be new.
    pub(crate) fn insert(&mut self, records: &[CredentialRecord]) {
        let report = self.apply(records);
        assert_eq!(report.counts.inserted, u64::try_from(records.len()).unwrap(), "{report:?}");
    }

    /// Imports one record that must not be: returns the code of the fault.
    pub(crate) fn refused(&mut self, record: CredentialRecord) -> String {
        let planned = self.plan(std::slice::from_ref(&record));
        let report = self.apply(&[record]);
        assert_eq!(planned, report, "the plan and the import");
        assert_eq!(report.counts.conflict + report.counts.refused, 1, "{report:?}");
        report.faults[0].fault.code.to_string()
    }

    /// Returns what stands there of a record.
    pub(crate) fn held(&mut self, record: &CredentialRecord) -> Option<StoredRecord> {
        self.sink().fetch(&[&record.credential_id]).unwrap().pop()
    }

    pub(crate) fn plan(&mut self, records: &[CredentialRecord]) -> Report {
        let mut report = Report::default();
        plan(self.sink(), &located(records), Authority::Export, &mut report).unwrap();
        report
    }

    pub(crate) fn apply(&mut self, records: &[CredentialRecord]) -> Report {
        let mut report = Report::default();
        apply(self.sink(), &located(records), Authority::Export, &mut report).map_err(explained).unwrap();
        assert!(report.counts.add_up(), "{:?}", report.counts);
        report
    }

    pub(crate) fn verify(&mut self, records: &[CredentialRecord]) -> Report {
        let mut report = Report::default();
        verify(self.sink(), &located(records), Authority::Export, &mut report).map_err(explained).unwrap();
        report
    }
}

/// An error with its cause, which `Debug` of the pair shows well enough.
fn explained(error: SinkError) -> String {
    format!("{error}: {:?}", error.source)
}

fn located(records: &[CredentialRecord]) -> Vec<Located<CredentialRecord>> {
    (1..)
        .zip(records)
        .map(|(row, value)| Located { location: Location { row, line: row + 1 }, value: value.clone() })
        .collect()
}
