//! Rows that were decoded once, kept in few bytes to be read again.
//!
//! A file is read whole before anything is written, and its keys are checked then. What the second pass needs is what
//! the first one found, so it is kept: a quarter of the time of decoding it again, and the two passes cannot differ.
//! The form is nobody's interface; it lives as long as the run.

use std::io;

use crate::{
    Aaguid, AttestationFormat, AuthenticatorAttachment, Backup, CoseKey, CredentialId, CredentialRecord,
    Identifier, Located, Location, RpId, SignCount, Status, SumNumber, Timestamp, Transports, UserHandle,
};

/// Adds a record to what is kept, in a form that [`SpoolReader`] reads.
///
/// Entries stand for themselves: they may be read in another order than they were written. What is not in them is the RP
/// ID, the same for a whole file.
///
/// ```
/// use keyferry_core::{RpId, SpoolReader, SumNumber, keep_in_spool};
/// let mut kept = Vec::new();
/// // keep_in_spool(&located, SumNumber::NONE, &mut kept); for each record
/// # let (_, _) = (keep_in_spool, SumNumber::NONE);
/// let mut rows = SpoolReader::new(&kept, RpId::parse("example.com")?);
/// assert!(rows.next().is_none());
/// # kept.clear();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Security considerations
/// Keys are not checked again when they are read, so nobody else may be able to write to what lies between: memory, or
/// a file without a name.
pub fn keep_in_spool(located: &Located<CredentialRecord>, sum: SumNumber, kept: &mut Vec<u8>) {
    let start = kept.len();
    kept.extend_from_slice(&[0; 4]);
    kept.extend_from_slice(&sum.to_bytes());
    number(kept, located.location.row);
    number(kept, located.location.line);
    record(kept, &located.value);
    let length = u32::try_from(kept.len() - start - 4).unwrap_or(u32::MAX); // safe: items have limits of a few KiB
    if let Some(place) = kept.get_mut(start..start + 4) {
        place.copy_from_slice(&length.to_le_bytes());
    }
}

fn record(out: &mut Vec<u8>, record: &CredentialRecord) {
    bytes(out, record.credential_id.as_bytes());
    bytes(out, record.public_key.as_bytes());
    record.public_key.write_places(out);
    out.extend_from_slice(&record.sign_count.0.to_le_bytes());
    out.push(match record.backup {
        None => 0,
        Some(Backup::SingleDevice) => 1,
        Some(Backup::Eligible) => 2,
        Some(Backup::BackedUp) => 3,
    });
    out.push(record.uv_initialized.map_or(0, |uv| 1 + u8::from(uv)));
    if let Some(transports) = kept(out, &record.transports) {
        number(out, length(transports.iter().count()));
        transports.iter().for_each(|transport| bytes(out, transport.as_bytes()));
    }
    if let Some(aaguid) = kept(out, &record.aaguid) {
        out.extend_from_slice(&aaguid.0);
    }
    if let Some(attachment) = kept(out, &record.authenticator_attachment) {
        bytes(out, attachment.as_str().as_bytes());
    }
    if let Some(format) = kept(out, &record.attestation_format) {
        bytes(out, format.as_str().as_bytes());
    }
    if let Some(created_at) = kept(out, &record.created_at) {
        out.extend_from_slice(&created_at.microseconds().to_le_bytes());
    }
    bytes(out, record.status.as_str().as_bytes());
    if let Some(user_id) = kept(out, &record.user_id) {
        bytes(out, user_id.as_str().as_bytes());
    }
    if let Some(external_user_id) = kept(out, &record.external_user_id) {
        bytes(out, external_user_id.as_str().as_bytes());
    }
    if let Some(handle) = kept(out, &record.user_handle) {
        bytes(out, handle.as_bytes());
    }
    if record.external_user_id.as_ref() == Some(&record.account) {
        out.push(EXTERNAL);
    } else if record.user_id.as_ref() == Some(&record.account) {
        out.push(USER);
    } else {
        out.push(OWN);
        bytes(out, record.account.as_str().as_bytes());
    }
}

/// Which identifier names the account.
const EXTERNAL: u8 = 0;
const USER: u8 = 1;
const OWN: u8 = 2;

/// Writes whether there is a value, and returns it.
fn kept<'a, T>(out: &mut Vec<u8>, value: &'a Option<T>) -> Option<&'a T> {
    out.push(u8::from(value.is_some()));
    value.as_ref()
}

