//! The values of a row to the items of a credential; pure.

use std::borrow::Cow;

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use keyferry_core::{
    Aaguid, AttestationFormat, AuthenticatorAttachment, Backup, CoseKey, CredentialId, Identifier, Item,
    RpId, SignCount, Status, StoredRecord, Timestamp, Transports, UserHandle,
};
use serde_json::Value as Json;

use crate::{
    Value,
    map::{Constant, Content, Encoding, Field},
};

/// Either padding, but no other letter and no bit beyond the last byte: two texts never stand for one ID.
const CONFIG: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, CONFIG);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, CONFIG);

/// Says which column of a row holds something that no credential record can have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {why}")]
pub(crate) struct Unreadable {
    pub(crate) column: String,
    pub(crate) why: String,
}

impl Unreadable {
    pub(crate) fn new(column: &str, why: impl Into<String>) -> Self {
        Self { column: column.to_owned(), why: why.into() }
    }
}

/// The items of a row as far as they were read.
#[derive(Default)]
pub(crate) struct Draft<'k> {
    /// A key that was checked: the same bytes are the same key, and need no second look.
    pub(crate) known_key: Option<&'k CoseKey>,
    credential_id: Option<CredentialId>,
    public_key: Option<CoseKey>,
    sign_count: Option<SignCount>,
    pub(crate) transports: Option<Transports>,
    uv_initialized: Option<bool>,
    backup_eligible: Option<bool>,
    backup_state: Option<bool>,
    aaguid: Option<Aaguid>,
    authenticator_attachment: Option<AuthenticatorAttachment>,
    attestation_format: Option<AttestationFormat>,
    pub(crate) created_at: Option<Timestamp>,
    status: Option<Status>,
    user_id: Option<Identifier>,
    external_user_id: Option<Identifier>,
    user_handle: Option<UserHandle>,
    rp_id: Option<RpId>,
    account: Option<Identifier>,
}

