//! Corbado Connect's Enterprise Passkey Export.
//!
//! A daily CSV, one row a credential, gzipped, named by date and row count. Columns are found by name.
//! Source: the vendor's documentation page "Passkey Export" of Corbado Connect, as of October 2025.

mod batches;

use keyferry_core::{
    Aaguid, AttestationFormat, AuthenticatorAttachment, CoseKey, CredentialId, DecodeError, Fault, FaultCode,
    Identifier, Item, Located, Location, RecordDraft, RowFaults, Rules, SignCount, Status, Timestamp,
    Transports, with_keys_searched,
};
use std::collections::{BTreeMap, HashSet};

use crate::{
    Cells, CsvRows, ExportFile, FileError, Note,
    cells::{Cell, decode_base64, glimpse},
    raw_rows::RawRows,
    splitter::has_line_end,
};
pub use batches::{Batch, Batches, Rows};
use batches::{Decoded, Row};

/// The columns of an export, in the order of the documentation, with the most bytes that a cell of it may have.
///
/// All of them are required: a column that is missing means that the format has changed, and an operator must know.
pub const COLUMNS: [(&str, Item, usize); 13] = [
    ("userId", Item::UserId, 1024),
    ("externalUserId", Item::ExternalUserId, 1024),
    ("credentialId", Item::CredentialId, 1400), // 1023 bytes are 1364 characters; a little more gets the better message
    ("publicKey", Item::PublicKey, 8192),
    ("authenticatorSignCount", Item::SignCount, 128),
    ("authenticatorAaguid", Item::Aaguid, 128),
    ("authenticatorAttachment", Item::AuthenticatorAttachment, 128),
    ("backupEligible", Item::BackupEligible, 128),
    ("backupState", Item::BackupState, 128),
    ("transports", Item::Transports, 256),
    ("attestationFormat", Item::AttestationFormat, 128),
    ("created", Item::CreatedAt, 128),
    ("status", Item::Status, 128),
];

/// Columns that keyferry itself adds to a file of rejected rows; read over when such a file is fed in again.
pub const REJECT_COLUMNS: [&str; 5] =
    ["keyferry_row", "keyferry_line", "keyferry_column", "keyferry_code", "keyferry_reason"];

/// Returns the export's name for an item, as messages and reports show it.
pub fn column(item: Item) -> &'static str {
    match item {
        // What the operator says stands in no column: name the cell or the flag that it is about.
        Item::Account => "externalUserId",
        Item::RpId => "rpId",
        Item::UserHandle => "userHandle",
        Item::Row => "",
        _ => COLUMNS.iter().find(|(_, known, _)| *known == item).map_or(item.name(), |(name, ..)| name),
    }
}

/// An export whose columns are known.
///
/// ```no_run
/// # use keyferry_core::{RpId, Rules};
/// use keyferry_sources::{ExportFile, Limits, corbado::Corbado};
///
/// let export = Corbado::open(ExportFile::open("2025-09-30-7476.csv.gz".as_ref(), Limits::default())?)?;
/// for row in export.rows(&Rules::new(RpId::parse("example.com")?))? {
///     match row {
///         Ok(located) => println!("{}: {}", located.location, located.value.public_key.algorithm()),
///         Err(fault) => println!("{fault}"),
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Corbado {
    file: ExportFile,
    header: Vec<String>,
    /// The position of each of [`COLUMNS`].
    positions: [usize; COLUMNS.len()],
}

impl Corbado {
    /// Reads the header and finds the columns.
    ///
    /// Early exports have `credentialId` twice: the vendor's own `cre-…` and the WebAuthn one. Where exactly one of the
    /// two columns holds `cre-…` in every row, the other one is taken.
    ///
    /// # Errors
    /// - the file cannot be read, a column is missing, or one stands twice.
    pub fn open(file: ExportFile) -> Result<Self, FileError> {
        match Self::columns(&file) {
            Ok((header, positions)) => Ok(Self { file, header, positions }),
            // Whatever is wrong with a file that is being written is not what is wrong.
            Err(_) if file.has_changed() => Err(FileError::Changed),
            Err(error) => Err(error),
        }
    }

