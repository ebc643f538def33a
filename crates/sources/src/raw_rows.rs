//! Rows that are cut out of a file and not yet decoded, so that they can be handed to another thread.

use keyferry_core::Location;

use crate::{Cells, CsvRows, FileError};

/// Rows that are handed over together at most, and the bytes after which no further one is added.
const ROWS: usize = 512;
const BYTES: usize = 1 << 18;

/// A few rows with their places, and what ended the file behind them.
pub(crate) struct RawRows {
    bytes: Vec<u8>,
    spans: Vec<(usize, usize)>,
    rows: Vec<RawRow>,
    end: Option<Result<(), FileError>>,
}

struct RawRow {
    location: Location,
    /// Where the row ends among all bytes, and its last cell among all spans.
    bytes_end: usize,
    spans_end: usize,
    had_quotes: bool,
}

impl RawRows {
    /// Cuts the next rows; `None` once the file has ended, which the rows before it said.
    pub(crate) fn cut(source: &mut Option<CsvRows>) -> Option<Self> {
        let rows = source.as_mut()?;
        let mut raw = Self {
            // With room for the last row, too, so that nearly no rows have to move.
            bytes: Vec::with_capacity(BYTES + BYTES / 16),
            spans: Vec::new(),
            rows: Vec::with_capacity(ROWS),
            end: None,
        };
        while raw.rows.len() < ROWS && raw.bytes.len() < BYTES {
            match rows.next_row() {
                Ok(Some((location, cells))) => raw.push(location, cells),
                Ok(None) => raw.end = Some(Ok(())),
                Err(error) => raw.end = Some(Err(error)),
            }
            if raw.end.is_some() {
                *source = None;
                break;
            }
        }
        Some(raw)
    }

    fn push(&mut self, location: Location, cells: Cells<'_>) {
        let (bytes, spans, had_quotes) = cells.parts();
        if self.rows.is_empty() {
            // All rows of an export have the same cells: one allocation instead of a dozen that grow. One that is nothing
            // but commas must not ask for room for hundreds of its kind.
            self.spans.reserve((spans.len() * ROWS).min(BYTES / 8));
        }
        self.bytes.extend_from_slice(bytes);
        self.spans.extend_from_slice(spans);
        let (bytes_end, spans_end) = (self.bytes.len(), self.spans.len());
        self.rows.push(RawRow { location, bytes_end, spans_end, had_quotes });
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Returns the rows in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Location, Cells<'_>)> {
        let (mut bytes_start, mut spans_start) = (0, 0);
        self.rows.iter().map(move |row| {
            let bytes = self.bytes.get(bytes_start..row.bytes_end).unwrap_or_default();
            let spans = self.spans.get(spans_start..row.spans_end).unwrap_or_default();
            (bytes_start, spans_start) = (row.bytes_end, row.spans_end);
            (row.location, Cells::from_parts(bytes, spans, row.had_quotes))
        })
    }

    /// Tells whether no row follows.
    pub(crate) fn is_last(&self) -> bool {
        self.end.is_some()
    }

    /// Returns the error that ended the file.
    pub(crate) fn into_error(self) -> Option<FileError> {
        self.end.and_then(Result::err)
    }
}
