//! Rows as credentials.

use std::collections::{HashMap, HashSet};

use keyferry_core::{CoseKey, CredentialId, CredentialRecord, Identifier, Item, StoredRecord};

use super::{Trouble, packed_rows, range};
use crate::{
    Cells, Database, Dialect, Kind, Statement, Value,
    as_written::is_as_written,
    decode::{Draft, Unreadable},
    map::Content,
    table::{Bound, BoundRow, Table},
    text::{self, read_columns},
};

/// How many keys one query asks for: enough that the way to the database does not count.
pub(super) const KEYS: usize = 4096;

/// A credential as it stands in the table.
pub(super) struct Held {
    pub(super) stored: StoredRecord,
    /// What stands in the columns of [`text::read_columns`]; empty unless it was locked.
    pub(super) raw: Vec<Value<'static>>,
    /// The value of the account that it is bound to, where accounts have one.
    account: Option<Value<'static>>,
}

/// Reads the credentials of these IDs; with `is_locked` as they stay until the transaction ends, and with their values.
pub(super) async fn credentials<D: Database>(
    database: &mut D,
    table: &Table,
    ids: &[&CredentialId],
    is_locked: bool,
) -> Result<Vec<Held>, Trouble> {
    let asked: HashSet<&CredentialId> = ids.iter().copied().collect();
    let mut held = Vec::with_capacity(ids.len());
    for ids in ids.chunks(KEYS) {
        let keys = ids.iter().map(|id| table.key_of(id)).collect();
        let binds = as_binds(table.dialect, keys);
        let statement = text::select(table, binds.len(), is_locked);
        let statement =
            if ids.len() == KEYS { Statement::repeated(statement) } else { Statement::once(statement) };
        let mut unreadable = None;
        database
            .query(&statement, &binds, &mut |cells| match row(table, cells, is_locked, None) {
                // A collation that folds finds more than was asked for.
                Ok(row) if asked.contains(&row.stored.credential_id) => held.push(row),
                Ok(_) => {}
                // It was readable a moment ago, so it is not any more what was read.
                Err(_) if is_locked => {}
                Err(why) => unreadable = Some(why),
            })
            .await?;
        if let Some(why) = unreadable {
            return Err(Trouble::Unreadable(why));
        }
    }
    for companion in &table.companions {
        see_to_companion(database, table, companion, &mut held).await?;
    }
    Ok(held)
}

/// Reads what our own table holds of these records; answers each in order.
///
/// `is_sparse` is kept from one batch to the next: whether others' rows stand between those that are looked up.
pub(super) async fn compared<D: Database>(
    database: &mut D,
    table: &Table,
    records: &[&CredentialRecord],
    is_sparse: &mut bool,
) -> Result<Vec<keyferry_core::Held>, Trouble> {
    let mut answers = vec![keyferry_core::Held::Nothing; records.len()];
    // In the order of the index, neighbours share their pages.
    let mut sorted: Vec<(usize, &CredentialRecord)> = records.iter().copied().enumerate().collect();
    sorted.sort_by(|(_, one), (_, other)| one.credential_id.cmp(&other.credential_id));
    match table.dialect {
        Dialect::Sqlite => sorted = packed_rows::all(database, table, &sorted, &mut answers).await?,
        Dialect::Postgres if !*is_sparse => {
            if let Some(rest) = range::compare(database, table, &sorted, &mut answers).await? {
                *is_sparse = rest.is_sparse;
                sorted = rest.records;
            }
        }
        Dialect::Postgres | Dialect::MySql => {}
    }
    for rest in sorted.chunks(KEYS) {
        each_row(database, table, rest, &mut answers).await?;
    }
    Ok(answers)
}

/// Reads rows cell by cell; `sorted` are in the order of their credential IDs.
async fn each_row<D: Database>(
    database: &mut D,
    table: &Table,
    sorted: &[(usize, &CredentialRecord)],
    answers: &mut [keyferry_core::Held],
) -> Result<(), Trouble> {
    use keyferry_core::Held;
    let key = read_columns(table).position(is_credential_id).unwrap_or_default();
    let binds = as_binds(table.dialect, ids_of(sorted));
    let statement = text::select(table, binds.len(), false);
    let statement =
        if sorted.len() == KEYS { Statement::repeated(statement) } else { Statement::once(statement) };
    let mut unreadable = None;
    database
        .query(&statement, &binds, &mut |cells| {
            let Ok(Value::Binary(id)) = cells.cell(key, Kind::Binary) else { return };
            let Some((at, record)) = find(sorted, &id) else { return };
            let held = if table.keeps_whole(record) && is_row_as_written(table, cells, record) {
                Held::AsWritten
            } else {
                match row(table, cells, false, Some(&record.public_key)) {
                    Ok(row) => Held::Record(Box::new(row.stored)),
                    Err(why) => {
                        unreadable = Some(why);
                        return;
                    }
                }
            };
            if let Some(answer) = answers.get_mut(at) {
                *answer = held;
            }
        })
        .await?;
    match unreadable {
        Some(why) => Err(Trouble::Unreadable(why)),
        None => Ok(()),
    }
}