fn bytes(out: &mut Vec<u8>, value: &[u8]) {
    number(out, length(value.len()));
    out.extend_from_slice(value);
}

fn length(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX) // safe: no platform has more than 64 bits
}

/// Writes seven bits a byte, the lowest first; the highest bit says that more follow.
fn number(out: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        out.push(low_byte(value) | 0x80);
        value >>= 7;
    }
    out.push(low_byte(value));
}

fn low_byte(value: u64) -> u8 {
    value.to_le_bytes()[0] & 0x7f
}

/// Reads the records that were kept, one entry after the other.
pub struct SpoolReader<'a> {
    rest: Rest<'a>,
    rp_id: RpId,
    wanted: &'a dyn Fn(SumNumber) -> bool,
    given: usize,
}

impl<'a> SpoolReader<'a> {
    /// Begins at the first entry; `rp_id` is that of all of them.
    pub fn new(kept: &'a [u8], rp_id: RpId) -> Self {
        Self { rest: Rest(kept), rp_id, wanted: &|_| true, given: 0 }
    }

    /// Passes over the entries that are not wanted by their number.
    #[must_use]
    pub fn only(self, wanted: &'a dyn Fn(SumNumber) -> bool) -> Self {
        Self { wanted, ..self }
    }

    /// Returns how many bytes the entries take that it has given.
    pub fn given(&self) -> usize {
        self.given
    }

    /// Goes to the next entry that is wanted; returns `None` where an entry is damaged, and nothing inside at the end.
    fn find(&mut self) -> Option<Option<Rest<'a>>> {
        while !self.rest.0.is_empty() {
            let length = u32::from_le_bytes(self.rest.array()?);
            let mut entry = Rest(self.rest.take(usize::try_from(length).ok()?)?);
            if (self.wanted)(SumNumber::from_bytes(entry.array()?)) {
                self.given += entry.0.len();
                return Some(Some(entry));
            }
        }
        Some(None)
    }

    fn read(&self, mut entry: Rest<'a>) -> Option<Located<CredentialRecord>> {
        let location = Location { row: entry.number()?, line: entry.number()? };
        let value = entry.record(&self.rp_id)?;
        entry.0.is_empty().then_some(Located { location, value })
    }
}

impl Iterator for SpoolReader<'_> {
    type Item = io::Result<Located<CredentialRecord>>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = match self.find() {
            Some(None) => return None,
            Some(Some(entry)) => self.read(entry),
            None => None,
        };
        if row.is_none() {
            self.rest = Rest(&[]); // nobody knows where the next entry begins
        }
        Some(row.ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                "a row that was kept between the two passes is not as it was written; run it again",
            )
        }))
    }
}

