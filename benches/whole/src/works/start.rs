//! The command itself: how fast it starts, how large it is.

use std::{fs, process::Command};

use crate::{
    bench::Bench,
    measure::run_to_null,
    table::{Line, Spread, float},
};

const STARTS: usize = 50;

pub(super) fn help(bench: &Bench) -> anyhow::Result<Vec<Line>> {
    let start = |_| {
        let run = run_to_null(Command::new(&bench.programs.keyferry).arg("--help"))?;
        Ok(run.wall * 1000.0)
    };
    let found = (0..STARTS).map(start).collect::<anyhow::Result<Vec<_>>>()?;
    Ok(vec![Line::absolute("keyferry --help, 50 starts", "wall", "ms", 10.0, Spread::of(found))])
}

pub(super) fn size(bench: &Bench) -> anyhow::Result<Vec<Line>> {
    let bytes = fs::metadata(&bench.programs.keyferry)?.len();
    let found = Spread::of([float(bytes) / 1e6]);
    Ok(vec![Line::absolute("stripped release binary", "size", "MB", 25.0, found)])
}
