//! The accounts that credentials are bound to.

use std::collections::{HashMap, HashSet};

use keyferry_core::{AccountFound, CredentialRecord, SinkError};

use super::{SqlSink, Trouble};
use crate::{Database, Dialect, Kind, Statement, Value, table::Table, text};

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
    let is_made = table.account.as_ref().is_some_and(|account| account.create.is_some());
    let answers = records
        .iter()
        .map(|record| match found.get(record.account.as_str()).map(Vec::len) {
            Some(1) => AccountFound::One,
            Some(_) => AccountFound::Several,
            // It is made together with its first credential.
            None if is_made && record.user_handle.is_some() => AccountFound::One,
            None => AccountFound::None,
        })
        .collect();
    sink.known = found
        .into_iter()
        .filter_map(|(name, mut ids)| (ids.len() == 1).then(|| ids.pop().map(|id| (name, id))).flatten())
        .collect();
    Ok(answers)
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