/// What is left of an entry.
pub(crate) struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn number(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.number()?;
        self.take(usize::try_from(length).ok()?)
    }

    fn text(&mut self) -> Option<&'a str> {
        str::from_utf8(self.bytes()?).ok()
    }

    /// Reads an optional value: `None` inside where it was absent, outside where the entry is damaged.
    fn optional<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        match self.byte()? {
            0 => Some(None),
            1 => read(self).map(Some),
            _ => None,
        }
    }

    fn identifier(&mut self) -> Option<Identifier> {
        self.text().map(Identifier::as_checked_before)
    }

    fn record(&mut self, rp_id: &RpId) -> Option<CredentialRecord> {
        let credential_id = CredentialId::new(self.bytes()?).ok()?;
        let key = self.bytes()?;
        let public_key = CoseKey::as_checked_before(key, self)?;
        let sign_count = SignCount(u32::from_le_bytes(self.array()?));
        let backup = match self.byte()? {
            0 => None,
            1 => Some(Backup::SingleDevice),
            2 => Some(Backup::Eligible),
            3 => Some(Backup::BackedUp),
            _ => return None,
        };
        let uv_initialized = match self.byte()? {
            0 => None,
            1 => Some(false),
            2 => Some(true),
            _ => return None,
        };
        let transports = self.optional(|rest| {
            let count = rest.number()?;
            (0..count).map(|_| rest.text()).collect::<Option<Vec<_>>>().map(Transports::new)
        })?;
        let aaguid = self.optional(|rest| rest.array().map(Aaguid))?;
        let authenticator_attachment =
            self.optional(|rest| rest.text().map(AuthenticatorAttachment::parse))?;
        let attestation_format = self.optional(|rest| rest.text().map(AttestationFormat::new))?;
        let created_at = self
            .optional(|rest| rest.array().map(i64::from_le_bytes).and_then(Timestamp::from_microseconds))?;
        let status = Status::parse(self.text()?);
        let user_id = self.optional(Self::identifier)?;
        let external_user_id = self.optional(Self::identifier)?;
        let user_handle = self.optional(|rest| UserHandle::new(rest.bytes()?).ok())?;
        let account = match self.byte()? {
            EXTERNAL => external_user_id.clone()?,
            USER => user_id.clone()?,
            OWN => self.identifier()?,
            _ => return None,
        };
        Some(CredentialRecord {
            credential_id,
            public_key,
            sign_count,
            transports,
            uv_initialized,
            backup,
            aaguid,
            authenticator_attachment,
            attestation_format,
            created_at,
            status,
            user_id,
            external_user_id,
            user_handle,
            rp_id: rp_id.clone(),
            account,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::items::tests_support::record;

    fn rows() -> Vec<Located<CredentialRecord>> {
        let whole = record(1);
        let bare = CredentialRecord {
            transports: None,
            uv_initialized: None,
            backup: None,
            aaguid: None,
            authenticator_attachment: None,
            attestation_format: None,
            created_at: None,
            user_id: None,
            external_user_id: None,
            user_handle: None,
            ..record(2)
        };
        let odd = CredentialRecord {
            transports: Some(Transports::new(["teleport", "usb"])),
            uv_initialized: Some(true),
            backup: Some(Backup::SingleDevice),
            sign_count: SignCount(u32::MAX),
            authenticator_attachment: Some(AuthenticatorAttachment::parse("glued")),
            attestation_format: Some(AttestationFormat::new("neu")),
            created_at: Timestamp::from_microseconds(-1),
            status: Status::parse("fr\u{f6}zen"),
            user_handle: UserHandle::new([0xff; 64]).ok(),
            account: record(4).user_id.unwrap(),
            credential_id: CredentialId::new([7; 1023]).unwrap(),
            ..record(3)
        };
        let empty = CredentialRecord { transports: Some(Transports::new([])), ..record(5) };
        let mut by_user = record(6);
        by_user.account = by_user.user_id.clone().unwrap();
        let places =
            [(1, 2), (2, 3), (1_000_000, 70_000_000_000), (1_000_001, 70_000_000_005), (1_000_002, u64::MAX)];
        [whole, bare, odd, empty, by_user]
            .into_iter()
            .zip(places)
            .map(|(value, (row, line))| Located { location: Location { row, line }, value })
            .collect()
    }

    fn write(rows: &[Located<CredentialRecord>]) -> Vec<u8> {
        let mut kept = Vec::new();
        rows.iter().for_each(|row| keep_in_spool(row, SumNumber::NONE, &mut kept));
        kept
    }

    #[test]
    fn every_record_comes_back_as_it_was() {
        let rows = rows();
        let kept = write(&rows);
        let read: Vec<_> = SpoolReader::new(&kept, rows[0].value.rp_id.clone()).map(Result::unwrap).collect();
        assert_eq!(read, rows);
        for (read, row) in read.iter().zip(&rows) {
            assert_eq!(read.value.public_key.parameters(), row.value.public_key.parameters());
            assert_eq!(read.value.public_key.algorithm(), row.value.public_key.algorithm());
        }
    }

    #[test]
    fn what_was_cut_or_changed_never_panics_and_a_cut_is_an_error() {
        let rows = rows();
        let kept = write(&rows);
        let rp_id = || rows[0].value.rp_id.clone();
        let whole: Vec<usize> = (0..=rows.len()).map(|count| write(&rows[..count]).len()).collect();
        for length in 0..kept.len() {
            let ends_with_an_error = SpoolReader::new(&kept[..length], rp_id()).any(|row| row.is_err());
            assert_eq!(ends_with_an_error, !whole.contains(&length), "{length}");
        }
        for at in 0..kept.len() {
            let mut changed = kept.clone();
            changed[at] ^= 0x55;
            for row in SpoolReader::new(&changed, rp_id()).take(10) {
                if row.is_err() {
                    break;
                }
            }
        }
    }
}
