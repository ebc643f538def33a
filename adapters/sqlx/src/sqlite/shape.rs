//! Checks that a table which is there already is the one that the statements are written for.

use keyferry_core::{Shown, SinkError, SinkErrorKind};
use keyferry_sql::{COLUMNS, TABLE, VERSION, VERSION_TABLE, sqlite};
use sqlx::SqliteConnection;

use crate::failure::failure;

/// What stands in a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// No table of ours.
    NoTable,
    /// The table, by the schema of a version that is not newer than ours.
    Table { version: usize },
}

/// A column as the database describes it: name, type, whether it refuses NULL, whether it can be left out.
type Described = (String, String, bool, bool);

/// Finds out what is there.
///
/// # Errors
/// - a schema of a newer version;
/// - something of the same name that is not our table.
pub(super) async fn check(connection: &mut SqliteConnection, action: &str) -> Result<Shape, SinkError> {
    let driver = |error: sqlx::Error| failure(action, &error);
    let mismatch = |why: String| SinkError::new(SinkErrorKind::SchemaMismatch, action).because(why);

    let mut version = None;
    if let Some((kind, _)) = find(connection, VERSION_TABLE).await.map_err(driver)? {
        // A view could compute for ever.
        if kind != "table" {
            return Err(mismatch(format!("{VERSION_TABLE} is a {}, expected a table", Shown(&kind))));
        }
        let rows: Vec<(i64,)> =
            sqlx::query_as(sqlite::READ_VERSION).fetch_all(&mut *connection).await.map_err(driver)?;
        version = Some(known_version(&rows).map_err(mismatch)?);
    }
    let Some((kind, is_strict)) = find(connection, TABLE).await.map_err(driver)? else {
        return Ok(Shape::NoTable);
    };
    if kind != "table" {
        return Err(mismatch(format!("{TABLE} is a {}, expected a table", Shown(&kind))));
    }
    if !is_strict {
        return Err(mismatch(format!(
            "{TABLE} is not a STRICT table: a text could stand beside the same bytes"
        )));
    }
    let found: Vec<Described> =
        sqlx::query_as(sqlite::TABLE_COLUMNS).fetch_all(&mut *connection).await.map_err(driver)?;
    if let Some(why) = other_columns(&found) {
        return Err(mismatch(why));
    }
    let (unique,): (i64,) =
        sqlx::query_as(sqlite::COUNT_UNIQUE_INDEXES).fetch_one(&mut *connection).await.map_err(driver)?;
    if unique == 0 {
        return Err(mismatch(format!("{TABLE} has no unique index on exactly credential_id")));
    }
    // A table that the application's own migrations made has no recorded version; its columns have just been compared.
    Ok(Shape::Table { version: version.unwrap_or(usize::try_from(VERSION).unwrap_or(usize::MAX)) })
}

async fn find(connection: &mut SqliteConnection, table: &str) -> Result<Option<(String, bool)>, sqlx::Error> {
    sqlx::query_as(sqlite::FIND_TABLE).bind(table).fetch_optional(connection).await
}

fn known_version(rows: &[(i64,)]) -> Result<usize, String> {
    let newest = i64::from(VERSION);
    match rows {
        [(version,)] if *version > newest => Err(format!(
            "its schema has version {version}, this keyferry knows versions up to {newest}; use a newer keyferry"
        )),
        [(version,)] if *version >= 1 => usize::try_from(*version).map_err(|error| error.to_string()),
        _ => Err(format!("{VERSION_TABLE} has no row, several rows or a version below 1")),
    }
}

/// Finds the first column that is not as expected. A column of the application's own is none of our business as long as
/// a row can be added without it.
fn other_columns(found: &[Described]) -> Option<String> {
    for column in COLUMNS {
        let expected = sqlite::type_name(column.kind);
        let null = if column.is_nullable { "NULL" } else { "NOT NULL" };
        let Some((_, kind, refuses_null, _)) =
            found.iter().find(|(name, ..)| name.eq_ignore_ascii_case(column.name))
        else {
            return Some(format!("{TABLE} has no column {}, expected {expected} {null}", column.name));
        };
        if !kind.eq_ignore_ascii_case(expected) || *refuses_null == column.is_nullable {
            let found_null = if *refuses_null { "NOT NULL" } else { "NULL" };
            let kind = Shown(kind);
            return Some(format!(
                "{TABLE}: column {} is {kind} {found_null}, expected {expected} {null}",
                column.name
            ));
        }
    }
    let is_ours = |name: &str| COLUMNS.iter().any(|column| name.eq_ignore_ascii_case(column.name));
    found
        .iter()
        .find(|(name, _, refuses_null, is_optional)| !is_ours(name) && *refuses_null && !is_optional)
        .map(|(name, ..)| {
            format!(
                "{TABLE} has a column {} of its own that must not be NULL and has no default",
                Shown(name)
            )
        })
}
