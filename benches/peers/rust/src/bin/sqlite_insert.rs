//! The floor of filling our table in SQLite: rows that are ready in memory, in the order of the export, inserted with one
//! prepared statement in one transaction. Nothing is decoded, compared or checked, but by the table itself.
//!
//! `sqlite_insert SCHEMA.sql READY.db OUT.db` prints the rows and the seconds from the opening of the new file to its
//! closing. READY.db has the rows in a table `ready` of the same columns; reading it comes before the clock starts.

#![allow(clippy::print_stdout, reason = "the answer of a program of its own")]

use std::{env, fs, time::Instant};

use anyhow::Context as _;
use rusqlite::{Connection, OpenFlags, params_from_iter, types::Value};

fn main() -> anyhow::Result<()> {
    let arguments: Vec<_> = env::args_os().skip(1).collect();
    let [schema, ready, out] = &arguments[..] else {
        anyhow::bail!("usage: sqlite_insert SCHEMA.sql READY.db OUT.db")
    };
    let schema = fs::read_to_string(schema).context("the schema cannot be read")?;
    let rows = read(&Connection::open_with_flags(ready, OpenFlags::SQLITE_OPEN_READ_ONLY)?)?;
    let columns = rows.first().context("no rows are ready")?.len();

    let start = Instant::now();
    let mut database = Connection::open(out)?;
    // As keyferry: the journal and the syncs are SQLite's defaults, the cache holds the indexes of a million rows.
    database.execute_batch("PRAGMA cache_size = -65536")?;
    database.execute_batch(&schema)?;
    let transaction = database.transaction()?;
    let places = vec!["?"; columns].join(", ");
    let mut insert = transaction.prepare(&format!("INSERT INTO webauthn_credentials VALUES ({places})"))?;
    for row in &rows {
        insert.execute(params_from_iter(row))?;
    }
    drop(insert);
    transaction.commit()?;
    database.close().map_err(|(_, error)| error)?;
    println!("{{\"rows\": {}, \"seconds\": {:.6}}}", rows.len(), start.elapsed().as_secs_f64());
    Ok(())
}

fn read(ready: &Connection) -> anyhow::Result<Vec<Vec<Value>>> {
    let mut select = ready.prepare("SELECT * FROM ready ORDER BY rowid")?;
    let columns = select.column_count();
    let rows = select.query_map([], |row| (0..columns).map(|column| row.get(column)).collect())?;
    Ok(rows.collect::<Result<_, _>>()?)
}
