//! The accounts that credentials are bound to.

use std::collections::{HashMap, HashSet};

use keyferry_core::{AccountFound, CredentialRecord, SinkError};

use super::{
    SqlSink, Trouble,
    read::{Key, as_binds},
};
use crate::{Database, Dialect, Kind, Statement, Value, record_view::View, table::Table, text};

/// How many names one query asks for.
const NAMES: usize = 4096;

/// Looks up the accounts of these records, and remembers the account's own value of each name.
///
/// A name is taken for an account's only when its bytes are the stored ones: a collation must not bind `José` to `jose`.
pub(super) async fn look_up<D: Database>(
    sink: &mut SqlSink<D>,
    records: &[&CredentialRecord],
) -> Result<Vec<AccountFound>, SinkError> {
    let Some(table) = sink.table.clone().filter(|table| table.account.is_some()) else {
        return Ok(vec![AccountFound::One; records.len()]);
    };
    let action = format!("looking accounts up in {}", sink.name);
    let names: HashSet<&str> = records.iter().map(|record| record.account.as_str()).collect();
    let names: Vec<&str> = names.into_iter().collect();
    let found = find(&mut sink.database, &table, &names).await.map_err(|error| error.while_doing(&action))?;
    let unknown: Vec<_> =
        records.iter().copied().filter(|record| !found.contains_key(record.account.as_str())).collect();
    let taken =
        taken(&mut sink.database, &table, &unknown).await.map_err(|error| error.while_doing(&action))?;
    let answers = records
        .iter()
        .map(|record| match found.get(record.account.as_str()).map(Vec::len) {
            Some(1) => AccountFound::One,
            Some(_) => AccountFound::Several,
            // It is made together with its first credential, unless its key is another account's already.
            None if new_key(&table, record).is_some_and(|key| !taken.contains(&key)) => AccountFound::One,
            None => AccountFound::None,
        })
        .collect();
    sink.known = found
        .into_iter()
        .filter_map(|(name, mut ids)| (ids.len() == 1).then(|| ids.pop().map(|id| (name, id))).flatten())
        .collect();
    Ok(answers)
}

/// Returns the key of the account that is made for a record; `None` where none is made, or the record lacks what its key
/// is made of.
fn new_key(table: &Table, record: &CredentialRecord) -> Option<Key> {
    let row = table.account.as_ref()?.create.as_ref()?;
    let key = row.key.first().and_then(|at| row.columns.get(*at))?;
    let value = table.value(key, &View::from(record), table.context(0));
    (!matches!(value, Value::Null(_))).then(|| Key::of(&value))
}

/// Finds the keys of accounts to be made that are taken: by accounts of other names, since these names were not found.
async fn taken<D: Database>(
    database: &mut D,
    table: &Table,
    records: &[&CredentialRecord],
) -> Result<HashSet<Key>, Trouble> {
    let mut taken = HashSet::new();
    let Some(row) = table.account.as_ref().and_then(|account| account.create.as_ref()) else {
        return Ok(taken);
    };
    let Some(key) = row.key.first().and_then(|at| row.columns.get(*at)) else { return Ok(taken) };
    for records in records.chunks(NAMES) {
        let values = records.iter().map(|record| table.value(key, &View::from(*record), table.context(0)));
        let values: Vec<_> = values.filter(|value| !matches!(value, Value::Null(_))).collect();
        if values.is_empty() {
            continue;
        }
        let binds = as_binds(table.dialect, values);
        let text = text::select_keys(table.dialect, &row.table, key, binds.len(), false);
        database
            .query(&Statement::once(text), &binds, &mut |cells| {
                if let Ok(value) = cells.cell(0, table.read_kind(key.kind)) {
                    taken.insert(Key::of(&value));
                }
            })
            .await?;
    }
    Ok(taken)
}

/// Returns the values of all accounts that have exactly one of these names.
pub(super) async fn find<D: Database>(
    database: &mut D,
    table: &Table,
    names: &[&str],
) -> Result<HashMap<Box<str>, Vec<Value<'static>>>, Trouble> {
    let mut found: HashMap<Box<str>, Vec<Value<'static>>> = HashMap::new();
    let Some(account) = &table.account else { return Ok(found) };
    let asked: HashSet<&str> = names.iter().copied().collect();
    let names: Vec<&str> = names
        .iter()
        .copied()
        .filter(|name| could_be(account.matches.declared.as_str(), account.matches.kind, name))
        .collect();
    for names in names.chunks(NAMES) {
        let statement = Statement::once(text::select_accounts(table.dialect, account, names.len()));
        let binds: Vec<_> = match table.dialect {
            Dialect::Postgres => vec![Value::Texts(names.iter().map(|name| (*name).into()).collect())],
            _ => names.iter().map(|name| Value::text(name)).collect(),
        };
        let mut is_odd = false;
        database
            .query(&statement, &binds, &mut |cells| match (
                cells.cell(0, Kind::Text),
                cells.cell(1, table.read_kind(account.id_kind)),
            ) {
                (Ok(Value::Text(name)), Ok(id)) if asked.contains(&*name) => {
                    found.entry(name.as_ref().into()).or_default().push(id.into_owned());
                }
                (Ok(_), Ok(_)) => {}
                _ => is_odd = true,
            })
            .await?;
        if is_odd {
            return Err(Trouble::Unreadable(format!("{} holds a value of another type", account.table)));
        }
    }
    Ok(found)
}

/// Tells whether a name could stand in a column at all; what could not is an error in some databases.
fn could_be(declared: &str, kind: Option<Kind>, name: &str) -> bool {
    match kind {
        // Its one spelling: another one of the same number would not be found again.
        Some(Kind::Integer) => name.parse::<i64>().is_ok_and(|number| number.to_string() == name),
        _ if declared.eq_ignore_ascii_case("uuid") => {
            keyferry_core::Aaguid::parse(name).is_some_and(|uuid| uuid.to_string() == name)
        }
        _ => true,
    }
}
