//! The floor of reading a CSV with the `csv` crate: every row into one `ByteRecord`, and nothing else.
//!
//! `csv_loop EXPORT.csv` prints how many rows there were.

#![allow(clippy::print_stdout, reason = "the answer of a program of its own")]

use std::{env, fs::File};

use anyhow::Context as _;

fn main() -> anyhow::Result<()> {
    let path = env::args_os().nth(1).context("usage: csv_loop EXPORT.csv")?;
    let mut reader = csv::ReaderBuilder::new().buffer_capacity(1 << 18).from_reader(File::open(path)?);
    let mut row = csv::ByteRecord::new();
    let mut rows = 0_u64;
    while reader.read_byte_record(&mut row)? {
        rows += 1;
    }
    println!("{{\"rows\": {rows}}}");
    Ok(())
}
