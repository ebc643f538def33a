//! `import` to a file of JSON Lines.

use std::{
    fs::File,
    io::{BufRead as _, BufReader},
    path::Path,
    process::Command,
};

use super::same_rows;
use crate::{
    bench::{Bench, simplewebauthn},
    measure::run,
    pairs::{Measure, Order, Pairs, rest},
    table::Line,
};

pub(super) fn node(bench: &Bench) -> anyhow::Result<Vec<Line>> {
    let export = &bench.export;
    run(&mut bench.peer("node/setup"))?;
    let mut written = None;
    let pairs = Pairs::run(
        bench,
        Order::Alternating,
        |_| {
            let out = bench.new_path("ours.jsonl")?;
            rest()?;
            let ours = bench.import(&export.gz, &simplewebauthn(&out))?;
            let inserted = ours.number("/counts/inserted")?;
            same_rows("ours.jsonl", lines(&out)?, inserted)?;
            written = Some(inserted);
            Ok(ours)
        },
        |_| {
            let out = bench.new_path("node.jsonl")?;
            rest()?;
            let script = bench.folder.join("peers/node/jsonl.mjs");
            let peer = run(Command::new("node").arg(script).args([&export.gz, &out]))?;
            same_rows("jsonl.mjs", peer.number("/rows")?, export.rows)?;
            same_rows("node.jsonl", lines(&out)?, peer.number("/written")?)?;
            Ok(peer)
        },
    )?;
    // The same credentials, so files of the same length.
    same_rows("node.jsonl", lines(&bench.path("node.jsonl"))?, written.unwrap_or_default())?;
    Ok(vec![pairs.line("import to .jsonl", "Node: csv-parse, base64url, Map", Measure::Cpu, 1.0 / 12.0)])
}

fn lines(path: &Path) -> anyhow::Result<u64> {
    let (mut file, mut line, mut count) = (BufReader::new(File::open(path)?), Vec::new(), 0);
    while file.read_until(b'\n', &mut line)? > 0 {
        line.clear();
        count += 1;
    }
    Ok(count)
}
