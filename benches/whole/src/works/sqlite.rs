//! `import` into a SQLite file.

use std::{path::Path, process::Command};

use anyhow::Context as _;
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;

use super::same_rows;
use crate::{
    bench::{self, Bench},
    measure::{Run, run},
    pairs::{Measure, Order, Pairs, rest},
    servers::TABLE,
    table::Line,
};

const WORK: &str = "import to a new SQLite file";

pub(super) fn shell(bench: &Bench) -> anyhow::Result<Vec<Line>> {
    let export = &bench.export;
    let pairs = Pairs::run(
        bench,
        Order::Alternating,
        |_| first(bench),
        |_| {
            let out = bench.new_path("shell.db")?;
            rest()?;
            let peer = run(bench.peer("sqlite/recipe").args([&export.gz, &out]))?;
            same_rows(
                "sqlite/recipe",
                count(&out, "SELECT count(*) FROM passkeys WHERE publicKey <> ''")?,
                export.rows,
            )?;
            Ok(peer)
        },
    )?;
    Ok(vec![pairs.line(WORK, "sqlite3 .import, then an upsert of texts", Measure::Wall, 1.0)])
}

pub(super) fn insert(bench: &Bench) -> anyhow::Result<Vec<Line>> {
    let ready = bench.ready()?.join("ready.db");
    let schema = bench.schema("sqlite")?;
    let pairs = Pairs::run(
        bench,
        Order::Alternating,
        |_| first(bench),
        |round| {
            let out = bench.new_path("insert.db")?;
            rest()?;
            let peer = run(Command::new(&bench.programs.sqlite_insert).args([&schema, &ready, &out]))?;
            let sql = format!("SELECT count(*) FROM {TABLE}");
            same_rows("sqlite_insert", count(&out, &sql)?, bench.export.rows)?;
            if round == 0 {
                same_rows("rows unlike the ready ones", difference(&out, &ready)?, 0)?;
            }
            // Its own clock, which starts when the rows are in memory.
            let wall = peer.json()?.get("seconds").and_then(Value::as_f64).context("no seconds")?;
            Ok(Run { wall, ..peer })
        },
    )?;
    Ok(vec![pairs.line(WORK, "raw insert of ready rows", Measure::Wall, 1.2)])
}

pub(super) fn second(bench: &Bench) -> anyhow::Result<Vec<Line>> {
    let target = bench::sqlite(&bench.path("ours.db"));
    let again = |_| {
        rest()?;
        bench.again("import", &target)
    };
    let pairs = Pairs::run(bench, Order::PeerFirst, again, |_| first(bench))?;
    Ok(vec![pairs.line("second import to SQLite", "the first one", Measure::Wall, 0.4)])
}

fn first(bench: &Bench) -> anyhow::Result<Run> {
    let out = bench.new_path("ours.db")?;
    rest()?;
    let ours = bench.import(&bench.export.gz, &bench::sqlite(&out))?;
    same_rows("ours.db", count(&out, &format!("SELECT count(*) FROM {TABLE}"))?, bench.export.rows)?;
    Ok(ours)
}

fn count(path: &Path, sql: &str) -> anyhow::Result<u64> {
    let database = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let count: i64 = database.query_row(sql, [], |row| row.get(0))?;
    Ok(u64::try_from(count)?)
}

/// Counts the ready rows that are not in our table just so.
fn difference(loaded: &Path, ready: &Path) -> anyhow::Result<u64> {
    let database = Connection::open_with_flags(loaded, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    database.execute("ATTACH ? AS ready", [ready.to_str().context("a path that is no text")?])?;
    let sql = format!("SELECT count(*) FROM (SELECT * FROM ready.ready EXCEPT SELECT * FROM main.{TABLE})");
    let count: i64 = database.query_row(&sql, [], |row| row.get(0))?;
    Ok(u64::try_from(count)?)
}
