//! Splits CSV (RFC 4180) into rows and cells, with the line on which each row begins.
//!
//! Nearly every row of an export has no quote, and then commas are its whole grammar: it is split where it lies in the
//! buffer, without a copy. A row with quotes goes the long way, which stops at a quote that RFC 4180 does not allow: a
//! reader that takes an unclosed quote for a cell with the rest of the file in it loses thousands of users without an
//! error. Tests hold both ways against the csv crate.

use std::io::{self, Read};

use memchr::{memchr, memchr_iter, memchr2, memchr3};

use crate::FileError;

const BOM: [u8; 3] = [0xef, 0xbb, 0xbf];
const BUFFER: usize = 1 << 19;

/// The cells of one row.
#[derive(Clone, Copy, Debug)]
pub struct Cells<'a> {
    bytes: &'a [u8],
    spans: &'a [(usize, usize)],
    had_quotes: bool,
}

impl<'a> Cells<'a> {
    /// Returns how many there are.
    #[allow(clippy::len_without_is_empty, reason = "a row has a cell at least")]
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Returns one cell without its quotes, counted from 0.
    pub fn get(&self, at: usize) -> Option<&'a [u8]> {
        self.spans.get(at).and_then(|(start, end)| self.bytes.get(*start..*end))
    }

    /// Returns all cells in order.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> {
        (0..self.len()).filter_map(|at| self.get(at))
    }

    /// Returns the bytes of the row without quotes, where its cells stand in them, and whether it had quotes.
    pub(crate) fn parts(&self) -> (&'a [u8], &'a [(usize, usize)], bool) {
        (self.bytes, self.spans, self.had_quotes)
    }

    /// Puts together what [`Cells::parts`] gave.
    pub(crate) fn from_parts(bytes: &'a [u8], spans: &'a [(usize, usize)], had_quotes: bool) -> Self {
        Self { bytes, spans, had_quotes }
    }

    /// Returns the row as one text when it is one, without a NUL.
    pub(crate) fn text(&self) -> Option<RowText<'a>> {
        let text = str::from_utf8(self.bytes).ok().filter(|_| memchr(0, self.bytes).is_none())?;
        Some(RowText { text, spans: self.spans })
    }

    /// Tells whether a cell holds a line end, which only quotes allow.
    pub(crate) fn have_line_end(&self) -> bool {
        self.had_quotes && has_line_end(self.bytes)
    }
}

/// The cells of a row that is UTF-8.
#[derive(Clone, Copy)]
pub(crate) struct RowText<'a> {
    text: &'a str,
    spans: &'a [(usize, usize)],
}

impl<'a> RowText<'a> {
    /// Returns one cell; `None` where two cells share a character, which they can once their quotes are gone.
    pub(crate) fn get(&self, at: usize) -> Option<&'a str> {
        self.spans.get(at).and_then(|(start, end)| self.text.get(*start..*end))
    }
}

/// Where a row with quotes stands in the grammar of RFC 4180.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the first byte of a cell.
    CellStart,
    /// In a cell without quotes; RFC 4180 allows no quote here, and a cell that swallowed a row always leaves one.
    Plain,
    /// Between the quotes of a cell.
    Quoted,
    /// After a quote inside a quoted cell: its end, or the first half of a doubled quote.
    QuoteInQuoted,
}

/// Splits what a reader gives.
pub(crate) struct Splitter<R> {
    reader: R,
    buffer: Vec<u8>,
    /// What was read and not yet split: `start..filled` of the buffer.
    start: usize,
    filled: usize,
    ended: bool,
    line: u64,
    /// The last line ended with a carriage return: a line feed that follows belongs to it.
    after_return: bool,
    row_limit: u64,
    spans: Vec<(usize, usize)>,
    /// The cells of a row with quotes, without them.
    unquoted: Vec<u8>,
}

impl<R: Read> Splitter<R> {
    /// Reads the beginning; `row_limit` is the most bytes of one row.
    pub(crate) fn new(reader: R, row_limit: u64) -> Result<Self, FileError> {
        Self::with_buffer(reader, row_limit, BUFFER)
    }

    pub(crate) fn with_buffer(reader: R, row_limit: u64, size: usize) -> Result<Self, FileError> {
        let mut splitter = Self {
            reader,
            buffer: vec![0; size],
            start: 0,
            filled: 0,
            ended: false,
            line: 1,
            after_return: false,
            row_limit,
            spans: Vec::new(),
            unquoted: Vec::new(),
        };
        // A byte order mark is three bytes that may come one by one.
        while splitter.filled < BOM.len() && !splitter.ended {
            splitter.read_more()?;
        }
        if splitter.buffer[..splitter.filled].starts_with(&BOM) {
            splitter.start = BOM.len();
        }
        Ok(splitter)
    }

