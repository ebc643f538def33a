//! Credential records to the values of a row and back; pure.

use std::borrow::Cow;

use keyferry_core::{
    Aaguid, AttestationFormat, AuthenticatorAttachment, Backup, CoseKey, CredentialId, CredentialRecord,
    Identifier, Item, Profile, RpId, SignCount, Status, StoredRecord, Timestamp, Transports, UserHandle,
};

/// What is true of a table of credential records in SQLite.
pub const PROFILE: Profile = Profile {
    name: "sqlite",
    library: "whichever your application takes; a row holds the whole COSE key",
    keeps_status: true,
    represent: |record| {
        Ok(StoredRecord { created_at: record.created_at.filter(fits_column), ..StoredRecord::from(record) })
    },
    verifies: |_| Ok(()),
};

/// The values of a row, in the order of its columns.
pub(crate) struct Row<'a> {
    pub(crate) credential_id: &'a [u8],
    pub(crate) public_key: &'a [u8],
    pub(crate) cose_algorithm: i64,
    pub(crate) sign_count: i64,
    pub(crate) transports: Option<Cow<'a, str>>,
    pub(crate) uv_initialized: Option<bool>,
    pub(crate) backup_eligible: Option<bool>,
    pub(crate) backup_state: Option<bool>,
    pub(crate) aaguid: Option<&'a [u8]>,
    pub(crate) authenticator_attachment: Option<&'a str>,
    pub(crate) attestation_format: Option<&'a str>,
    pub(crate) created_at: Option<Cow<'a, str>>,
    pub(crate) status: &'a str,
    pub(crate) user_id: Option<&'a str>,
    pub(crate) external_user_id: Option<&'a str>,
    pub(crate) user_handle: Option<&'a [u8]>,
    pub(crate) rp_id: &'a str,
    pub(crate) account: &'a str,
}

impl<'a> From<&'a CredentialRecord> for Row<'a> {
    fn from(record: &'a CredentialRecord) -> Self {
        Self {
            credential_id: record.credential_id.as_bytes(),
            public_key: record.public_key.as_bytes(),
            cose_algorithm: record.public_key.algorithm().number(),
            sign_count: i64::from(record.sign_count.0),
            transports: record.transports.as_ref().map(|list| Cow::Owned(transports_to_text(list))),
            uv_initialized: record.uv_initialized,
            backup_eligible: record.backup.map(Backup::eligible),
            backup_state: record.backup.map(Backup::state),
            aaguid: record.aaguid.as_ref().map(|aaguid| &aaguid.0[..]),
            authenticator_attachment: record.authenticator_attachment.as_ref().map(|value| value.as_str()),
            attestation_format: record.attestation_format.as_ref().map(|value| value.as_str()),
            created_at: record.created_at.filter(fits_column).map(|time| Cow::Owned(time_to_text(time))),
            status: record.status.as_str(),
            user_id: record.user_id.as_ref().map(Identifier::as_str),
            external_user_id: record.external_user_id.as_ref().map(Identifier::as_str),
            user_handle: record.user_handle.as_ref().map(UserHandle::as_bytes),
            rp_id: record.rp_id.as_str(),
            account: record.account.as_str(),
        }
    }
}

impl Row<'_> {
    /// Reads the row as a credential.
    ///
    /// # Errors
    /// - a value that no credential record can have; the message holds no value.
    pub(crate) fn to_stored(&self) -> Result<StoredRecord, Unreadable> {
        let identifier = |item: Item, text: &str| {
            Identifier::new(item, text).map_err(|fault| Unreadable::new(item.name(), fault.message))
        };
        Ok(StoredRecord {
            credential_id: CredentialId::new(self.credential_id)
                .map_err(|fault| Unreadable::new("credential_id", fault.message))?,
            public_key: CoseKey::from_bytes(self.public_key)
                .map_err(|fault| Unreadable::new("public_key", fault.message))?,
            sign_count: u32::try_from(self.sign_count)
                .map(SignCount)
                .map_err(|_| Unreadable::new("sign_count", "not between 0 and 4294967295"))?,
            transports: self.transports.as_deref().map(transports_from_text).transpose()?,
            uv_initialized: self.uv_initialized,
            backup: backup(self.backup_eligible, self.backup_state)?,
            aaguid: self
                .aaguid
                .map(|bytes| bytes.try_into().map(Aaguid))
                .transpose()
                .map_err(|_| Unreadable::new("aaguid", "not 16 bytes"))?,
            authenticator_attachment: self.authenticator_attachment.map(AuthenticatorAttachment::parse),
            attestation_format: self.attestation_format.map(AttestationFormat::new),
            created_at: self.created_at.as_deref().map(time_from_text).transpose()?,
            status: Some(Status::parse(self.status)),
            user_id: self.user_id.map(|text| identifier(Item::UserId, text)).transpose()?,
            external_user_id: self
                .external_user_id
                .map(|text| identifier(Item::ExternalUserId, text))
                .transpose()?,
            user_handle: self
                .user_handle
                .map(UserHandle::new)
                .transpose()
                .map_err(|fault| Unreadable::new("user_handle", fault.message))?,
            rp_id: Some(
                RpId::parse(self.rp_id).map_err(|error| Unreadable::new("rp_id", error.to_string()))?,
            ),
            account: Some(identifier(Item::Account, self.account)?),
        })
    }
}

