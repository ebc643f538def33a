//! The words of a map: how items are written, what is derived of them, constants.

use keyferry_core::{Item, Shown};

use super::{Constant, Derived, Encoding, MapError, file::content};

/// Returns how an item is written where the map does not say.
pub(super) fn usual(item: Item) -> Encoding {
    match item {
        Item::CredentialId | Item::PublicKey | Item::UserHandle => Encoding::Bytes,
        Item::SignCount => Encoding::Integer,
        Item::Transports => Encoding::JsonList,
        Item::UvInitialized | Item::BackupEligible | Item::BackupState => Encoding::Boolean,
        Item::Aaguid => Encoding::Uuid,
        Item::CreatedAt => Encoding::Time,
        _ => Encoding::Text,
    }
}

/// Tells whether an import may change the item of a credential that stands there.
pub(crate) fn may_change(item: Item) -> bool {
    matches!(
        item,
        Item::SignCount
            | Item::Transports
            | Item::BackupEligible
            | Item::BackupState
            | Item::Status
            | Item::UserHandle
    )
}

/// Tells whether an item can be written this way and read back.
pub(super) fn fits(item: Item, encoding: &Encoding) -> bool {
    use Encoding as E;
    match item {
        Item::CredentialId | Item::PublicKey | Item::UserHandle => {
            matches!(encoding, E::Bytes | E::Base64Url | E::Base64 | E::Hex | E::HexUpper)
        }
        Item::Aaguid => {
            matches!(encoding, E::Bytes | E::Uuid | E::Base64 | E::Base64Url | E::Hex | E::HexUpper)
        }
        Item::SignCount => matches!(encoding, E::Integer),
        Item::Transports => matches!(encoding, E::TextList | E::TextSet | E::JsonList | E::Array),
        Item::UvInitialized | Item::BackupEligible | Item::BackupState => {
            matches!(encoding, E::Boolean | E::Words(..))
        }
        Item::Status => matches!(encoding, E::Text | E::Boolean | E::Words(..)),
        Item::CreatedAt => {
            matches!(
                encoding,
                E::Time | E::Iso(_) | E::SqlText(_) | E::Offset(_) | E::EpochSeconds | E::EpochMilliseconds
            )
        }
        Item::Row => false,
        _ => matches!(encoding, E::Text),
    }
}

pub(super) fn read_encoding(text: &str) -> Result<Encoding, MapError> {
    let known = [
        ("bytes", Encoding::Bytes),
        ("base64url", Encoding::Base64Url),
        ("base64", Encoding::Base64),
        ("hex", Encoding::Hex),
        ("hex-upper", Encoding::HexUpper),
        ("uuid", Encoding::Uuid),
        ("text", Encoding::Text),
        ("text-list", Encoding::TextList),
        ("text-set", Encoding::TextSet),
        ("json-list", Encoding::JsonList),
        ("array", Encoding::Array),
        ("boolean", Encoding::Boolean),
        ("integer", Encoding::Integer),
        ("time", Encoding::Time),
        ("iso-8601", Encoding::Iso(6)),
        ("iso-8601-milliseconds", Encoding::Iso(3)),
        ("iso-8601-offset", Encoding::Offset('T')),
        ("sql-text", Encoding::SqlText(6)),
        ("sql-text-milliseconds", Encoding::SqlText(3)),
        ("sql-text-seconds", Encoding::SqlText(0)),
        ("sql-text-offset", Encoding::Offset(' ')),
        ("epoch-seconds", Encoding::EpochSeconds),
        ("epoch-milliseconds", Encoding::EpochMilliseconds),
    ];
    known.iter().find(|(name, _)| *name == text).map(|(_, encoding)| encoding.clone()).ok_or_else(|| {
        let names = known.map(|(name, _)| name).join(", ");
        content(&format!("there is no encoding `{}`; known: {names}", Shown(text)))
    })
}

pub(super) fn read_derived(text: &str) -> Result<Derived, MapError> {
    let known = [
        ("cose-algorithm", Derived::CoseAlgorithm),
        ("credential-id-sha256", Derived::CredentialIdSha256),
        ("credential-id-uuid", Derived::CredentialIdUuid),
        ("attestation-object", Derived::AttestationObject),
        ("created-at-or-now", Derived::CreatedAtOrNow),
    ];
    known.iter().find(|(name, _)| *name == text).map(|(_, derived)| *derived).ok_or_else(|| {
        let names = known.map(|(name, _)| name).join(", ");
        content(&format!("there is no derived value `{}`; known: {names}", Shown(text)))
    })
}

pub(super) fn read_constant(value: &toml::Value) -> Result<Constant, MapError> {
    if has_nul(value) {
        return Err(content("a text with a NUL in it, which no database keeps"));
    }
    Ok(match value {
        toml::Value::String(text) if text == "now()" => Constant::Now,
        toml::Value::String(text) => Constant::Text(text.clone()),
        toml::Value::Integer(number) => Constant::Integer(*number),
        toml::Value::Boolean(flag) => Constant::Boolean(*flag),
        toml::Value::Array(_) | toml::Value::Table(_) => {
            Constant::Json(serde_json::to_value(value).map_err(|error| content(&error.to_string()))?)
        }
        toml::Value::Float(_) | toml::Value::Datetime(_) => {
            return Err(content("a constant is a text, a whole number, true, false, an array or a table"));
        }
    })
}

fn has_nul(value: &toml::Value) -> bool {
    match value {
        toml::Value::String(text) => text.contains('\0'),
        toml::Value::Array(values) => values.iter().any(has_nul),
        toml::Value::Table(members) => {
            members.iter().any(|(name, value)| name.contains('\0') || has_nul(value))
        }
        _ => false,
    }
}
