//! The export that everything is measured on.

use std::{
    collections::{HashSet, hash_map::RandomState},
    fs::{self, File},
    hash::BuildHasher as _,
    io,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context as _;
use flate2::bufread::MultiGzDecoder;
use serde_json::{Value, json};

use crate::{bench::Programs, measure::run};

/// A generated export.
pub(crate) struct Export {
    pub(crate) rows: u64,
    pub(crate) gz: PathBuf,
    pub(crate) csv: PathBuf,
    pub(crate) credential_ids: u64,
    pub(crate) public_keys: u64,
}

/// Generates an export without its assertions, and returns its file.
pub(crate) fn generate(programs: &Programs, rows: u64, folder: &Path) -> anyhow::Result<PathBuf> {
    let out = folder.join(rows.to_string());
    fs::create_dir(&out)?;
    let mut command = Command::new(&programs.keyferry);
    command
        .args(["generate", "--seed", "1", "--no-assertions", "--rows", &rows.to_string(), "--out"])
        .arg(&out);
    run(&mut command)?;
    let mut files = fs::read_dir(&out)?.filter_map(|entry| Some(entry.ok()?.path()));
    files.find(|path| path.extension().is_some_and(|end| end == "gz")).context("no export was generated")
}

impl Export {
    /// Generates an export and unpacks it beside itself.
    pub(crate) fn make(programs: &Programs, rows: u64, folder: &Path) -> anyhow::Result<Self> {
        let gz = generate(programs, rows, folder)?;
        let csv = gz.with_extension("");
        let packed = io::BufReader::new(File::open(&gz)?);
        io::copy(&mut MultiGzDecoder::new(packed), &mut File::create(&csv)?)?;
        let counts = run(Command::new(&programs.itself).arg("count").arg(&csv))?;
        anyhow::ensure!(
            counts.number("/rows")? == rows,
            "generated {} rows instead of {rows}",
            counts.output
        );
        let (credential_ids, public_keys) =
            (counts.number("/credential_ids")?, counts.number("/public_keys")?);
        Ok(Self { rows, gz, csv, credential_ids, public_keys })
    }
}

/// Counts rows, credential IDs and public keys, by hashes of 64 bits: two of ten million are the same once in 400,000
/// exports.
pub(crate) fn count(csv: &Path) -> anyhow::Result<Value> {
    let mut reader = csv::Reader::from_path(csv)?;
    let header = reader.byte_headers()?.clone();
    let column = |name: &str| {
        header.iter().position(|cell| cell == name.as_bytes()).with_context(|| format!("no column {name}"))
    };
    let (id, key) = (column("credentialId")?, column("publicKey")?);
    let hash = RandomState::new();
    let (mut rows, mut ids, mut keys) = (0_u64, HashSet::new(), HashSet::new());
    let mut row = csv::ByteRecord::new();
    while reader.read_byte_record(&mut row)? {
        rows += 1;
        ids.insert(hash.hash_one(&row[id]));
        keys.insert(hash.hash_one(&row[key]));
    }
    Ok(json!({ "rows": rows, "credential_ids": ids.len(), "public_keys": keys.len() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_the_same_counts_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("export.csv");
        fs::write(&file, "credentialId,other,publicKey\na,1,k\nb,2,k\nb,3,l\n").unwrap();
        assert_eq!(count(&file).unwrap(), json!({ "rows": 3, "credential_ids": 2, "public_keys": 2 }));
    }
}
