//! New rows on their way: while the database takes some, the next ones are made ready.

use std::{
    future::{Future as _, poll_fn},
    pin::pin,
    task::Poll,
};

use super::{
    insert::{Missed, New, listed, sent, values},
    write::{Batch, Stop},
};
use crate::{Class, Database, DatabaseError, Dialect, Statement, Value, copy, table::Bound, text};

/// How many rows one COPY takes: enough that the way to the server does not count, and so few that the server is not
/// kept waiting for the first of them.
const COPIED: usize = 4096;

/// How rows go into the table at once.
enum Way<'b> {
    /// `INSERT … VALUES`.
    Listed { named: Option<&'b Bound>, rows: usize },
    /// PostgreSQL's COPY into the table itself: half the work of copying them beside it first.
    Copied { statement: String, widths: Vec<copy::Width> },
}

/// Rows as the driver takes them.
enum Ready<'v> {
    Listed(Statement, Vec<Value<'v>>),
    Copied(Vec<u8>),
}

/// Adds all of these rows, which must not be there yet; `None` where this table takes no rows in this way.
///
/// A row that is there already, or that is refused, ends the attempt: nothing here decides what becomes of it.
pub(super) async fn all<D: Database>(
    batch: &mut Batch<'_, D>,
    new: &[New<'_>],
    named: Option<&Bound>,
) -> Result<Option<Result<(), Missed>>, Stop> {
    let table = batch.table;
    let way = match table.dialect {
        Dialect::Postgres => match table.copy_widths().filter(|_| batch.database.copies_anywhere()) {
            Some(widths) => Way::Copied { statement: text::copy_into(table), widths },
            None => return Ok(None),
        },
        Dialect::Sqlite | Dialect::MySql => {
            let most = text::max_binds(table.dialect) / table.columns.len().max(1);
            Way::Listed { named, rows: listed(table.dialect).min(most).max(1) }
        }
    };
    let rows = match &way {
        Way::Listed { rows, .. } => *rows,
        Way::Copied { .. } => COPIED,
    };
    let (now, mut parts) = (batch.now, new.chunks(rows));
    let mut next = parts.next().map(|part| (part.len(), ready(table, now, &way, part)));
    while let Some((rows, made)) = next.take() {
        let mut sending = pin!(send(batch.database, &way, &made));
        let begun = poll_fn(|context| Poll::Ready(sending.as_mut().poll(context))).await;
        next = parts.next().map(|part| (part.len(), ready(table, now, &way, part)));
        let affected = match begun {
            Poll::Ready(affected) => affected,
            Poll::Pending => sending.await,
        };
        let answer = match (&way, affected) {
            // Whatever COPY does not do (row security, say), the other way may.
            (Way::Copied { .. }, Err(error)) if !matches!(error.class, Class::Again | Class::Connection) => {
                Err(Missed::Refused(error))
            }
            (_, affected) => sent(affected, rows)?,
        };
        if answer.is_err() {
            return Ok(Some(answer));
        }
    }
    Ok(Some(Ok(())))
}

fn ready<'v>(table: &'v crate::table::Table, now: i64, way: &Way<'_>, part: &'v [New<'_>]) -> Ready<'v> {
    let cells = part.iter().map(|new| values(table, now, &table.columns, new));
    match way {
        Way::Listed { named, rows } => {
            let mut binds = Vec::with_capacity(part.len() * table.columns.len());
            cells.for_each(|cells| binds.extend(cells));
            let text = text::insert(table.dialect, &table.name, &table.columns, *named, part.len());
            let is_full = part.len() == *rows;
            Ready::Listed(if is_full { Statement::repeated(text) } else { Statement::once(text) }, binds)
        }
        Way::Copied { widths, .. } => {
            let mut rows = copy::Rows::default();
            cells.for_each(|cells| rows.add(cells.zip(widths.iter().copied())));
            Ready::Copied(rows.end())
        }
    }
}

async fn send<D: Database>(database: &mut D, way: &Way<'_>, ready: &Ready<'_>) -> Result<u64, DatabaseError> {
    match (way, ready) {
        (Way::Copied { statement, .. }, Ready::Copied(data)) => database.copy_into(statement, data).await,
        (_, Ready::Listed(statement, binds)) => database.execute(statement, binds).await,
        (Way::Listed { .. }, Ready::Copied(_)) => Err(DatabaseError::other("rows of another form")),
    }
}
