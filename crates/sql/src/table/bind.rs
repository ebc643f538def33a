//! Holds a map against the columns that were found: what is missing, of another type, or cannot be left out.

use keyferry_core::Shown;

use super::{Bound, BoundAccount, BoundRow, is_uuid, position};
use crate::{
    Dialect, Kind, TableName,
    catalog::{FoundColumn, FoundTable},
    encode,
    map::{AccountTable, Column, Content, Derived, Encoding, Field},
};

pub(super) fn bind_columns(
    dialect: Dialect,
    table: &TableName,
    columns: &[Column],
    found: &FoundTable,
    is_own: bool,
) -> Result<Vec<Bound>, String> {
    let mut bound = Vec::with_capacity(columns.len());
    for column in columns {
        let spelled = found
            .column(&column.name)
            .or_else(|| found.columns.iter().find(|other| other.name.eq_ignore_ascii_case(&column.name)));
        let expected = expected(dialect, &column.content, is_own, &column.name);
        let Some(there) = spelled else {
            return Err(format!("{table} has no column {}, expected {expected}", column.name));
        };
        let is_as_expected = takes(&column.content, there)
            && (!is_own
                || (there.is_nullable == is_nullable(&column.name) && has_full_range(&column.name, there)));
        let Some(kind) = there.kind.filter(|_| is_as_expected) else {
            let null = if there.is_nullable { "NULL" } else { "NOT NULL" };
            let declared = Shown(&there.declared);
            return Err(format!("{table}: column {} is {declared} {null}, expected {expected}", column.name));
        };
        bound.push(Bound { content: column.content.clone(), kind, found: there.clone() });
    }
    let is_written = |name: &str| columns.iter().any(|column| column.name.eq_ignore_ascii_case(name));
    if let Some(other) = found
        .columns
        .iter()
        .find(|column| !is_written(&column.name) && !column.is_nullable && !column.is_optional)
    {
        let name = Shown(&other.name);
        return Err(match is_own {
            true => {
                format!("{table} has a column {name} of its own that must not be NULL and has no default")
            }
            false => format!(
                "{table} has a column {name} that must not be NULL and has no default; give it a value in the map, \
                 under [constants]"
            ),
        });
    }
    Ok(bound)
}

fn is_nullable(name: &str) -> bool {
    crate::COLUMNS.iter().any(|column| column.name == name && column.is_nullable)
}

/// Our own table holds every legal value, whoever made it.
fn has_full_range(name: &str, found: &FoundColumn) -> bool {
    let needed = match name {
        "credential_id" => Some(1023),
        "user_handle" => Some(64),
        "public_key" => Some(4096),
        "user_id" | "external_user_id" | "account" => Some(1024),
        "rp_id" => Some(253),
        _ => None,
    };
    let is_long = found.max_length.is_none_or(|most| needed.is_none_or(|needed| most >= needed));
    let is_wide = name != "sign_count" || found.range.is_none_or(|(_, most)| most >= i64::from(u32::MAX));
    is_long && is_wide && (found.kind != Some(Kind::Time) || found.digits >= 6)
}

/// Tells whether a column takes what the map writes into it.
fn takes(content: &Content, found: &FoundColumn) -> bool {
    let Some(kind) = found.kind else { return false };
    if let Content::Item(Field { encoding: Encoding::Array, .. }) = content {
        return found.is_array;
    }
    if found.is_array {
        return false;
    }
    let natural = match content {
        Content::Item(field) | Content::Copy(field) => encode::natural(&field.encoding),
        Content::Derived(Derived::CoseAlgorithm) => Kind::Integer,
        Content::Derived(Derived::AttestationObject) => Kind::Binary,
        Content::Derived(Derived::CreatedAtOrNow) | Content::Constant(crate::map::Constant::Now) => {
            Kind::Time
        }
        Content::Constant(crate::map::Constant::Integer(_)) => Kind::Integer,
        Content::Constant(crate::map::Constant::Boolean(_)) => Kind::Boolean,
        Content::AccountId => return true, // compared with the account's own column
        Content::Derived(_) | Content::Constant(_) | Content::Document(_) => Kind::Text,
    };
    let is_item = matches!(content, Content::Item(_) | Content::Copy(_));
    match (natural, kind) {
        (natural, kind) if natural == kind => true,
        (Kind::Boolean, Kind::Integer) => true,
        (Kind::Text, Kind::Binary) => is_uuid(content),
        // Which form of text or number an item has, the map must say; a moment that is never read back may have any.
        (Kind::Time, Kind::Text | Kind::Integer) => !is_item,
        _ => false,
    }
}

