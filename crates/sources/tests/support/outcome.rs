//! Everything that decoding a file gives.

use std::collections::BTreeMap;

use keyferry_core::{CredentialRecord, DecodeError, Located, RowFaults, RpId, Rules};
use keyferry_sources::{ExportFile, FileError, Limits, Note, corbado::Corbado};

/// Returns the rules of all tests that say nothing else: example.com, the external user ID, no handle.
pub(crate) fn rules() -> Rules {
    Rules::new(RpId::parse("example.com").expect("a domain"))
}

/// What became of a file; `stop` says why it cannot be trusted, and the rows before it then count for nothing.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) rows: Vec<Result<Located<CredentialRecord>, RowFaults>>,
    pub(crate) notes: BTreeMap<Note, u64>,
    pub(crate) extra_columns: Vec<String>,
    pub(crate) stop: Option<FileError>,
}

impl Outcome {
    fn stopped(stop: FileError) -> Self {
        Self { rows: Vec::new(), notes: BTreeMap::new(), extra_columns: Vec::new(), stop: Some(stop) }
    }

    /// Returns the records that could be read.
    pub(crate) fn records(&self) -> impl Iterator<Item = &CredentialRecord> {
        self.rows.iter().filter_map(|row| row.as_ref().ok()).map(|located| &located.value)
    }

    /// Returns the rows that were refused.
    pub(crate) fn refused(&self) -> impl Iterator<Item = &RowFaults> {
        self.rows.iter().filter_map(|row| row.as_ref().err())
    }
}

/// Decodes bytes as a file under the rules of all tests.
pub(crate) fn decode(bytes: &[u8], limits: Limits) -> Outcome {
    match ExportFile::from_stream(bytes, "-", limits) {
        Ok(file) => read(file, &rules()),
        Err(error) => Outcome::stopped(error),
    }
}

/// Decodes an opened file.
pub(crate) fn read(file: ExportFile, rules: &Rules) -> Outcome {
    let corbado = match Corbado::open(file) {
        Ok(corbado) => corbado,
        Err(error) => return Outcome::stopped(error),
    };
    let extra_columns = corbado.extra_columns().into_iter().map(str::to_owned).collect();
    let mut outcome = Outcome { rows: Vec::new(), notes: BTreeMap::new(), extra_columns, stop: None };
    let mut rows = match corbado.rows(rules) {
        Ok(rows) => rows,
        Err(error) => return Outcome::stopped(error),
    };
    for row in &mut rows {
        match row {
            Ok(located) => outcome.rows.push(Ok(located)),
            Err(DecodeError::Row(faults)) => outcome.rows.push(Err(faults)),
            Err(DecodeError::Stop(error)) => {
                assert!(outcome.stop.is_none(), "nothing follows a stop");
                outcome.stop = Some(*error.downcast().expect("a source stops with its own error"));
            }
        }
    }
    outcome.notes = rows.notes().clone();
    outcome
}