pub(super) fn ids_of<'r>(sorted: &[(usize, &'r CredentialRecord)]) -> Vec<Value<'r>> {
    sorted.iter().map(|(_, record)| Value::bytes(record.credential_id.as_bytes())).collect()
}

fn find<'r>(sorted: &[(usize, &'r CredentialRecord)], id: &[u8]) -> Option<(usize, &'r CredentialRecord)> {
    let at = sorted.binary_search_by(|(_, record)| record.credential_id.as_bytes().cmp(id)).ok()?;
    sorted.get(at).copied()
}

fn is_row_as_written(table: &Table, cells: &dyn Cells, record: &CredentialRecord) -> bool {
    let view = crate::record_view::View::from(record);
    read_columns(table).enumerate().all(|(at, column)| {
        cells.cell(at, table.read_kind(column.kind)).is_ok_and(|cell| is_as_written(column, &cell, &view))
    })
}

/// PostgreSQL takes a list as one array, the others as many values.
pub(super) fn as_binds(dialect: Dialect, keys: Vec<Value<'_>>) -> Vec<Value<'_>> {
    if dialect != Dialect::Postgres {
        return keys;
    }
    let is_text = matches!(keys.first(), Some(Value::Text(_)));
    let (mut texts, mut binaries) = (Vec::new(), Vec::new());
    for key in keys {
        match key {
            Value::Text(text) => texts.push(text),
            Value::Binary(bytes) => binaries.push(bytes),
            _ => {}
        }
    }
    vec![if is_text { Value::Texts(texts) } else { Value::Binaries(binaries) }]
}

/// Reads one row.
///
/// # Errors
/// - a value that no credential record can have; the message says in which column of which credential.
fn row(
    table: &Table,
    cells: &dyn Cells,
    with_raw: bool,
    known_key: Option<&CoseKey>,
) -> Result<Held, String> {
    let mut draft = Draft::default();
    draft.known_key = known_key;
    let (mut raw, mut owner_id) = (Vec::new(), None);
    let read = (|| {
        let mut next = 0;
        for column in text::read_columns(table) {
            let value = cell(cells, next, table.read_kind(column.kind), &column.found.name)?;
            draft.read(&column.found.name, &column.content, &binary_uuid(column, &value))?;
            if matches!(column.content, Content::AccountId) && !table.companions.is_empty() {
                owner_id = Some(value.clone().into_owned());
            }
            if with_raw {
                raw.push(value.into_owned());
            }
            next += 1;
        }
        if let Some(account) = &table.account {
            let name = &account.matches.name;
            let owner = match cell(cells, next, Kind::Text, name)? {
                Value::Text(text) => Identifier::new(Item::Account, text.as_ref()).ok(),
                _ => None,
            };
            // Bound to an account that has no name, or one that no export can have: it is never anybody else's.
            draft.bind(owner.unwrap_or_else(Identifier::of_nobody));
        }
        std::mem::take(&mut draft).finish()
    })();
    match read {
        Ok(stored) => Ok(Held { stored, raw, account: owner_id }),
        Err(unreadable) => {
            let at = table.columns.iter().filter(|column| column.is_read()).position(is_credential_id);
            let value = at.and_then(|at| cells.cell(at, Kind::Binary).ok());
            let id = match value {
                Some(Value::Binary(bytes)) => CredentialId::new(bytes.into_owned()).ok(),
                _ => None,
            };
            Err(match id {
                Some(id) => format!("credential {}, {unreadable}", id.hint()),
                None => unreadable.to_string(),
            })
        }
    }
}

fn is_credential_id(column: &Bound) -> bool {
    matches!(&column.content, Content::Item(field) if field.item == Item::CredentialId)
}

fn cell<'a>(cells: &'a dyn Cells, index: usize, kind: Kind, column: &str) -> Result<Value<'a>, Unreadable> {
    cells.cell(index, kind).map_err(|error| Unreadable::new(column, error.to_string()))
}

