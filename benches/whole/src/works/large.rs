//! Ten times as many rows: the memory that they take, and the time beside that of the smaller export.

use std::path::Path;

use crate::{
    bench::{self, Bench},
    measure::Run,
    pairs::{Measure, Order, Pairs, rest},
    servers::TABLE,
    table::{Line, float},
};

pub(super) fn inspect(bench: &Bench) -> anyhow::Result<Vec<Line>> {
    let run = |export: &Path, rows| {
        rest()?;
        bench.inspect(export, rows)
    };
    lines(bench, "inspect", Some(11.0), run)
}

pub(super) fn sqlite(bench: &Bench) -> anyhow::Result<Vec<Line>> {
    let run = |export: &Path, _| {
        let out = bench.new_path("large.db")?;
        rest()?;
        bench.import(export, &bench::sqlite(&out))
    };
    lines(bench, "import to SQLite", Some(13.0), run)
}

pub(super) fn postgres(bench: &Bench) -> anyhow::Result<Vec<Line>> {
    let database = bench.servers.postgres()?;
    let run = |export: &Path, _| {
        database.drop(&[TABLE])?;
        bench.import(export, &database.url())
    };
    lines(bench, "import to PostgreSQL", Some(13.0), run)
}

pub(super) fn jsonl(bench: &Bench) -> anyhow::Result<Vec<Line>> {
    let run = |export: &Path, _| {
        let out = bench.new_path("large.jsonl")?;
        rest()?;
        bench.import(export, &bench::simplewebauthn(&out))
    };
    lines(bench, "import to .jsonl", None, run)
}

fn lines(
    bench: &Bench,
    work: &str,
    times: Option<f64>,
    run: impl Fn(&Path, u64) -> anyhow::Result<Run>,
) -> anyhow::Result<Vec<Line>> {
    let (large, rows) = (bench.large()?, bench.large_rows());
    let all_read = |run: Run, rows: u64| {
        super::same_rows(work, run.number("/counts/read")?, rows)?;
        Ok(run)
    };
    let pairs = Pairs::run(
        bench,
        Order::Alternating,
        |_| all_read(run(large, rows)?, rows),
        |_| all_read(run(&bench.export.gz, bench.export.rows)?, bench.export.rows),
    )?;
    let work = format!("{work}, {rows} rows");
    let peer = format!("{} rows", bench.export.rows);
    let memory = 64.0 + float(24 * rows) / f64::from(1 << 20);
    let mut lines = vec![Line { peer: peer.clone(), ..pairs.memory_line(&work, memory) }];
    lines.extend(times.map(|goal| pairs.line(&work, &peer, Measure::Wall, goal)));
    Ok(lines)
}
