//! The indexes of our own table that wait for its first rows (SQLite).
//!
//! Rows come in the order of their credential IDs, so an index on anything else is filled at random: each batch writes
//! nearly all of its pages again, which for a million rows takes longer than the rows themselves. Made once when all rows
//! are in, it is sorted and written once.
//!
//! Meanwhile an index of the same name that holds no row stands in its place. So a process that is killed leaves a mark in
//! the database itself, and whoever imports there next makes the index; one that somebody took away on purpose stays away.

use super::write::begin;
use crate::{
    Database, DatabaseError, Dialect, TableName, VERSION_TABLE, Value, catalog,
    schema::{self, Index},
    table::Table,
};

/// What an index that waits has after its own text, and after its own condition.
const WAITS: &str = " /* keyferry makes it when all rows are in */";

/// What the index of user handles has, and the other one has not.
const CONDITION: &str = " WHERE ";

/// Tells whether indexes wait: a run that put them off did not end.
pub(super) async fn wait<D: Database>(database: &mut D, table: &Table) -> Result<bool, DatabaseError> {
    if !may_wait(table) {
        return Ok(false);
    }
    let there = made(database).await?;
    Ok(indexes(table).iter().any(|index| there.contains(&waiting(index))))
}

/// Puts the indexes off where nobody can miss them: there is no row, and the database holds nothing but our tables.
///
/// An application that has tables of its own there may be at work, and making an index at once keeps it waiting for longer
/// than a batch does. The index of user handles stays where none are expected: it costs nothing then, and making it would
/// read the whole table. Returns whether indexes wait.
pub(super) async fn put_off<D: Database>(
    database: &mut D,
    table: &Table,
    with_user_handles: bool,
) -> Result<bool, DatabaseError> {
    if !may_wait(table) {
        return Ok(false);
    }
    database.run(begin(Dialect::Sqlite)).await?;
    let done = put_off_here(database, table, with_user_handles).await;
    end(database, done).await
}

async fn put_off_here<D: Database>(
    database: &mut D,
    table: &Table,
    with_user_handles: bool,
) -> Result<bool, DatabaseError> {
    if !is_bare(database, table).await? {
        return Ok(false);
    }
    let there = made(database).await?;
    let is_filled = |index: &Index| with_user_handles || !index.statement.contains(CONDITION);
    let whole: Vec<_> = indexes(table)
        .into_iter()
        .filter(|index| is_filled(index) && there.contains(&index.statement))
        .collect();
    for index in &whole {
        replace(database, index, &waiting(index)).await?;
    }
    Ok(!whole.is_empty())
}

/// Makes the indexes that wait.
pub(super) async fn make<D: Database>(database: &mut D, table: &Table) -> Result<(), DatabaseError> {
    database.run(begin(Dialect::Sqlite)).await?;
    let done = make_here(database, table).await;
    end(database, done).await
}

async fn make_here<D: Database>(database: &mut D, table: &Table) -> Result<(), DatabaseError> {
    let there = made(database).await?;
    for index in indexes(table) {
        if there.contains(&waiting(&index)) {
            replace(database, &index, &index.statement).await?;
        }
    }
    Ok(())
}

/// Ends a transaction as its work ended.
async fn end<D: Database, T>(database: &mut D, done: Result<T, DatabaseError>) -> Result<T, DatabaseError> {
    let done = match done {
        Ok(done) => database.run("COMMIT").await.map(|()| done),
        Err(error) => Err(error),
    };
    if done.is_err() {
        let _ = database.run("ROLLBACK").await; // after some errors SQLite has done so already
    }
    done
}

fn may_wait(table: &Table) -> bool {
    table.dialect == Dialect::Sqlite && table.map.is_own
}

/// Returns the statement that makes an index hold no row.
fn waiting(index: &Index) -> String {
    let condition = if index.statement.contains(CONDITION) { " AND 0" } else { " WHERE 0" };
    format!("{}{WAITS}{condition}", index.statement)
}

async fn replace<D: Database>(database: &mut D, index: &Index, by: &str) -> Result<(), DatabaseError> {
    database.run(&format!("DROP INDEX {}", index.name)).await?;
    database.run(by).await
}

/// Returns the indexes that the schema has, each statement as the database keeps it.
fn indexes(table: &Table) -> Vec<Index> {
    let mut indexes = schema::indexes_of(Dialect::Sqlite, &table.map.table);
    indexes
        .iter_mut()
        .for_each(|index| index.statement.truncate(index.statement.trim_end_matches(';').len()));
    indexes
}

/// Reads the statements that made the indexes which are there.
async fn made<D: Database>(database: &mut D) -> Result<Vec<String>, DatabaseError> {
    let query = "SELECT sql FROM main.sqlite_schema WHERE type = 'index' AND sql IS NOT NULL";
    catalog::rows(database, query, &[], |row| row.text(0)).await
}

/// Tells whether the database has no row of ours and nothing of anybody else.
async fn is_bare<D: Database>(database: &mut D, table: &Table) -> Result<bool, DatabaseError> {
    let version: TableName = table.map.table.beside(VERSION_TABLE);
    let query = format!(
        "SELECT NOT EXISTS (SELECT 1 FROM {}) AND NOT EXISTS (SELECT 1 FROM main.sqlite_schema WHERE \
         type NOT IN ('table', 'index') OR lower(tbl_name) NOT IN (lower(?), lower(?)))",
        table.name.quoted(Dialect::Sqlite),
    );
    let ours = [Value::text(table.name.table()), Value::text(version.table())];
    Ok(catalog::rows(database, &query, &ours, |row| row.flag(0)).await? == [true])
}
