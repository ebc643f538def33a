//! `import` into PostgreSQL.

use std::time::{Duration, Instant};

use super::same_rows;
use crate::{
    bench::Bench,
    measure::{Run, run},
    pairs::{Measure, Order, Pairs},
    servers::{Database, TABLE},
    table::{Line, Spread, float},
};

const WORK: &str = "import to PostgreSQL";

pub(super) fn copy(bench: &Bench) -> anyhow::Result<Vec<Line>> {
    let database = bench.servers.postgres()?;
    let ready = bench.ready()?.join("postgres.copy");
    let schema = std::fs::read_to_string(bench.schema("postgres")?)?;
    let (mut ours, mut loaded) = (String::new(), String::new());
    let pairs = Pairs::run(
        bench,
        Order::Alternating,
        |round| {
            let run = first(bench, database)?;
            if round == 0 {
                ours = database.digest()?;
            }
            Ok(run)
        },
        |round| {
            database.drop(&[TABLE])?;
            database.sql(&schema)?;
            database.rest()?;
            let copy = format!("\\copy {TABLE} FROM '{}' (FORMAT binary)", ready.display());
            let peer = run(database.client().args(["-c", &copy]))?;
            same_rows("COPY", database.count(TABLE)?, bench.export.rows)?;
            if round == 0 {
                loaded = database.digest()?;
            }
            Ok(peer)
        },
    )?;
    anyhow::ensure!(ours == loaded, "COPY loaded other rows: {loaded} and not {ours}");
    Ok(vec![pairs.line(WORK, "COPY BINARY of ready rows", Measure::Wall, 1.1)])
}

pub(super) fn recipe(bench: &Bench) -> anyhow::Result<Vec<Line>> {
    let database = bench.servers.postgres()?;
    let pairs =
        Pairs::run(bench, Order::Alternating, |_| first(bench, database), |_| first_recipe(bench, database))?;
    let same =
        format!("{TABLE} AS ours JOIN passkeys AS peers USING (credential_id, public_key, sign_count)");
    same_rows("keys of the recipe like ours", database.count(&same)?, bench.export.rows)?;
    Ok(vec![pairs.line(WORK, "psql: \\copy, decode in SQL, ON CONFLICT", Measure::Wall, 0.4)])
}

/// A day later: the table is vacuumed and analysed, the file is the same.
pub(super) fn second(bench: &Bench) -> anyhow::Result<Vec<Line>> {
    let database = bench.servers.postgres()?;
    let (mut ours, mut peers) = (Vec::new(), Vec::new());
    let pairs = Pairs::run(
        bench,
        Order::Alternating,
        |_| {
            first(bench, database)?;
            let (run, traces) = traced(database, TABLE, || bench.again("import", &database.url()))?;
            ours.push(traces);
            Ok(run)
        },
        |_| {
            first_recipe(bench, database)?;
            let (run, traces) = traced(database, "passkeys", || run_recipe(bench, database))?;
            peers.push(traces);
            Ok(run)
        },
    )?;
    let work = "second import to PostgreSQL";
    let of = |all: &[Traces], value: fn(&Traces) -> f64| Spread::of(all.iter().map(value));
    let line = |measure, unit, goal, value: fn(&Traces) -> f64| Line {
        peer: "the recipe's second run".to_owned(),
        peers: Some(of(&peers, value).median),
        ..Line::absolute(work, measure, unit, goal, of(&ours, value))
    };
    Ok(vec![
        pairs.line(work, "the recipe's second run", Measure::Wall, 0.33),
        line("dead tuples", "rows", 0.0, |traces| float(traces.dead)),
        line("WAL", "MB", 5.0, |traces| float(traces.wal) / 1e6),
    ])
}

fn first(bench: &Bench, database: Database<'_>) -> anyhow::Result<Run> {
    database.drop(&[TABLE])?;
    let run = bench.import(&bench.export.gz, &database.url())?;
    same_rows("the import", database.count(TABLE)?, bench.export.rows)?;
    Ok(run)
}

fn first_recipe(bench: &Bench, database: Database<'_>) -> anyhow::Result<Run> {
    database.drop(&["passkeys"])?;
    run_recipe(bench, database)
}

fn run_recipe(bench: &Bench, database: Database<'_>) -> anyhow::Result<Run> {
    let run = run(bench.peer("postgres/recipe").arg(database.url()).arg(&bench.export.gz))?;
    same_rows("the recipe", database.count("passkeys")?, bench.export.rows)?;
    Ok(run)
}

/// What a run leaves behind.
struct Traces {
    dead: u64,
    wal: u64,
}

fn traced(
    database: Database<'_>,
    table: &str,
    run: impl FnOnce() -> anyhow::Result<Run>,
) -> anyhow::Result<(Run, Traces)> {
    let number = |sql: &str| anyhow::Ok(database.sql(sql)?.parse::<u64>()?);
    let wal = || number("SELECT trunc(pg_current_wal_insert_lsn() - '0/0')");
    let dead = format!("SELECT n_dead_tup FROM pg_stat_user_tables WHERE relname = '{table}'");
    database.sql(&format!("VACUUM (ANALYZE) {table}"))?;
    database.rest()?;
    settled(database)?;
    let (wal_before, dead_before) = (wal()?, number(&dead)?);
    let run = run()?;
    let wal = wal()? - wal_before;
    settled(database)?;
    Ok((run, Traces { dead: number(&dead)?.saturating_sub(dead_before), wal }))
}

/// Waits until every other session has ended, since it reports what it did at its end.
fn settled(database: Database<'_>) -> anyhow::Result<()> {
    let start = Instant::now();
    let others = "SELECT count(*) FROM pg_stat_activity \
                  WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
    while database.sql(others)? != "0" {
        anyhow::ensure!(start.elapsed() < Duration::from_secs(30), "a session of PostgreSQL does not end");
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}
