//! SQLite's catalogue.

use super::{FoundColumn, FoundTable, Problem, Row, Times, rows};
use crate::{Database, Kind, TableName, Value};

const TABLE: &str =
    "SELECT name, type, strict FROM pragma_table_list WHERE schema = 'main' AND name = ? COLLATE NOCASE";

/// Generated and hidden columns too.
const COLUMNS: &str = "\
SELECT name, type, \"notnull\" OR pk > 0, dflt_value IS NOT NULL OR hidden > 0 \
OR (pk > 0 AND upper(type) = 'INTEGER') FROM pragma_table_xinfo(?)";

/// Unique indexes over one column: whole, not partial, no expression; and how they compare.
const UNIQUE: &str = "\
SELECT max(x.name), max(x.coll = 'BINARY') FROM pragma_index_list(?) AS i, pragma_index_xinfo(i.name) AS x \
WHERE i.\"unique\" = 1 AND i.partial = 0 AND x.key = 1 GROUP BY i.name HAVING count(*) = 1 AND max(x.name) IS NOT NULL";

pub(super) async fn find<D: Database>(
    database: &mut D,
    name: &TableName,
) -> Result<Option<FoundTable>, Problem> {
    if name.schema().is_some_and(|schema| schema != "main") {
        return Err(Problem::Table(format!("{name}: a SQLite file has no schemas but main")));
    }
    let found = rows(database, TABLE, &[Value::text(name.table())], |row| {
        Some((row.text(0)?, row.text(1)?, row.flag(2)?))
    })
    .await?;
    let Some((spelled, kind, is_strict)) = found.into_iter().next() else { return Ok(None) };
    if kind != "table" {
        return Err(Problem::Table(format!("{name} is a {}, expected a table", keyferry_core::Shown(&kind))));
    }
    let of_table = [Value::text(&spelled)];
    let columns = rows(database, COLUMNS, &of_table, column).await?;
    let unique = rows(database, UNIQUE, &of_table, |row| Some((row.text(0)?, row.flag(1)?))).await?;
    Ok(Some(FoundTable {
        name: name.in_schema("main"),
        columns,
        unique: super::named(&unique, true),
        unique_but_folding: super::named(&unique, false),
        is_strict,
        takes_copy: false,
    }))
}

fn column(row: &Row<'_>) -> Option<FoundColumn> {
    let declared = row.text(1)?;
    // An application's driver may write a time as milliseconds where it had been a text.
    let read = match is_moment(&declared) {
        true => {
            "CASE typeof({}) WHEN 'integer' THEN strftime('%Y-%m-%d %H:%M:%f', {} / 1000.0, 'unixepoch') ELSE {} END"
        }
        false => "{}",
    };
    Some(FoundColumn {
        name: row.text(0)?,
        kind: kind(&declared),
        declared,
        read: read.to_owned(),
        write: "{}".to_owned(),
        max_length: None,
        range: None,
        digits: 6,
        times: Times::Any,
        is_nullable: !row.flag(2)?,
        is_optional: row.flag(3)?,
        is_exact: true, // statements name the collation
        is_array: false,
        collation: String::new(),
    })
}

/// Tells whether a column is meant for times.
pub(crate) fn is_moment(declared: &str) -> bool {
    let declared = declared.to_ascii_uppercase();
    declared.contains("DATE") || declared.contains("TIME")
}

/// What a column is meant for, by the words of its type. SQLite keeps whatever comes, so the words decide nothing there.
fn kind(declared: &str) -> Option<Kind> {
    let declared = declared.to_ascii_uppercase();
    let has = |words: &[&str]| words.iter().any(|word| declared.contains(word));
    if has(&["INT", "BOOL"]) {
        Some(Kind::Integer)
    } else if has(&["BLOB", "BINARY"]) {
        Some(Kind::Binary)
    } else if has(&["CHAR", "CLOB", "TEXT", "JSON", "UUID", "DATE", "TIME"]) {
        Some(Kind::Text)
    } else {
        None
    }
}