    /// Returns the names of all columns, and the position of each of [`COLUMNS`].
    fn columns(file: &ExportFile) -> Result<(Vec<String>, [usize; COLUMNS.len()]), FileError> {
        let header = CsvRows::open(file)?.header().to_vec();
        let mut names = HashSet::new();
        let twice = header.iter().find(|name| !names.insert(name.as_str()) && *name != "credentialId");
        if let Some(name) = twice {
            return Err(FileError::DuplicateColumn(name.clone()));
        }
        let mut positions = [0; COLUMNS.len()];
        let mut missing = Vec::new();
        for (slot, (name, item, _)) in positions.iter_mut().zip(COLUMNS) {
            let found: Vec<_> =
                header.iter().enumerate().filter(|(_, column)| *column == name).map(|(at, _)| at).collect();
            *slot = match found[..] {
                [only] => only,
                [] => {
                    missing.push(name);
                    0
                }
                [one, other] if item == Item::CredentialId => webauthn_column(file, one, other)?,
                _ => return Err(FileError::DuplicateColumn(name.to_owned())),
            };
        }
        if missing.len() == COLUMNS.len() {
            return Err(FileError::NotAnExport);
        }
        if !missing.is_empty() {
            return Err(FileError::MissingColumns(missing));
        }
        Ok((header, positions))
    }

    /// Returns the file.
    pub fn file(&self) -> &ExportFile {
        &self.file
    }

    /// Returns the names of all columns as they stand in the file.
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// Returns the columns that are not read, but for those that keyferry adds to rejected rows.
    pub fn extra_columns(&self) -> Vec<&str> {
        let is_extra = |(at, name): &(usize, &String)| {
            !self.positions.contains(at) && !REJECT_COLUMNS.contains(&name.as_str())
        };
        self.header.iter().enumerate().filter(is_extra).map(|(_, name)| name.as_str()).collect()
    }

    /// Reads all rows from the beginning; the same each time.
    ///
    /// # Errors
    /// - the file cannot be read any more.
    pub fn rows(&self, rules: &Rules) -> Result<Rows, FileError> {
        Ok(Rows::of(self.batches(rules)?))
    }

    /// Reads the same rows, some at a time: cheaper where they are only looked at.
    ///
    /// # Errors
    /// - the file cannot be read any more.
    pub fn batches(&self, rules: &Rules) -> Result<Batches, FileError> {
        Ok(Batches::start(CsvRows::open(&self.file)?, self.positions, rules.clone()))
    }
}

/// Finds out which of two columns named `credentialId` is the WebAuthn one.
fn webauthn_column(file: &ExportFile, one: usize, other: usize) -> Result<usize, FileError> {
    let (mut all_one, mut all_other, mut any) = (true, true, false);
    let mut rows = CsvRows::open(file)?;
    while let Some((_, cells)) = rows.next_row()? {
        let is_vendors = |at| cells.get(at).is_some_and(|cell| cell.starts_with(b"cre-"));
        all_one &= is_vendors(one);
        all_other &= is_vendors(other);
        any = true;
    }
    match (any, all_one, all_other) {
        (true, true, false) => Ok(other),
        (true, false, true) => Ok(one),
        _ => Err(FileError::DuplicateColumn("credentialId".to_owned())),
    }
}

/// Turns cells into records.
#[derive(Clone)]
struct Decoder {
    columns: usize,
    positions: [usize; COLUMNS.len()],
    rules: Rules,
}

impl Decoder {
    fn batch(&self, raw: RawRows) -> Decoded {
        let column = self.public_key();
        let cells = raw.iter().filter_map(|(location, cells)| Some((location, cells.get(column)?)));
        let keys: Vec<RsaKey> = cells.filter_map(|(location, cell)| RsaKey::of(location, cell)).collect();
        with_keys_searched(&keys, || self.decode(raw, &keys))
    }

    /// Returns the position of the public key's column.
    fn public_key(&self) -> usize {
        let columns = COLUMNS.iter().zip(self.positions);
        columns
            .into_iter()
            .find(|((_, item, _), _)| *item == Item::PublicKey)
            .map_or(usize::MAX, |(_, at)| at)
    }

