//! The DDL of each database, version by version.

use crate::{TableName, name::quote};

/// The name of the table that holds the credential records.
pub const TABLE: &str = "webauthn_credentials";

/// The name of the table whose one row says which version of the schema the database has.
///
/// A table of its own, since `PRAGMA user_version` and the like belong to the application that shares the database.
pub const VERSION_TABLE: &str = "keyferry_schema";

/// The version of the schema that this release reads and writes.
pub const VERSION: u32 = 1;

/// A kind of database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite 3.38 or newer.
    Sqlite,
    /// PostgreSQL 12 or newer.
    Postgres,
    /// MySQL 8.0.17 or newer, and MariaDB 10.5 or newer.
    MySql,
}

/// Returns the DDL that makes the current schema in an empty database; several statements, each ended by a semicolon.
pub fn schema(dialect: Dialect) -> String {
    schema_of(dialect, &TableName::own())
}

/// Returns the DDL that makes the table under another name, or in a schema.
///
/// ```
/// use keyferry_sql::{Dialect, schema_of};
/// let ddl = schema_of(Dialect::Postgres, &"auth.passkeys".parse()?);
/// assert!(ddl.contains("CREATE TABLE \"auth\".\"passkeys\""));
/// assert!(ddl.contains("\"auth\".\"keyferry_schema\""));
/// # Ok::<(), keyferry_sql::NameError>(())
/// ```
pub fn schema_of(dialect: Dialect, table: &TableName) -> String {
    migrations_of(dialect, table).concat()
}

/// Returns the steps of [`migrations`] for a table of this name.
pub(crate) fn migrations_of(dialect: Dialect, table: &TableName) -> Vec<String> {
    let steps = migrations(dialect).iter();
    if *table == TableName::own() {
        return steps.map(|step| (*step).to_owned()).collect();
    }
    let version = table.beside(VERSION_TABLE).quoted(dialect);
    // A name in a schema is that of the table; an index has its table's schema, and a name of its own.
    let index = |suffix: &str| quote(dialect, &beside(table.table(), suffix));
    let renamed = |step: &&str| {
        step.replace(&format!("{TABLE}_user_handle"), &index("user_handle"))
            .replace(&format!("{TABLE}_account"), &index("account"))
            .replace(VERSION_TABLE, &version)
            .replace(&format!("{TABLE} "), &format!("{} ", table.quoted(dialect)))
    };
    steps.map(renamed).collect()
}

/// An index that the table can do without while it is filled.
pub(crate) struct Index {
    /// Quoted where it must be, without a schema.
    pub(crate) name: String,
    /// What makes it.
    pub(crate) statement: String,
}

/// Returns the indexes of a table of this name beside that of its key.
pub(crate) fn indexes_of(dialect: Dialect, table: &TableName) -> Vec<Index> {
    let steps = migrations_of(dialect, table);
    let lines = steps.iter().flat_map(|step| step.lines());
    let index = |line: &str| {
        let (name, _) = line.strip_prefix("CREATE INDEX ")?.split_once(" ON ")?;
        Some(Index { name: name.to_owned(), statement: line.to_owned() })
    };
    lines.filter_map(index).collect()
}

/// Makes the name of an index that every database takes, and that is neither its table's nor another index's.
fn beside(table: &str, suffix: &str) -> String {
    // Names are ASCII: no letter is cut in two.
    let most = 62_usize.saturating_sub(suffix.len());
    format!("{}_{suffix}", table.get(..most).unwrap_or(table))
}

/// Returns the steps from an empty database to the current schema: the first one makes version 1, and so on.
///
/// Each step also records the version that it makes. A database of version 2 needs all but the first two.
///
/// ```
/// use keyferry_sql::{Dialect, VERSION, migrations};
/// let of_version = 0;
/// assert_eq!(migrations(Dialect::MySql).iter().skip(of_version).count(), 1);
/// # assert_eq!(VERSION, 1);
/// ```
pub fn migrations(dialect: Dialect) -> &'static [&'static str] {
    match dialect {
        Dialect::Sqlite => &[include_str!("../schema/sqlite/1.sql")],
        Dialect::Postgres => &[include_str!("../schema/postgres/1.sql")],
        Dialect::MySql => &[include_str!("../schema/mysql/1.sql")],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::COLUMNS;

    const ALL: [Dialect; 3] = [Dialect::Sqlite, Dialect::Postgres, Dialect::MySql];

    #[test]
    fn every_version_has_a_step_that_records_it() {
        for dialect in ALL {
            let steps = migrations(dialect);
            assert_eq!(u32::try_from(steps.len()), Ok(VERSION), "{dialect:?}");
            for (version, step) in (1..).zip(steps) {
                assert!(step.contains(&format!("{version});")), "{dialect:?}");
                assert!(step.ends_with('\n'), "{dialect:?}");
            }
        }
    }

    #[test]
    fn the_indexes_of_a_table_are_known_by_name() {
        let names = |table: &str| {
            let table = table.parse().unwrap();
            let indexes = indexes_of(Dialect::Postgres, &table).into_iter();
            indexes.map(|index| index.name).collect::<Vec<_>>()
        };
        let own = ["webauthn_credentials_account", "webauthn_credentials_user_handle"];
        assert_eq!(names("webauthn_credentials"), own);
        assert_eq!(names("auth.passkeys"), ["\"passkeys_account\"", "\"passkeys_user_handle\""]);
        let all = schema(Dialect::Postgres).matches("CREATE INDEX").count();
        assert_eq!(all, own.len(), "none is left out");
    }

    #[test]
    fn every_dialect_has_the_columns_in_order() {
        for dialect in ALL {
            let text = schema(dialect);
            let mut rest = text.as_str();
            for column in COLUMNS {
                let line = format!("\n    {} ", column.name);
                let at = rest.find(&line).unwrap_or_else(|| panic!("{dialect:?}: {}", column.name));
                rest = &rest[at + line.len()..];
                let definition = rest.lines().next().unwrap();
                assert_eq!(
                    !definition.contains("NOT NULL"),
                    column.is_nullable,
                    "{dialect:?}: {}",
                    column.name
                );
            }
        }
    }
}
