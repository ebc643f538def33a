//! `verify`, after each `import` into an empty target.

use crate::{
    bench::{self, Bench},
    pairs::{Measure, Order, Pairs, rest},
    servers::{Database, TABLE},
    table::Line,
};

const GOAL: f64 = 0.5;

pub(super) fn sqlite(bench: &Bench) -> anyhow::Result<Vec<Line>> {
    let target = bench::sqlite(&bench.path("verified.db"));
    let empty = || bench.new_path("verified.db").map(drop);
    after_import(bench, "verify, SQLite", &target, empty)
}

pub(super) fn postgres(bench: &Bench) -> anyhow::Result<Vec<Line>> {
    server(bench, "verify, PostgreSQL", bench.servers.postgres()?)
}

pub(super) fn mariadb(bench: &Bench) -> anyhow::Result<Vec<Line>> {
    server(bench, "verify, MariaDB", bench.servers.mariadb()?)
}

pub(super) fn jsonl(bench: &Bench) -> anyhow::Result<Vec<Line>> {
    let target = bench::simplewebauthn(&bench.path("verified.jsonl"));
    let empty = || bench.new_path("verified.jsonl").map(drop);
    after_import(bench, "verify, .jsonl", &target, empty)
}

fn server(bench: &Bench, work: &str, database: Database<'_>) -> anyhow::Result<Vec<Line>> {
    after_import(bench, work, &database.url(), || database.drop(&[TABLE]))
}

fn after_import(
    bench: &Bench,
    work: &str,
    target: &str,
    empty: impl Fn() -> anyhow::Result<()>,
) -> anyhow::Result<Vec<Line>> {
    let pairs = Pairs::run(
        bench,
        Order::PeerFirst,
        |_| {
            rest()?;
            bench.again("verify", target)
        },
        |_| {
            empty()?;
            rest()?;
            bench.import(&bench.export.gz, target)
        },
    )?;
    Ok(vec![pairs.line(work, "import", Measure::Wall, GOAL)])
}
