//! Reads exports of passkey vendors into credential records.
//!
//! An [`ExportFile`] is opened once and read as often as needed; each vendor has one module that turns its rows into
//! records. A row that cannot be decoded never stops a run; a file that cannot be trusted does, with a [`FileError`].
//!
//! ```
//! use keyferry_core::{RpId, Rules};
//! use keyferry_sources::{ExportFile, Limits, corbado::Corbado};
//!
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("export.csv");
//! std::fs::write(&path, "userId,externalUserId,credentialId,publicKey,authenticatorSignCount,authenticatorAaguid,\
//!     authenticatorAttachment,backupEligible,backupState,transports,attestationFormat,created,status\n")?;
//! let export = Corbado::open(ExportFile::open(&path, Limits::default())?)?;
//! let rules = Rules::new(RpId::parse("example.com")?);
//! assert_eq!(export.rows(&rules)?.count(), 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod corbado;

mod cells;
mod checksum;
mod csv_rows;
mod error;
mod export_file;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod gzip;
mod in_order;
mod raw_rows;
mod read_ahead;
mod seen;
mod splitter;

pub use cells::Note;
pub use checksum::Crc64Nvme;
pub use csv_rows::CsvRows;
pub use error::FileError;
pub use export_file::{Digests, ExportFile, Limits, Position};
pub use splitter::Cells;
