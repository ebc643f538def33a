//! webauthn4j (`com.webauthn4j:webauthn4j-core`), Java.
//!
//! Records have what `CredentialRecordImpl` is made of, under the library's own names:
//!
//! | here | WebAuthn | form |
//! |---|---|---|
//! | `user` | the account | text |
//! | `userHandle` | user handle | base64url, only when known |
//! | `attestedCredentialData` | AAGUID, credential ID, credential public key | base64url of their bytes |
//! | `counter` | sign count | number |
//! | `uvInitialized` | user verification initialised | boolean, only when known |
//! | `backupEligible` | backup eligible | boolean, only when known; a login with another one fails |
//! | `backupState` | backup state | boolean, only when known |
//! | `transports` | transports | array, only when known |
//!
//! The attested credential data are what `AttestedCredentialDataConverter` reads. They always have an AAGUID: sixteen
//! zeros say that it is not known.
//!
//! `examples/webauthn4j` has a loader to copy. Proven by `tests/login/java` with version 0.32.0.RELEASE on Java 17.

use keyferry_core::{
    Aaguid, Backup, CannotLogIn, CoseAlgorithm, CoseKey, CredentialId, CredentialRecord, Profile, SignCount,
    StoredRecord, UserHandle,
};
use serde::{Deserialize, Serialize};

use crate::{
    RecordFormat, decode, encode,
    java_key::java_key,
    parts::{self, told},
};

/// The format of webauthn4j's records.
#[derive(Clone, Copy, Debug)]
pub enum WebAuthn4j {}

/// A record as it stands in the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Passkey {
    user: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_handle: Option<String>,
    attested_credential_data: String,
    counter: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    uv_initialized: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    backup_eligible: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    backup_state: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transports: Option<Vec<String>>,
}

impl RecordFormat for WebAuthn4j {
    type Record = Passkey;

    const PROFILE: Profile = parts::profile::<Self>("webauthn4j", "webauthn4j 0.32.0.RELEASE", verifies);

    fn to_record(view: &StoredRecord) -> Result<Passkey, CannotLogIn> {
        Ok(Passkey {
            user: parts::account_text(view),
            user_handle: view.user_handle.as_ref().map(UserHandle::to_base64url),
            attested_credential_data: encode(&attested_credential_data(view)),
            counter: view.sign_count.0,
            uv_initialized: view.uv_initialized,
            backup_eligible: view.backup.map(Backup::eligible),
            backup_state: view.backup.map(Backup::state),
            transports: parts::transport_texts(view),
        })
    }

    fn to_stored(passkey: &Passkey) -> Result<StoredRecord, String> {
        let field = "attestedCredentialData";
        let data = decode(field, &passkey.attested_credential_data)?;
        let (aaguid, id, key) =
            split(&data).ok_or_else(|| format!("`{field}` is not an AAGUID, a credential ID and a key"))?;
        let handle = passkey.user_handle.as_ref();
        Ok(StoredRecord {
            account: parts::account("user", &passkey.user)?,
            user_handle: handle.map(|text| parts::user_handle("userHandle", text)).transpose()?,
            uv_initialized: passkey.uv_initialized,
            backup: parts::backup(
                ("backupEligible", passkey.backup_eligible),
                ("backupState", passkey.backup_state),
            )?,
            aaguid: (!aaguid.is_zero()).then_some(aaguid),
            transports: parts::transports(&passkey.transports),
            ..StoredRecord::bare(
                CredentialId::new(id).map_err(told(field))?,
                CoseKey::from_bytes(key).map_err(told(field))?,
                SignCount(passkey.counter),
            )
        })
    }
}

/// WebAuthn Level 3, section 6.5.1: AAGUID, length of the credential ID in two bytes, credential ID, key.
fn attested_credential_data(view: &StoredRecord) -> Vec<u8> {
    let id = view.credential_id.as_bytes();
    // A credential ID has 1,023 bytes at most.
    let length = u16::try_from(id.len()).unwrap_or(u16::MAX).to_be_bytes();
    [&view.aaguid.unwrap_or_default().0, &length[..], id, &java_key(&view.public_key)].concat()
}

