//! New credentials, and the rows that stand in further tables for them.

use std::collections::{HashMap, HashSet};

use keyferry_core::{CredentialRecord, Write, Written};

use super::{
    Trouble, accounts,
    read::{self, Key},
    stream,
    write::{Batch, Stop},
};
use crate::{
    Class, Database, DatabaseError, Dialect, Kind, Statement, TableName, Value, copy,
    encode::Context,
    record_view::View,
    table::{Bound, BoundRow, Table},
    text,
};

/// How many rows one INSERT lists: enough that the way to the database does not count, and in MySQL well below what its
/// servers take in one packet.
pub(super) const fn listed(dialect: Dialect) -> usize {
    match dialect {
        Dialect::Sqlite => 512,
        Dialect::MySql | Dialect::Postgres => 2048,
    }
}
/// How many keys one query asks for.
const KEYS: usize = 4096;

/// A credential that is to be added.
pub(super) struct New<'w> {
    /// The position of its answer.
    index: usize,
    record: &'w CredentialRecord,
    /// The account's own value, where accounts have one.
    account: Option<Value<'static>>,
}

/// Why a part of the rows was not added.
pub(super) enum Missed {
    /// Some of them were there already, or were dropped.
    Some,
    /// One of them is refused.
    Refused(DatabaseError),
}

