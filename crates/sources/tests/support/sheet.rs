//! A sheet of rows that becomes a CSV file, well formed or spoilt on purpose.

use std::io::Write as _;

use base64::{Engine as _, engine::general_purpose::URL_SAFE};
use flate2::{Compression, GzBuilder};
use keyferry_testkit::{Algorithm, HEADER, TestKey};
use sha2::{Digest as _, Sha256};

/// Made-up people, in the alphabet of the cryptographers.
const PEOPLE: [&str; 12] =
    ["alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy", "kim", "laura"];

/// The cells of one row, in the order of the sheet's header.
#[derive(Clone, Debug)]
pub(crate) struct Row(pub(crate) Vec<Vec<u8>>);

impl Row {
    /// Replaces the cell of a documented column.
    pub(crate) fn with(mut self, column: &str, value: impl AsRef<[u8]>) -> Self {
        let at = HEADER.iter().position(|name| *name == column).expect("a documented column");
        self.0[at] = value.as_ref().to_vec();
        self
    }

    /// Adds a cell at the end, for a column of the sheet's own.
    pub(crate) fn and(mut self, value: impl AsRef<[u8]>) -> Self {
        self.0.push(value.as_ref().to_vec());
        self
    }
}

/// Returns the credential ID of the n-th made-up person.
pub(crate) fn credential_id(number: u8) -> Vec<u8> {
    Sha256::digest([b"credential of person ", &[number][..]].concat())[..20].to_vec()
}

/// Returns the legal row of the n-th made-up person, with an ES256 test key; the same each time.
pub(crate) fn person(number: u8) -> Row {
    let place = usize::from(number);
    let name = PEOPLE[place % PEOPLE.len()];
    // People beyond the twelfth get a number behind their name.
    let name = if place < PEOPLE.len() { name.to_owned() } else { format!("{name}{number}") };
    let key = TestKey::from_seed(Algorithm::Es256, &[number; 32]).cose();
    Row([
        format!("usr-40000000000000001{number:02}"),
        format!("{name}@example.com"),
        URL_SAFE.encode(credential_id(number)),
        URL_SAFE.encode(key),
        number.to_string(),
        "ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4".to_owned(),
        "platform".to_owned(),
        "true".to_owned(),
        "true".to_owned(),
        "internal;hybrid".to_owned(),
        "none".to_owned(),
        "2025-03-14T09:26:53.589Z".to_owned(),
        "active".to_owned(),
    ]
    .map(String::into_bytes)
    .to_vec())
}

/// A file as it will be written.
#[derive(Clone, Debug)]
pub(crate) struct Sheet {
    pub(crate) header: Vec<String>,
    pub(crate) rows: Vec<Row>,
    pub(crate) bom: bool,
    pub(crate) line_end: &'static str,
    /// Whether every cell is quoted, not only those that must be.
    pub(crate) quote_all: bool,
}

impl Sheet {
    /// Creates a sheet with the documented columns.
    pub(crate) fn new(rows: impl IntoIterator<Item = Row>) -> Self {
        Self {
            header: HEADER.map(str::to_owned).to_vec(),
            rows: rows.into_iter().collect(),
            bom: false,
            line_end: "\n",
            quote_all: false,
        }
    }

    /// Adds a column at the end of the header; the rows must have their cells already.
    pub(crate) fn column(mut self, name: &str) -> Self {
        self.header.push(name.to_owned());
        self
    }

    /// Puts header and rows in another order: the n-th column becomes what stood at `order[n]`.
    pub(crate) fn reordered(mut self, order: &[usize]) -> Self {
        self.header = order.iter().map(|at| self.header[*at].clone()).collect();
        for row in &mut self.rows {
            row.0 = order.iter().map(|at| row.0[*at].clone()).collect();
        }
        self
    }

    /// Writes the file.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let header = Row(self.header.iter().map(|name| name.clone().into_bytes()).collect());
        let mut out = if self.bom { b"\xef\xbb\xbf".to_vec() } else { Vec::new() };
        for row in std::iter::once(&header).chain(&self.rows) {
            for (at, cell) in row.0.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                let must = cell.iter().any(|byte| matches!(byte, b',' | b'"' | b'\n' | b'\r'));
                if must || self.quote_all {
                    out.push(b'"');
                    for byte in cell {
                        out.extend_from_slice(if *byte == b'"' {
                            b"\"\""
                        } else {
                            std::slice::from_ref(byte)
                        });
                    }
                    out.push(b'"');
                } else {
                    out.extend_from_slice(cell);
                }
            }
            out.extend_from_slice(self.line_end.as_bytes());
        }
        out
    }
}

/// Packs bytes as the vendor does: no name and no time in the header, so the same bytes every day.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzBuilder::new().write(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("a vector takes everything");
    encoder.finish().expect("a vector takes everything")
}
