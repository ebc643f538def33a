//! go-webauthn (`github.com/go-webauthn/webauthn`), Go.
//!
//! A record is what `json.Unmarshal` takes into `webauthn.Credential`, with three members beside it that the library
//! does not read and a loader needs:
//!
//! | here | WebAuthn | form |
//! |---|---|---|
//! | `user` | the account | text |
//! | `userHandle` | user handle, for `WebAuthnID()` | base64, only when known |
//! | `rpId` | RP ID | text |
//! | `id` | credential ID | base64 with padding, as Go writes bytes |
//! | `publicKey` | credential public key | base64 of the COSE bytes as they were exported |
//! | `attestationFormat` | attestation statement format | text, only when known |
//! | `transport` | transports | array, only when known and not empty |
//! | `flags` | backup eligible, backup state | all four flags; a login with another `backupEligible` fails |
//! | `authenticator` | AAGUID, sign count, attachment | `AAGUID`, `attachment` only when known |
//!
//! `flags.userPresent` is true, as after every registration; `flags.userVerified` is `uvInitialized`, false when that is
//! not known. `attestation` and `extensions` are left out: no export has them, and no login reads them.
//!
//! `examples/go_webauthn` has a loader to copy. Proven by `tests/login/go` with version 0.18.2.

use keyferry_core::{
    Aaguid, AttestationFormat, AuthenticatorAttachment, Backup, CannotLogIn, CredentialRecord, Profile,
    SignCount, StoredRecord,
};
use serde::{Deserialize, Serialize};

use crate::{
    RecordFormat,
    parts::{self, decode_padded, encode_padded},
};

/// The format of go-webauthn's records.
#[derive(Clone, Copy, Debug)]
pub enum GoWebauthn {}

/// A record as it stands in the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Credential {
    user: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_handle: Option<String>,
    rp_id: String,
    id: String,
    public_key: String,
    /// Read only: up to version 0.16 the library kept the format here.
    #[serde(default, skip_serializing)]
    attestation_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attestation_format: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transport: Option<Vec<String>>,
    flags: Flags,
    authenticator: Authenticator,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Flags {
    user_present: bool,
    user_verified: bool,
    backup_eligible: bool,
    backup_state: bool,
}

/// Go leaves out every member of it that is zero or empty.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Authenticator {
    #[serde(rename = "AAGUID", skip_serializing_if = "Option::is_none")]
    aaguid: Option<String>,
    #[serde(default)]
    sign_count: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    attachment: Option<String>,
}

/// The formats that the library moves from `attestationType` to `attestationFormat` when it reads a record.
const FORMATS: [&str; 8] =
    ["packed", "tpm", "android-key", "android-safetynet", "fido-u2f", "apple", "compound", "none"];

impl RecordFormat for GoWebauthn {
    type Record = Credential;

    const PROFILE: Profile =
        parts::profile::<Self>("go-webauthn", "github.com/go-webauthn/webauthn 0.18.2", verifies);

    fn to_record(view: &StoredRecord) -> Result<Credential, CannotLogIn> {
        // The library has no word for "not known": a flag that is absent is false, and bars a synced passkey for good.
        let backup = view.backup.ok_or(CannotLogIn::BackupUnknown)?;
        Ok(Credential {
            user: parts::account_text(view),
            user_handle: view.user_handle.as_ref().map(|handle| encode_padded(handle.as_bytes())),
            rp_id: parts::rp_id_text(view),
            id: encode_padded(view.credential_id.as_bytes()),
            public_key: encode_padded(view.public_key.as_bytes()),
            attestation_type: None,
            attestation_format: view.attestation_format.as_ref().map(|format| format.as_str().to_owned()),
            // To the library an empty list and none are the same, and it writes neither.
            transport: parts::transport_texts(view).filter(|list| !list.is_empty()),
            flags: Flags {
                user_present: true,
                user_verified: view.uv_initialized.unwrap_or_default(),
                backup_eligible: backup.eligible(),
                backup_state: backup.state(),
            },
            authenticator: Authenticator {
                aaguid: view.aaguid.map(|aaguid| encode_padded(&aaguid.0)),
                sign_count: view.sign_count.0,
                attachment: view
                    .authenticator_attachment
                    .as_ref()
                    .map(|attachment| attachment.as_str().to_owned()),
            },
        })
    }