    fn decode(&self, raw: RawRows, keys: &[RsaKey]) -> Decoded {
        let mut rows = Vec::with_capacity(raw.len());
        let mut keys = keys.iter().peekable();
        let (mut notes, mut counted) = (Vec::new(), BTreeMap::new());
        let mut stops = false;
        for (location, cells) in raw.iter() {
            let key = keys.next_if(|key| key.location == location).map(|key| key.bytes.as_slice());
            let row = self.row(location, cells, key, &mut notes);
            for note in notes.drain(..) {
                *counted.entry(note).or_default() += 1;
            }
            stops = matches!(row, Err(DecodeError::Stop(_)));
            rows.push(row);
            if stops {
                break;
            }
        }
        let is_last = raw.is_last();
        if let Some(error) = raw.into_error().filter(|_| !stops) {
            rows.push(Err(DecodeError::Stop(Box::new(error))));
        }
        Decoded { rows, notes: counted, is_last }
    }

    /// Decodes a row; `key` is what its public key decodes to, where that is known.
    fn row(&self, location: Location, cells: Cells<'_>, key: Option<&[u8]>, notes: &mut Vec<Note>) -> Row {
        let stop = |error: FileError| Err(DecodeError::Stop(Box::new(error)));
        if cells.len() != self.columns {
            if cells.have_line_end() {
                return stop(FileError::RaggedLineBreak { line: location.line });
            }
            let message = format!("found {} of {} cells", cells.len(), self.columns);
            let faults = vec![Fault::new(Item::Row, FaultCode::ColumnCount, message)];
            return Err(DecodeError::Row(RowFaults { location, faults, ..RowFaults::default() }));
        }
        let (draft, faults) = match decode(location, cells, &self.positions, key, notes) {
            Ok(decoded) => decoded,
            Err(error) => return stop(error),
        };
        match draft.into_record_at(location, &self.rules, faults) {
            Ok(value) => Ok(Located { location, value }),
            Err(row) => Err(DecodeError::Row(row)),
        }
    }
}

/// A cell that looks like an RSA key in canonical CBOR, and what it decodes to.
struct RsaKey {
    location: Location,
    bytes: Vec<u8>,
}

impl RsaKey {
    /// Decodes a cell that begins with `a4 01 03 03`, a map of four with key type 3 and then `alg`.
    ///
    /// Whatever it misses or takes for one is checked all the same when its row is decoded.
    fn of(location: Location, cell: &[u8]) -> Option<Self> {
        let bytes = cell.starts_with(b"pAEDA").then(|| decode_base64(cell).ok()).flatten()?;
        Some(Self { location, bytes })
    }
}

