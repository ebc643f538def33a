//! Opens an export and reads it, once to check it and once more to use it.

use anyhow::Context as _;
use keyferry_core::{CredentialRecord, DecodeError, Gate, Located, RpId, Rules, gate};
use keyferry_sources::{Crc64Nvme, ExportFile, FileError, Limits, Note, corbado::Corbado};
use std::collections::BTreeMap;

use crate::{
    args::{ChecksumArgs, SourceArgs},
    output,
    progress::Progress,
};

/// One row as it comes out of a source.
pub(crate) type Row = Result<Located<CredentialRecord>, DecodeError>;

/// An export that is open, and the operator's rules for it.
pub(crate) struct Export {
    pub(crate) corbado: Corbado,
    pub(crate) rules: Rules,
    expected_rows: Option<u64>,
    is_checksum_known: bool,
}

/// What the first pass found.
pub(crate) struct Checked {
    pub(crate) gate: Gate,
    pub(crate) notes: BTreeMap<Note, u64>,
}

impl Export {
    /// Opens an export and compares its checksum before anything of it is parsed.
    pub(crate) fn open(args: &SourceArgs, rp_id: RpId) -> anyhow::Result<Self> {
        let limits = Limits { unpacked: args.max_unpacked << 30, ..Limits::default() };
        let file = ExportFile::open(&args.export, limits)?;
        if let Some(expected) = args.checksum {
            file.expect_checksum(expected)?;
        }
        let expected_rows = args.rows.or_else(|| file.rows_in_name());
        let rules = Rules { rp_id, account: args.account.into(), user_handle: args.user_handle.into() };
        let is_checksum_known = args.checksum.is_some();
        Ok(Self { corbado: Corbado::open(file)?, rules, expected_rows, is_checksum_known })
    }

    /// Reads the whole file and decides whether it can be trusted; nothing may be written before.
    pub(crate) fn check(&self, each: impl FnMut(&Row)) -> anyhow::Result<Checked> {
        let mut each = each;
        let progress = Progress::start("checking", self.file().digests().length);
        let mut rows = self.corbado.rows(&self.rules)?;
        let position = rows.position();
        let mut count = 0_u64;
        let gate = gate(rows.by_ref(), |row| {
            each(row);
            count += 1;
            if count.is_multiple_of(4096) {
                progress.at(position.bytes(), count);
            }
        })
        .map_err(output::unboxed)?;
        progress.finish();
        if gate.rows == 0 {
            return Err(FileError::NoRows.into());
        }
        if let Some(expected) = self.expected_rows.filter(|expected| *expected != gate.rows) {
            return Err(FileError::RowCount { expected, found: gate.rows }.into());
        }
        Ok(Checked { gate, notes: rows.notes().clone() })
    }

    /// Reads the rows again and hands them to `take` as they come; they are decoded on other threads meanwhile.
    pub(crate) fn read_again<T>(
        &self,
        verb: &'static str,
        take: impl FnOnce(&mut dyn Iterator<Item = Row>) -> T,
    ) -> anyhow::Result<T> {
        let progress = Progress::start(verb, self.file().digests().length);
        let rows = self.corbado.rows(&self.rules)?;
        let position = rows.position();
        let mut count = 0;
        let taken = take(&mut rows.inspect(|_| {
            count += 1;
            if count % 4096 == 0 {
                progress.at(position.bytes(), count);
            }
        }));
        progress.finish();
        Ok(taken)
    }

    pub(crate) fn file(&self) -> &ExportFile {
        self.corbado.file()
    }

    /// Tells whether the operator gave the vendor's checksum, so that it was compared.
    pub(crate) fn is_checksum_known(&self) -> bool {
        self.is_checksum_known
    }
}

/// Prints the checksum of a file.
pub(crate) fn checksum(args: &ChecksumArgs) -> anyhow::Result<bool> {
    let crc = if args.file.as_os_str() == "-" {
        Crc64Nvme::of(std::io::stdin().lock()).context("cannot read standard input")?
    } else {
        let shown = keyferry_core::Shown(&args.file.to_string_lossy()).to_string();
        let file = std::fs::File::open(&args.file).with_context(|| format!("cannot open {shown}"))?;
        Crc64Nvme::of(file).with_context(|| format!("cannot read {shown}"))?
    };
    output::data(&format!("CRC64NVME:{crc}\n"))?;
    Ok(true)
}
