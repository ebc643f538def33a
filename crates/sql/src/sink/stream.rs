//! New rows on their way: while the database takes some, the next ones are made ready.

use std::{
    future::{Future as _, poll_fn},
    pin::pin,
    task::Poll,
};

use super::{
    insert::{self, Missed, New, listed, sent},
    write::{Batch, Stop},
};
use crate::{
    Class, Database, DatabaseError, Dialect, Statement,
    copy::{self, Width},
    table::Bound,
    text,
};

/// How many bytes are made ready at once for a COPY: few enough that they stay in the cache of a processor on their way.
const PIECE: usize = 128 * 1024;

/// Adds all of these rows, which must not be there yet; `None` where this table takes no rows in this way.
///
/// A row that is there already, or that is refused, ends the attempt: nothing here decides what becomes of it.
pub(super) async fn all<D: Database>(
    batch: &mut Batch<'_, D>,
    new: &[New<'_>],
    named: Option<&Bound>,
) -> Result<Option<Result<(), Missed>>, Stop> {
    match batch.table.dialect {
        Dialect::Postgres => match batch.table.copy_widths().filter(|_| batch.database.copies_anywhere()) {
            Some(widths) => copied(batch, new, &widths).await.map(Some),
            None => Ok(None),
        },
        Dialect::Sqlite | Dialect::MySql => listed_rows(batch, new, named).await.map(Some),
    }
}

/// PostgreSQL's COPY into the table itself: half the work of copying rows beside it first.
async fn copied<D: Database>(
    batch: &mut Batch<'_, D>,
    new: &[New<'_>],
    widths: &[Width],
) -> Result<Result<(), Missed>, Stop> {
    let (table, now) = (batch.table, batch.now);
    let (mut rest, mut is_begun, mut is_ended) = (new.iter(), false, false);
    let next = &mut |data: &mut Vec<u8>| {
        if !std::mem::replace(&mut is_begun, true) {
            copy::begin(data);
        }
        while data.len() < PIECE && !is_ended {
            match rest.next() {
                Some(new) => {
                    let cells = insert::values(table, now, &table.columns, new).zip(widths.iter().copied());
                    copy::add_row(data, cells);
                }
                None => {
                    copy::end(data);
                    is_ended = true;
                }
            }
        }
    };
    match batch.database.copy_into(&text::copy_into(table), next).await {
        // Whatever COPY does not do (row security, say), the other way may.
        Err(error) if !matches!(error.class, Class::Again | Class::Connection) => {
            Ok(Err(Missed::Refused(error)))
        }
        affected => sent(affected, new.len()),
    }
}

/// `INSERT … VALUES`.
async fn listed_rows<D: Database>(
    batch: &mut Batch<'_, D>,
    new: &[New<'_>],
    named: Option<&Bound>,
) -> Result<Result<(), Missed>, Stop> {
    let (table, now) = (batch.table, batch.now);
    let most = text::max_binds(table.dialect) / table.columns.len().max(1);
    let each = listed(table.dialect).min(most).max(1);
    let text = |rows| text::insert(table.dialect, &table.name, &table.columns, named, rows);
    let full = Statement::repeated(text(each));
    let mut parts = new.chunks(each).map(|part| -> Result<_, DatabaseError> {
        let mut values = Vec::with_capacity(part.len() * table.columns.len());
        part.iter().for_each(|new| values.extend(insert::values(table, now, &table.columns, new)));
        let statement = if part.len() == each { full.clone() } else { Statement::once(text(part.len())) };
        Ok((part.len(), statement, D::binds(values)?))
    });
    let mut next = parts.next();
    while let Some(part) = next.take() {
        let (rows, statement, binds) = part?;
        let mut sending = pin!(batch.database.execute_bound(&statement, binds));
        let begun = poll_fn(|context| Poll::Ready(sending.as_mut().poll(context))).await;
        next = parts.next(); // the database is at work meanwhile
        let affected = match begun {
            Poll::Ready(affected) => affected,
            Poll::Pending => sending.await,
        };
        if let Err(missed) = sent(affected, rows)? {
            return Ok(Err(missed));
        }
    }
    Ok(Ok(()))
}
