//! The catalogue of MySQL and MariaDB.

use super::{FoundColumn, FoundTable, Problem, Row, Times, rows};
use crate::{Database, Kind, TableName, Value};

const TABLE: &str = "\
SELECT CAST(table_schema AS CHAR), CAST(table_type AS CHAR), CAST(engine AS CHAR) FROM information_schema.tables \
WHERE table_schema = coalesce(nullif(?, ''), database()) AND BINARY table_name = ?";

const COLUMNS: &str = "\
SELECT CAST(column_name AS CHAR), CAST(column_type AS CHAR), CAST(data_type AS CHAR), \
CAST(is_nullable AS CHAR), (column_default IS NOT NULL OR extra LIKE '%auto_increment%' OR extra LIKE '%GENERATED%'), \
CAST(character_maximum_length AS SIGNED), CAST(character_octet_length AS SIGNED), \
CAST(datetime_precision AS SIGNED), CAST(collation_name AS CHAR) \
FROM information_schema.columns WHERE table_schema = ? AND BINARY table_name = ? ORDER BY ordinal_position";

/// A unique index over one whole column.
const UNIQUE: &str = "\
SELECT CAST(min(column_name) AS CHAR) FROM information_schema.statistics \
WHERE table_schema = ? AND BINARY table_name = ? GROUP BY index_name \
HAVING max(non_unique) = 0 AND count(*) = 1 AND max(sub_part) IS NULL AND min(column_name) IS NOT NULL";

pub(super) async fn find<D: Database>(
    database: &mut D,
    name: &TableName,
) -> Result<Option<FoundTable>, Problem> {
    let binds = [Value::text(name.schema().unwrap_or_default()), Value::text(name.table())];
    let found = rows(database, TABLE, &binds, |row| Some((row.text(0)?, row.text(1)?, row.text(2)?))).await?;
    let Some((schema, kind, engine)) = found.into_iter().next() else { return Ok(None) };
    if kind != "BASE TABLE" {
        return Err(Problem::Table(format!("{name} is no table ({})", keyferry_core::Shown(&kind))));
    }
    if !engine.eq_ignore_ascii_case("InnoDB") {
        let engine = keyferry_core::Shown(&engine);
        return Err(Problem::Table(format!(
            "{name} has engine {engine}, which keeps no transactions; expected InnoDB"
        )));
    }
    let of_table = [Value::text(&schema), Value::text(name.table())];
    let columns = rows(database, COLUMNS, &of_table, column).await?;
    let indexed = rows(database, UNIQUE, &of_table, |row| row.text(0)).await?;
    let is_exact = |name: &String| columns.iter().any(|column| column.name == *name && column.is_exact);
    let (unique, unique_but_folding) = indexed.into_iter().partition(is_exact);
    Ok(Some(FoundTable {
        name: name.in_schema(&schema),
        columns,
        unique,
        unique_but_folding,
        is_strict: true,
        takes_copy: false,
    }))
}

fn column(row: &Row<'_>) -> Option<FoundColumn> {
    let (declared, data_type, collation) = (row.text(1)?, row.text(2)?.to_ascii_lowercase(), row.text(8)?);
    let (characters, octets) = (row.number(5)?, row.number(6)?);
    let is_unsigned = declared.contains("unsigned");
    let kind = match data_type.as_str() {
        "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => Some(Kind::Binary),
        "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" | "enum" | "json" | "uuid" => {
            Some(Kind::Text)
        }
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "bit" => Some(Kind::Integer),
        "datetime" | "timestamp" => Some(Kind::Time),
        _ => None,
    };
    let signed = |bits: u32| (-(1_i64 << (bits - 1)), (1_i64 << (bits - 1)) - 1);
    let range = match (data_type.as_str(), is_unsigned) {
        ("tinyint", false) => Some(signed(8)),
        ("tinyint", true) => Some((0, 255)),
        ("smallint", false) => Some(signed(16)),
        ("smallint", true) => Some((0, 65_535)),
        ("mediumint", false) => Some(signed(24)),
        ("mediumint", true) => Some((0, 16_777_215)),
        ("int", false) => Some(signed(32)),
        ("int", true) => Some((0, i64::from(u32::MAX))),
        ("bit", _) => Some((0, 1)),
        _ => None,
    };
    let read = match (data_type.as_str(), kind) {
        ("json" | "uuid" | "enum", _) => "CAST({} AS CHAR)".to_owned(),
        ("bit", _) => "CAST({} AS UNSIGNED)".to_owned(),
        (_, Some(Kind::Time)) => "DATE_FORMAT({}, '%Y-%m-%dT%H:%i:%s.%fZ')".to_owned(),
        (_, Some(Kind::Integer)) => "CAST({} AS SIGNED)".to_owned(),
        _ => "{}".to_owned(),
    };
    Some(FoundColumn {
        name: row.text(0)?,
        kind,
        read,
        write: "{}".to_owned(),
        max_length: if kind == Some(Kind::Binary) { octets } else { characters }
            .and_then(|length| u64::try_from(length).ok())
            .filter(|_| matches!(kind, Some(Kind::Binary | Kind::Text))),
        range,
        digits: row.number(7)?.and_then(|digits| u8::try_from(digits).ok()).unwrap_or(6),
        times: if data_type == "timestamp" { Times::Unix } else { Times::FourDigits },
        is_nullable: row.text(3)?.eq_ignore_ascii_case("yes"),
        is_optional: row.flag(4)?,
        // The other collations fold letters or accents; spaces at the end, which some of these pass over, stand in no ID.
        is_exact: collation.is_empty() || collation == "binary" || collation.ends_with("_bin"),
        is_array: false,
        collation,
        declared,
    })
}