/// A UUID in a binary column stands there as its bytes.
fn binary_uuid<'a>(column: &Bound, value: &'a Value<'a>) -> Value<'a> {
    use crate::map::Encoding;
    match (&column.content, value) {
        (Content::Item(field), Value::Binary(bytes)) if field.encoding == Encoding::Uuid => {
            match <[u8; 16]>::try_from(bytes.as_ref()) {
                Ok(bytes) => Value::Text(keyferry_core::Aaguid(bytes).to_string().into()),
                Err(_) => value.borrowed(),
            }
        }
        _ => value.borrowed(),
    }
}

/// A credential whose companion is missing, or is bound to another account, belongs to nobody that we know.
async fn see_to_companion<D: Database>(
    database: &mut D,
    table: &Table,
    companion: &BoundRow,
    held: &mut [Held],
) -> Result<(), Trouble> {
    for held in held.chunks_mut(KEYS) {
        let views: Vec<_> = held.iter().map(|row| crate::record_view::View::from(&row.stored)).collect();
        let found = companions(database, table, companion, &views).await?;
        let Some(changing) = changing_key(companion) else { continue };
        let bound: Vec<bool> = held
            .iter()
            .zip(&views)
            .map(|(row, view)| {
                let key = table.value(changing, view, table.context(0));
                matches!(found.get(&Key::of(&key)), Some(owner) if *owner == row.account)
            })
            .collect();
        drop(views);
        for (row, is_bound) in held.iter_mut().zip(bound) {
            if !is_bound {
                row.stored.account = Some(Identifier::of_nobody());
            }
        }
    }
    Ok(())
}

/// Reads the companions of these records: which account each is bound to, by its key.
pub(super) async fn companions<D: Database>(
    database: &mut D,
    table: &Table,
    companion: &BoundRow,
    views: &[crate::record_view::View<'_>],
) -> Result<HashMap<Key, Option<Value<'static>>>, Trouble> {
    let mut found = HashMap::new();
    let Some(changing) = changing_key(companion) else { return Ok(found) };
    let Some(first) = views.first() else { return Ok(found) };
    let context = table.context(0);
    let mut binds: Vec<Value<'_>> = companion
        .key
        .iter()
        .filter_map(|at| companion.columns.get(*at))
        .filter(|column| !std::ptr::eq(*column, changing))
        .map(|column| table.value(column, first, context))
        .collect();
    let keys: Vec<_> = views.iter().map(|view| table.value(changing, view, context)).collect();
    let count = keys.len();
    binds.extend(as_binds(table.dialect, keys));
    let bound = companion.columns.iter().find(|column| matches!(column.content, Content::AccountId));
    let statement = Statement::once(text::select_companions(table.dialect, companion, changing, count));
    let mut is_odd = false;
    database
        .query(&statement, &binds, &mut |cells| {
            let key = cells.cell(0, table.read_kind(changing.kind));
            let account = bound.map(|column| cells.cell(1, table.read_kind(column.kind))).transpose();
            match (key, account) {
                (Ok(key), Ok(account)) => {
                    found.insert(Key::of(&key), account.map(Value::into_owned));
                }
                _ => is_odd = true,
            }
        })
        .await?;
    match is_odd {
        true => Err(Trouble::Unreadable(format!("{} holds a value of another type", companion.table))),
        false => Ok(found),
    }
}

/// Returns the one key column of a companion that is not the same in every row.
pub(super) fn changing_key(companion: &BoundRow) -> Option<&Bound> {
    let columns = companion.key.iter().filter_map(|at| companion.columns.get(*at));
    columns.into_iter().find(|column| !matches!(column.content, Content::Constant(_)))
}

/// A key as bytes, so that no collation decides.
#[derive(PartialEq, Eq, Hash)]
pub(super) struct Key(Vec<u8>);

impl Key {
    pub(super) fn of(value: &Value<'_>) -> Self {
        Self(match value {
            Value::Binary(bytes) => bytes.to_vec(),
            Value::Text(text) => text.as_bytes().to_vec(),
            Value::Integer(number) => number.to_be_bytes().to_vec(),
            _ => Vec::new(),
        })
    }
}
