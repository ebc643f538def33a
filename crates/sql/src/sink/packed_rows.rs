//! Rows of our own table as one value (SQLite): while the database reads some, the last ones are compared.

use std::{
    future::{Future as _, poll_fn},
    pin::pin,
    task::Poll,
};

use keyferry_core::{CredentialRecord, Held};

use super::read::{KEYS, ids_of};
use crate::{
    Database, DatabaseError, Kind, Statement, Value, catalog,
    packed::{self, Asked},
    table::Table,
};

/// A record and the position of its answer.
type Asking<'r> = (usize, &'r CredentialRecord);

/// Looks records up that are in the order of their credential IDs, and returns those whose rows must be read cell by cell.
pub(super) async fn all<'r, D: Database>(
    database: &mut D,
    table: &Table,
    sorted: &[Asking<'r>],
    answers: &mut [Held],
) -> Result<Vec<Asking<'r>>, DatabaseError> {
    let mut rest = Vec::new();
    // Nothing is there, as in a first import.
    if sorted.is_empty() || in_range(database, table, sorted, 1).await? == 0 {
        return Ok(rest);
    }
    let mut last: Option<(&[Asking<'r>], Vec<u8>)> = None;
    for part in sorted.chunks(KEYS) {
        // One walk along the index is less work than as many look-ups, unless many rows of others lie in between.
        let most = 2 * part.len();
        let there = in_range(database, table, part, most + 1).await?;
        let asked = if there > most { Asked::Keys(part.len()) } else { Asked::Range };
        let mut reading = pin!(read(database, table, part, asked));
        let begun = poll_fn(|context| Poll::Ready(reading.as_mut().poll(context))).await;
        if let Some((part, value)) = last.take() {
            compare(table, part, &value, answers, &mut rest);
        }
        let value = match begun {
            Poll::Ready(value) => value,
            Poll::Pending => reading.await,
        };
        last = Some((part, value?));
    }
    if let Some((part, value)) = last {
        compare(table, part, &value, answers, &mut rest);
    }
    rest.sort_unstable_by(|(_, one), (_, other)| one.credential_id.cmp(&other.credential_id));
    Ok(rest)
}

/// Counts the rows from the first to the last of these records, up to a limit.
async fn in_range<D: Database>(
    database: &mut D,
    table: &Table,
    sorted: &[Asking<'_>],
    most: usize,
) -> Result<usize, DatabaseError> {
    let mut binds = ends_of(sorted);
    binds.push(Value::Integer(i64::try_from(most).unwrap_or(i64::MAX)));
    let count = catalog::rows(database, &packed::count(table), &binds, |row| row.number(0)?).await?;
    Ok(count.first().and_then(|count| usize::try_from(*count).ok()).unwrap_or(usize::MAX))
}

fn ends_of<'r>(sorted: &[Asking<'r>]) -> Vec<Value<'r>> {
    let ends = sorted.first().into_iter().chain(sorted.last());
    ends.map(|(_, record)| Value::bytes(record.credential_id.as_bytes())).collect()
}

async fn read<D: Database>(
    database: &mut D,
    table: &Table,
    part: &[Asking<'_>],
    asked: Asked,
) -> Result<Vec<u8>, DatabaseError> {
    let binds = match asked {
        Asked::Keys(_) => ids_of(part),
        Asked::Range => ends_of(part),
    };
    let is_repeated = asked == Asked::Range || asked == Asked::Keys(KEYS);
    let text = packed::select(table, asked);
    let statement = if is_repeated { Statement::repeated(text) } else { Statement::once(text) };
    let mut value = Vec::new();
    database
        .query(&statement, &binds, &mut |cells| {
            // Without a single row the value is NULL.
            if let Ok(Value::Binary(bytes)) = cells.cell(0, Kind::Binary) {
                value = bytes.into_owned();
            }
        })
        .await?;
    Ok(value)
}

fn compare<'r>(
    table: &Table,
    part: &[Asking<'r>],
    mut value: &[u8],
    answers: &mut [Held],
    rest: &mut Vec<Asking<'r>>,
) {
    let mut written = Vec::new();
    let mut next = 0;
    while !value.is_empty() {
        // Rows come in the order of the index, so that it is nearly always the next record's.
        if let Some((at, record)) = part.get(next)
            && table.keeps_whole(record)
        {
            packed::write(record, &mut written);
            if let Some(after) = value.strip_prefix(written.as_slice()) {
                if let Some(answer) = answers.get_mut(*at) {
                    *answer = Held::AsWritten;
                }
                (value, next) = (after, next + 1);
                continue;
            }
        }
        let Some(row) = packed::first(table, value) else {
            // Nothing is known of these any more.
            rest.extend(part.iter().filter(|(at, _)| answers.get(*at) == Some(&Held::Nothing)));
            return;
        };
        let found =
            part.binary_search_by(|(_, record)| record.credential_id.as_bytes().cmp(row.credential_id));
        match found {
            // Records before it have no row.
            Ok(here) if here > next => next = here,
            Ok(here) => {
                rest.extend(part.get(here).copied());
                (value, next) = (row.rest, here + 1);
            }
            // Somebody else's.
            Err(_) => value = row.rest,
        }
    }
}