impl Draft<'_> {
    /// Reads what stands in a column.
    ///
    /// # Errors
    /// - a value that no credential record can have; the message holds no value.
    pub(crate) fn read(
        &mut self,
        column: &str,
        content: &Content,
        value: &Value<'_>,
    ) -> Result<(), Unreadable> {
        match content {
            Content::Item(field) => self.field(field, value).map_err(|why| Unreadable::new(column, why)),
            Content::Document(members) => {
                let Value::Text(text) = value else { return Err(Unreadable::new(column, "no JSON object")) };
                let json: Json =
                    serde_json::from_str(text).map_err(|_| Unreadable::new(column, "not a JSON object"))?;
                for member in members {
                    let Content::Item(field) = &member.content else { continue };
                    let found = json.get(&member.name).unwrap_or(&Json::Null);
                    let name = || format!("{column}.{}", member.name);
                    let value = of_json(found).map_err(|why| Unreadable::new(&name(), why))?;
                    self.field(field, &value).map_err(|why| Unreadable::new(&name(), why))?;
                }
                Ok(())
            }
            Content::Copy(_) | Content::Constant(_) | Content::Derived(_) | Content::AccountId => Ok(()),
        }
    }

    /// Notes the name of the account that the credential is bound to.
    pub(crate) fn bind(&mut self, account: Identifier) {
        self.account = Some(account);
    }

    fn field(&mut self, field: &Field, value: &Value<'_>) -> Result<(), String> {
        if matches!(value, Value::Null(_)) || is_otherwise(field, value) {
            return Ok(());
        }
        let encoding = &field.encoding;
        let identifier = |value: &Value<'_>| {
            Identifier::new(field.item, text(value)?).map(Some).map_err(|fault| fault.message)
        };
        match field.item {
            Item::CredentialId => {
                let id = CredentialId::new(bytes(value, encoding)?.into_owned());
                self.credential_id = Some(id.map_err(|fault| fault.message)?);
            }
            Item::PublicKey => {
                let bytes = bytes(value, encoding)?;
                self.public_key = Some(match self.known_key.filter(|key| key.as_bytes() == &*bytes) {
                    Some(key) => key.clone(),
                    None => CoseKey::from_bytes(bytes.into_owned()).map_err(|fault| fault.message)?,
                });
            }
            Item::SignCount => self.sign_count = Some(count(value)?),
            Item::Transports => self.transports = Some(transports(value, encoding)?),
            Item::UvInitialized => self.uv_initialized = Some(flag(value, encoding)?),
            Item::BackupEligible => self.backup_eligible = Some(flag(value, encoding)?),
            Item::BackupState => self.backup_state = Some(flag(value, encoding)?),
            Item::Aaguid => self.aaguid = Some(aaguid(value, encoding)?),
            Item::AuthenticatorAttachment => {
                self.authenticator_attachment = Some(AuthenticatorAttachment::parse(text(value)?));
            }
            Item::AttestationFormat => self.attestation_format = Some(AttestationFormat::new(text(value)?)),
            Item::CreatedAt => self.created_at = Some(time(value, encoding)?),
            Item::Status if *encoding == Encoding::Text => self.status = Some(Status::parse(text(value)?)),
            // What is switched off there can come back only by the application's own act, as a suspended one can.
            Item::Status => {
                self.status = Some(if flag(value, encoding)? { Status::Active } else { Status::Suspended });
            }
            Item::UserId => self.user_id = identifier(value)?,
            Item::ExternalUserId => self.external_user_id = identifier(value)?,
            Item::Account => self.account = identifier(value)?,
            Item::UserHandle => {
                let handle = UserHandle::new(bytes(value, encoding)?.into_owned());
                self.user_handle = Some(handle.map_err(|fault| fault.message)?);
            }
            Item::RpId => self.rp_id = Some(RpId::parse(text(value)?).map_err(|error| error.to_string())?),
            _ => {}
        }
        Ok(())
    }

    /// Makes the record.
    ///
    /// # Errors
    /// - no credential ID, key or sign count, or backup flags that contradict each other.
    pub(crate) fn finish(self) -> Result<StoredRecord, Unreadable> {
        let missing = |item: Item| Unreadable::new(item.name(), "nothing stands there");
        let backup = match (self.backup_eligible, self.backup_state) {
            (None, None) => None,
            (Some(eligible), Some(state)) => Some(
                Backup::from_flags(eligible, state)
                    .ok_or_else(|| Unreadable::new("backup_state", "backed up, but not backup eligible"))?,
            ),
            _ => {
                let why = "only one of backup_eligible and backup_state is known";
                return Err(Unreadable::new("backup_state", why));
            }
        };
        Ok(StoredRecord {
            credential_id: self.credential_id.ok_or_else(|| missing(Item::CredentialId))?,
            public_key: self.public_key.ok_or_else(|| missing(Item::PublicKey))?,
            sign_count: self.sign_count.ok_or_else(|| missing(Item::SignCount))?,
            transports: self.transports,
            uv_initialized: self.uv_initialized,
            backup,
            aaguid: self.aaguid,
            authenticator_attachment: self.authenticator_attachment,
            attestation_format: self.attestation_format,
            created_at: self.created_at,
            status: self.status,
            user_id: self.user_id,
            external_user_id: self.external_user_id,
            user_handle: self.user_handle,
            rp_id: self.rp_id,
            account: self.account,
        })
    }
}

/// Tells whether this is what stands where the item is not known.
fn is_otherwise(field: &Field, value: &Value<'_>) -> bool {
    match (&field.otherwise, value) {
        (Some(Constant::Text(text)), Value::Text(value)) => text == value,
        (Some(Constant::Json(json)), Value::Text(value)) => {
            serde_json::from_str::<Json>(value).is_ok_and(|value| value == *json)
        }
        (Some(Constant::Integer(number)), Value::Integer(value)) => number == value,
        // An unknown flag that had to be written as one or the other is that one from now on.
        _ => false,
    }
}

fn text<'a>(value: &'a Value<'_>) -> Result<&'a str, String> {
    match value {
        Value::Text(text) => Ok(text),
        _ => Err("not a text".to_owned()),
    }
}