impl AsRef<[u8]> for RsaKey {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Decodes the cells of one row; only a line break where none can be stops the file.
fn decode(
    location: Location,
    cells: Cells<'_>,
    positions: &[usize; COLUMNS.len()],
    key: Option<&[u8]>,
    notes: &mut Vec<Note>,
) -> Result<(RecordDraft, Vec<Fault>), FileError> {
    let mut draft = RecordDraft::default();
    let mut faults = Vec::new();
    // One look at the row instead of one at each cell; where it finds something, each cell is looked at.
    let text = cells.text();
    let have_line_end = cells.have_line_end();
    for ((name, item, limit), at) in COLUMNS.iter().zip(positions) {
        let bytes = cells.get(*at).unwrap_or_default();
        let is_identifier = matches!(item, Item::UserId | Item::ExternalUserId);
        if have_line_end && !is_identifier && has_line_end(bytes) {
            return Err(FileError::LineBreak { line: location.line, column: name });
        }
        let text = text.and_then(|text| text.get(*at));
        let decoded = key.filter(|_| *item == Item::PublicKey);
        let cell = Cell { item: *item, bytes, text, decoded, faults: &mut faults };
        decode_cell(*item, *limit, cell, &mut draft, notes);
    }
    Ok((draft, faults))
}

fn decode_cell(item: Item, limit: usize, mut cell: Cell<'_>, draft: &mut RecordDraft, notes: &mut Vec<Note>) {
    match item {
        Item::UserId => draft.user_id = identifier(&mut cell, limit),
        Item::ExternalUserId => draft.external_user_id = identifier(&mut cell, limit),
        Item::CredentialId => {
            let Some(bytes) = cell.base64(limit, notes) else { return };
            let is_short = bytes.len() < 16;
            draft.credential_id = keep(&mut cell, CredentialId::new(bytes));
            if is_short && draft.credential_id.is_some() {
                notes.push(Note::ShortCredentialId);
            }
        }
        Item::PublicKey => {
            let Some(bytes) = cell.base64(limit, notes) else { return };
            draft.public_key = keep(&mut cell, CoseKey::from_bytes(bytes));
            let exponent = draft.public_key.as_ref().and_then(CoseKey::rsa_exponent);
            if exponent.is_some_and(|e| e.len() < 3) {
                notes.push(Note::SmallRsaExponent);
            }
        }
        Item::SignCount => {
            let Some(text) = cell.text(limit).filter(|text| !text.is_empty()) else { return };
            draft.sign_count = SignCount::parse(text);
            if draft.sign_count.is_none() {
                let message =
                    format!("found `{}`, expected a whole number from 0 to 4294967295", glimpse(text));
                cell.fault(FaultCode::SignCountInvalid, message);
            }
        }
        Item::Aaguid => {
            let Some(text) = cell.optional(limit) else { return };
            draft.aaguid = Aaguid::parse(text);
            if draft.aaguid.is_none() {
                cell.fault(FaultCode::AaguidInvalid, format!("found `{}`, expected a UUID", glimpse(text)));
            }
        }
        Item::AuthenticatorAttachment => {
            draft.authenticator_attachment = cell.optional(limit).map(AuthenticatorAttachment::parse);
            if let Some(AuthenticatorAttachment::Other(_)) = draft.authenticator_attachment {
                notes.push(Note::UnknownAttachment);
            }
        }
        Item::BackupEligible => {
            let faults = cell.faults.len();
            draft.backup_eligible = cell.boolean();
            if draft.backup_eligible.is_none() && cell.faults.len() == faults {
                notes.push(Note::BackupUnknown);
            }
        }
        Item::BackupState => draft.backup_state = cell.boolean(),
        Item::Transports => {
            let Some(text) = cell.optional(limit) else { return };
            let values = text.split(';').map(str::trim).filter(|value| !value.is_empty());
            let transports = Transports::new(values);
            if !transports.are_known() {
                notes.push(Note::UnknownTransport);
            }
            draft.transports = Some(transports).filter(|transports| !transports.is_empty());
        }
        Item::AttestationFormat => {
            draft.attestation_format = cell.optional(limit).map(AttestationFormat::new)
        }
        Item::CreatedAt => {
            let Some(text) = cell.optional(limit) else { return };
            match Timestamp::parse(text) {
                Some((time, zoned)) => {
                    draft.created_at = Some(time);
                    if !zoned {
                        notes.push(Note::TimeWithoutZone);
                    }
                }
                None => cell.fault(
                    FaultCode::TimestampInvalid,
                    format!("found `{}`, expected a time such as 2024-01-15T10:30:00Z", glimpse(text)),
                ),
            }
        }
        Item::Status => {
            draft.status = cell.text(limit).filter(|text| !text.is_empty()).map(Status::parse);
            if let Some(Status::Other(_)) = draft.status {
                notes.push(Note::UnknownStatus);
            }
        }
        _ => {}
    }
}

/// Reads a user's name; empty or `null` is not a fault by itself, since one of the two columns may be.
fn identifier(cell: &mut Cell<'_>, limit: usize) -> Option<Identifier> {
    let text = cell.optional(limit)?;
    let item = cell.item;
    keep(cell, Identifier::new(item, text))
}

/// Keeps a value, or its fault under the cell's own item.
fn keep<T>(cell: &mut Cell<'_>, value: Result<T, Fault>) -> Option<T> {
    match value {
        Ok(value) => Some(value),
        Err(fault) => {
            cell.fault(fault.code, fault.message);
            None
        }
    }
}
