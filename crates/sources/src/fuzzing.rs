//! Parts of the reading of a file, so that fuzz targets can compare each with another crate's answer.
//!
//! Only there with the feature `fuzzing`; nothing else may use it.

use std::io::Read;

use keyferry_core::{FaultCode, Item};

use crate::{CsvRows, ExportFile, FileError, Note, cells::Cell, raw_rows::RawRows, splitter::Splitter};

/// The line on which a row begins, and its cells without their quotes.
pub type Row = (u64, Vec<Vec<u8>>);

/// Splits text with a buffer of `buffer` bytes at first, which must hold a byte order mark.
///
/// # Errors
/// - The reader fails, a quote is broken, or a row is longer than `row_limit`.
pub fn split(reader: impl Read, row_limit: u64, buffer: usize) -> Result<Vec<Row>, FileError> {
    let mut splitter = Splitter::with_buffer(reader, row_limit, buffer)?;
    let mut rows = Vec::new();
    while let Some((line, cells)) = splitter.next_row()? {
        rows.push((line, cells.iter().map(<[u8]>::to_vec).collect()));
    }
    Ok(rows)
}

/// Reads the rows behind the header as they are handed to the threads that decode them.
///
/// # Errors
/// - As [`CsvRows`].
pub fn hand_over(file: &ExportFile) -> Result<Vec<Row>, FileError> {
    let mut source = Some(CsvRows::open(file)?);
    let mut rows = Vec::new();
    while let Some(raw) = RawRows::cut(&mut source) {
        let cells = |(location, cells): (keyferry_core::Location, crate::Cells<'_>)| {
            (location.line, cells.iter().map(<[u8]>::to_vec).collect())
        };
        rows.extend(raw.iter().map(cells));
        if let Some(error) = raw.into_error() {
            return Err(error);
        }
    }
    Ok(rows)
}

/// What became of a cell that should be base64.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// The bytes; `None` where the cell says nothing or has a fault.
    pub bytes: Option<Vec<u8>>,
    /// The faults.
    pub faults: Vec<FaultCode>,
    /// What was unusual.
    pub notes: Vec<Note>,
}

/// Decodes a cell of base64 or base64url.
pub fn base64_cell(cell: &[u8], limit: usize) -> Decoded {
    let (mut faults, mut notes) = (Vec::new(), Vec::new());
    let mut cell =
        Cell { item: Item::CredentialId, bytes: cell, text: None, decoded: None, faults: &mut faults };
    let bytes = cell.base64(limit, &mut notes);
    Decoded { bytes, faults: faults.into_iter().map(|fault| fault.code).collect(), notes }
}
