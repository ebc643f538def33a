//! Follows the lines and quotes of a CSV file on its way to the CSV reader.
//!
//! The csv crate gives the row right, but its line is one too low on CRLF files, and it takes an unclosed quote for a
//! cell that holds the rest of the file: thousands of users vanish without an error. This reader sees the same bytes
//! first, notes on which line each row begins, and stops at a quote that RFC 4180 does not allow.

use std::{
    collections::VecDeque,
    io::{self, Read},
};

use memchr::{memchr, memchr2, memchr3};

use crate::FileError;

const BOM: [u8; 3] = [0xef, 0xbb, 0xbf];
const BUFFER: usize = 1 << 18;

/// Where the scan stands in the grammar of RFC 4180.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before the first byte of a row; line ends here are blank lines.
    RowStart,
    /// Before the first byte of a cell that is not the first.
    CellStart,
    /// In a cell without quotes; RFC 4180 allows no quote here, and a cell that swallowed a row always leaves one.
    Plain,
    /// Between the quotes of a cell.
    Quoted,
    /// After a quote inside a quoted cell: its end, or the first half of a doubled quote.
    QuoteInQuoted,
}

/// Passes bytes through and notes where rows begin.
pub(crate) struct Scan<R> {
    reader: R,
    buffer: Box<[u8]>,
    served: usize,
    filled: usize,
    begun: bool,
    ended: bool,
    state: State,
    line: u64,
    /// The last byte was a carriage return: a line feed that follows ends the same line.
    after_return: bool,
    quote_line: u64,
    row_line: u64,
    row_bytes: u64,
    row_limit: u64,
    /// The lines on which rows begin that the CSV reader was given but has not returned yet.
    row_lines: VecDeque<u64>,
}

impl<R: Read> Scan<R> {
    pub(crate) fn new(reader: R, row_limit: u64) -> Self {
        Self {
            reader,
            buffer: vec![0; BUFFER].into(),
            served: 0,
            filled: 0,
            begun: false,
            ended: false,
            state: State::RowStart,
            line: 1,
            after_return: false,
            quote_line: 0,
            row_line: 1,
            row_bytes: 0,
            row_limit,
            row_lines: VecDeque::new(),
        }
    }

    /// Returns the line on which the next row begins that was not asked for yet.
    pub(crate) fn next_row_line(&mut self) -> u64 {
        self.row_lines.pop_front().unwrap_or(self.line)
    }

    fn fill(&mut self) -> io::Result<()> {
        self.served = 0;
        self.filled = 0;
        // A byte order mark is three bytes that may come one by one.
        let wanted = if self.begun { 1 } else { BOM.len() };
        while self.filled < wanted {
            match self.reader.read(&mut self.buffer[self.filled..]) {
                Ok(0) => {
                    self.ended = true;
                    break;
                }
                Ok(length) => self.filled += length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if !self.begun {
            self.begun = true;
            if self.buffer[..self.filled].starts_with(&BOM) {
                self.served = BOM.len();
            }
        }
        self.scan()?;
        if self.ended && self.state == State::Quoted {
            return Err(FileError::UnclosedQuote { line: self.quote_line }.into_io());
        }
        Ok(())
    }

    fn scan(&mut self) -> io::Result<()> {
        let mut at = self.served;
        while let Some(&byte) = self.buffer[..self.filled].get(at) {
            let next = match self.state {
                State::Plain => memchr3(b',', b'\n', b'\r', &self.buffer[at..self.filled]),
                State::Quoted => memchr3(b'"', b'\n', b'\r', &self.buffer[at..self.filled]),
                _ => Some(0),
            };
            let skipped = next.unwrap_or(self.filled - at);
            if skipped > 0 {
                if self.state == State::Plain && memchr(b'"', &self.buffer[at..at + skipped]).is_some() {
                    return Err(FileError::MalformedQuote { line: self.line }.into_io());
                }
                self.after_return = false;
                self.row_bytes += u64::try_from(skipped).unwrap_or(u64::MAX);
                at += skipped;
                self.check_row_length()?;
                continue;
            }
            self.step(byte)?;
            at += 1;
        }
        Ok(())
    }

    /// Takes one byte that may change the state.
    fn step(&mut self, byte: u8) -> io::Result<()> {
        let is_line_end = matches!(byte, b'\n' | b'\r');
        if self.state == State::RowStart && !is_line_end {
            self.row_line = self.line;
            self.row_bytes = 0;
            self.row_lines.push_back(self.line);
        }
        self.row_bytes += 1;
        self.check_row_length()?;
        self.state = match (self.state, byte) {
            (State::Quoted, b'"') => State::QuoteInQuoted,
            (State::Quoted, _) => State::Quoted,
            (_, b'\n' | b'\r') => State::RowStart,
            (_, b',') => State::CellStart,
            (State::RowStart | State::CellStart, b'"') => {
                self.quote_line = self.line;
                State::Quoted
            }
            (State::QuoteInQuoted, b'"') => State::Quoted,
            (State::QuoteInQuoted, _) => return Err(FileError::MalformedQuote { line: self.line }.into_io()),
            (State::RowStart | State::CellStart | State::Plain, _) => State::Plain,
        };
        // CR LF is one line end; the line number moves at the CR and stays at the LF.
        if is_line_end && !(byte == b'\n' && self.after_return) {
            self.line += 1;
        }
        self.after_return = byte == b'\r';
        Ok(())
    }

    fn check_row_length(&self) -> io::Result<()> {
        if self.row_bytes <= self.row_limit {
            return Ok(());
        }
        Err(FileError::RowTooLong { line: self.row_line, limit: self.row_limit }.into_io())
    }
}

impl<R: Read> Read for Scan<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.served == self.filled && !self.ended {
            self.fill()?;
        }
        let rest = &self.buffer[self.served..self.filled];
        let length = rest.len().min(out.len());
        out[..length].copy_from_slice(&rest[..length]);
        self.served += length;
        Ok(length)
    }
}

