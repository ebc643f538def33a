//! The CSV splitter against the csv crate for cells, and against the grammar of RFC 4180 for lines, limits and quotes.

use std::{io::Read, ops::Range};

use csv::ByteRecord;
use keyferry_sources::{
    ExportFile, FileError, Limits,
    fuzzing::{Row, hand_over, split},
};

use crate::choice::choice;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// Takes the text of a CSV file.
pub fn check(text: &[u8]) {
    let whole = split(text, u64::MAX, 1 << 16);
    // With a small buffer and a slow reader, what belongs together is cut between every two bytes.
    for (step, buffer) in some_of(&[(1, 3), (2, 3), (3, 7), (64, 16)], text) {
        assert_same(&split(Slow { rest: text, step }, u64::MAX, buffer), &whole);
    }
    let places = match (places(text), &whole) {
        (Ok(places), Ok(_)) => places,
        (Err(broken), Err(error)) => return assert_eq!(format!("{broken:?}"), format!("{error:?}")),
        (expected, _) => panic!("found {whole:?}, expected {expected:?}"),
    };
    let rows = whole.expect("checked above");
    assert!(
        rows.iter().map(|(line, _)| line).eq(places.iter().map(|(line, _)| line)),
        "{rows:?}, {places:?}"
    );
    assert!(
        rows.iter().map(|(_, cells)| cells).eq(&cells(text)),
        "other cells than the csv crate has: {rows:?}"
    );
    limited(text, &rows, &places);
    // A file costs more than all of the above: most inputs need none.
    if rows.len() > 1024 || choice(text, 8) == 0 {
        handed_over(text, &rows);
    }
}

/// Every way for a short text, and one of them for a long one, which costs too much else.
fn some_of<T: Copy>(ways: &[T], text: &[u8]) -> impl Iterator<Item = T> {
    let only = (text.len() > 256).then(|| choice(text, ways.len()));
    (0..ways.len()).filter(move |at| only.is_none_or(|only| only == *at)).map(|at| ways[at])
}

/// A row that is longer than the limit stops the file, and no other row does.
fn limited(text: &[u8], rows: &[Row], places: &[(u64, Range<usize>)]) {
    let limit = 3 + choice(text, 61);
    let row_limit = u64::try_from(limit).expect("64 at most");
    let expected = match places.iter().find(|(_, place)| place.len() > limit) {
        Some((line, _)) => Err(FileError::RowTooLong { line: *line, limit: row_limit }),
        None => Ok(rows.to_vec()),
    };
    for buffer in some_of(&[3, 16, 1 << 16], text) {
        assert_same(&split(text, row_limit, buffer), &expected);
    }
}

/// The rows reach the threads that decode as they were split.
fn handed_over(text: &[u8], rows: &[Row]) {
    if text.starts_with(b"\x1f\x8b") {
        return; // gzip
    }
    let file = ExportFile::from_stream(text, "-", Limits::default()).expect("a temporary file");
    let expected = match rows {
        [] => Err(FileError::Empty),
        [(_, header), ..] if header.iter().any(|name| str::from_utf8(name).is_err()) => {
            Err(FileError::HeaderNotUtf8)
        }
        [_, rows @ ..] => Ok(rows.to_vec()),
    };
    assert_same(&hand_over(&file), &expected);
}

/// Errors of a file can hold those of the system, and are compared as they are shown.
fn assert_same(found: &Result<Vec<Row>, FileError>, expected: &Result<Vec<Row>, FileError>) {
    match (found, expected) {
        (Ok(found), Ok(expected)) => assert_eq!(found, expected),
        _ => assert_eq!(format!("{found:?}"), format!("{expected:?}")),
    }
}

/// The cells as the csv crate reads them; it steps over one byte order mark, too.
fn cells(text: &[u8]) -> Vec<Vec<Vec<u8>>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text);
    let cells = |record: ByteRecord| record.iter().map(<[u8]>::to_vec).collect();
    reader.byte_records().map(|record| cells(record.expect("rows of any length"))).collect()
}

/// The line on which each row begins, and its bytes without the line end; an error where a quote breaks the grammar.
fn places(text: &[u8]) -> Result<Vec<(u64, Range<usize>)>, FileError> {
    let is_line_end = |at: usize| matches!(text.get(at), None | Some(b'\n' | b'\r'));
    // The line of each byte: CR LF ends one, CR or LF alone do, too.
    let mut line = 1;
    let lines: Vec<u64> = (0..=text.len())
        .map(|at| {
            let before = &text[..at];
            line +=
                u64::from(before.ends_with(b"\r") || (before.ends_with(b"\n") && !before.ends_with(b"\r\n")));
            line
        })
        .collect();
    let mut places = Vec::new();
    let mut at = if text.starts_with(BOM) { BOM.len() } else { 0 };
    while at < text.len() {
        if is_line_end(at) {
            at += 1;
            continue;
        }
        let start = at;
        loop {
            at = cell_end(text, at).map_err(|(at, is_open)| match is_open {
                true => FileError::UnclosedQuote { line: lines[at] },
                false => FileError::MalformedQuote { line: lines[at] },
            })?;
            if is_line_end(at) {
                break;
            }
            at += 1; // the comma
        }
        places.push((lines[start], start..at));
    }
    Ok(places)
}

/// Returns where a cell ends, or the quote that is never closed (true) or that stands wrong (false).
fn cell_end(text: &[u8], start: usize) -> Result<usize, (usize, bool)> {
    let mut at = start;
    if text.get(at) != Some(&b'"') {
        while !matches!(text.get(at), None | Some(b',' | b'\n' | b'\r')) {
            if text[at] == b'"' {
                return Err((at, false));
            }
            at += 1;
        }
        return Ok(at);
    }
    loop {
        at += 1;
        match (text.get(at), text.get(at + 1)) {
            (None, _) => return Err((start, true)),
            (Some(b'"'), Some(b'"')) => at += 1,
            (Some(b'"'), None | Some(b',' | b'\n' | b'\r')) => return Ok(at + 1),
            (Some(b'"'), Some(_)) => return Err((at + 1, false)),
            _ => {}
        }
    }
}

/// Gives at most `step` bytes at a time.
struct Slow<'a> {
    rest: &'a [u8],
    step: usize,
}

impl Read for Slow<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let length = self.rest.len().min(self.step).min(out.len());
        let (now, later) = self.rest.split_at(length);
        out[..length].copy_from_slice(now);
        self.rest = later;
        Ok(length)
    }
}