    fn to_stored(credential: &Credential) -> Result<StoredRecord, String> {
        let Flags { backup_eligible, backup_state, user_verified, .. } = credential.flags;
        let backup = Backup::from_flags(backup_eligible, backup_state)
            .ok_or("`flags.backupState` is true without `flags.backupEligible`")?;
        let aaguid = known(&credential.authenticator.aaguid).map(|text| {
            let bytes = <[u8; 16]>::try_from(decode_padded("authenticator.AAGUID", text)?);
            bytes.map(Aaguid).map_err(|_| "`authenticator.AAGUID` has not 16 bytes".to_owned())
        });
        let handle = known(&credential.user_handle);
        let older = known(&credential.attestation_type).filter(|word| FORMATS.contains(word));
        Ok(StoredRecord {
            account: parts::account("user", &credential.user)?,
            user_handle: handle.map(|text| parts::padded_user_handle("userHandle", text)).transpose()?,
            rp_id: parts::rp_id("rpId", &credential.rp_id)?,
            backup: Some(backup),
            // False says that no such ceremony is recorded, which is what "not known" means, too; a login sets it.
            uv_initialized: user_verified.then_some(true),
            transports: parts::transports(&credential.transport).filter(|list| !list.is_empty()),
            aaguid: aaguid.transpose()?,
            authenticator_attachment: known(&credential.authenticator.attachment)
                .map(AuthenticatorAttachment::parse),
            attestation_format: known(&credential.attestation_format).or(older).map(AttestationFormat::new),
            ..StoredRecord::bare(
                parts::padded_credential_id("id", &credential.id)?,
                parts::padded_public_key("publicKey", &credential.public_key)?,
                SignCount(credential.authenticator.sign_count),
            )
        })
    }
}

/// Takes an empty text as none, as the library does.
fn known(text: &Option<String>) -> Option<&str> {
    text.as_deref().filter(|text| !text.is_empty())
}

/// Says which keys the library verifies; `tests/login` holds it against the library in both directions.
fn verifies(record: &CredentialRecord) -> Result<(), CannotLogIn> {
    let key = &record.public_key;
    if parts::is_ed448(key) {
        return Err(CannotLogIn::Algorithm(key.algorithm()));
    }
    // Go's crypto/rsa takes no exponent above 2^31 - 1.
    if let Some(e) = key.rsa_exponent()
        && (e.len() > 4 || (e.len() == 4 && e.first() > Some(&0x7f)))
    {
        return Err(CannotLogIn::RsaExponent);
    }
    if record.backup.is_none() {
        return Err(CannotLogIn::BackupUnknown);
    }
    parts::can_count_on(record)
}

#[cfg(test)]
mod tests {
    use keyferry_core::{CoseAlgorithm, CoseKey, KeyParameters};
    use keyferry_testkit::{
        Algorithm, RsaSize, TestKey,
        records::{bare_record, key, record},
    };
    use serde_json::{Value, json};

    use super::*;

    fn written(record: &CredentialRecord) -> Value {
        parts::tests::written::<GoWebauthn>(record)
    }

    fn read(value: Value) -> Result<StoredRecord, String> {
        parts::tests::read::<GoWebauthn>(value)
    }

    #[test]
    fn the_members_are_those_of_the_library() {
        let record = record(1);
        assert_eq!(
            written(&record),
            json!({
                "user": "00000000-0000-4000-8000-000000000001",
                "userHandle": encode_padded(b"00000000-0000-4000-8000-000000000001"),
                "rpId": "example.com",
                "id": encode_padded(record.credential_id.as_bytes()),
                "publicKey": encode_padded(record.public_key.as_bytes()),
                "attestationFormat": "none",
                "transport": ["internal", "hybrid"],
                "flags": {
                    "userPresent": true, "userVerified": false, "backupEligible": true, "backupState": false,
                },
                "authenticator": {
                    "AAGUID": "6puNZk0BHSE85La0jLV11A==", "signCount": 5, "attachment": "platform",
                },
            })
        );
    }

    #[test]
    fn a_fully_specified_key_keeps_its_bytes() {
        let record = CredentialRecord { public_key: key(Algorithm::Esp256, 1), ..record(1) };
        assert_eq!(written(&record)["publicKey"], encode_padded(record.public_key.as_bytes()));
    }