/// Tells whether a cell holds a line end.
pub(crate) fn has_line_end(cell: &[u8]) -> bool {
    memchr2(b'\n', b'\r', cell).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads with the smallest buffers, so that every boundary falls between every two bytes.
    fn scan(text: &[u8], step: usize) -> Result<(Vec<u8>, Vec<u64>), FileError> {
        struct Slow<'a>(&'a [u8], usize);
        impl Read for Slow<'_> {
            fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
                let length = self.0.len().min(self.1).min(out.len());
                let (now, later) = self.0.split_at(length);
                out[..length].copy_from_slice(now);
                self.0 = later;
                Ok(length)
            }
        }
        let mut scan = Scan::new(Slow(text, step), 1000);
        let mut out = Vec::new();
        scan.read_to_end(&mut out).map_err(FileError::from_io)?;
        Ok((out, scan.row_lines.into()))
    }

    fn lines(text: &str) -> Vec<u64> {
        let (_, whole) = scan(text.as_bytes(), 1000).unwrap();
        assert_eq!(scan(text.as_bytes(), 1).unwrap().1, whole, "{text:?}");
        // The csv crate must see as many rows as the scan, or lines and rows drift apart.
        let mut reader =
            csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
        assert_eq!(reader.byte_records().count(), whole.len(), "{text:?}");
        whole
    }

    #[test]
    fn rows_know_their_lines() {
        assert_eq!(lines("a,b\nc,d\n"), [1, 2]);
        assert_eq!(lines("a,b\r\nc,d\r\ne,f"), [1, 2, 3]);
        assert_eq!(lines("a\rb\rc"), [1, 2, 3]);
        assert_eq!(lines("\n\na\n\n\r\nb\n"), [3, 6]);
        assert_eq!(lines("a,\"x\ny\r\nz\"\nb\n"), [1, 4]);
        assert_eq!(lines("\"a\"\"b\",c\n\"\",\"\"\nd"), [1, 2, 3]);
        assert_eq!(lines(",\n,\n\"\"\nx"), [1, 2, 3, 4]);
        assert_eq!(lines(""), [0; 0]);
        assert_eq!(lines(" \n \n"), [1, 2]);
    }

    #[test]
    fn a_byte_order_mark_goes_and_nothing_else() {
        assert_eq!(scan(b"\xef\xbb\xbfa,b\n", 1).unwrap(), (b"a,b\n".to_vec(), vec![1]));
        assert_eq!(scan(b"\xef\xbb\xbf\"a\"\n", 1).unwrap().0, b"\"a\"\n");
        assert_eq!(scan(b"\xef\xbb", 1).unwrap().0, b"\xef\xbb");
        assert_eq!(scan(b"\xef\xbb\xbf", 1).unwrap().0, b"");
    }

    #[test]
    fn quotes_that_swallow_rows_stop_the_file() {
        for step in [1, 1000] {
            let error = |text: &str| scan(text.as_bytes(), step).unwrap_err();
            assert!(matches!(error("a,b\nc,\"d\ne,f\n"), FileError::UnclosedQuote { line: 2 }));
            assert!(matches!(error("a,\""), FileError::UnclosedQuote { line: 1 }));
            assert!(matches!(error("a,\"b\"c\n"), FileError::MalformedQuote { line: 1 }));
            assert!(matches!(error("a,b\n\na\"b,c\n"), FileError::MalformedQuote { line: 3 }));
            assert!(matches!(error("a,b\nc, \"d\"\n"), FileError::MalformedQuote { line: 2 }));
            assert!(matches!(error("a,\"b\nc,\"d\n"), FileError::MalformedQuote { line: 2 }));
            let long = format!("a\nb,{}\n", "x".repeat(2000));
            assert!(matches!(error(&long), FileError::RowTooLong { line: 2, .. }));
        }
    }

    proptest::proptest! {
        #[test]
        fn the_csv_crate_sees_the_same_rows(text in "[a,\"\r\n]{0,40}") {
            if let Ok((bytes, lines)) = scan(text.as_bytes(), 3) {
                let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(&*bytes);
                proptest::prop_assert_eq!(reader.byte_records().count(), lines.len());
            }
        }
    }
}
