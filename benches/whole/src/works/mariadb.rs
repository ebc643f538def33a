//! `import` into MariaDB.

use super::same_rows;
use crate::{
    bench::Bench,
    measure::{Run, run},
    pairs::{Measure, Order, Pairs},
    servers::{Database, TABLE},
    table::Line,
};

pub(super) fn load(bench: &Bench) -> anyhow::Result<Vec<Line>> {
    let database = bench.servers.mariadb()?;
    let ready = bench.ready()?.join("mariadb.tsv");
    let statement = std::fs::read_to_string(bench.folder.join("peers/mariadb/load.sql"))?;
    let statement = statement.replace("READY", &ready.display().to_string());
    let schema = std::fs::read_to_string(bench.schema("mysql")?)?;
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
            let peer = run(database.client().args(["-e", &statement]))?;
            same_rows("LOAD DATA", database.count(TABLE)?, bench.export.rows)?;
            if round == 0 {
                loaded = database.digest()?;
            }
            Ok(peer)
        },
    )?;
    anyhow::ensure!(ours == loaded, "LOAD DATA loaded other rows: {loaded} and not {ours}");
    Ok(vec![pairs.line("import to MariaDB", "LOAD DATA of ready rows", Measure::Wall, 1.3)])
}

/// Told, without a goal: a goal for it would be one for the server's own reading.
pub(super) fn second(bench: &Bench) -> anyhow::Result<Vec<Line>> {
    let database = bench.servers.mariadb()?;
    let again = |_| {
        database.rest()?;
        bench.again("import", &database.url())
    };
    let pairs = Pairs::run(bench, Order::PeerFirst, again, |_| first(bench, database))?;
    let line = pairs.line("second import to MariaDB", "the first one", Measure::Wall, 1.0);
    Ok(vec![Line { goal: None, ..line }])
}

fn first(bench: &Bench, database: Database<'_>) -> anyhow::Result<Run> {
    database.drop(&[TABLE])?;
    let run = bench.import(&bench.export.gz, &database.url())?;
    same_rows("the import", database.count(TABLE)?, bench.export.rows)?;
    Ok(run)
}