fn split(data: &[u8]) -> Option<(Aaguid, &[u8], &[u8])> {
    let (aaguid, rest) = data.split_first_chunk()?;
    let (length, rest) = rest.split_first_chunk()?;
    let (id, key) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
    Some((Aaguid(*aaguid), id, key))
}

/// Says which keys the library verifies; `tests/login` holds it against the library in both directions.
fn verifies(record: &CredentialRecord) -> Result<(), CannotLogIn> {
    let algorithm = record.public_key.algorithm();
    if algorithm == CoseAlgorithm::Es256k {
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
        parts::tests::written::<WebAuthn4j>(record)
    }

    fn read(value: Value) -> Result<StoredRecord, String> {
        parts::tests::read::<WebAuthn4j>(value)
    }

    #[test]
    fn a_record_has_what_the_library_takes() {
        let record = CredentialRecord { uv_initialized: Some(true), ..records::record(1) };
        let id = record.credential_id.as_bytes();
        let aaguid = record.aaguid.unwrap().0;
        let data = [&aaguid, &[0, 16][..], id, record.public_key.as_bytes()].concat();
        let expected = json!({
            "user": "00000000-0000-4000-8000-000000000001",
            "userHandle": encode(b"00000000-0000-4000-8000-000000000001"),
            "attestedCredentialData": encode(&data),
            "counter": 5,
            "uvInitialized": true,
            "backupEligible": true,
            "backupState": false,
            "transports": ["internal", "hybrid"],
        });
        assert_eq!(written(&record), expected);
        let stored = read(expected).unwrap();
        assert_eq!(stored.aaguid, record.aaguid);
        assert_eq!(stored.user_handle, record.user_handle);
    }

    #[test]
    fn what_is_not_known_is_absent_and_an_aaguid_of_zeros() {
        let bare = written(&records::bare_record(2));
        let names: Vec<_> = bare.as_object().unwrap().keys().collect();
        assert_eq!(names, ["user", "attestedCredentialData", "counter"]);
        let data = decode("", bare["attestedCredentialData"].as_str().unwrap()).unwrap();
        assert_eq!(data[..16], [0; 16]);
        assert_eq!(read(bare).unwrap().aaguid, None);
    }

    #[test]
    fn the_longest_id_has_both_bytes_of_its_length() {
        let id = CredentialId::new(vec![7; 1023]).unwrap();
        let record = CredentialRecord { credential_id: id.clone(), ..records::record(3) };
        let value = written(&record);
        let data = decode("", value["attestedCredentialData"].as_str().unwrap()).unwrap();
        assert_eq!(data[16..18], [3, 255]);
        assert_eq!(read(value).unwrap().credential_id, id);
    }

    #[test]
    fn a_damaged_record_names_its_field() {
        let good = written(&records::record(4));
        let data = decode("", good["attestedCredentialData"].as_str().unwrap()).unwrap();
        let longer = [&data[..], &[0]].concat();
        let damages = [
            ("/attestedCredentialData", json!("+/+/")),
            ("/attestedCredentialData", json!(encode(&data[..17]))),
            ("/attestedCredentialData", json!(encode(&data[..20]))),
            ("/attestedCredentialData", json!(encode(&data[..data.len() - 1]))),
            ("/attestedCredentialData", json!(encode(&longer))),
            ("/userHandle", json!("")),
            ("/user", json!("")),
            ("/backupState", Value::Null),
            ("/backupEligible", Value::Null),
        ];
        parts::tests::damage_is_named::<WebAuthn4j>(&good, &damages);
        let mut bad = good;
        (bad["backupEligible"], bad["backupState"]) = (json!(false), json!(true));
        assert!(read(bad).unwrap_err().contains("backupState"));
    }

    #[test]
    fn verdicts() {
        parts::tests::refused_are::<WebAuthn4j>(&[Algorithm::Es256k]);
        assert_eq!(verifies(&records::bare_record(5)), Ok(()));
    }
}
