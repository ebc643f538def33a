//! Exports to spoil: rows with known keys, and the file that they make.

use std::{collections::HashSet, io::Write as _, sync::LazyLock};

use flate2::{Compression, write::GzEncoder};
use keyferry_testkit::{Algorithm, ExportRow, Generator, HEADER};

/// Active ES256 rows, each of a user of its own: every target takes all of them.
static ROWS: LazyLock<Vec<ExportRow>> = LazyLock::new(|| {
    let generator = Generator::new(400, 42, "example.com");
    let mut users = HashSet::new();
    generator
        .credentials()
        .filter(|made| made.row.status == "active" && made.credential.key.algorithm() == Algorithm::Es256)
        .map(|made| made.row)
        .filter(|row| users.insert(row.user_id.clone()))
        .collect()
});

/// The first rows of a fixed export in which nothing is wrong; a longer one begins with the rows of a shorter one.
pub(crate) fn rows(count: usize) -> Vec<ExportRow> {
    assert!(count <= ROWS.len(), "there are {} rows", ROWS.len());
    ROWS[..count].to_vec()
}

/// A row that is in no export of [`rows`] up to 100 rows.
pub(crate) fn another_row(number: usize) -> ExportRow {
    ROWS[100 + number].clone()
}

/// The file of some rows.
pub(crate) fn csv<'a>(rows: impl IntoIterator<Item = &'a ExportRow>) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(HEADER).unwrap();
    rows.into_iter().for_each(|row| writer.write_record(row.fields()).unwrap());
    String::from_utf8(writer.into_inner().unwrap()).unwrap()
}

/// The rows of [`rows`] after a change to the one of this number, counted from 1 as reports do.
pub(crate) fn changed(count: usize, number: usize, change: impl FnOnce(&mut ExportRow)) -> String {
    let mut rows = rows(count);
    change(&mut rows[number - 1]);
    csv(&rows)
}

pub(crate) fn gzip(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes.as_ref()).unwrap();
    encoder.finish().unwrap()
}
