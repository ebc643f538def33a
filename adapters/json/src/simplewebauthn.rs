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

use keyferry_core::{
    Backup, CannotLogIn, CoseAlgorithm, CredentialRecord, Profile, SignCount, StoredRecord, UserHandle,
};
use serde::{Deserialize, Serialize};

use crate::{RecordFormat, encode, parts};

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

    const PROFILE: Profile =
        parts::profile::<Self>("simplewebauthn", "@simplewebauthn/server 14.0.3", verifies);

    fn to_record(view: &StoredRecord) -> Result<Passkey, CannotLogIn> {
        Ok(Passkey {
            id: view.credential_id.to_base64url(),
            // The library knows the older algorithm identifiers only; they verify the same signatures.
            public_key: encode(view.public_key.to_polymorphic().as_bytes()),
            user: parts::account_text(view),
            webauthn_user_id: view.user_handle.as_ref().map(UserHandle::to_base64url),
            counter: view.sign_count.0,
            device_type: view.backup.map(|backup| match backup.eligible() {
                true => DeviceType::MultiDevice,
                false => DeviceType::SingleDevice,
            }),
            backed_up: view.backup.map(Backup::state),
            transports: parts::transport_texts(view),
        })
    }

    fn to_stored(passkey: &Passkey) -> Result<StoredRecord, String> {
        let handle = passkey.webauthn_user_id.as_ref();
        let eligible = passkey.device_type.map(|device_type| device_type == DeviceType::MultiDevice);
        Ok(StoredRecord {
            account: parts::account("user", &passkey.user)?,
            user_handle: handle.map(|text| parts::user_handle("webauthnUserID", text)).transpose()?,
            backup: parts::backup(("deviceType", eligible), ("backedUp", passkey.backed_up))?,
            transports: parts::transports(&passkey.transports),
            ..StoredRecord::bare(
                parts::credential_id("id", &passkey.id)?,
                parts::public_key("publicKey", &passkey.public_key)?,
                SignCount(passkey.counter),
            )
        })
    }
}

/// Says which keys the library verifies; `tests/login` holds it against the library in both directions.
fn verifies(record: &CredentialRecord) -> Result<(), CannotLogIn> {
    let key = &record.public_key;
    if key.algorithm() == CoseAlgorithm::Es256k || parts::is_ed448(key) {
        return Err(CannotLogIn::Algorithm(key.algorithm()));
    }
    // Node verifies with OpenSSL.
    parts::has_short_exponent(record)?;
    parts::can_count_on(record)
}

#[cfg(test)]
mod tests {
    use keyferry_testkit::{Algorithm, records::record};
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_damaged_record_names_its_field() {
        let good = parts::tests::written::<SimpleWebAuthn>(&record(1));
        let damages = [
            ("/id", json!("+/+/")),
            ("/publicKey", json!("oA")),
            ("/user", json!("")),
            ("/webauthnUserID", json!("")),
            ("/backedUp", Value::Null),
            ("/deviceType", Value::Null),
        ];
        parts::tests::damage_is_named::<SimpleWebAuthn>(&good, &damages);
        let mut bad = good;
        (bad["deviceType"], bad["backedUp"]) = (json!("singleDevice"), json!(true));
        assert!(parts::tests::read::<SimpleWebAuthn>(bad).unwrap_err().contains("backedUp"));
    }

    #[test]
    fn verdicts() {
        parts::tests::refused_are::<SimpleWebAuthn>(&[Algorithm::Es256k]);
        parts::tests::ed448_is_refused::<SimpleWebAuthn>();
    }
}