/// Adds all new credentials of a batch.
pub(super) async fn all<D: Database>(
    batch: &mut Batch<'_, D>,
    writes: &[Write<'_>],
    written: &mut [Written],
) -> Result<(), Stop> {
    let mut new: Vec<New<'_>> = writes
        .iter()
        .enumerate()
        .filter_map(|(index, write)| match write {
            Write::Insert(record) => Some(New { index, record, account: None }),
            _ => None,
        })
        .collect();
    if new.is_empty() {
        return Ok(());
    }
    // Our own table holds every record. What another one cannot hold every caller leaves out; here it must not slip in.
    if !batch.table.map.is_own
        && let Some(reason) = new.iter().find_map(|new| batch.table.represent(new.record).err())
    {
        return Err(Stop::Trouble(Trouble::Unreadable(format!(
            "a record that the table cannot hold: {reason}"
        ))));
    }
    // In the order of the index, neighbours share their pages.
    new.sort_unstable_by(|one, other| one.record.credential_id.cmp(&other.record.credential_id));
    let table = batch.table;
    if !table.map.key.is_unique && table.dialect == Dialect::Postgres {
        // Nothing else keeps a second row of the same ID away.
        let lock = format!("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE", table.name.quoted(table.dialect));
        batch.database.run(&lock).await?;
    }
    if batch.is_careful || !table.map.key.is_unique {
        leave_out_what_is_there(batch, &mut new, written).await?;
    }
    bind_accounts(batch, &mut new, written).await?;
    if !batch.is_careful && table.companions.is_empty() {
        match stream::all(batch, &new, deciding_key(table)).await? {
            Some(Ok(())) => return Ok(()),
            Some(Err(_)) => return Err(Stop::Again { is_careful: true }),
            None => {}
        }
    }
    // One after the other where one may stand out; else as many as a statement takes.
    let mut parts: Vec<Vec<New<'_>>> = Vec::new();
    while !new.is_empty() {
        let size = match table.dialect {
            Dialect::Postgres => new.len(),
            Dialect::Sqlite | Dialect::MySql => {
                listed(table.dialect).min(text::max_binds(table.dialect) / table.columns.len().max(1)).max(1)
            }
        };
        let rest = new.split_off(size.min(new.len()));
        parts.push(std::mem::replace(&mut new, rest));
    }
    parts.reverse();
    while let Some(part) = parts.pop() {
        if !batch.is_careful {
            match add(batch, &part).await? {
                Ok(()) => continue,
                Err(_) => return Err(Stop::Again { is_careful: true }),
            }
        }
        batch.mark().await?;
        match add(batch, &part).await? {
            Ok(()) => batch.keep().await?,
            Err(missed) => {
                batch.take_back().await.map_err(|error| match &missed {
                    Missed::Refused(refused) => refused.clone(),
                    Missed::Some => error,
                })?;
                batch.keep().await?;
                let mut part = part;
                if part.len() > 1 {
                    let second = part.split_off(part.len() / 2);
                    parts.extend([second, part]);
                } else if let Some(one) = part.first() {
                    answer(written, one.index, after(batch, one, missed).await?);
                }
            }
        }
    }
    Ok(())
}

/// Says why a single row was not added.
async fn after<D: Database>(
    batch: &mut Batch<'_, D>,
    one: &New<'_>,
    missed: Missed,
) -> Result<Written, Stop> {
    match missed {
        Missed::Some => Ok(Written::Changed),
        Missed::Refused(error) => {
            // Somebody may have added it a moment ago, where no statement could say so.
            let is_there = !present(batch, &[one.record]).await?.is_empty();
            Ok(if is_there { Written::Changed } else { Written::Refused(error.message) })
        }
    }
}

fn answer(written: &mut [Written], index: usize, answer: Written) {
    if let Some(slot) = written.get_mut(index) {
        *slot = answer;
    }
}

/// Finds out, under a lock, which credentials are there already.
async fn leave_out_what_is_there<D: Database>(
    batch: &mut Batch<'_, D>,
    new: &mut Vec<New<'_>>,
    written: &mut [Written],
) -> Result<(), Stop> {
    let records: Vec<_> = new.iter().map(|new| new.record).collect();
    let there = present(batch, &records).await?;
    let table = batch.table;
    new.retain(|new| {
        let is_there = there.contains(&Key::of(&table.key_of(&new.record.credential_id)));
        if is_there {
            answer(written, new.index, Written::Changed);
        }
        !is_there
    });
    Ok(())
}

async fn present<D: Database>(
    batch: &mut Batch<'_, D>,
    records: &[&CredentialRecord],
) -> Result<HashSet<Key>, DatabaseError> {
    let table = batch.table;
    let mut there = HashSet::new();
    let Some(key) = table.columns.get(table.key) else { return Ok(there) };
    for records in records.chunks(KEYS) {
        let keys = records.iter().map(|record| table.key_of(&record.credential_id)).collect();
        let binds = read::as_binds(table.dialect, keys);
        let text = text::select_keys(table.dialect, &table.name, key, binds.len(), true);
        batch
            .database
            .query(&Statement::once(text), &binds, &mut |cells| {
                if let Ok(value) = cells.cell(0, table.read_kind(key.kind)) {
                    there.insert(Key::of(&value));
                }
            })
            .await?;
    }
    Ok(there)
}

/// Finds the account's own value of each credential, and makes the accounts that the map makes.
async fn bind_accounts<D: Database>(
    batch: &mut Batch<'_, D>,
    new: &mut Vec<New<'_>>,
    written: &mut [Written],
) -> Result<(), Stop> {
    let table = batch.table;
    let Some(account) = &table.account else { return Ok(()) };
    let mut made = HashMap::new();
    let missing: Vec<&CredentialRecord> = {
        let mut seen = HashSet::new();
        let is_missing = |record: &CredentialRecord| !batch.known.contains_key(record.account.as_str());
        new.iter()
            .map(|new| new.record)
            .filter(|record| is_missing(record) && seen.insert(&record.account))
            .collect()
    };
    if let Some(row) = account.create.as_ref().filter(|_| !missing.is_empty()) {
        // A batch before this one may have made them.
        let names: Vec<&str> = missing.iter().map(|record| record.account.as_str()).collect();
        let there = accounts::find(batch.database, table, &names).await?;
        let absent = missing.iter().filter(|record| !there.contains_key(record.account.as_str()));
        for record in absent {
            make_account(batch, row, record).await?;
        }
        made = accounts::find(batch.database, table, &names).await?;
    }
    new.retain_mut(|new| {
        let name = new.record.account.as_str();
        let found = batch.known.get(name).cloned();
        new.account = found.or_else(|| made.get(name).filter(|ids| ids.len() == 1).and_then(|ids| ids.first()).cloned());
        if new.account.is_none() {
            let why = "its account could not be made: the user handle stands there for another account, or is not known";
            answer(written, new.index, Written::Refused(why.to_owned()));
        }
        new.account.is_some()
    });
    Ok(())
}

/// Makes the row of an account; one whose key is taken by another account is left as it is.
async fn make_account<D: Database>(
    batch: &mut Batch<'_, D>,
    row: &BoundRow,
    record: &CredentialRecord,
) -> Result<(), Stop> {
    let (table, view) = (batch.table, View::from(record));
    let context = table.context(batch.now);
    let values: Vec<_> = row.columns.iter().map(|column| table.value(column, &view, context)).collect();
    if row.key.iter().any(|at| matches!(values.get(*at), None | Some(Value::Null(_)))) {
        return Ok(());
    }
    batch.mark().await?;
    match rows(batch, &row.table, &row.columns, None, &[values]).await {
        Ok(_) => batch.keep().await?,
        Err(error) if error.class == Class::Row => {
            batch.take_back().await?;
            batch.keep().await?;
        }
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

/// Adds credentials and what stands in further tables for them.
async fn add<D: Database>(batch: &mut Batch<'_, D>, part: &[New<'_>]) -> Result<Result<(), Missed>, Stop> {
    let table = batch.table;
    for companion in &table.companions {
        let views: Vec<_> = part.iter().map(|new| View::from(new.record)).collect();
        let there = read::companions(batch.database, table, companion, &views).await?;
        let Some(changing) = read::changing_key(companion) else { continue };
        let mut missing = Vec::new();
        for (new, view) in part.iter().zip(&views) {
            match there.get(&Key::of(&table.value(changing, view, table.context(0)))) {
                None => missing.push(values(table, batch.now, &companion.columns, new).collect()),
                Some(owner) if *owner == new.account => {}
                Some(_) => {
                    let why = format!("{} holds this credential for another account", companion.table);
                    return Ok(Err(Missed::Refused(DatabaseError { class: Class::Row, message: why })));
                }
            }
        }
        if let Err(missed) =
            sent(rows(batch, &companion.table, &companion.columns, None, &missing).await, missing.len())?
        {
            return Ok(Err(missed));
        }
    }
    let values: Vec<Vec<_>> =
        part.iter().map(|new| values(table, batch.now, &table.columns, new).collect()).collect();
    let key = deciding_key(table);
    let affected = rows(batch, &table.name, &table.columns, key.map(|key| (table.key, key)), &values).await;
    sent(affected, part.len())
}

/// Returns the column whose index may pass over what is there already, and so says how many rows were.
fn deciding_key(table: &Table) -> Option<&Bound> {
    table.columns.get(table.key).filter(|key| {
        // MySQL cannot name the index that may decide; a folding one would decide otherwise than we do.
        table.dialect != Dialect::MySql
            && table.map.key.is_unique
            && key.found.is_exact
            && !table.map.key.folds_case
    })
}

/// Judges how many rows were added.
pub(super) fn sent(affected: Result<u64, DatabaseError>, rows: usize) -> Result<Result<(), Missed>, Stop> {
    match affected {
        Ok(affected) if usize::try_from(affected) == Ok(rows) => Ok(Ok(())),
        Ok(_) => Ok(Err(Missed::Some)),
        Err(error) if error.class == Class::Row => Ok(Err(Missed::Refused(error))),
        Err(error) => Err(error.into()),
    }
}

/// Returns what is written into these columns.
pub(super) fn values<'v>(
    table: &'v Table,
    now: i64,
    columns: &'v [Bound],
    new: &'v New<'_>,
) -> impl ExactSizeIterator<Item = Value<'v>> {
    let view = View::from(new.record);
    let context = Context { account: new.account.as_ref(), ..table.context(now) };
    columns.iter().map(move |column| table.value(column, &view, context))
}

/// Adds rows with one statement, and returns how many were added.
async fn rows<D: Database>(
    batch: &mut Batch<'_, D>,
    table: &TableName,
    columns: &[Bound],
    key: Option<(usize, &Bound)>,
    values: &[Vec<Value<'_>>],
) -> Result<u64, DatabaseError> {
    if values.is_empty() {
        return Ok(0);
    }
    let dialect = batch.table.dialect;
    let named = key.map(|(_, key)| key);
    if dialect == Dialect::Postgres {
        let kinds: Vec<Kind> = columns.iter().map(|column| column.kind).collect();
        batch.copy(kinds, &copy::encode(values.iter())).await?;
        let text = text::insert_copied(table, columns, key.map_or(0, |(at, _)| at), named);
        return batch.database.execute(&Statement::once(text), &[]).await;
    }
    let text = text::insert(dialect, table, columns, named, values.len());
    let statement =
        if values.len() == listed(dialect) { Statement::repeated(text) } else { Statement::once(text) };
    let binds = values.iter().flatten().map(Value::borrowed).collect();
    batch.database.execute_bound(&statement, D::binds(binds)?).await
}
