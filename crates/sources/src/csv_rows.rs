//! The rows of a CSV export, by header name, with their places.

use std::io::Read;

use csv::{ByteRecord, Reader, ReaderBuilder};
use keyferry_core::Location;

use crate::{ExportFile, FileError, export_file::Position, scan::Scan};

/// Reads the rows of an export as they are, without decoding a cell.
///
/// ```
/// use keyferry_sources::{CsvRows, ExportFile, Limits};
/// let file = ExportFile::from_stream(&b"a,b\r\n1,2\r\n\r\n3,4"[..], "-", Limits::default())?;
/// let mut rows = CsvRows::open(&file)?;
/// assert_eq!(rows.header(), ["a", "b"]);
/// let (location, cells) = rows.next_row()?.unwrap();
/// assert_eq!((location.row, location.line, &cells[1]), (1, 2, &b"2"[..]));
/// # Ok::<(), keyferry_sources::FileError>(())
/// ```
pub struct CsvRows {
    reader: Reader<Scan<Box<dyn Read + Send>>>,
    header: Vec<String>,
    record: ByteRecord,
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
        let scan = Scan::new(unpacked, file.limits().row);
        let reader =
            ReaderBuilder::new().has_headers(false).flexible(true).buffer_capacity(1 << 18).from_reader(scan);
        let row_limit = file.limits().rows;
        let mut rows =
            Self { reader, header: Vec::new(), record: ByteRecord::new(), row: 0, row_limit, position };
        if rows.advance()?.is_none() {
            return Err(FileError::Empty);
        }
        let header: Result<Vec<_>, _> =
            rows.record.iter().map(|cell| String::from_utf8(cell.to_vec())).collect();
        rows.header = header.map_err(|_| FileError::HeaderNotUtf8)?;
        Ok(rows)
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
    pub fn next_row(&mut self) -> Result<Option<(Location, &ByteRecord)>, FileError> {
        let Some(line) = self.advance()? else { return Ok(None) };
        self.row += 1;
        if self.row > self.row_limit {
            return Err(FileError::TooManyRows { limit: self.row_limit });
        }
        Ok(Some((Location { row: self.row, line }, &self.record)))
    }

    /// Reads one record and returns the line on which it begins.
    fn advance(&mut self) -> Result<Option<u64>, FileError> {
        match self.reader.read_byte_record(&mut self.record) {
            Ok(true) => Ok(Some(self.reader.get_mut().next_row_line())),
            Ok(false) => Ok(None),
            Err(error) => Err(match error.into_kind() {
                csv::ErrorKind::Io(error) => FileError::from_io(error),
                other => FileError::Read(std::io::Error::other(format!("{other:?}"))),
            }),
        }
    }
}