/// Says which column of a row holds something that no credential record can have.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {why}")]
pub(crate) struct Unreadable {
    column: &'static str,
    why: String,
}

impl Unreadable {
    pub(crate) fn new(column: &'static str, why: impl Into<String>) -> Self {
        Self { column, why: why.into() }
    }
}

/// Writes a JSON array, which keeps the order and any text.
pub(crate) fn transports_to_text(transports: &Transports) -> String {
    serde_json::Value::from_iter(transports.iter()).to_string()
}

fn transports_from_text(text: &str) -> Result<Transports, Unreadable> {
    let values: Vec<Cow<'_, str>> = serde_json::from_str(text)
        .map_err(|_| Unreadable::new("transports", "not a JSON array of strings"))?;
    Ok(Transports::new(values.iter().map(|value| &**value)))
}

fn backup(eligible: Option<bool>, state: Option<bool>) -> Result<Option<Backup>, Unreadable> {
    match (eligible, state) {
        (None, None) => Ok(None),
        (Some(eligible), Some(state)) => Backup::from_flags(eligible, state)
            .map(Some)
            .ok_or_else(|| Unreadable::new("backup_state", "backed up, but not backup eligible")),
        _ => Err(Unreadable::new("backup_state", "only one of backup_eligible and backup_state is known")),
    }
}

/// Tells whether a time has a year of four digits, without which text order would not be time order.
///
/// Only a time zone at the very edge can bring a row of an export outside.
fn fits_column(time: &Timestamp) -> bool {
    time.to_string().as_bytes().get(10) == Some(&b'T')
}

/// Writes ISO 8601 in UTC with always six digits.
fn time_to_text(time: Timestamp) -> String {
    let fraction = time.microseconds().rem_euclid(1_000_000);
    let whole = Timestamp::from_microseconds(time.microseconds() - fraction).unwrap_or(time);
    format!("{}.{fraction:06}Z", whole.to_string().trim_end_matches('Z'))
}

fn time_from_text(text: &str) -> Result<Timestamp, Unreadable> {
    Timestamp::parse(text)
        .map(|(time, _)| time)
        .ok_or_else(|| Unreadable::new("created_at", "not a time such as 2024-01-15T10:30:00.000000Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap().0
    }

    #[test]
    fn times_have_six_digits_and_sort_as_text() {
        let texts = [
            "0000-01-01T00:00:00.000000Z",
            "1969-12-31T23:59:59.999999Z",
            "1970-01-01T00:00:00.000000Z",
            "2024-01-15T10:30:00.000000Z",
            "2024-01-15T10:30:00.000001Z",
            "2024-01-15T10:30:00.500000Z",
            "9999-12-30T21:59:59.999999Z",
        ];
        for text in texts {
            assert!(fits_column(&time(text)), "{text}");
            assert_eq!(time_to_text(time(text)), text);
            assert_eq!(time_from_text(text), Ok(time(text)));
        }
        assert!(texts.is_sorted());
        assert!(!fits_column(&time("0000-01-01T00:30:00+02:00")));
    }

    #[test]
    fn transports_keep_order_and_any_text() {
        for values in [vec![], vec!["usb"], vec!["z", "a\"b\\", "", "\u{0}", "José", "hybrid"]] {
            let list = Transports::new(values);
            assert_eq!(transports_from_text(&transports_to_text(&list)), Ok(list));
        }
        assert_eq!(transports_to_text(&Transports::new(["usb", "x\"y"])), r#"["usb","x\"y"]"#);
        for text in ["", "usb", "{}", "[1]", "['usb']", "[\"usb\"] x"] {
            assert!(transports_from_text(text).is_err(), "{text}");
        }
    }

    #[test]
    fn backup_in_all_nine_states() {
        let all = [None, Some(false), Some(true)];
        let legal: Vec<_> = all
            .iter()
            .flat_map(|eligible| all.iter().map(|state| backup(*eligible, *state)))
            .filter_map(Result::ok)
            .collect();
        let expected = [None, Some(Backup::SingleDevice), Some(Backup::Eligible), Some(Backup::BackedUp)];
        assert_eq!(legal, expected);
    }

    #[test]
    fn a_message_names_the_column_and_no_value() {
        let row = Row {
            credential_id: b"secret",
            public_key: b"secret",
            cose_algorithm: -7,
            sign_count: 0,
            transports: None,
            uv_initialized: None,
            backup_eligible: None,
            backup_state: None,
            aaguid: None,
            authenticator_attachment: None,
            attestation_format: None,
            created_at: None,
            status: "active",
            user_id: None,
            external_user_id: None,
            user_handle: None,
            rp_id: "example.com",
            account: "secret",
        };
        let message = row.to_stored().unwrap_err().to_string();
        assert!(message.starts_with("column public_key: "), "{message}");
        assert!(!message.contains("secret"), "{message}");
    }
}