fn bytes<'a>(value: &'a Value<'_>, encoding: &Encoding) -> Result<Cow<'a, [u8]>, String> {
    match (encoding, value) {
        (Encoding::Base64Url, Value::Text(text)) => decoded(&URL_SAFE, text, "base64url"),
        (Encoding::Base64, Value::Text(text)) => decoded(&STANDARD, text, "base64"),
        (Encoding::Hex | Encoding::HexUpper, Value::Text(text)) => {
            let is_upper = *encoding == Encoding::HexUpper;
            from_hex(text, is_upper).map(Cow::Owned).ok_or_else(|| "not hexadecimal digits".to_owned())
        }
        (Encoding::Bytes | Encoding::Uuid, Value::Binary(bytes)) => Ok(Cow::Borrowed(bytes)),
        _ => Err("a value of another type".to_owned()),
    }
}

fn decoded<'a>(engine: &GeneralPurpose, text: &str, name: &str) -> Result<Cow<'a, [u8]>, String> {
    // All of the padding, or none.
    let is_cut = text.ends_with('=') && !text.len().is_multiple_of(4);
    let bytes = if is_cut { None } else { engine.decode(text).ok() };
    bytes.map(Cow::Owned).ok_or_else(|| format!("not {name}"))
}

/// Reads digits whose letters are all of the one case, so that an ID has one text.
fn from_hex(text: &str, is_upper: bool) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|digit| {
            let is_other = if is_upper { digit.is_ascii_lowercase() } else { digit.is_ascii_uppercase() };
            digit.to_digit(16).filter(|_| !is_other)
        })
        .map(|digit| digit.and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    let digits = digits.filter(|digits| digits.len().is_multiple_of(2))?;
    Some(digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect())
}

fn count(value: &Value<'_>) -> Result<SignCount, String> {
    match value {
        Value::Integer(number) => u32::try_from(*number).ok().map(SignCount),
        _ => None,
    }
    .ok_or_else(|| "not between 0 and 4294967295".to_owned())
}

/// Reads a flag; a number other than 0 and 1 is not taken for true.
fn flag(value: &Value<'_>, encoding: &Encoding) -> Result<bool, String> {
    match (encoding, value) {
        (Encoding::Words(no, _), Value::Text(text)) if no == text => Ok(false),
        (Encoding::Words(_, yes), Value::Text(text)) if yes == text => Ok(true),
        (Encoding::Words(..), _) => Err("neither of the two words".to_owned()),
        (_, Value::Boolean(flag)) => Ok(*flag),
        (_, Value::Integer(0)) => Ok(false),
        (_, Value::Integer(1)) => Ok(true),
        _ => Err("neither 0 nor 1".to_owned()),
    }
}

fn transports(value: &Value<'_>, encoding: &Encoding) -> Result<Transports, String> {
    let text = text(value)?;
    let split = text.split(',').filter(|one| !one.is_empty());
    match encoding {
        Encoding::TextList => return Ok(Transports::new(split)),
        // Whoever compares two of them finds them in one order.
        Encoding::TextSet => {
            let sorted: std::collections::BTreeSet<_> = split.collect();
            return Ok(Transports::new(sorted));
        }
        _ => {}
    }
    let values: Vec<Cow<'_, str>> =
        serde_json::from_str(text).map_err(|_| "not a JSON array of strings".to_owned())?;
    Ok(Transports::new(values.iter().map(|value| &**value)))
}

fn aaguid(value: &Value<'_>, encoding: &Encoding) -> Result<Aaguid, String> {
    match (encoding, value) {
        (Encoding::Uuid, Value::Text(text)) => Aaguid::parse(text).ok_or_else(|| "not a UUID".to_owned()),
        _ => bytes(value, encoding)?.as_ref().try_into().map(Aaguid).map_err(|_| "not 16 bytes".to_owned()),
    }
}

fn time(value: &Value<'_>, encoding: &Encoding) -> Result<Timestamp, String> {
    let microseconds = match (encoding, value) {
        (Encoding::EpochSeconds, Value::Integer(seconds)) => seconds.checked_mul(1_000_000),
        (Encoding::EpochMilliseconds, Value::Integer(milliseconds)) => milliseconds.checked_mul(1_000),
        (_, Value::Integer(microseconds) | Value::Time(microseconds)) => Some(*microseconds),
        (_, Value::Text(text)) => Timestamp::parse(text).map(|(time, _)| time.microseconds()),
        _ => None,
    };
    microseconds
        .and_then(Timestamp::from_microseconds)
        .ok_or_else(|| "not a time such as 2024-01-15T10:30:00.000000Z".to_owned())
}

