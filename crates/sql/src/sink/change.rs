//! Updates and removals of credentials that stand there.

use std::collections::HashMap;

use keyferry_core::{CredentialId, StoredRecord, Write, Written};

use super::{
    Trouble,
    read::{self, Held},
    write::{Batch, Stop},
};
use crate::{
    Class, Database, DatabaseError, Dialect, Statement, Value, copy, encode,
    map::{Content, Member, may_change},
    record_view::View,
    table::{Bound, Table},
    text::{self, Change},
};

/// How many rows one statement changes where they are listed in it.
const LISTED: usize = 256;

/// One change, ready for its statement.
struct Row {
    /// The position of its answer.
    index: usize,
    /// The key, what was read, and what is written.
    values: Vec<Value<'static>>,
}

/// Makes all updates and removals of a batch.
///
/// The rows are read once more, now locked, and compared with what the caller had read; the statement then demands that
/// they are what was read under the lock.
pub(super) async fn all<D: Database>(
    batch: &mut Batch<'_, D>,
    writes: &[Write<'_>],
    written: &mut [Written],
) -> Result<(), Stop> {
    let ids: Vec<&CredentialId> =
        writes.iter().filter(|write| !matches!(write, Write::Insert(_))).map(Write::credential_id).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let table = batch.table;
    let held = read::credentials(batch.database, table, &ids, true).await?;
    let held: HashMap<&CredentialId, &Held> =
        held.iter().map(|row| (&row.stored.credential_id, row)).collect();
    let Some(key) = table.columns.get(table.key) else { return Ok(()) };
    let (updating, removing) = (Change::new(table, key, false), Change::new(table, key, true));
    let (mut updates, mut removals) = (Vec::new(), Vec::new());
    for (index, write) in writes.iter().enumerate() {
        let (stored, merged) = match write {
            Write::Insert(_) => continue,
            Write::Update { stored, merged } => (stored, Some(merged)),
            Write::Remove { stored } => (stored, None),
        };
        match held.get(&stored.credential_id).filter(|row| row.stored.is_as_read(stored)) {
            None => {
                if let Some(answer) = written.get_mut(index) {
                    *answer = Written::Changed;
                }
            }
            Some(row) => match merged {
                Some(merged) => updates.push(Row { index, values: values(&updating, row, merged)? }),
                None => removals.push(Row { index, values: values(&removing, row, &row.stored)? }),
            },
        }
    }
    run(batch, &updating, &updates, written).await?;
    run(batch, &removing, &removals, written).await?;
    if !table.companions.is_empty() {
        for row in removals.iter().filter(|row| written.get(row.index) == Some(&Written::Done)) {
            let stored = writes.get(row.index).map(Write::credential_id).and_then(|id| held.get(id));
            if let Some(held) = stored {
                remove_companions(batch, &held.stored).await?;
            }
        }
    }
    Ok(())
}

/// Makes the values of one change: as the statement of the database lists them.
fn values(change: &Change<'_>, held: &Held, merged: &StoredRecord) -> Result<Vec<Value<'static>>, Trouble> {
    let table = change.table;
    // A login may have raised the counter since it was read: the higher one stands.
    let merged = StoredRecord { sign_count: merged.sign_count.max(held.stored.sign_count), ..merged.clone() };
    let view = View::from(&merged);
    let raw = |column: &Bound| {
        let at = text::read_columns(table).position(|other| std::ptr::eq(other, column));
        at.and_then(|at| held.raw.get(at)).cloned().unwrap_or(Value::Null(table.read_kind(column.kind)))
    };
    let key = table.key_of(&held.stored.credential_id);
    let guards = change.guards.iter().map(|column| raw(column));
    let mut sets = Vec::with_capacity(change.sets.len());
    for column in &change.sets {
        sets.push(match &column.content {
            Content::Document(members) => {
                let views = [&View::from(&held.stored), &view];
                Value::Text(document(members, &raw(column), views, table)?.into())
            }
            _ => table.value(column, &view, table.context(0)).into_owned(),
        });
    }
    Ok(match table.dialect {
        Dialect::Sqlite => sets.into_iter().chain([key]).chain(guards).collect(),
        Dialect::Postgres | Dialect::MySql => [key].into_iter().chain(guards).chain(sets).collect(),
    })
}

/// Writes the changed items into a document and leaves everything else in it as it is.
fn document(
    members: &[Member],
    raw: &Value<'_>,
    [held, merged]: [&View<'_>; 2],
    table: &Table,
) -> Result<String, Trouble> {
    let unreadable = || Trouble::Unreadable("a document that is no JSON object".to_owned());
    let Value::Text(text) = raw else { return Err(unreadable()) };
    let mut json: serde_json::Value = serde_json::from_str(text).map_err(|_| unreadable())?;
    let object = json.as_object_mut().ok_or_else(unreadable)?;
    for member in members {
        if !matches!(&member.content, Content::Item(field) if may_change(field.item)) {
            continue;
        }
        let [old, new] = [held, merged].map(|view| encode::json(&member.content, view, table.context(0)));
        if old != new {
            object.insert(member.name.clone(), new);
        }
    }
    Ok(json.to_string())
}

/// Runs changes, many in one statement; each must find its row.
///
/// Where one stands out, the halves are tried by themselves, until it is alone.
async fn run<D: Database>(
    batch: &mut Batch<'_, D>,
    change: &Change<'_>,
    rows: &[Row],
    written: &mut [Written],
) -> Result<(), Stop> {
    let size = match batch.table.dialect {
        Dialect::Sqlite => 1,
        Dialect::MySql => LISTED.min(text::max_binds(Dialect::MySql) / change.width().max(1)).max(1),
        Dialect::Postgres => rows.len().max(1),
    };
    let mut parts: Vec<&[Row]> = rows.chunks(size).rev().collect();
    while let Some(part) = parts.pop() {
        if batch.is_careful {
            batch.mark().await?;
        }
        let missed = match statement(batch, change, part).await {
            Ok(affected) if usize::try_from(affected) == Ok(part.len()) => None,
            Ok(_) => Some(Written::Changed),
            Err(error) if error.class == Class::Row => Some(Written::Refused(error.message)),
            Err(error) => return Err(error.into()),
        };
        let Some(answer) = missed else {
            if batch.is_careful {
                batch.keep().await?;
            }
            continue;
        };
        if !batch.is_careful {
            return Err(Stop::Again { is_careful: true });
        }
        batch.take_back().await?;
        batch.keep().await?;
        if let [one] = part {
            if let Some(slot) = written.get_mut(one.index) {
                *slot = answer;
            }
            continue;
        }
        let (first, second) = part.split_at(part.len() / 2);
        parts.extend([second, first]);
    }
    Ok(())
}

async fn statement<D: Database>(
    batch: &mut Batch<'_, D>,
    change: &Change<'_>,
    rows: &[Row],
) -> Result<u64, DatabaseError> {
    let text = change.text(rows.len());
    if batch.table.dialect == Dialect::Postgres {
        batch.copy(change.kinds(), &copy::encode(rows.iter().map(|row| &row.values))).await?;
        return batch.database.execute(&Statement::once(text), &[]).await;
    }
    let is_full = rows.len() == 1 || rows.len() == LISTED;
    let statement = if is_full { Statement::repeated(text) } else { Statement::once(text) };
    let binds = rows.iter().flat_map(|row| &row.values).map(Value::borrowed).collect();
    batch.database.execute_bound(&statement, D::binds(binds)?).await
}

/// Removes what stands in further tables for a credential that was removed.
async fn remove_companions<D: Database>(batch: &mut Batch<'_, D>, stored: &StoredRecord) -> Result<(), Stop> {
    let table = batch.table;
    let view = View::from(stored);
    for companion in &table.companions {
        let keys: Vec<_> = companion
            .key
            .iter()
            .filter_map(|at| companion.columns.get(*at))
            .map(|column| table.value(column, &view, table.context(0)))
            .collect();
        let text = text::delete_companion(table.dialect, companion);
        batch.database.execute(&Statement::repeated(text), &keys).await?;
    }
    Ok(())
}
