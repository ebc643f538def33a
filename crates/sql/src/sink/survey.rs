//! All rows of our own table, in the bytes in which they would be found as written.

use keyferry_core::{Form, SinkError};

use super::{SqlSink, Trouble, range};
use crate::{
    Database, DatabaseError, Dialect, Kind, Statement, Value, copy::RowReader, packed, table::Table,
};

/// How many rows one query of SQLite reads: enough that the way to it does not count, and a writer does not wait long, nor
/// do rows of others that are long take much memory.
const PAGE: u32 = 512;

impl<D: Database> SqlSink<D> {
    /// Returns what writes a record as [`SqlSink::show`] shows it; `None` where this table or driver shows nothing.
    pub fn form(&self) -> Option<Form> {
        let table = self.table.clone().filter(|table| table.map.is_own)?;
        match table.dialect {
            Dialect::Sqlite => Some(Box::new(move |record, row| {
                packed::write(record, row);
                table.keeps_whole(record)
            })),
            Dialect::Postgres => {
                let columns = range::columns(&table).filter(|_| self.database.copies_anywhere())?;
                let columns: Vec<_> =
                    columns.into_iter().map(|(column, width)| (column.clone(), width)).collect();
                Some(Box::new(move |record, row| {
                    range::copied(&table, &columns, record, row);
                    table.keeps_whole(record)
                }))
            }
            Dialect::MySql => None,
        }
    }

    /// Shows every row of the table until `each` says that it has seen enough, and the sink is of no use then; returns
    /// whether that was all.
    ///
    /// # Errors
    /// - the database cannot be read.
    pub async fn show(&mut self, each: &mut (dyn FnMut(&[u8]) -> bool + Send)) -> Result<bool, SinkError> {
        let Some(table) = self.table.clone() else { return Ok(false) };
        let shown = match table.dialect {
            Dialect::Sqlite => pages(&mut self.database, &table, each).await,
            Dialect::Postgres => copied_out(&mut self.database, &table, each).await,
            Dialect::MySql => Ok(false),
        };
        shown.map_err(|error| Trouble::from(error).while_doing(&format!("reading {}", self.name)))
    }
}

async fn pages<D: Database>(
    database: &mut D,
    table: &Table,
    each: &mut (dyn FnMut(&[u8]) -> bool + Send),
) -> Result<bool, DatabaseError> {
    let statement = Statement::repeated(packed::page(table, PAGE));
    let mut after = i64::MIN;
    loop {
        let (mut last, mut goes_on) = (None, true);
        database
            .query(&statement, &[Value::Integer(after)], &mut |cells| {
                if let Ok(Value::Integer(number)) = cells.cell(0, Kind::Integer) {
                    last = Some(number);
                }
                let rows = cells.cell(1, Kind::Binary);
                let Ok(Value::Binary(rows)) = &rows else { return };
                let mut rows: &[u8] = rows;
                while goes_on && !rows.is_empty() {
                    let Some(row) = packed::first(table, rows) else {
                        goes_on = false;
                        return;
                    };
                    goes_on = each(row.bytes);
                    rows = row.rest;
                }
            })
            .await?;
        match last {
            _ if !goes_on => return Ok(false),
            Some(last) if last > after => after = last,
            Some(_) => return Ok(false), // a damaged file
            None => return Ok(true),
        }
    }
}

async fn copied_out<D: Database>(
    database: &mut D,
    table: &Table,
    each: &mut (dyn FnMut(&[u8]) -> bool + Send),
) -> Result<bool, DatabaseError> {
    let (mut reader, mut goes_on) = (RowReader::default(), true);
    database
        .copy_out(&range::copy_out(table, ""), &mut |piece| {
            reader.read(piece, |row| goes_on = goes_on && each(row.bytes));
            goes_on
        })
        .await?;
    Ok(goes_on && reader.is_complete())
}