fn of_json(json: &Json) -> Result<Value<'_>, &'static str> {
    Ok(match json {
        Json::Null => Value::Null(crate::Kind::Text),
        Json::Bool(flag) => Value::Boolean(*flag),
        Json::Number(number) => Value::Integer(number.as_i64().ok_or("not a whole number")?),
        Json::String(text) => Value::text(text),
        Json::Array(_) | Json::Object(_) => Value::Text(Cow::Owned(json.to_string())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_forms_of_bytes_are_strict() {
        let read = |encoding, text: &str| bytes(&Value::text(text), &encoding).map(Cow::into_owned);
        for text in ["_w", "_w=="] {
            assert_eq!(read(Encoding::Base64Url, text), Ok(vec![0xff]));
        }
        assert_eq!(read(Encoding::Base64, "/w=="), Ok(vec![0xff]));
        assert_eq!(read(Encoding::Hex, "ff00"), Ok(vec![0xff, 0]));
        assert_eq!(read(Encoding::HexUpper, "FF00"), Ok(vec![0xff, 0]));
        for (encoding, text) in [
            (Encoding::Base64Url, "/w"),
            (Encoding::Base64Url, "_x"),
            (Encoding::Base64Url, "_w="),
            (Encoding::Base64Url, " _w"),
            (Encoding::Base64, "_w=="),
            (Encoding::Hex, "FF"),
            (Encoding::HexUpper, "ff"),
            (Encoding::Hex, "f"),
            (Encoding::Hex, "+f"),
        ] {
            assert!(read(encoding.clone(), text).is_err(), "{encoding:?} {text}");
        }
    }

    #[test]
    fn flags_are_strict() {
        let words = Encoding::Words("singleDevice".into(), "multiDevice".into());
        assert_eq!(flag(&Value::text("multiDevice"), &words), Ok(true));
        assert_eq!(flag(&Value::text("singleDevice"), &words), Ok(false));
        assert!(flag(&Value::text("MultiDevice"), &words).is_err());
        assert!(flag(&Value::Integer(1), &words).is_err());
        assert_eq!(flag(&Value::Integer(1), &Encoding::Boolean), Ok(true));
        assert!(flag(&Value::Integer(2), &Encoding::Boolean).is_err());
        assert!(flag(&Value::text("true"), &Encoding::Boolean).is_err());
    }

    #[test]
    fn transports_in_every_form() {
        let read = |encoding, text| transports(&Value::text(text), &encoding);
        assert_eq!(read(Encoding::JsonList, r#"["usb","x\"y"]"#), Ok(Transports::new(["usb", "x\"y"])));
        assert_eq!(read(Encoding::TextList, "usb,nfc"), Ok(Transports::new(["usb", "nfc"])));
        assert_eq!(read(Encoding::TextList, ""), Ok(Transports::new([])));
        assert_eq!(read(Encoding::TextSet, "usb,nfc"), Ok(Transports::new(["nfc", "usb"])));
        for text in ["", "usb", "{}", "[1]", "['usb']", "[\"usb\"] x"] {
            assert!(read(Encoding::JsonList, text).is_err(), "{text}");
        }
    }

    #[test]
    fn backup_in_all_nine_states() {
        let all = [None, Some(false), Some(true)];
        let id = CredentialId::new([1]).unwrap();
        let mut legal = Vec::new();
        for eligible in all {
            for state in all {
                let draft = Draft {
                    credential_id: Some(id.clone()),
                    backup_eligible: eligible,
                    backup_state: state,
                    ..Draft::default()
                };
                // Legal flags get as far as the key that is missing.
                if draft.finish().unwrap_err().column == "public_key" {
                    legal.push((eligible, state));
                }
            }
        }
        let yes = Some(true);
        let no = Some(false);
        assert_eq!(legal, [(None, None), (no, no), (yes, no), (yes, yes)]);
    }
}