    /// Returns the next row and the line on which it begins; blank lines are no rows.
    pub(crate) fn next_row(&mut self) -> Result<Option<(u64, Cells<'_>)>, FileError> {
        if !self.find_row()? {
            return Ok(None);
        }
        let line = self.line;
        let mut searched = 0;
        let length = loop {
            let rest = &self.buffer[self.start..self.filled];
            match memchr3(b'\n', b'\r', b'"', &rest[searched..]) {
                Some(at) if rest[searched + at] == b'"' => return self.row_with_quotes().map(Some),
                Some(at) => break searched + at,
                None if self.ended => break rest.len(),
                None => {
                    searched = rest.len();
                    self.read_more()?;
                }
            }
        };
        self.within_limit(length)?;
        let begin = self.start;
        let bytes = &self.buffer[begin..begin + length];
        self.spans.clear();
        let mut cell = 0;
        for comma in memchr_iter(b',', bytes) {
            self.spans.push((cell, comma));
            cell = comma + 1;
        }
        self.spans.push((cell, length));
        self.end_row(length, line);
        let bytes = &self.buffer[begin..begin + length];
        Ok(Some((line, Cells { bytes, spans: &self.spans, had_quotes: false })))
    }

    /// Goes to the first byte of the next row; false at the end of the file.
    fn find_row(&mut self) -> Result<bool, FileError> {
        loop {
            match self.buffer[..self.filled].get(self.start) {
                None if self.ended => return Ok(false),
                None => {
                    self.read_more()?;
                    continue;
                }
                Some(b'\n') if self.after_return => self.after_return = false,
                Some(b'\n') => self.line += 1,
                Some(b'\r') => {
                    self.line += 1;
                    self.after_return = true;
                }
                Some(_) => {
                    self.after_return = false;
                    return Ok(true);
                }
            }
            self.start += 1;
        }
    }

    /// Steps over a row that ends after `length` bytes, on `line`, and over its line end.
    fn end_row(&mut self, length: usize, line: u64) {
        self.start += length;
        self.line = line;
        if self.start < self.filled {
            self.after_return = self.buffer[self.start] == b'\r';
            self.line += 1;
            self.start += 1;
        }
    }

    fn row_with_quotes(&mut self) -> Result<(u64, Cells<'_>), FileError> {
        let row_line = self.line;
        let (mut line, mut quote_line) = (row_line, row_line);
        let mut state = State::CellStart;
        let (mut at, mut cell) = (0, 0);
        let mut after_return = false;
        self.spans.clear();
        self.unquoted.clear();
        loop {
            let Some(&byte) = self.buffer[..self.filled].get(self.start + at) else {
                if !self.ended {
                    self.within_limit(at)?;
                    self.read_more()?;
                    continue;
                }
                if state == State::Quoted {
                    return Err(FileError::UnclosedQuote { line: quote_line });
                }
                break;
            };
            state = match (state, byte) {
                (State::Quoted, b'"') => State::QuoteInQuoted,
                (State::Quoted, _) => {
                    self.unquoted.push(byte);
                    // CR LF is one line end; the line number moves at the CR and stays at the LF.
                    line += u64::from(byte == b'\r' || (byte == b'\n' && !after_return));
                    State::Quoted
                }
                (_, b'\n' | b'\r') => break,
                (_, b',') => {
                    self.spans.push((cell, self.unquoted.len()));
                    cell = self.unquoted.len();
                    State::CellStart
                }
                (State::CellStart, b'"') => {
                    quote_line = line;
                    State::Quoted
                }
                (State::QuoteInQuoted, b'"') => {
                    self.unquoted.push(byte);
                    State::Quoted
                }
                (State::QuoteInQuoted, _) | (State::Plain, b'"') => {
                    return Err(FileError::MalformedQuote { line });
                }
                (State::CellStart | State::Plain, _) => {
                    self.unquoted.push(byte);
                    State::Plain
                }
            };
            after_return = byte == b'\r';
            at += 1;
        }
        self.within_limit(at)?;
        self.spans.push((cell, self.unquoted.len()));
        self.end_row(at, line);
        Ok((row_line, Cells { bytes: &self.unquoted, spans: &self.spans, had_quotes: true }))
    }

    fn within_limit(&self, row_bytes: usize) -> Result<(), FileError> {
        if u64::try_from(row_bytes).is_ok_and(|bytes| bytes <= self.row_limit) {
            return Ok(());
        }
        Err(FileError::RowTooLong { line: self.line, limit: self.row_limit })
    }

    /// Reads once, behind what is there; what was split already makes room, and a long row gets a larger buffer.
    fn read_more(&mut self) -> Result<(), FileError> {
        self.within_limit(self.filled - self.start)?;
        if self.filled == self.buffer.len() {
            self.buffer.copy_within(self.start..self.filled, 0);
            self.filled -= self.start;
            self.start = 0;
            if self.filled == self.buffer.len() {
                self.buffer.resize(2 * self.buffer.len(), 0);
            }
        }
        loop {
            match self.reader.read(&mut self.buffer[self.filled..]) {
                Ok(length) => {
                    self.filled += length;
                    self.ended = length == 0;
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(FileError::from_io(error)),
            }
        }
    }
}

/// Tells whether a cell holds a line end.
pub(crate) fn has_line_end(cell: &[u8]) -> bool {
    memchr2(b'\n', b'\r', cell).is_some()
}

#[cfg(test)]
mod tests;
