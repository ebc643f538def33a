//! Why a file cannot be trusted.

use std::{io, path::PathBuf};

use keyferry_core::Shown;
use thiserror::Error;

use crate::Crc64Nvme;

/// Why an export cannot be trusted as a whole; nothing of it is imported.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FileError {
    /// The file cannot be opened.
    #[error("cannot open {}", Shown(&path.to_string_lossy()))]
    Open {
        /// The path as it was given.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file cannot be read to its end.
    #[error("cannot read the export")]
    Read(#[source] io::Error),
    /// The checksum is not the expected one.
    #[error("the file's CRC64NVME is {found}, expected {expected}")]
    Checksum {
        /// What the operator gave.
        expected: Crc64Nvme,
        /// What the file has.
        found: Crc64Nvme,
        /// Whether the file is gzip, as the vendor delivers it.
        is_gzip: bool,
    },
    /// The gzip stream ends before its end.
    #[error("the gzip file is cut short")]
    GzipTruncated,
    /// The gzip stream is damaged.
    #[error("the gzip file is damaged")]
    GzipDamaged(#[source] io::Error),
    /// Something follows the gzip stream that is not gzip.
    #[error("the gzip file has other bytes after its end")]
    GzipTrailing,
    /// The file unpacks to more than is allowed.
    #[error("the file unpacks to more than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// The file unpacks to much more than an export could.
    #[error("the file unpacks to more than {ratio} times its size, as no export of credentials does")]
    TooDense {
        /// The limit, unpacked to packed.
        ratio: u64,
    },
    /// There are more rows than are allowed.
    #[error("the file has more than {limit} rows")]
    TooManyRows {
        /// The limit.
        limit: u64,
    },
    /// A row is longer than is allowed.
    #[error("the row that begins on line {line} is longer than {limit} bytes")]
    RowTooLong {
        /// The line on which it begins.
        line: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// A quoted cell is never closed.
    #[error("the quote that opens on line {line} is never closed")]
    UnclosedQuote {
        /// The line of the opening quote.
        line: u64,
    },
    /// A quote stands where RFC 4180 allows none: in a cell without quotes, or before the end of one with quotes.
    #[error("line {line}: a quote that neither opens nor closes a cell")]
    MalformedQuote {
        /// The line of the quote.
        line: u64,
    },
    /// A row has both a line break in a cell and another number of cells than the header.
    #[error(
        "the row that begins on line {line} has a line break in a cell and another number of cells than the header"
    )]
    RaggedLineBreak {
        /// The line on which the row begins.
        line: u64,
    },
    /// A cell that cannot hold a line break has one.
    #[error("the row that begins on line {line} has a line break in the column {column}")]
    LineBreak {
        /// The line on which the row begins.
        line: u64,
        /// The column.
        column: &'static str,
    },
    /// There is not even a header.
    #[error("the file is empty")]
    Empty,
    /// The header is no UTF-8 text.
    #[error("the header is not UTF-8")]
    HeaderNotUtf8,
    /// Columns are missing.
    #[error("the header has no column {}", .0.join(", "))]
    MissingColumns(Vec<&'static str>),
    /// None of the columns is there.
    #[error("this is not the export: the header has none of its columns")]
    NotAnExport,
    /// A column stands twice.
    #[error("the header has the column {} twice", Shown(.0))]
    DuplicateColumn(String),
    /// The header is complete but no row follows.
    #[error("the file has no rows")]
    NoRows,
    /// The number of rows is not the expected one.
    #[error("the file has {found} rows, expected {expected}")]
    RowCount {
        /// What the operator or the file's name says.
        expected: u64,
        /// What the file has.
        found: u64,
    },
    /// The file was changed after it was opened.
    #[error("the file changed while it was being read")]
    Changed,
}

impl FileError {
    /// Returns what the operator can do about it, where there is something to say.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Checksum { is_gzip: false, .. } => {
                "the vendor's value belongs to the .csv.gz as delivered; this file is unpacked already \
                 (a download with Content-Encoding: gzip does that), so fetch the .csv.gz or leave --checksum out"
            }
            Self::Checksum { .. } | Self::GzipTruncated | Self::GzipDamaged(_) => {
                "the file was damaged or cut on its way, or the value belongs to another day's file: fetch it again"
            }
            Self::GzipTrailing => "fetch the file again; a complete export ends with its gzip stream",
            Self::TooLarge { .. } => {
                "if the export really is that large, raise the limit with --max-unpacked"
            }
            Self::TooDense { .. } => {
                "this is no export but perhaps an attack on the memory of who unpacks it"
            }
            Self::NotAnExport => {
                "the columns of the export are userId, externalUserId, credentialId, publicKey and so on, separated by commas"
            }
            Self::RowTooLong { .. }
            | Self::UnclosedQuote { .. }
            | Self::MalformedQuote { .. }
            | Self::RaggedLineBreak { .. }
            | Self::LineBreak { .. } => {
                "a missing quote makes one row swallow the rows below it; look at that line, or fetch the file again"
            }
            Self::MissingColumns(_) => {
                "column names are compared exactly and cells are separated by commas; \
                 perhaps a spreadsheet has re-saved the file"
            }
            Self::DuplicateColumn(_) => "nobody can tell which of the two columns counts; ask the vendor",
            Self::HeaderNotUtf8 => {
                "a CSV export is UTF-8; perhaps an editor or a spreadsheet has re-saved the file"
            }
            Self::Empty => "not even a header is there: fetch the file again",
            Self::NoRows => {
                "an empty export is more likely a fault than an empty user base; nothing was done"
            }
            Self::RowCount { .. } => {
                "the file is incomplete or has rows added; fetch it again, or correct --rows"
            }
            Self::Changed => {
                "something wrote to the file during the run; nothing after that point was imported: run it again when \
                 nobody writes"
            }
            _ => return None,
        })
    }

    /// Carries the error through a reader.
    pub(crate) fn into_io(self) -> io::Error {
        io::Error::other(self)
    }

    /// Gets the error back that a reader carried, or wraps the reader's own.
    pub(crate) fn from_io(error: io::Error) -> Self {
        error.downcast::<Self>().unwrap_or_else(Self::Read)
    }
}
