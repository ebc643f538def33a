//! Opens an export and reads it, once to check it and once more to use it.

use anyhow::Context as _;
use keyferry_core::{
    CredentialRecord, DecodeError, Foreseen, Gate, Located, Onlooker, RpId, Rules, gate_batches,
};
use keyferry_sources::{
    Crc64Nvme, Digests, ExportFile, FileError, Limits, Note,
    corbado::{Batch, Corbado},
};
use std::{cell::RefCell, collections::BTreeMap};

use crate::{
    args::{ChecksumArgs, SourceArgs},
    output,
    progress::Progress,
    spool::Spooled,
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
    /// Of the very bytes that were read.
    pub(crate) digests: Digests,
    pub(crate) gate: Gate,
    pub(crate) notes: BTreeMap<Note, u64>,
}

/// Where a second pass takes its rows from.
pub(crate) enum Again {
    /// From what the first pass kept.
    Kept(Spooled),
    /// From the file, whose bytes are compared with those of the first pass.
    File,
}

impl Again {
    /// Leaves out the kept rows that need not be looked up; where nothing is foreseen all rows of the file are given, which
    /// is read again if some were not kept.
    pub(crate) fn only_open(self, foreseen: Option<&Foreseen>) -> Self {
        match (self, foreseen) {
            (Self::Kept(spooled), Some(foreseen)) => Self::Kept(spooled.only_open(foreseen)),
            (Self::Kept(spooled), None) if spooled.has_all_rows() => Self::Kept(spooled),
            _ => Self::File,
        }
    }
}

impl Export {
    /// Opens an export and compares its checksum, if one was given, before anything of it is parsed.
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
    pub(crate) fn check(&self, onlooker: &mut impl Onlooker<Batch>) -> anyhow::Result<Checked> {
        let progress = Progress::start("checking", self.file().length());
        let notes = RefCell::new(BTreeMap::new());
        let open = || {
            let mut batches = self.corbado.batches(&self.rules)?;
            let (progress, notes, position) = (&progress, &notes, batches.position());
            let (mut count, mut told) = (0, 0);
            Ok(std::iter::from_fn(move || {
                let batch = batches.next();
                count += batch.as_ref().map_or(0, |batch| batch.as_ref().len());
                if count - told >= 4096 {
                    told = count;
                    progress.at(position.bytes(), u64::try_from(count).unwrap_or(u64::MAX));
                }
                if batch.is_none() {
                    notes.replace(batches.notes().clone());
                }
                batch
            }))
        };
        let gate = gate_batches(open, onlooker).map_err(|error| match self.file().has_changed() {
            // Whatever is wrong with a file that is being written is not what is wrong.
            true => FileError::Changed.into(),
            false => output::unboxed(error),
        })?;
        progress.finish();
        if gate.rows == 0 {
            return Err(FileError::NoRows.into());
        }
        if let Some(expected) = self.expected_rows.filter(|expected| *expected != gate.rows) {
            return Err(FileError::RowCount { expected, found: gate.rows }.into());
        }
        Ok(Checked { digests: self.file().digests()?, gate, notes: notes.take() })
    }

    /// Hands the rows to `take` once more, as they come; they are decoded on other threads meanwhile.
    pub(crate) fn read_again<T>(
        &self,
        verb: &'static str,
        again: Again,
        take: impl FnOnce(&mut dyn Iterator<Item = Row>) -> T,
    ) -> anyhow::Result<T> {
        match again {
            Again::Kept(spooled) => {
                // Rows are the measure here: nothing is read from the file.
                let progress = Progress::start(verb, spooled.len());
                let mut rows =
                    counted(spooled.rows(self.rules.rp_id.clone()), |count| progress.at(count, count));
                Ok(take(&mut rows))
            }
            Again::File => {
                let progress = Progress::start(verb, self.file().length());
                let rows = self.corbado.rows(&self.rules)?;
                let position = rows.position();
                let taken = take(&mut counted(rows, |count| progress.at(position.bytes(), count)));
                progress.finish();
                Ok(taken)
            }
        }
    }

    pub(crate) fn file(&self) -> &ExportFile {
        self.corbado.file()
    }

    /// Tells whether the operator gave the vendor's checksum, so that it was compared.
    pub(crate) fn is_checksum_known(&self) -> bool {
        self.is_checksum_known
    }
}

/// Tells now and then how many rows have passed.
fn counted(rows: impl Iterator<Item = Row>, mut tell: impl FnMut(u64)) -> impl Iterator<Item = Row> {
    let mut count = 0_u64;
    rows.inspect(move |_| {
        count += 1;
        if count.is_multiple_of(4096) {
            tell(count);
        }
    })
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
