//! PostgreSQL's catalogue.

use super::{FoundColumn, FoundTable, Problem, Row, Times, rows};
use crate::{Database, Kind, TableName, Value, name::quote};

const TABLE: &str = "\
SELECT n.nspname::text, c.relname::text, c.relkind::text, c.oid::int8, \
(c.relhasrules OR c.relrowsecurity)::int4 \
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
WHERE c.relname::text = $1 AND CASE WHEN $2 = '' THEN pg_catalog.pg_table_is_visible(c.oid) \
ELSE n.nspname::text = $2 END";

/// A domain counts as the type below it. The base type's schema and name are quoted by the server for casts.
const COLUMNS: &str = "\
SELECT a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod), \
b.typname::text, b.typtype::text, \
a.attnotnull::int4, (a.atthasdef OR a.attidentity <> '')::int4, \
CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END, \
coalesce(co.collisdeterministic, true)::int4, \
pg_catalog.quote_ident(bn.nspname) || '.' || pg_catalog.quote_ident(b.typname), \
(a.attgenerated <> '')::int4, \
CASE WHEN a.attcollation <> 0 AND a.attcollation <> t.typcollation \
THEN pg_catalog.quote_ident(cn.nspname) || '.' || pg_catalog.quote_ident(co.collname) ELSE '' END \
FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid \
JOIN pg_catalog.pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END \
JOIN pg_catalog.pg_namespace bn ON bn.oid = b.typnamespace \
LEFT JOIN pg_catalog.pg_collation co ON co.oid = a.attcollation \
LEFT JOIN pg_catalog.pg_namespace cn ON cn.oid = co.collnamespace \
WHERE a.attrelid = $1::int8::oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";

/// A unique index that can decide: over one whole column, for every row, checked at once.
const UNIQUE: &str = "\
SELECT a.attname::text, (coalesce(co.collisdeterministic, true) AND t.typname <> 'citext')::int4 \
FROM pg_catalog.pg_index i JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] \
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid \
LEFT JOIN pg_catalog.pg_collation co ON co.oid = i.indcollation[0] \
WHERE i.indrelid = $1::int8::oid AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL \
AND i.indexprs IS NULL AND i.indnkeyatts = 1";

pub(super) async fn find<D: Database>(
    database: &mut D,
    name: &TableName,
) -> Result<Option<FoundTable>, Problem> {
    let binds = [Value::text(name.table()), Value::text(name.schema().unwrap_or_default())];
    let found = rows(database, TABLE, &binds, |row| {
        Some((row.text(0)?, row.text(2)?, row.number(3)??, row.flag(4)?))
    })
    .await?;
    let Some((schema, kind, oid, has_more)) = found.into_iter().next() else { return Ok(None) };
    if !["r", "p"].contains(&kind.as_str()) {
        return Err(Problem::Table(format!("{name} is no table (relkind {kind})")));
    }
    let of_table = [Value::Integer(oid)];
    let columns = rows(database, COLUMNS, &of_table, column).await?;
    let unique = rows(database, UNIQUE, &of_table, |row| Some((row.text(0)?, row.flag(1)?))).await?;
    Ok(Some(FoundTable {
        name: name.in_schema(&schema),
        columns,
        unique: super::named(&unique, true),
        unique_but_folding: super::named(&unique, false),
        is_strict: true,
        takes_copy: !has_more,
    }))
}

fn column(row: &Row<'_>) -> Option<FoundColumn> {
    let (base, type_type, modifier) = (row.text(2)?, row.text(3)?, row.number(6)?.unwrap_or(-1));
    let cast = row.text(8)?;
    let plain = |kind| (Some(kind), "{}".to_owned(), "{}".to_owned());
    let text = || (Some(Kind::Text), "{}::pg_catalog.text".to_owned(), format!("{{}}::{cast}"));
    let number = || (Some(Kind::Integer), "{}::pg_catalog.int8".to_owned(), format!("{{}}::{cast}"));
    let micros = "(extract(epoch from {}) * 1000000)::pg_catalog.int8";
    let (kind, read, write) = match base.as_str() {
        "bytea" => plain(Kind::Binary),
        "text" => plain(Kind::Text),
        // The cast of an assignment, which refuses what is too long; an explicit one would cut it.
        "varchar" | "bpchar" => (Some(Kind::Text), "{}::pg_catalog.text".to_owned(), "{}".to_owned()),
        "citext" | "name" | "uuid" | "json" | "jsonb" => text(),
        "int2" | "int4" | "int8" | "numeric" => number(),
        "bool" => (Some(Kind::Boolean), "{}::pg_catalog.int4".to_owned(), "{}".to_owned()),
        "timestamptz" => (Some(Kind::Time), micros.to_owned(), "{}".to_owned()),
        "timestamp" => (Some(Kind::Time), micros.to_owned(), "({} AT TIME ZONE 'UTC')".to_owned()),
        "_text" | "_varchar" => {
            (Some(Kind::Text), "pg_catalog.to_json({})::pg_catalog.text".to_owned(), format!("{{}}::{cast}"))
        }
        _ if type_type == "e" => text(),
        _ => (None, String::new(), String::new()),
    };
    let range = match base.as_str() {
        "int2" => Some((i64::from(i16::MIN), i64::from(i16::MAX))),
        "int4" => Some((i64::from(i32::MIN), i64::from(i32::MAX))),
        _ => None,
    };
    let is_counted = ["varchar", "bpchar"].contains(&base.as_str()) && modifier >= 4;
    let is_time = kind == Some(Kind::Time);
    Some(FoundColumn {
        name: row.text(0)?,
        declared: row.text(1)?,
        kind,
        read,
        write,
        max_length: u64::try_from(modifier - 4).ok().filter(|_| is_counted),
        range,
        digits: u8::try_from(modifier).ok().filter(|_| is_time).unwrap_or(6),
        times: Times::Any,
        is_nullable: !row.flag(4)?,
        is_optional: row.flag(5)? || row.flag(9)?,
        is_exact: row.flag(7)? && base != "citext",
        is_array: base.starts_with('_'),
        collation: row.text(10)?,
    })
}

/// Returns the type of a column of the table that rows are copied into.
pub(crate) fn copy_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Binary => "bytea",
        Kind::Text => "text",
        Kind::Integer => "int8",
        Kind::Boolean => "bool",
        Kind::Time => "timestamptz",
    }
}

/// Returns the names that a search path must hold for this schema alone.
pub(crate) fn search_path(schema: &str) -> String {
    format!("pg_catalog, {}", quote(crate::Dialect::Postgres, schema))
}
