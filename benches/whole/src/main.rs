//! Runs the whole command beside what people would use instead, on the same file, in pairs, and prints the ratios.
//!
//! `benches/whole.sh` builds what this needs and starts it.

#![allow(clippy::print_stdout, reason = "the table is the answer of a program of its own")]
#![allow(clippy::print_stderr, reason = "so is what it says while it works")]

mod bench;
mod data;
mod machine;
mod measure;
mod pairs;
mod ready;
mod servers;
mod table;
mod works;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::{Parser, Subcommand};

use crate::{bench::Bench, works::WORKS};

#[derive(Parser)]
#[command(about = "Measures keyferry against what people would use instead")]
#[command(override_usage = "benches/whole.sh [OPTIONS]", disable_help_subcommand = true)]
struct Arguments {
    /// Rows of the generated export
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(100..))]
    rows: u64,
    /// Pairs of runs for each work
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// These works alone, with commas between them
    #[arg(long, value_name = "WORK", value_delimiter = ',')]
    only: Vec<String>,
    /// Also measures an export of ten times as many rows
    #[arg(long)]
    large: bool,
    /// Names the works and ends
    #[arg(long)]
    list: bool,
    /// Also writes the table to this file
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(subcommand)]
    helper: Option<Helper>,
}

/// Work that needs memory, in a process of its own: what a process forks begins with the peak memory of its parent.
#[derive(Subcommand)]
enum Helper {
    /// Counts the rows and the distinct keys of a plain export
    #[command(hide = true)]
    Count { export: PathBuf },
    /// Writes the rows of an import in the order of the export, ready for each database's own bulk load
    #[command(hide = true)]
    Ready { imported: PathBuf, export: PathBuf, folder: PathBuf },
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    match &arguments.helper {
        Some(Helper::Count { export }) => println!("{}", data::count(export)?),
        Some(Helper::Ready { imported, export, folder }) => ready::write(imported, export, folder)?,
        None if arguments.list => {
            for work in WORKS {
                let large = if work.is_large { "  (with --large)" } else { "" };
                println!("{:17} {}{large}", work.name, work.about);
            }
        }
        None => return measure(&arguments),
    }
    Ok(ExitCode::SUCCESS)
}

fn measure(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let unknown = arguments.only.iter().find(|name| WORKS.iter().all(|work| work.name != **name));
    anyhow::ensure!(unknown.is_none(), "there is no work {}: see --list", unknown.map_or("", String::as_str));
    let is_wanted = |work: &&works::Work| match &arguments.only[..] {
        [] => arguments.large || !work.is_large,
        only => only.iter().any(|name| name == work.name),
    };
    let bench = Bench::start(arguments.rows, arguments.rounds)?;
    let (mut lines, mut failures) = (Vec::new(), Vec::new());
    for work in WORKS.iter().filter(is_wanted) {
        eprintln!("{}: {}", work.name, work.about);
        match (work.run)(&bench) {
            Ok(measured) => {
                measured.iter().for_each(|line| eprintln!("  {}", line.markdown()));
                lines.extend(measured);
            }
            Err(error) => {
                eprintln!("  FAILED: {error:#}");
                failures.push(format!("FAILED {}: {error:#}", work.name));
            }
        }
    }
    let text = table::page(&machine::heading(&bench), &lines, &failures);
    println!("{text}");
    if let Some(path) = &arguments.out {
        std::fs::write(path, &text).with_context(|| format!("{} cannot be written", path.display()))?;
    }
    Ok(if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
