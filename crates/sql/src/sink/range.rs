//! Look-ups of many neighbours in PostgreSQL: one COPY of all rows between the first ID and the last one.
//!
//! A row that comes so is compared as it came: it is the same bytes as the row that would be copied in. What differs is
//! read again, cell by cell.

use std::borrow::Borrow;

use keyferry_core::{CredentialRecord, Held};

use crate::{
    Database, DatabaseError,
    copy::{self, RowReader, Width},
    encode::hex,
    record_view::View,
    table::{Bound, Table},
    text,
};

/// What is left to look up otherwise.
pub(super) struct Rest<'r> {
    /// In the order of their IDs, as they were given.
    pub(super) records: Vec<(usize, &'r CredentialRecord)>,
    /// So many rows of others stand between these that reading all of them is no gain.
    pub(super) is_sparse: bool,
}

/// Reads what the table holds of these records, which are in the order of their IDs; `None` where this table or driver
/// answers no such question.
pub(super) async fn compare<'r, D: Database>(
    database: &mut D,
    table: &Table,
    sorted: &[(usize, &'r CredentialRecord)],
    answers: &mut [Held],
) -> Result<Option<Rest<'r>>, DatabaseError> {
    let (Some((_, first)), Some((_, last))) = (sorted.first(), sorted.last()) else { return Ok(None) };
    let Some(columns) = columns(table).filter(|_| database.copies_anywhere()) else { return Ok(None) };
    // Rows of others may stand between ours, but no more of them than reading ours one by one would cost.
    let most = 2 * sorted.len() + 1000;
    let bounds = [first, last].map(|record| hex(record.credential_id.as_bytes()));
    let statement = copy_range(table, &bounds, most);

    let mut rest = Rest { records: Vec::new(), is_sparse: false };
    let (mut reader, mut found) = (RowReader::default(), 0);
    let (mut ours, mut written) = (sorted.iter().peekable(), Vec::new());
    database
        .copy_out(&statement, &mut |piece| {
            reader.read(piece, |row| {
                found += 1;
                while ours.next_if(|(_, record)| record.credential_id.as_bytes() < row.first).is_some() {}
                let is_this =
                    |(_, record): &&(usize, &CredentialRecord)| record.credential_id.as_bytes() == row.first;
                let Some((at, record)) = ours.next_if(is_this) else { return };
                if table.keeps_whole(record) && row.bytes == copied(table, &columns, record, &mut written) {
                    if let Some(answer) = answers.get_mut(*at) {
                        *answer = Held::AsWritten;
                    }
                } else {
                    rest.records.push((*at, record));
                }
            });
            true
        })
        .await?;
    if !reader.is_complete() {
        return Ok(None);
    }
    if found >= most {
        rest.is_sparse = true;
        rest.records.extend(ours);
    }
    Ok(Some(rest))
}

/// Returns the columns that are read; `None` unless each is read as it is written, and the ID is the first of them.
pub(super) fn columns(table: &Table) -> Option<Vec<(&Bound, Width)>> {
    let is_key = |column: &Bound| table.columns.get(table.key).is_some_and(|key| std::ptr::eq(key, column));
    let columns: Vec<_> =
        text::read_columns(table).map(|column| Some((column, Width::of(column)?))).collect::<Option<_>>()?;
    columns.first().is_some_and(|(first, _)| is_key(first)).then_some(columns)
}

/// Returns the row that would be copied in; `row` is memory to use again.
pub(super) fn copied<'b>(
    table: &Table,
    columns: &[(impl Borrow<Bound>, Width)],
    record: &CredentialRecord,
    row: &'b mut Vec<u8>,
) -> &'b [u8] {
    row.clear();
    let (view, context) = (View::from(record), table.context(0));
    let values = columns.iter().map(|(column, width)| (table.value(column.borrow(), &view, context), *width));
    copy::add_row(row, values);
    row
}

/// Copies rows out of the table, in the order of their keys: those between two keys, given as hexadecimal digits, and no
/// more than these many.
fn copy_range(table: &Table, [first, last]: &[String; 2], most: usize) -> String {
    let key = table.columns.get(table.key).map(|key| key.quoted(table.dialect)).unwrap_or_default();
    let bytes = |digits: &str| format!("'\\x{digits}'::pg_catalog.bytea");
    let which =
        format!(" WHERE {key} >= {} AND {key} <= {} ORDER BY {key} LIMIT {most}", bytes(first), bytes(last));
    copy_out(table, &which)
}

/// Copies rows out of the table: all of them, or which.
pub(super) fn copy_out(table: &Table, which: &str) -> String {
    let columns: Vec<_> = text::read_columns(table).map(|column| column.quoted(table.dialect)).collect();
    let name = table.name.quoted(table.dialect);
    format!("COPY (SELECT {} FROM {name}{which}) TO STDOUT WITH (FORMAT binary)", columns.join(", "))
}
