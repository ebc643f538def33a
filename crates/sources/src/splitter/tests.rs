use csv::ByteRecord;
use proptest::prelude::*;

use super::*;

type Rows = Vec<(u64, Vec<Vec<u8>>)>;

/// Gives at most `step` bytes at a time, so that with a small buffer every boundary falls between every two bytes.
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

fn split_by(text: &[u8], step: usize, buffer: usize) -> Result<Rows, FileError> {
    let mut splitter = Splitter::with_buffer(Slow(text, step), 1000, buffer)?;
    let mut rows = Vec::new();
    while let Some((line, cells)) = splitter.next_row()? {
        rows.push((line, cells.iter().map(<[u8]>::to_vec).collect()));
    }
    Ok(rows)
}

fn split(text: &[u8]) -> Result<Rows, FileError> {
    let whole = split_by(text, 1000, 1000);
    for (step, buffer) in [(1, 3), (2, 3), (3, 7)] {
        assert_eq!(format!("{:?}", split_by(text, step, buffer)), format!("{whole:?}"), "{text:?}");
    }
    whole
}

/// The cells as the csv crate reads them, for texts that it and RFC 4180 read alike.
fn by_the_csv_crate(text: &[u8]) -> Vec<Vec<Vec<u8>>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text);
    let cells = |record: ByteRecord| record.iter().map(<[u8]>::to_vec).collect();
    reader.byte_records().map(|record| cells(record.unwrap())).collect()
}

fn lines(text: &str) -> Vec<u64> {
    let rows = split(text.as_bytes()).unwrap();
    let (lines, cells): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
    assert_eq!(cells, by_the_csv_crate(text.as_bytes()), "{text:?}");
    lines
}

#[test]
fn rows_know_their_lines() {
    assert_eq!(lines("a,b\nc,d\n"), [1, 2]);
    assert_eq!(lines("a,b\r\nc,d\r\ne,f"), [1, 2, 3]);
    assert_eq!(lines("a\rb\rc"), [1, 2, 3]);
    assert_eq!(lines("\n\na\n\n\r\nb\n"), [3, 6]);
    assert_eq!(lines("a,\"x\ny\r\nz\"\nb\n"), [1, 4]);
    assert_eq!(lines("a,\"x\r\"\r\n\nb\n"), [1, 4]);
    assert_eq!(lines("\"a\"\"b\",c\n\"\",\"\"\nd"), [1, 2, 3]);
    assert_eq!(lines(",\n,\n\"\"\nx"), [1, 2, 3, 4]);
    assert_eq!(lines(""), [0; 0]);
    assert_eq!(lines(" \n \n"), [1, 2]);
}

#[test]
fn a_byte_order_mark_goes_and_nothing_else() {
    let cells = |text: &[u8]| split(text).unwrap().into_iter().map(|(_, cells)| cells).collect::<Vec<_>>();
    assert_eq!(cells(b"\xef\xbb\xbfa,b\n"), [[b"a", b"b"]]);
    assert_eq!(cells(b"\xef\xbb\xbf\"a\"\n"), [[b"a"]]);
    assert_eq!(cells(b"\xef\xbb"), [[b"\xef\xbb"]]);
    assert_eq!(cells(b"\xef\xbb\xbf"), [[b""; 0]; 0]);
}

#[test]
fn quotes_that_swallow_rows_stop_the_file() {
    let error = |text: &str| split(text.as_bytes()).unwrap_err();
    assert!(matches!(error("a,b\nc,\"d\ne,f\n"), FileError::UnclosedQuote { line: 2 }));
    assert!(matches!(error("a,\""), FileError::UnclosedQuote { line: 1 }));
    assert!(matches!(error("a,\"b\"c\n"), FileError::MalformedQuote { line: 1 }));
    assert!(matches!(error("a,b\n\na\"b,c\n"), FileError::MalformedQuote { line: 3 }));
    assert!(matches!(error("a,b\nc, \"d\"\n"), FileError::MalformedQuote { line: 2 }));
    assert!(matches!(error("a,\"b\nc,\"d\n"), FileError::MalformedQuote { line: 2 }));
}

#[test]
fn a_row_has_a_limit_with_and_without_quotes() {
    let row = |length: usize, quote: &str| format!("a\n{quote}{}{quote}\n", "x".repeat(length));
    assert_eq!(split(row(1000, "").as_bytes()).unwrap().len(), 2);
    assert_eq!(split(row(998, "\"").as_bytes()).unwrap().len(), 2);
    for text in [row(1001, ""), row(5000, ""), row(999, "\""), row(5000, "\"")] {
        let error = split(text.as_bytes()).unwrap_err();
        assert!(matches!(error, FileError::RowTooLong { line: 2, limit: 1000 }), "{error:?}");
    }
}

#[test]
fn a_reader_that_fails_is_no_end_of_file() {
    struct Fails(bool);
    impl Read for Fails {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            if std::mem::replace(&mut self.0, true) {
                return Err(io::Error::other("broken"));
            }
            out[..6].copy_from_slice(b"a,b\nc,");
            Ok(6)
        }
    }
    let mut splitter = Splitter::new(Fails(false), 1000).unwrap();
    assert_eq!(splitter.next_row().unwrap().unwrap().1.len(), 2);
    assert!(matches!(splitter.next_row(), Err(FileError::Read(_))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn cells_are_those_of_the_csv_crate(text in "[a,\"\r\né]{0,40}") {
        if let Ok(rows) = split(text.as_bytes()) {
            let cells: Vec<_> = rows.into_iter().map(|(_, cells)| cells).collect();
            prop_assert_eq!(cells, by_the_csv_crate(text.as_bytes()));
        }
    }

    /// What the csv crate writes has every quote where RFC 4180 wants it: no such text may be refused.
    #[test]
    fn everything_that_is_written_by_the_rules_is_read(
        rows in proptest::collection::vec(proptest::collection::vec("[a,\"\r\n é]{0,6}", 2..5), 0..6),
    ) {
        let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
        rows.iter().for_each(|row| writer.write_record(row).unwrap());
        let text = writer.into_inner().unwrap();
        let cells: Vec<_> = split(&text).unwrap().into_iter().map(|(_, cells)| cells).collect();
        let written: Vec<Vec<Vec<u8>>> =
            rows.iter().map(|row| row.iter().map(|cell| cell.clone().into_bytes()).collect()).collect();
        prop_assert_eq!(cells, written);
    }
}
