//! Opening a table of credentials on a connection.

use std::{borrow::Cow, collections::HashMap, sync::Arc};

use keyferry_core::{Profile, SinkError, SinkErrorKind, Verdict};

use super::{
    SqlSink,
    whole::{self, PutOff},
};
use crate::{
    Database, DatabaseError, Dialect, TableMap, VERSION, VERSION_TABLE,
    catalog::{self, FoundTable},
    migrations_of,
    table::Table,
    text,
};

/// Says what a table is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reading: nothing is created, nothing is changed, and what is missing counts as empty.
    Read,
    /// Writing: a missing table of ours is made.
    Write,
}

/// Says what stood at the place before it was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// No file; an import makes it.
    NoFile,
    /// A database without the table; an import adds it.
    NoTable,
    /// The table.
    Table,
}

/// What is opened, and how.
#[derive(Clone, Debug)]
pub struct Opening {
    /// Where the items stand.
    pub map: TableMap,
    /// What it is opened for.
    pub access: Access,
    /// The name of the target in messages, free of secrets.
    pub name: String,
}

impl<D: Database> SqlSink<D> {
    /// Opens a table on a connection, and inspects its columns, collations and indexes before anything is written.
    ///
    /// # Errors
    /// - `SchemaMismatch`: another table of the same name, a schema of a newer version, or a table that does not take
    ///   what the map says;
    /// - `Refused`: for writing, this user may not write there;
    /// - the database cannot be read.
    pub async fn open(mut database: D, opening: Opening) -> Result<Self, SinkError> {
        let action = format!("opening {}", opening.name);
        match open(&mut database, &opening, &action).await {
            Ok((found, table, put_off)) => {
                let table = table.map(Arc::new);
                let mut warnings = table.as_ref().map(|table| warnings(table)).unwrap_or_default();
                warnings.extend(whole::warning(put_off, opening.access));
                Ok(Self {
                    profile: profile(database.dialect(), &opening.map, table.as_ref()),
                    warnings,
                    is_ours_alone: false,
                    put_off,
                    database,
                    table,
                    access: opening.access,
                    found,
                    name: opening.name,
                    known: HashMap::new(),
                    is_sparse: false,
                    is_interrupted: false,
                    lock: None,
                    has_large_cache: false,
                })
            }
            Err(error) => {
                database.close().await;
                Err(error)
            }
        }
    }

    /// Says that there was no file before, which only the one who made it knows.
    #[must_use]
    pub fn with_new_file(mut self) -> Self {
        self.found = Found::NoFile;
        self
    }
}

async fn open<D: Database>(
    database: &mut D,
    opening: &Opening,
    action: &str,
) -> Result<(Found, Option<Table>, PutOff), SinkError> {
    let failed = |error: DatabaseError| error.while_doing(action);
    let dialect = database.dialect();
    for statement in session(dialect) {
        database.run(statement).await.map_err(failed)?;
    }
    let is_for_writing = opening.access == Access::Write;
    // In SQLite in one transaction, so that of two first imports one waits. In MySQL a CREATE TABLE ends any.
    let (begin, end) = match (dialect, is_for_writing) {
        (Dialect::Sqlite, true) => ("BEGIN IMMEDIATE", "COMMIT"),
        (Dialect::Sqlite, false) => ("BEGIN", "COMMIT"),
        (Dialect::Postgres, true) => ("BEGIN", "COMMIT"),
        (Dialect::Postgres, false) => ("BEGIN READ ONLY", "COMMIT"),
        (Dialect::MySql, _) => ("START TRANSACTION READ ONLY", "COMMIT"),
    };
    database.run(begin).await.map_err(failed)?;
    let opened = inspect(database, opening, action).await;
    match opened {
        Ok(opened) => {
            database.run(end).await.map_err(failed)?;
            let opened = match (dialect, is_for_writing) {
                (Dialect::MySql, true) => make(database, opening, opened, action).await?,
                _ => opened,
            };
            let (found, table) = opened;
            if let (true, Some(table)) = (is_for_writing, &table) {
                try_to_write(database, table, action).await?;
            }
            let put_off = match &table {
                Some(table) => whole::was_put_off(database, table).await.map_err(failed)?,
                None => PutOff::Nothing,
            };
            Ok((found, table, put_off))
        }
        Err(error) => {
            let _ = database.run("ROLLBACK").await;
            Err(error)
        }
    }
}

