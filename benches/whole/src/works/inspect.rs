//! `inspect`: every row read and every key checked.

use std::process::Command;

use super::same_rows;
use crate::{
    bench::Bench,
    measure::{run, run_to_null},
    pairs::{Measure, Order, Pairs},
    table::Line,
};

pub(super) fn gzip(bench: &Bench) -> anyhow::Result<Vec<Line>> {
    let export = &bench.export;
    let pairs = Pairs::run(
        bench,
        Order::Alternating,
        |_| bench.inspect(&export.gz, export.rows),
        |_| run_to_null(Command::new("gzip").arg("-dc").arg(&export.gz)),
    )?;
    let line = |measure, goal| pairs.line("inspect of the .csv.gz", "gzip -dc", measure, goal);
    Ok(vec![line(Measure::Cpu, 0.85), line(Measure::Wall, 0.5)])
}

pub(super) fn csv(bench: &Bench) -> anyhow::Result<Vec<Line>> {
    let export = &bench.export;
    let pairs = Pairs::run(
        bench,
        Order::Alternating,
        |_| bench.inspect(&export.csv, export.rows),
        |_| {
            let peer = run(Command::new(&bench.programs.csv_loop).arg(&export.csv))?;
            same_rows("csv_loop", peer.number("/rows")?, export.rows)?;
            Ok(peer)
        },
    )?;
    Ok(vec![pairs.line("inspect of the .csv", "loop over csv's ByteRecord", Measure::Cpu, 2.2)])
}

pub(super) fn python(bench: &Bench) -> anyhow::Result<Vec<Line>> {
    let export = &bench.export;
    let pairs = Pairs::run(
        bench,
        Order::Alternating,
        |_| bench.inspect(&export.gz, export.rows),
        |_| {
            let peer = run(bench.python("keys.py")?.arg(&export.gz))?;
            let (checked, unsupported) = (peer.number("/checked")?, peer.number("/unsupported")?);
            same_rows("keys.py", checked + unsupported, export.rows)?;
            anyhow::ensure!(unsupported < export.rows / 20, "keys.py left out {unsupported} keys");
            anyhow::ensure!(peer.number("/duplicates")? == 0, "keys.py found duplicates");
            Ok(peer)
        },
    )?;
    Ok(vec![pairs.line(
        "inspect of the .csv.gz",
        "Python: csv, webauthn, cryptography",
        Measure::Cpu,
        1.0 / 25.0,
    )])
}
