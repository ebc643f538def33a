//! Yubico's java-webauthn-server (`com.yubico:webauthn-server-core`), Java.
//!
//! A record is the user's name, which a `CredentialRepository` must give, beside the JSON of the library's own
//! `RegisteredCredential`:
//!
//! | here | WebAuthn | form |
//! |---|---|---|
//! | `username` | the account | text |
//! | `credential.credentialId` | credential ID | base64url without padding |
//! | `credential.userHandle` | user handle | base64url; a record cannot be without it |
//! | `credential.publicKeyCose` | credential public key | base64url of the COSE bytes |
//! | `credential.signatureCount` | sign count | number |
//! | `credential.transports` | transports | array, only when known |
//! | `credential.backupEligible` | backup eligible | boolean, only when known; a login with another one fails |
//! | `credential.backupState` | backup state | boolean, only when known |
//!
//! The library compares the user handle at every login, with a user name or without: `--user-handle` is needed.
//!
//! `examples/yubico` has a loader to copy. Proven by `tests/login/java` with version 2.9.0 on Java 17.

use keyferry_core::{
    Backup, CannotLogIn, CoseAlgorithm, CredentialRecord, Item, Profile, SignCount, StoredRecord,
};
use serde::{Deserialize, Serialize};

use crate::{RecordFormat, encode, java_key::java_key, parts};

/// The format of java-webauthn-server's records.
#[derive(Clone, Copy, Debug)]
pub enum Yubico {}

/// A record as it stands in the file.
#[derive(Debug, Serialize, Deserialize)]
pub struct Passkey {
    username: String,
    credential: RegisteredCredential,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RegisteredCredential {
    credential_id: String,
    user_handle: String,
    public_key_cose: String,
    signature_count: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    transports: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    backup_eligible: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    backup_state: Option<bool>,
}

impl RecordFormat for Yubico {
    type Record = Passkey;

    const PROFILE: Profile = parts::profile::<Self>("yubico", "java-webauthn-server 2.9.0", verifies);

    fn to_record(view: &StoredRecord) -> Result<Passkey, CannotLogIn> {
        let handle = view.user_handle.as_ref().ok_or(CannotLogIn::Missing(Item::UserHandle))?;
        Ok(Passkey {
            username: parts::account_text(view),
            credential: RegisteredCredential {
                credential_id: view.credential_id.to_base64url(),
                user_handle: handle.to_base64url(),
                public_key_cose: encode(&java_key(&view.public_key)),
                signature_count: view.sign_count.0,
                transports: parts::transport_texts(view),
                backup_eligible: view.backup.map(Backup::eligible),
                backup_state: view.backup.map(Backup::state),
            },
        })
    }

    fn to_stored(passkey: &Passkey) -> Result<StoredRecord, String> {
        let credential = &passkey.credential;
        Ok(StoredRecord {
            account: parts::account("username", &passkey.username)?,
            user_handle: Some(parts::user_handle("userHandle", &credential.user_handle)?),
            backup: parts::backup(
                ("backupEligible", credential.backup_eligible),
                ("backupState", credential.backup_state),
            )?,
            transports: parts::transports(&credential.transports),
            ..StoredRecord::bare(
                parts::credential_id("credentialId", &credential.credential_id)?,
                parts::public_key("publicKeyCose", &credential.public_key_cose)?,
                SignCount(credential.signature_count),
            )
        })
    }
}

/// Says which keys the library verifies; `tests/login` holds it against the library in both directions.
fn verifies(record: &CredentialRecord) -> Result<(), CannotLogIn> {
    if record.user_handle.is_none() {
        return Err(CannotLogIn::Missing(Item::UserHandle));
    }
    let algorithm = record.public_key.algorithm();
    if matches!(
        algorithm,
        CoseAlgorithm::Es256k | CoseAlgorithm::Ps256 | CoseAlgorithm::Ps384 | CoseAlgorithm::Ps512
    ) {
        return Err(CannotLogIn::Algorithm(algorithm));
    }
    parts::has_short_exponent(record)?;
    parts::can_count_on(record)
}

#[cfg(test)]
mod tests {
    use keyferry_testkit::{Algorithm, records};
    use serde_json::{Value, json};

    use super::*;

    fn written(record: &CredentialRecord) -> Value {
        parts::tests::written::<Yubico>(record)
    }

    fn read(value: Value) -> Result<StoredRecord, String> {
        parts::tests::read::<Yubico>(value)
    }

    #[test]
    fn a_record_has_what_the_library_takes() {
        let record = records::record(1);
        let expected = json!({
            "username": "00000000-0000-4000-8000-000000000001",
            "credential": {
                "credentialId": record.credential_id.to_base64url(),
                "userHandle": encode(b"00000000-0000-4000-8000-000000000001"),
                "publicKeyCose": encode(record.public_key.as_bytes()),
                "signatureCount": 5,
                "transports": ["internal", "hybrid"],
                "backupEligible": true,
                "backupState": false,
            },
        });
        assert_eq!(written(&record), expected);
    }

    #[test]
    fn the_library_s_own_nulls_are_not_known() {
        let bare =
            CredentialRecord { user_handle: records::record(2).user_handle, ..records::bare_record(2) };
        let mut value = written(&bare);
        let names: Vec<_> = value["credential"].as_object().unwrap().keys().collect();
        assert_eq!(names, ["credentialId", "userHandle", "publicKeyCose", "signatureCount"]);
        let stored = read(value.clone()).unwrap();
        for name in ["transports", "backupEligible", "backupState"] {
            value["credential"][name] = Value::Null;
        }
        assert_eq!(read(value), Ok(stored));
    }

    #[test]
    fn without_a_user_handle_there_is_no_record() {
        let record = CredentialRecord { user_handle: None, ..records::record(3) };
        let missing = CannotLogIn::Missing(Item::UserHandle);
        assert_eq!(Yubico::PROFILE.represent(&record), Err(missing.clone()));
        assert_eq!(Yubico::PROFILE.log_in(&record), Err(missing));
    }

    #[test]
    fn a_damaged_record_names_its_field() {
        let good = written(&records::record(4));
        let damages = [
            ("/credential/credentialId", json!("+/+/")),
            ("/credential/credentialId", json!("")),
            ("/credential/userHandle", json!("")),
            ("/credential/publicKeyCose", json!("oA")),
            ("/credential/backupState", Value::Null),
            ("/credential/backupEligible", Value::Null),
        ];
        parts::tests::damage_is_named::<Yubico>(&good, &damages);
        let mut bad = good.clone();
        bad["username"] = json!("");
        assert!(read(bad).unwrap_err().contains("username"));
        let mut bad = good;
        (bad["credential"]["backupEligible"], bad["credential"]["backupState"]) = (json!(false), json!(true));
        assert!(read(bad).unwrap_err().contains("backupState"));
    }

    #[test]
    fn verdicts() {
        parts::tests::refused_are::<Yubico>(&[
            Algorithm::Es256k,
            Algorithm::Ps256,
            Algorithm::Ps384,
            Algorithm::Ps512,
        ]);
    }
}
