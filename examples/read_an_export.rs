//! What is in my export, and which rows are refused?
#![allow(clippy::print_stdout, reason = "an example talks to its reader")]

use std::{collections::BTreeMap, error::Error, path::Path};

use keyferry_core::{DecodeError, RpId, Rules};
use keyferry_sources::{ExportFile, Limits, corbado::Corbado};

fn main() -> Result<(), Box<dyn Error>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/corbado/2026-01-15-200.csv.gz");
    let file = ExportFile::open(&path, Limits::default())?;
    println!(
        "{} announces {:?} rows, CRC64NVME {}",
        file.name(),
        file.rows_in_name(),
        file.digests()?.crc64nvme
    );

    let export = Corbado::open(file)?;
    let mut algorithms: BTreeMap<String, u32> = BTreeMap::new();
    for row in export.rows(&Rules::new(RpId::parse("example.com")?))? {
        match row {
            Ok(located) => {
                *algorithms.entry(located.value.public_key.algorithm().to_string()).or_default() += 1
            }
            Err(DecodeError::Row(row)) => println!("{}: {} faults", row.location, row.faults.len()),
            Err(DecodeError::Stop(error)) => return Err(error), // the file cannot be trusted
        }
    }
    println!("{algorithms:?}");
    Ok(())
}