    #[test]
    fn a_record_that_go_has_written_reads_back() {
        let record = CredentialRecord { sign_count: SignCount(0), transports: None, ..record(1) };
        let mut value = written(&record);
        // Go leaves zeros out and writes structs that are empty.
        value["authenticator"].as_object_mut().unwrap().remove("signCount");
        value["attestation"] = json!({});
        assert_eq!(read(value), Ok(StoredRecord { created_at: None, ..kept(&record) }));
        // An older release kept the format under the name of the type.
        let mut older = written(&record);
        older.as_object_mut().unwrap().remove("attestationFormat");
        older["attestationType"] = json!("packed");
        assert_eq!(read(older.clone()).unwrap().attestation_format, Some(AttestationFormat::new("packed")));
        older["attestationType"] = json!("basic_full");
        assert_eq!(read(older).unwrap().attestation_format, None);
    }

    /// Returns the record without the items that have no place.
    fn kept(record: &CredentialRecord) -> StoredRecord {
        StoredRecord {
            created_at: None,
            status: None,
            user_id: None,
            external_user_id: None,
            ..StoredRecord::from(record)
        }
    }

    #[test]
    fn user_verification_is_known_once_it_was_seen() {
        let seen = CredentialRecord { uv_initialized: Some(true), ..record(1) };
        assert_eq!(written(&seen)["flags"]["userVerified"], true);
        assert_eq!(read(written(&seen)), Ok(kept(&seen)));
        assert_eq!(read(written(&record(1))).unwrap().uv_initialized, None);
    }

    #[test]
    fn malformed_members_are_named() {
        for (pointer, text, named) in [
            ("/id", json!("-_8"), "`id`"),
            ("/publicKey", json!("AAAA"), "`publicKey`"),
            ("/userHandle", json!("abc"), "`userHandle`"),
            ("/rpId", json!(""), "`rpId`"),
            ("/user", json!(""), "`user`"),
            ("/authenticator/AAGUID", json!("AAAA"), "`authenticator.AAGUID`"),
            (
                "/flags",
                json!({"userPresent": true, "userVerified": true, "backupEligible": false, "backupState": true}),
                "`flags.backupState`",
            ),
        ] {
            let mut value = written(&record(1));
            *value.pointer_mut(pointer).unwrap() = text;
            let refused = read(value).unwrap_err();
            assert!(refused.contains(named), "{pointer}: {refused}");
        }
    }

    #[test]
    fn what_the_library_does_not_log_in() {
        let known = CredentialRecord { backup: Some(Backup::SingleDevice), ..bare_record(1) };
        assert_eq!(verifies(&known), Ok(()));
        assert_eq!(verifies(&bare_record(1)), Err(CannotLogIn::BackupUnknown));
        let unknown = GoWebauthn::to_record(&StoredRecord::from(&bare_record(1)));
        assert_eq!(unknown.unwrap_err(), CannotLogIn::BackupUnknown);
        parts::tests::refused_are::<GoWebauthn>(&[]);
        parts::tests::ed448_is_refused::<GoWebauthn>();
    }

    #[test]
    fn exponents_end_where_those_of_go_end() {
        let rsa = TestKey::rsa(Algorithm::Rs256, RsaSize::Bits2048, 1).unwrap();
        let public_key = CoseKey::from_bytes(rsa.cose()).unwrap();
        let KeyParameters::Rsa { n, .. } = public_key.parameters() else { unreachable!("an RSA key") };
        for (e, verdict) in [
            (vec![3], Ok(())),
            (vec![0x7f, 0xff, 0xff, 0xff], Ok(())),
            (vec![0x80, 0, 0, 0x0b], Err(CannotLogIn::RsaExponent)),
            (vec![1, 0, 0, 0, 0x0f], Err(CannotLogIn::RsaExponent)),
        ] {
            let parameters = KeyParameters::Rsa { n: n.clone(), e: e.clone().into() };
            let public_key = CoseKey::from_parameters(CoseAlgorithm::Rs256, &parameters).unwrap();
            assert_eq!(verifies(&CredentialRecord { public_key, ..record(1) }), verdict, "{e:?}");
        }
    }
}
