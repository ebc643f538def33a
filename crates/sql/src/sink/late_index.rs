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
    Database, DatabaseError, Dialect, TableName, VERSION_TABLE, Value, catalog, schema, table::Table,
};

/// What an index that waits has after its own text, and after its own condition.
const WAITS: &str = " /* keyferry makes it when all rows are in */";

/// Tells whether indexes wait: a run that put them off did not end.
pub(super) async fn wait<D: Database>(database: &mut D, table: &Table) -> Result<bool, DatabaseError> {
    if !may_wait(table) {
        return Ok(false);
    }
    let there = made(database).await?;
    Ok(indexes(table).iter().any(|index| there.contains(&index.waiting())))
}

/// Puts the indexes off where nobody can miss them: there is no row, and the database holds nothing but our tables.
///
/// An application that has tables of its own there may be at work, and making an index at once keeps it waiting for longer
/// than a batch does. Returns whether indexes wait.
pub(super) async fn put_off<D: Database>(database: &mut D, table: &Table) -> Result<bool, DatabaseError> {
    if !may_wait(table) {
        return Ok(false);
    }
    database.run(begin(Dialect::Sqlite)).await?;
    let done = put_off_here(database, table).await;
    end(database, done).await
}

async fn put_off_here<D: Database>(database: &mut D, table: &Table) -> Result<bool, DatabaseError> {
    if !is_bare(database, table).await? {
        return Ok(false);
    }
    let there = made(database).await?;
    let whole: Vec<_> = indexes(table).into_iter().filter(|index| there.contains(&index.whole)).collect();
    for index in &whole {
        index.replace_by(&index.waiting(), database).await?;
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
        if there.contains(&index.waiting()) {
            index.replace_by(&index.whole, database).await?;
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

/// An index of our table.
struct Index {
    name: String,
    /// The statement that makes it, as the database keeps it.
    whole: String,
}

impl Index {
    /// Returns the statement that makes it hold no row.
    fn waiting(&self) -> String {
        let condition = if self.whole.contains(" WHERE ") { " AND 0" } else { " WHERE 0" };
        format!("{}{WAITS}{condition}", self.whole)
    }

    async fn replace_by<D: Database>(&self, statement: &str, database: &mut D) -> Result<(), DatabaseError> {
        database.run(&format!("DROP INDEX {}", self.name)).await?;
        database.run(statement).await
    }
}

fn indexes(table: &Table) -> Vec<Index> {
    let steps = schema::migrations_of(Dialect::Sqlite, &table.map.table);
    let statements = steps.iter().flat_map(|step| step.lines()).filter_map(|line| line.strip_suffix(';'));
    statements
        .filter_map(|whole| {
            let (name, _) = whole.strip_prefix("CREATE INDEX ")?.split_once(" ON ")?;
            Some(Index { name: name.to_owned(), whole: whole.to_owned() })
        })
        .collect()
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
