//! The rows of a CSV export, by header name, with their places.

use std::io::Read;

use keyferry_core::Location;

use crate::{Cells, ExportFile, FileError, export_file::Position, splitter::Splitter};

/// Reads the rows of an export as they are, without decoding a cell.
///
/// ```
/// use keyferry_sources::{CsvRows, ExportFile, Limits};
/// let file = ExportFile::from_stream(&b"a,b\r\n1,2\r\n\r\n3,4"[..], "-", Limits::default())?;
/// let mut rows = CsvRows::open(&file)?;
/// assert_eq!(rows.header(), ["a", "b"]);
/// let (location, cells) = rows.next_row()?.unwrap();
/// assert_eq!((location.row, location.line, cells.get(1)), (1, 2, Some(&b"2"[..])));
/// # Ok::<(), keyferry_sources::FileError>(())
/// ```
pub struct CsvRows {
    splitter: Splitter<Box<dyn Read + Send>>,
    header: Vec<String>,
    row: u64,
    row_limit: u64,
    position: Position,
}

impl CsvRows {
    /// Opens the file at its beginning and reads the header.
    ///
    /// # Errors
    /// - the file cannot be read or unpacked, is empty, or its header is not UTF-8.
    pub fn open(file: &ExportFile) -> Result<Self, FileError> {
        let (unpacked, position) = file.unpacked();
        let mut splitter = Splitter::new(unpacked, file.limits().row)?;
        let (_, cells) = splitter.next_row()?.ok_or(FileError::Empty)?;
        let header: Result<Vec<_>, _> = cells.iter().map(|cell| String::from_utf8(cell.to_vec())).collect();
        let header = header.map_err(|_| FileError::HeaderNotUtf8)?;
        Ok(Self { splitter, header, row: 0, row_limit: file.limits().rows, position })
    }

    /// Returns the names of the columns.
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// Returns how many bytes of the file were read, shared with the reader.
    pub fn position(&self) -> Position {
        self.position.clone()
    }

    /// Reads the next row; it may have more or fewer cells than the header.
    ///
    /// # Errors
    /// - the file cannot be read or unpacked, or its quotes are broken, or it has too many rows.
    pub fn next_row(&mut self) -> Result<Option<(Location, Cells<'_>)>, FileError> {
        let Some((line, cells)) = self.splitter.next_row()? else { return Ok(None) };
        self.row += 1;
        if self.row > self.row_limit {
            return Err(FileError::TooManyRows { limit: self.row_limit });
        }
        Ok(Some((Location { row: self.row, line }, cells)))
    }
}
