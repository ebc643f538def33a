//! The rows of a COPY out of PostgreSQL, from pieces of any length.

use super::SIGNATURE;

/// The signature, the flags and the length of the extension.
const HEADER: usize = SIGNATURE.len() + 8;

/// Takes rows out of the pieces of an answer.
#[derive(Default)]
pub(crate) struct RowReader {
    /// What came of a row, or of the header, that is not there whole.
    rest: Vec<u8>,
    is_begun: bool,
    state: State,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Going,
    Ended,
    /// It is otherwise than this code knows it.
    Odd,
}

/// A row as it came: the bytes that COPY takes for the same row, too.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a> {
    /// All of it.
    pub(crate) bytes: &'a [u8],
    /// What stands in its first column, which is not NULL.
    pub(crate) first: &'a [u8],
}

/// What a piece begins with.
enum Next<'a> {
    Row(Row<'a>, &'a [u8]),
    End,
    Part,
    Odd,
}

impl RowReader {
    /// Takes a piece and shows the rows that are whole now.
    pub(crate) fn read(&mut self, piece: &[u8], mut each: impl FnMut(Row<'_>)) {
        if self.rest.is_empty() {
            let left = self.rows(piece, &mut each);
            self.rest.extend_from_slice(left);
        } else {
            let mut all = std::mem::take(&mut self.rest);
            all.extend_from_slice(piece);
            let left = self.rows(&all, &mut each).len();
            all.drain(..all.len() - left);
            self.rest = all;
        }
    }

    /// Tells whether all of the answer was read and understood.
    pub(crate) fn is_complete(&self) -> bool {
        self.state == State::Ended && self.rest.is_empty()
    }

    /// Shows the rows at the beginning and returns what is left.
    fn rows<'a>(&mut self, mut data: &'a [u8], each: &mut impl FnMut(Row<'_>)) -> &'a [u8] {
        if !self.is_begun {
            let Some((header, rest)) = data.split_at_checked(HEADER) else { return data };
            // Flags could say that the rows have another form, and an extension that more comes before them.
            if header.strip_prefix(SIGNATURE) != Some([0; 8].as_slice()) {
                self.state = State::Odd;
            }
            self.is_begun = true;
            data = rest;
        }
        while self.state == State::Going {
            match next(data) {
                Next::Row(row, rest) => {
                    each(row);
                    data = rest;
                }
                Next::End => {
                    self.state = State::Ended;
                    data = data.get(2..).unwrap_or_default();
                }
                Next::Part => return data,
                Next::Odd => self.state = State::Odd,
            }
        }
        data
    }
}

fn next(data: &[u8]) -> Next<'_> {
    let Some((count, mut rest)) = data.split_first_chunk() else { return Next::Part };
    let Ok(count) = usize::try_from(i16::from_be_bytes(*count)) else {
        return if *count == (-1_i16).to_be_bytes() { Next::End } else { Next::Odd };
    };
    let mut first = None;
    for _ in 0..count {
        let Some((length, after)) = rest.split_first_chunk() else { return Next::Part };
        let length = match i32::from_be_bytes(*length) {
            -1 => 0,
            length => match usize::try_from(length) {
                Ok(length) => length,
                Err(_) => return Next::Odd,
            },
        };
        let Some((value, after)) = after.split_at_checked(length) else { return Next::Part };
        first = first.or(Some(value));
        rest = after;
    }
    match (first, data.split_at_checked(data.len() - rest.len())) {
        (Some(first), Some((bytes, rest))) => Next::Row(Row { bytes, first }, rest),
        _ => Next::Odd,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Kind, Value,
        copy::{self, Width},
    };

    fn answer() -> Vec<u8> {
        let mut data = Vec::new();
        copy::begin(&mut data);
        for (id, note) in [(&b"one"[..], None), (b"", Some("a note")), (&[7; 300], Some(""))] {
            let note = note.map_or(Value::Null(Kind::Text), Value::text);
            copy::add_row(&mut data, [(Value::bytes(id), Width::Eight), (note, Width::Eight)].into_iter());
        }
        copy::end(&mut data);
        data
    }

    /// The first column and all bytes of each row, and whether that was all of the answer.
    fn read(data: &[u8], size: usize) -> (Vec<[Vec<u8>; 2]>, bool) {
        let (mut reader, mut found) = (RowReader::default(), Vec::new());
        for piece in data.chunks(size) {
            reader.read(piece, |row| found.push([row.first.to_vec(), row.bytes.to_vec()]));
        }
        (found, reader.is_complete())
    }

    #[test]
    fn rows_are_the_same_however_they_are_cut() {
        let data = answer();
        let (whole, is_complete) = read(&data, data.len());
        assert!(is_complete);
        let ids: Vec<_> = whole.iter().map(|[id, _]| id.as_slice()).collect();
        assert_eq!(ids, [&b"one"[..], b"", &[7; 300]]);
        let bytes: Vec<u8> = whole.iter().flat_map(|[_, bytes]| bytes.clone()).collect();
        assert_eq!(bytes, data[HEADER..data.len() - 2]);
        for size in 1..data.len() {
            assert_eq!(read(&data, size), (whole.clone(), true), "pieces of {size}");
        }
    }

    #[test]
    fn an_answer_that_is_cut_off_or_odd_is_not_complete() {
        let data = answer();
        for length in 0..data.len() {
            assert!(!read(&data[..length], 1000).1, "{length} bytes");
        }
        let changed = |at: usize, byte: u8| {
            let mut data = data.clone();
            data[at] = byte;
            data
        };
        assert!(!read(&changed(0, b'Q'), 1000).1);
        assert!(!read(&changed(12, 1), 1000).1, "flags");
        assert!(!read(&changed(18, 1), 1000).1, "an extension");
        assert!(!read(&changed(HEADER, 0x80), 1000).1, "a negative number of columns");
        assert!(!read(&changed(HEADER + 2, 0x80), 1000).1, "a negative length");
        assert!(!read(&[data.as_slice(), b"more"].concat(), 1000).1);
    }
}