/// What makes every connection behave the same, whatever its server is set to.
fn session(dialect: Dialect) -> &'static [&'static str] {
    match dialect {
        // In KiB, of this connection: enough for rows that come and go in the order of their index. What is sorted for an
        // index that is made afterwards may be sorted on a second thread, a fifth faster.
        Dialect::Sqlite => &["PRAGMA cache_size = -16384", "PRAGMA threads = 2"],
        Dialect::Postgres => {
            // A look-up that was planned while the table was empty, and is kept prepared, would read all of it each time;
            // and a range that is read in another order than the index has must be sorted.
            &[
                "SET enable_seqscan = off; SET enable_bitmapscan = off; SET client_encoding = 'UTF8'; SET TimeZone = 'UTC'; SET standard_conforming_strings = on; \
             SET bytea_output = 'hex'; SET lock_timeout = '30s'; SET statement_timeout = 0; \
             SET idle_in_transaction_session_timeout = 0; SET application_name = 'keyferry'",
            ]
        }
        // A value that does not fit is an error, whatever the server thinks; gaps are locked, so that what was not there
        // cannot come to be there.
        Dialect::MySql => &[
            "SET NAMES utf8mb4",
            "SET SESSION sql_mode = 'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION', \
             SESSION time_zone = '+00:00', SESSION innodb_lock_wait_timeout = 30, SESSION autocommit = 1",
            "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        ],
    }
}

/// Looks at what is there and, where a transaction can hold it, makes what is missing.
async fn inspect<D: Database>(
    database: &mut D,
    opening: &Opening,
    action: &str,
) -> Result<(Found, Option<Table>), SinkError> {
    let map = &opening.map;
    if map.is_own {
        see_to_version(database, map, action).await?;
    }
    let Some(found) = catalog::find(database, &map.table, action).await? else {
        if !map.is_own {
            let why = format!("there is no table {}; the application makes it", map.table);
            return Err(SinkError::new(SinkErrorKind::SchemaMismatch, action).because(why));
        }
        if opening.access == Access::Read || database.dialect() == Dialect::MySql {
            return Ok((Found::NoTable, None));
        }
        return make(database, opening, (Found::NoTable, None), action).await;
    };
    let table = bind(database, opening, &found, action).await?;
    Ok((Found::Table, Some(table)))
}

async fn bind<D: Database>(
    database: &mut D,
    opening: &Opening,
    found: &FoundTable,
    action: &str,
) -> Result<Table, SinkError> {
    let (dialect, map) = (database.dialect(), opening.map.clone());
    let mismatch = |why: String| SinkError::new(SinkErrorKind::SchemaMismatch, action).because(why);
    // The other tables stand beside it, unless the map says where.
    let schema = found.name.schema().unwrap_or_default();
    let mut others = Vec::new();
    let account = map.account.as_ref().map(|account| &account.table);
    for name in account.into_iter().chain(map.companions.iter().map(|companion| &companion.table)) {
        let name = name.in_schema(schema);
        match catalog::find(database, &name, action).await? {
            Some(found) => others.push(found),
            None => return Err(mismatch(format!("there is no table {name}, which the map names"))),
        }
    }
    let accounts = map.account.is_some().then(|| others.remove(0));
    if let (Some(account), Some(found)) = (&map.account, &accounts)
        && !found.unique.contains(&account.id)
        && !found.unique_but_folding.contains(&account.id)
        && !is_rowid(dialect, found, &account.id)
    {
        return Err(mismatch(format!("{} has no unique index on exactly {}", account.table, account.id)));
    }
    let table = Table::bind(dialect, map, found, accounts.as_ref(), &others).map_err(mismatch)?;
    if dialect == Dialect::Sqlite && !found.is_strict {
        see_to_types(database, &table, action).await?;
    }
    if dialect == Dialect::Postgres {
        // Nothing but what is named is found: no function or operator of somebody else's schema.
        let path = catalog::search_path(schema);
        database
            .run(&format!("SET search_path = {path}"))
            .await
            .map_err(|error| error.while_doing(action))?;
    }
    Ok(table)
}

/// SQLite's row number has no index of its own.
fn is_rowid(dialect: Dialect, found: &FoundTable, column: &str) -> bool {
    dialect == Dialect::Sqlite
        && found
            .column(column)
            .is_some_and(|column| column.declared.eq_ignore_ascii_case("INTEGER") && !column.is_nullable)
}

/// In a table that is not STRICT a text could stand beside the same bytes.
async fn see_to_types<D: Database>(database: &mut D, table: &Table, action: &str) -> Result<(), SinkError> {
    let Some(key) = table.columns.get(table.key) else { return Ok(()) };
    let expected = if key.kind == crate::Kind::Binary { "blob" } else { "text" };
    let column = key.quoted(table.dialect);
    let name = table.name.quoted(table.dialect);
    let query =
        format!("SELECT count(*) FROM (SELECT 1 FROM {name} WHERE typeof({column}) <> '{expected}' LIMIT 1)");
    let odd = catalog::rows(database, &query, &[], |row| row.number(0)?)
        .await
        .map_err(|error| error.while_doing(action))?;
    match odd.first() {
        Some(0) => Ok(()),
        _ => {
            let why = format!(
                "{}: column {} holds values that are no {expected}, so an ID could stand there twice",
                table.map.table, key.found.name
            );
            Err(SinkError::new(SinkErrorKind::SchemaMismatch, action).because(why))
        }
    }
}

/// Makes our table where it is missing.
async fn make<D: Database>(
    database: &mut D,
    opening: &Opening,
    opened: (Found, Option<Table>),
    action: &str,
) -> Result<(Found, Option<Table>), SinkError> {
    if opened.1.is_some() {
        return Ok(opened);
    }
    let dialect = database.dialect();
    for step in migrations_of(dialect, &opening.map.table) {
        database.run(&step).await.map_err(|error| {
            let mut error = error;
            if error.class == crate::Class::Denied {
                error.message += "; who may can make the table with `keyferry schema`";
            }
            error.while_doing(action)
        })?;
    }
    match catalog::find(database, &opening.map.table, action).await? {
        Some(found) => Ok((Found::NoTable, Some(bind(database, opening, &found, action).await?))),
        None => {
            let why = format!("{} was made, but is not found", opening.map.table);
            Err(SinkError::new(SinkErrorKind::SchemaMismatch, action).because(why))
        }
    }
}

/// Finds out about a read-only database, or a user who may not write there, before an import has begun.
async fn try_to_write<D: Database>(database: &mut D, table: &Table, action: &str) -> Result<(), SinkError> {
    let failed = |error: DatabaseError| error.while_doing(action);
    let begin = if table.dialect == Dialect::Sqlite { "BEGIN IMMEDIATE" } else { "BEGIN" };
    database.run(begin).await.map_err(failed)?;
    for statement in text::write_nothing(table) {
        if let Err(error) = database.run(&statement).await {
            let _ = database.run("ROLLBACK").await;
            return Err(failed(error));
        }
    }
    if table.dialect == Dialect::Postgres
        && let Err(mut error) = database.run(&text::create_copy_table(&[])).await
    {
        let _ = database.run("ROLLBACK").await;
        if error.class == crate::Class::Denied {
            error.message += "; rows are copied into one first: GRANT TEMPORARY ON DATABASE … TO this role";
        }
        return Err(failed(error));
    }
    database.run("ROLLBACK").await.map_err(failed)
}

/// Sees to it that the schema is not of a newer version than ours.
async fn see_to_version<D: Database>(
    database: &mut D,
    map: &TableMap,
    action: &str,
) -> Result<(), SinkError> {
    let mismatch = |why: String| SinkError::new(SinkErrorKind::SchemaMismatch, action).because(why);
    let name = map.table.beside(VERSION_TABLE);
    // A view could compute for ever: only a table is read.
    let Some(found) = catalog::find(database, &name, action).await? else { return Ok(()) };
    let dialect = database.dialect();
    let as_number = match dialect {
        Dialect::MySql => "CAST(version AS SIGNED)",
        Dialect::Postgres => "version::int8",
        Dialect::Sqlite => "version",
    };
    let query = format!("SELECT {as_number} FROM {} LIMIT 2", found.name.quoted(dialect));
    let rows = catalog::rows(database, &query, &[], |row| row.number(0)?)
        .await
        .map_err(|error| error.while_doing(action))?;
    let newest = i64::from(VERSION);
    match rows[..] {
        [version] if version > newest => Err(mismatch(format!(
            "its schema has version {version}, this keyferry knows versions up to {newest}; use a newer keyferry"
        ))),
        [version] if version >= 1 => Ok(()),
        _ => Err(mismatch(format!("{VERSION_TABLE} has no row, several rows or a version below 1"))),
    }
}

fn profile(dialect: Dialect, map: &TableMap, table: Option<&Arc<Table>>) -> Profile {
    let general = crate::profile_of(dialect);
    let Some(table) = table else {
        return general;
    };
    let (keeps, represents, verifies) = (Arc::clone(table), Arc::clone(table), Arc::clone(table));
    let represent = Arc::new(move |record: &_| represents.represent(record));
    Profile {
        name: general.name,
        library: Cow::Owned(map.library.clone()),
        keeps_status: table.keeps_status(),
        represent: match map.is_own {
            true => Verdict::Whole {
                keeps: Arc::new(move |record| keeps.keeps_whole(record)),
                otherwise: represent,
            },
            false => Verdict::Made(represent),
        },
        verifies: Verdict::Made(Arc::new(move |record| verifies.verifies(record))),
    }
}

fn warnings(table: &Table) -> Vec<String> {
    let mut warnings = Vec::new();
    let map = &table.map;
    let key = table.columns.get(table.key);
    if map.key.folds_case && key.is_some_and(|key| !key.found.is_exact) {
        warnings.push(format!(
            "{}.{} takes IDs for the same that differ in case only: a second one is refused, and so may a login be",
            map.table, map.key.column
        ));
    }
    if !map.key.is_unique {
        warnings.push(format!(
            "{} has no unique index on {}: the application itself could store an ID twice",
            map.table, map.key.column
        ));
    }
    warnings
}
