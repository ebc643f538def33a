//! SimpleWebAuthn (`@simplewebauthn/server`), JavaScript.
//!
//! Records have the form of the "Passkey" table in the library's documentation:
//!
//! | here | WebAuthn | form |
//! |---|---|---|
//! | `id` | credential ID | base64url without padding, as browsers send it |
//! | `publicKey` | credential public key | base64url of the COSE bytes; a loader turns it into bytes |
//! | `user` | the account | text |
//! | `webauthnUserID` | user handle | base64url, only when known |
//! | `counter` | sign count | number |
//! | `deviceType` | backup eligible | `singleDevice` or `multiDevice`, only when known |
//! | `backedUp` | backup state | boolean, only when known |
//! | `transports` | transports | array, only when known |
//!
//! `examples/simplewebauthn` has a loader to copy. Proven by `tests/login/node` with version 14.0.3.

use std::borrow::Cow;

use keyferry_core::{
    Backup, CannotLogIn, CoseAlgorithm, CoseKey, CredentialId, CredentialRecord, Curve, Identifier, Item,
    KeyParameters, Profile, SignCount, StoredRecord, Transports, UserHandle, Verdict,
};
use serde::{Deserialize, Serialize};

use crate::{RecordFormat, decode, encode};

/// The format of SimpleWebAuthn's records.
#[derive(Clone, Copy, Debug)]
pub enum SimpleWebAuthn {}

/// A record as it stands in the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Passkey {
    id: String,
    public_key: String,
    user: String,
    #[serde(rename = "webauthnUserID", skip_serializing_if = "Option::is_none")]
    webauthn_user_id: Option<String>,
    counter: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_type: Option<DeviceType>,
    #[serde(skip_serializing_if = "Option::is_none")]
    backed_up: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transports: Option<Vec<String>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum DeviceType {
    SingleDevice,
    MultiDevice,
}

impl RecordFormat for SimpleWebAuthn {
    type Record = Passkey;

    const PROFILE: Profile = Profile {
        name: "simplewebauthn",
        library: Cow::Borrowed("@simplewebauthn/server 14.0.3"),
        keeps_status: false,
        represent: Verdict::Fixed(|record| {
            let passkey = Self::to_record(&StoredRecord::from(record))?;
            // What was written here a moment ago reads back; if not, it is as good as not written.
            Self::to_stored(&passkey).map_err(|_| CannotLogIn::Algorithm(record.public_key.algorithm()))
        }),
        verifies: Verdict::Fixed(verifies),
    };

    fn to_record(view: &StoredRecord) -> Result<Passkey, CannotLogIn> {
        Ok(Passkey {
            id: view.credential_id.to_base64url(),
            // The library knows the older algorithm identifiers only; they verify the same signatures.
            public_key: encode(view.public_key.to_polymorphic().as_bytes()),
            user: view.account.as_ref().map(|account| account.as_str().to_owned()).unwrap_or_default(),
            webauthn_user_id: view.user_handle.as_ref().map(UserHandle::to_base64url),
            counter: view.sign_count.0,
            device_type: view.backup.map(|backup| match backup.eligible() {
                true => DeviceType::MultiDevice,
                false => DeviceType::SingleDevice,
            }),
            backed_up: view.backup.map(Backup::state),
            transports: view.transports.as_ref().map(|list| list.iter().map(str::to_owned).collect()),
        })
    }

    fn to_stored(passkey: &Passkey) -> Result<StoredRecord, String> {
        let told =
            |field: &'static str| move |fault: keyferry_core::Fault| format!("`{field}`: {}", fault.message);
        let id = CredentialId::new(decode("id", &passkey.id)?).map_err(told("id"))?;
        let key =
            CoseKey::from_bytes(decode("publicKey", &passkey.public_key)?).map_err(told("publicKey"))?;
        let handle = match &passkey.webauthn_user_id {
            Some(text) => {
                Some(UserHandle::new(decode("webauthnUserID", text)?).map_err(told("webauthnUserID"))?)
            }
            None => None,
        };
        let backup = match (passkey.device_type, passkey.backed_up) {
            (None, None) => None,
            (Some(device_type), Some(backed_up)) => {
                let backup = Backup::from_flags(device_type == DeviceType::MultiDevice, backed_up);
                Some(backup.ok_or("`backedUp` is true for a `singleDevice` credential")?)
            }
            _ => return Err("`deviceType` and `backedUp` belong together".to_owned()),
        };
        Ok(StoredRecord {
            account: Some(Identifier::new(Item::Account, passkey.user.as_str()).map_err(told("user"))?),
            user_handle: handle,
            backup,
            transports: passkey
                .transports
                .as_ref()
                .map(|list| Transports::new(list.iter().map(String::as_str))),
            ..StoredRecord::bare(id, key, SignCount(passkey.counter))
        })
    }
}

/// Says which keys the library verifies; `tests/login` holds it against the library in both directions.
fn verifies(record: &CredentialRecord) -> Result<(), CannotLogIn> {
    let algorithm = record.public_key.algorithm();
    let is_ed448 = matches!(record.public_key.parameters(), KeyParameters::Okp { curve: Curve::Ed448, .. });
    if algorithm == CoseAlgorithm::Es256k || is_ed448 {
        return Err(CannotLogIn::Algorithm(algorithm));
    }
    if record.sign_count == SignCount(u32::MAX) {
        return Err(CannotLogIn::SignCountExhausted);
    }
    Ok(())
}