/// Says what a column should be, in the words of the database.
fn expected(dialect: Dialect, content: &Content, is_own: bool, name: &str) -> String {
    let kind = match content {
        Content::Item(Field { encoding: Encoding::Array, .. }) => return "an array of texts".to_owned(),
        Content::Item(field) | Content::Copy(field) => encode::natural(&field.encoding),
        Content::Derived(Derived::CoseAlgorithm) => Kind::Integer,
        Content::Derived(Derived::AttestationObject) => Kind::Binary,
        Content::Derived(Derived::CreatedAtOrNow) | Content::Constant(crate::map::Constant::Now) => {
            Kind::Time
        }
        Content::Constant(crate::map::Constant::Integer(_)) => Kind::Integer,
        Content::Constant(crate::map::Constant::Boolean(_)) => Kind::Boolean,
        _ => Kind::Text,
    };
    let word = match (dialect, kind) {
        (Dialect::Sqlite, Kind::Binary) => "BLOB",
        (Dialect::Sqlite, Kind::Text | Kind::Time) => "TEXT",
        (Dialect::Sqlite, Kind::Integer | Kind::Boolean) => "INTEGER",
        (Dialect::Postgres, Kind::Binary) => "bytea",
        (Dialect::Postgres, Kind::Text) => "text",
        (Dialect::Postgres, Kind::Integer) => "bigint",
        (Dialect::Postgres, Kind::Boolean) => "boolean",
        (Dialect::Postgres, Kind::Time) => "timestamptz",
        (Dialect::MySql, Kind::Binary) => "VARBINARY",
        (Dialect::MySql, Kind::Text) => "VARCHAR or TEXT",
        (Dialect::MySql, Kind::Integer) => "BIGINT",
        (Dialect::MySql, Kind::Boolean) => "BOOLEAN",
        (Dialect::MySql, Kind::Time) => "DATETIME(6)",
    };
    match (is_own, is_nullable(name)) {
        (false, _) => word.to_owned(),
        (true, true) => format!("{word} NULL"),
        (true, false) => format!("{word} NOT NULL"),
    }
}

pub(super) fn bind_account(
    dialect: Dialect,
    account: &AccountTable,
    found: &FoundTable,
    columns: &[Bound],
) -> Result<BoundAccount, String> {
    let column = |name: &str| {
        found.column(name).cloned().ok_or_else(|| format!("{} has no column {name}", account.table))
    };
    let (matches, id) = (column(&account.matches)?, column(&account.id)?);
    if !matches!(matches.kind, Some(Kind::Text | Kind::Integer)) || matches.is_array {
        let declared = Shown(&matches.declared);
        return Err(format!(
            "{}: column {} is {declared}, expected a text or a number",
            account.table, account.matches
        ));
    }
    let Some(id_kind) = id.kind.filter(|kind| matches!(kind, Kind::Text | Kind::Integer | Kind::Binary))
    else {
        return Err(format!(
            "{}: column {} is {}, which cannot be kept",
            account.table,
            account.id,
            Shown(&id.declared)
        ));
    };
    let bound_to = columns.iter().find(|column| matches!(column.content, Content::AccountId));
    if let Some(column) = bound_to.filter(|column| column.kind != id_kind) {
        return Err(format!(
            "column {} is {}, but {}.{} is {}",
            Shown(&column.found.name),
            Shown(&column.found.declared),
            account.table,
            account.id,
            Shown(&id.declared)
        ));
    }
    let create = match account.create.is_empty() {
        true => None,
        false => {
            let columns = bind_columns(dialect, &account.table, &account.create, found, false)?;
            let key = position(&columns, &account.id).ok_or("the row of a new account has no id")?;
            Some(BoundRow { table: found.name.clone(), columns, key: vec![key] })
        }
    };
    Ok(BoundAccount { table: found.name.clone(), matches, id, id_kind, create })
}
