//! `checksum`, and the vendor's program for it.

use std::process::Command;

use anyhow::Context as _;
use serde_json::Value;

use crate::{
    bench::Bench,
    measure::run,
    pairs::{Measure, Order, Pairs},
    table::Line,
};

pub(super) fn awscrt(bench: &Bench) -> anyhow::Result<Vec<Line>> {
    let file = &bench.export.gz;
    let ours = || run(Command::new(&bench.programs.keyferry).arg("checksum").arg(file));
    let value = ours()?.output;
    let pairs = Pairs::run(
        bench,
        Order::Alternating,
        |_| ours(),
        |_| {
            let peer = run(bench.python("checksum.py")?.arg(file))?;
            let json = peer.json()?;
            let theirs = json.get("checksum").and_then(Value::as_str).context("no checksum")?;
            anyhow::ensure!(value.contains(theirs), "ours is {value}, the peer's {theirs}");
            Ok(peer)
        },
    )?;
    let work = "checksum";
    Ok(vec![pairs.line(work, "Python: awscrt", Measure::Wall, 0.15), pairs.memory_line(work, 16.0)])
}
