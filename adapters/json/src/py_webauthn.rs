//! py_webauthn (`webauthn` on PyPI), Python.
//!
//! The library has no record of its own. Records hold what `verify_authentication_response` takes and what an
//! application keeps beside it, in the words of `VerifiedRegistration` and `VerifiedAuthentication`:
//!
//! | here | WebAuthn | form |
//! |---|---|---|
//! | `credential_id` | credential ID | base64url without padding |
//! | `public_key` | credential public key | base64url of the COSE bytes; a loader turns it into bytes |
//! | `sign_count` | sign count | number |
//! | `transports` | transports | array of those that the enum `AuthenticatorTransport` has, only when known |
//! | `device_type` | backup eligible | `single_device` or `multi_device`, only when known |
//! | `backed_up` | backup state | boolean, only when known |
//! | `user` | the account | text |
//! | `user_handle` | user handle | base64url, only when known |
//!
//! `examples/py_webauthn` has a loader to copy. Proven by `tests/login/python` with version 3.0.1.

use keyferry_core::{
    Backup, CannotLogIn, CoseAlgorithm, CredentialRecord, Profile, SignCount, StoredRecord, Transports,
    UserHandle,
};
use serde::{Deserialize, Serialize};

use crate::{RecordFormat, encode, parts};

/// The format of records for py_webauthn.
#[derive(Clone, Copy, Debug)]
pub enum PyWebauthn {}

/// A record as it stands in the file.
#[derive(Debug, Serialize, Deserialize)]
pub struct Passkey {
    credential_id: String,
    public_key: String,
    sign_count: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    transports: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_type: Option<DeviceType>,
    #[serde(skip_serializing_if = "Option::is_none")]
    backed_up: Option<bool>,
    user: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_handle: Option<String>,
}

/// `CredentialDeviceType` of the library.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum DeviceType {
    SingleDevice,
    MultiDevice,
}

impl RecordFormat for PyWebauthn {
    type Record = Passkey;

    const PROFILE: Profile = parts::profile::<Self>("py-webauthn", "py_webauthn 3.0.1", verifies);

    fn to_record(view: &StoredRecord) -> Result<Passkey, CannotLogIn> {
        Ok(Passkey {
            credential_id: view.credential_id.to_base64url(),
            // The library knows the older algorithm identifiers only; they verify the same signatures.
            public_key: encode(view.public_key.to_polymorphic().as_bytes()),
            sign_count: view.sign_count.0,
            // A value that the enum lacks would make every list of options that names the credential fail.
            transports: view.transports.as_ref().map(|list| {
                list.iter().filter(|value| Transports::KNOWN.contains(value)).map(str::to_owned).collect()
            }),
            device_type: view.backup.map(|backup| match backup.eligible() {
                true => DeviceType::MultiDevice,
                false => DeviceType::SingleDevice,
            }),
            backed_up: view.backup.map(Backup::state),
            user: parts::account_text(view),
            user_handle: view.user_handle.as_ref().map(UserHandle::to_base64url),
        })
    }

    fn to_stored(passkey: &Passkey) -> Result<StoredRecord, String> {
        let handle = passkey.user_handle.as_ref();
        let eligible = passkey.device_type.map(|device_type| device_type == DeviceType::MultiDevice);
        Ok(StoredRecord {
            account: parts::account("user", &passkey.user)?,
            user_handle: handle.map(|text| parts::user_handle("user_handle", text)).transpose()?,
            backup: parts::backup(("device_type", eligible), ("backed_up", passkey.backed_up))?,
            transports: parts::transports(&passkey.transports),
            ..StoredRecord::bare(
                parts::credential_id("credential_id", &passkey.credential_id)?,
                parts::public_key("public_key", &passkey.public_key)?,
                SignCount(passkey.sign_count),
            )
        })
    }
}

/// Says which keys the library verifies; `tests/login` holds it against the library in both directions.
fn verifies(record: &CredentialRecord) -> Result<(), CannotLogIn> {
    let key = &record.public_key;
    if parts::is_ed448(key)
        || matches!(key.algorithm().polymorphic(), CoseAlgorithm::Es384 | CoseAlgorithm::Es256k)
    {
        return Err(CannotLogIn::Algorithm(key.algorithm()));
    }
    // The library verifies with OpenSSL.
    parts::has_short_exponent(record)?;
    parts::can_count_on(record)
}

#[cfg(test)]
mod tests {
    use keyferry_testkit::{
        Algorithm,
        records::{bare_record, record},
    };
    use serde_json::json;

    use super::*;

    fn written(record: &CredentialRecord) -> serde_json::Value {
        parts::tests::written::<PyWebauthn>(record)
    }

    #[test]
    fn the_words_are_those_of_the_library() {
        let record = CredentialRecord {
            transports: Some(Transports::new(["internal", "teleport", "smart-card"])),
            ..record(1)
        };
        assert_eq!(
            written(&record),
            json!({
                "credential_id": record.credential_id.to_base64url(),
                "public_key": encode(record.public_key.as_bytes()),
                "sign_count": 5,
                "transports": ["internal", "smart-card"],
                "device_type": "multi_device",
                "backed_up": false,
                "user": "00000000-0000-4000-8000-000000000001",
                "user_handle": encode(b"00000000-0000-4000-8000-000000000001"),
            })
        );
        let single = CredentialRecord { backup: Some(Backup::SingleDevice), ..record };
        assert_eq!(written(&single)["device_type"], "single_device");
    }

    #[test]
    fn what_is_not_known_is_not_written() {
        let record = bare_record(1);
        let value = written(&record);
        let names: Vec<_> = value.as_object().unwrap().keys().collect();
        assert_eq!(names, ["credential_id", "public_key", "sign_count", "user"]);
        let stored = parts::tests::read::<PyWebauthn>(value).unwrap();
        assert_eq!((stored.backup, stored.transports, stored.user_handle), (None, None, None));
    }

    #[test]
    fn half_a_backup_and_an_illegal_one_are_refused() {
        for (device_type, backed_up) in [
            (json!("single_device"), json!(true)),
            (json!("multi_device"), json!(null)),
            (json!(null), json!(true)),
        ] {
            let mut value = written(&bare_record(1));
            value["device_type"] = device_type;
            value["backed_up"] = backed_up;
            let refused = parts::tests::read::<PyWebauthn>(value).unwrap_err();
            assert!(refused.contains("backed_up"), "{refused}");
        }
    }

    #[test]
    fn verdicts() {
        parts::tests::refused_are::<PyWebauthn>(&[Algorithm::Es384, Algorithm::Esp384, Algorithm::Es256k]);
        parts::tests::ed448_is_refused::<PyWebauthn>();
    }
}
