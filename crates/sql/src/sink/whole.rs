//! What is done before the first batch of a whole file, and after its last one.

use keyferry_core::{Coming, SinkError};

use super::{Access, Found, SqlSink, late_index};
use crate::{
    Class, Database, DatabaseError, Dialect, catalog,
    name::quote,
    schema::{Index, indexes_of},
    table::Table,
};

/// From how many records on it is less work for PostgreSQL to make an index afterwards than to fill it row by row.
const MANY: u64 = 20_000;

/// What stands as the comment of a table whose indexes are still to be made.
pub(super) const UNFINISHED: &str =
    "keyferry import has not ended: the indexes on account and user_handle are missing";

/// Who makes the indexes that were put off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PutOff {
    Nothing,
    /// This run, in the end.
    ByUs,
    /// Only the owner may, who somebody else is.
    ByOwner,
}

impl<D: Database> SqlSink<D> {
    /// As [`keyferry_core::Sink::begin`].
    ///
    /// # Errors
    /// - the database cannot be read or written.
    pub async fn begin(&mut self, coming: Coming) -> Result<(), SinkError> {
        let Some(table) = self.table.clone().filter(|table| table.map.is_own && self.access == Access::Write)
        else {
            return Ok(());
        };
        let action = format!("preparing {}", self.name);
        let failed = |error: DatabaseError| error.while_doing(&action);
        let name = table.name.quoted(table.dialect);
        let first = format!("SELECT 1 FROM {name} LIMIT 1");
        let rows = catalog::rows(&mut self.database, &first, &[], |_| Some(())).await.map_err(failed)?;
        self.is_ours_alone = rows.is_empty();
        if !self.is_ours_alone {
            return Ok(());
        }
        match table.dialect {
            Dialect::Sqlite => {
                let waits = late_index::put_off(&mut self.database, &table, coming.have_user_handles);
                if waits.await.map_err(failed)? {
                    self.put_off = PutOff::ByUs;
                }
            }
            Dialect::Postgres if self.found == Found::NoTable && coming.records >= MANY => {
                match put_off(&mut self.database, &table).await {
                    Ok(()) => self.put_off = PutOff::ByUs,
                    Err(error) if error.class == Class::Connection => return Err(failed(error)),
                    // Then they are filled row by row, which takes longer and is all the same.
                    Err(_) => self.database.run("ROLLBACK").await.map_err(failed)?,
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// As [`keyferry_core::Sink::finish`].
    ///
    /// # Errors
    /// - the indexes that were put off cannot be made; the rows stay, and the next import makes them.
    pub async fn finish(&mut self) -> Result<(), SinkError> {
        let is_for_writing = self.access == Access::Write; // whoever reads leaves them to the next import
        let Some(table) = self.table.clone().filter(|_| is_for_writing && self.put_off == PutOff::ByUs)
        else {
            return Ok(());
        };
        if let Some(lock) = &mut self.lock {
            lock.check(&self.name).await?;
        }
        if self.is_interrupted {
            let _ = self.database.run("ROLLBACK").await;
            self.is_interrupted = false;
        }
        let made = match table.dialect {
            Dialect::Sqlite => late_index::make(&mut self.database, &table).await,
            Dialect::Postgres | Dialect::MySql => make_up(&mut self.database, &table).await,
        };
        if let Err(error) = made {
            let _ = self.database.run("ROLLBACK").await;
            return Err(error.while_doing(format!("making the indexes of {}", self.name)));
        }
        self.put_off = PutOff::Nothing;
        Ok(())
    }
}

/// Drops the indexes of a table that this run has made, and notes that at the table in the same transaction: whoever
/// opens it next can tell that they are missing.
async fn put_off<D: Database>(database: &mut D, table: &Table) -> Result<(), DatabaseError> {
    database.run("BEGIN").await?;
    // In the schema of the table: another one that comes first on the path may have an index of the same name.
    let schema = quote(table.dialect, table.name.schema().unwrap_or("public"));
    for Index { name, .. } in indexes_of(table.dialect, &table.name) {
        database.run(&format!("DROP INDEX {schema}.{name}")).await?;
    }
    database.run(&comment(table, Some(UNFINISHED))).await?;
    database.run("COMMIT").await
}

async fn make_up<D: Database>(database: &mut D, table: &Table) -> Result<(), DatabaseError> {
    database.run("BEGIN").await?;
    for Index { statement, .. } in indexes_of(table.dialect, &table.name) {
        database.run(&statement.replacen("CREATE INDEX", "CREATE INDEX IF NOT EXISTS", 1)).await?;
    }
    database.run(&comment(table, None)).await?;
    database.run("COMMIT").await
}

/// Finds out whether an import has ended before it made the indexes.
pub(super) async fn was_put_off<D: Database>(
    database: &mut D,
    table: &Table,
) -> Result<PutOff, DatabaseError> {
    match table.dialect {
        Dialect::Sqlite => {
            let waits = late_index::wait(database, table).await?;
            return Ok(if waits { PutOff::ByUs } else { PutOff::Nothing });
        }
        Dialect::Postgres if table.map.is_own => {}
        Dialect::Postgres | Dialect::MySql => return Ok(PutOff::Nothing),
    }
    let binds =
        [crate::Value::text(&table.name.quoted(table.dialect)).into_owned(), crate::Value::text(UNFINISHED)];
    let owners = catalog::rows(database, UNFINISHED_BY, &binds, |row| row.flag(0)).await?;
    Ok(match owners.first() {
        None => PutOff::Nothing,
        Some(true) => PutOff::ByUs,
        Some(false) => PutOff::ByOwner,
    })
}

/// Says what an unfinished table means for whoever opens it.
pub(super) fn warning(put_off: PutOff, access: Access) -> Option<String> {
    let what =
        "indexes (on account, on user_handle or on both) are missing: an import is at work, or ended early";
    match (put_off, access) {
        (PutOff::Nothing, _) | (PutOff::ByUs, Access::Write) => None,
        (PutOff::ByUs, Access::Read) => Some(format!("{what}; the next import makes them")),
        (PutOff::ByOwner, _) => Some(format!("{what}; an import by the table's owner makes them")),
    }
}

/// Sets the comment of the table, which is ours and has no quotes, or takes it away (PostgreSQL).
fn comment(table: &Table, words: Option<&'static str>) -> String {
    let words = words.map_or("NULL".to_owned(), |words| format!("'{words}'"));
    format!("COMMENT ON TABLE {} IS {words}", table.name.quoted(table.dialect))
}

/// Tells whether this user owns the table $1, if its comment is $2 (PostgreSQL).
const UNFINISHED_BY: &str = "\
SELECT pg_catalog.pg_has_role(c.relowner, 'USAGE')::int4 FROM pg_catalog.pg_class c \
WHERE c.oid = pg_catalog.to_regclass($1) AND pg_catalog.obj_description(c.oid, 'pg_class') = $2";
