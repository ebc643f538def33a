//! lbuchs/WebAuthn (`lbuchs/webauthn` on Packagist), PHP.
//!
//! The library has no record of its own. Records hold what `processGet` takes and what `processCreate` returns, under its
//! names, and what an application keeps beside them:
//!
//! | here | WebAuthn | form |
//! |---|---|---|
//! | `user` | the account | text |
//! | `userHandle` | user handle | base64url, only when known |
//! | `rpId` | RP ID | text, for the constructor |
//! | `credentialId` | credential ID | base64url without padding; a loader turns it into bytes |
//! | `credentialPublicKey` | credential public key | SubjectPublicKeyInfo in PEM, lines of 64 characters |
//! | `credentialPublicKeyCose` | credential public key | base64url of the COSE bytes; the library does not read it |
//! | `signatureCounter` | sign count | number |
//! | `AAGUID` | AAGUID | UUID text, only when known |
//! | `isBackupEligible` | backup eligible | boolean, only when known |
//! | `isBackedUp` | backup state | boolean, only when known |
//!
//! The COSE bytes stand beside the PEM because a PEM has less in it: the same RSA key verifies RS256 and PS256, and a
//! record must come back with the algorithm that it was written with. The two must be the same key.
//!
//! `examples/lbuchs` has a loader to copy, and `tests/login/php` the login proof for version 2.2.0.
//!
//! The library gives all keys but Ed25519 to PHP's OpenSSL, and so logs in more keys than its `processCreate` registers:
//! that one takes ES256, EdDSA, and RS256 with 2048 bits and an exponent of three bytes.

use keyferry_core::{
    Backup, CannotLogIn, CoseAlgorithm, CredentialRecord, Profile, SignCount, StoredRecord, UserHandle,
};
use serde::{Deserialize, Serialize};

use crate::{RecordFormat, encode, parts};

/// The format of records for lbuchs/WebAuthn.
#[derive(Clone, Copy, Debug)]
pub enum Lbuchs {}

/// A record as it stands in the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Passkey {
    user: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_handle: Option<String>,
    rp_id: String,
    credential_id: String,
    credential_public_key: String,
    credential_public_key_cose: String,
    signature_counter: u32,
    #[serde(rename = "AAGUID", skip_serializing_if = "Option::is_none")]
    aaguid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_backup_eligible: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_backed_up: Option<bool>,
}

impl RecordFormat for Lbuchs {
    type Record = Passkey;

    const PROFILE: Profile = parts::profile::<Self>("lbuchs", "lbuchs/WebAuthn 2.2.0", verifies);

    fn to_record(view: &StoredRecord) -> Result<Passkey, CannotLogIn> {
        Ok(Passkey {
            user: parts::account_text(view),
            user_handle: view.user_handle.as_ref().map(UserHandle::to_base64url),
            rp_id: parts::rp_id_text(view),
            credential_id: view.credential_id.to_base64url(),
            credential_public_key: view.public_key.to_spki_pem(),
            credential_public_key_cose: encode(view.public_key.as_bytes()),
            signature_counter: view.sign_count.0,
            aaguid: view.aaguid.map(|aaguid| aaguid.to_string()),
            is_backup_eligible: view.backup.map(Backup::eligible),
            is_backed_up: view.backup.map(Backup::state),
        })
    }

    fn to_stored(passkey: &Passkey) -> Result<StoredRecord, String> {
        let key = parts::public_key("credentialPublicKeyCose", &passkey.credential_public_key_cose)?;
        // The PEM is what logs in: a record with the PEM of another key must not pass for this one.
        if lines(&passkey.credential_public_key).ne(lines(&key.to_spki_pem())) {
            return Err("`credentialPublicKey` is not the key of `credentialPublicKeyCose`".to_owned());
        }
        let id = parts::credential_id("credentialId", &passkey.credential_id)?;
        let handle = passkey.user_handle.as_ref();
        Ok(StoredRecord {
            account: parts::account("user", &passkey.user)?,
            rp_id: parts::rp_id("rpId", &passkey.rp_id)?,
            user_handle: handle.map(|text| parts::user_handle("userHandle", text)).transpose()?,
            backup: parts::backup(
                ("isBackupEligible", passkey.is_backup_eligible),
                ("isBackedUp", passkey.is_backed_up),
            )?,
            aaguid: parts::aaguid("AAGUID", &passkey.aaguid)?,
            ..StoredRecord::bare(id, key, SignCount(passkey.signature_counter))
        })
    }
}

/// The lines of a PEM; how they end, and whether the last one does, changes nothing for OpenSSL.
fn lines(pem: &str) -> impl Iterator<Item = &str> {
    pem.lines().map(str::trim_end).filter(|line| !line.is_empty())
}

/// Says for which keys a login is known to work; `tests/login` holds it against the library in both directions.
///
/// The library hashes with SHA-256 whatever the key, and pads RSA as in PKCS #1 v1.5. Ed25519 needs the extension sodium,
/// and secp256k1 an OpenSSL that has the curve: a build without it says "public key invalid".
fn verifies(record: &CredentialRecord) -> Result<(), CannotLogIn> {
    let key = &record.public_key;
    let promised = [CoseAlgorithm::Es256, CoseAlgorithm::Es256k, CoseAlgorithm::EdDsa, CoseAlgorithm::Rs256];
    if parts::is_ed448(key) || !promised.contains(&key.algorithm().polymorphic()) {
        return Err(CannotLogIn::Algorithm(key.algorithm()));
    }
    // OpenSSL verifies RSA.
    parts::has_short_exponent(record)?;
    parts::can_count_on(record)
}

#[cfg(test)]
mod tests {
    use keyferry_testkit::{
        Algorithm,
        records::{bare_record, key, record},
    };
    use serde_json::{Value, json};

    use super::*;

    fn written(record: &CredentialRecord) -> Value {
        parts::tests::written::<Lbuchs>(record)
    }

    fn read(value: Value) -> Result<StoredRecord, String> {
        parts::tests::read::<Lbuchs>(value)
    }

    #[test]
    fn the_words_are_those_of_the_library() {
        let record = record(1);
        assert_eq!(
            written(&record),
            json!({
                "user": "00000000-0000-4000-8000-000000000001",
                "userHandle": encode(b"00000000-0000-4000-8000-000000000001"),
                "rpId": "example.com",
                "credentialId": record.credential_id.to_base64url(),
                "credentialPublicKey": record.public_key.to_spki_pem(),
                "credentialPublicKeyCose": encode(record.public_key.as_bytes()),
                "signatureCounter": 5,
                "AAGUID": "ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4",
                "isBackupEligible": true,
                "isBackedUp": false,
            })
        );
    }

    #[test]
    fn what_is_not_known_is_not_written() {
        let value = written(&bare_record(2));
        let names: Vec<_> = value.as_object().unwrap().keys().collect();
        let always = [
            "user",
            "rpId",
            "credentialId",
            "credentialPublicKey",
            "credentialPublicKeyCose",
            "signatureCounter",
        ];
        assert_eq!(names, always);
        let stored = read(value).unwrap();
        assert_eq!((stored.backup, stored.aaguid, stored.user_handle), (None, None, None));
    }

    #[test]
    fn every_key_comes_back_with_its_algorithm() {
        for algorithm in Algorithm::ALL {
            let record = CredentialRecord { public_key: key(algorithm, 3), ..record(3) };
            assert_eq!(read(written(&record)).unwrap().public_key, record.public_key, "{algorithm:?}");
        }
    }

    #[test]
    fn a_pem_of_another_key_is_refused_and_other_line_ends_are_not() {
        let good = written(&record(4));
        let pem = good["credentialPublicKey"].as_str().unwrap();
        for same in [pem.trim_end().to_owned(), pem.replace('\n', "\r\n")] {
            let mut value = good.clone();
            value["credentialPublicKey"] = json!(same);
            assert_eq!(read(value).unwrap().public_key, record(4).public_key);
        }
        for other in [record(5).public_key.to_spki_pem(), String::new(), pem.replace("PUBLIC", "PRIVATE")] {
            let mut value = good.clone();
            value["credentialPublicKey"] = json!(other);
            assert!(read(value).unwrap_err().contains("credentialPublicKey"));
        }
    }

    #[test]
    fn a_damaged_record_names_its_field() {
        let good = written(&record(6));
        let damages = [
            ("/credentialId", json!("+/+/")),
            ("/credentialPublicKeyCose", json!("oA")),
            ("/userHandle", json!("")),
            ("/user", json!("")),
            ("/rpId", json!("")),
            ("/AAGUID", json!("none")),
            ("/isBackedUp", Value::Null),
            ("/isBackupEligible", Value::Null),
        ];
        parts::tests::damage_is_named::<Lbuchs>(&good, &damages);
        let mut bad = good;
        (bad["isBackupEligible"], bad["isBackedUp"]) = (json!(false), json!(true));
        assert!(read(bad).unwrap_err().contains("isBackedUp"));
    }

    #[test]
    fn verdicts() {
        parts::tests::refused_are::<Lbuchs>(&[
            Algorithm::Es384,
            Algorithm::Esp384,
            Algorithm::Es512,
            Algorithm::Esp512,
            Algorithm::Rs384,
            Algorithm::Rs512,
            Algorithm::Ps256,
            Algorithm::Ps384,
            Algorithm::Ps512,
        ]);
        parts::tests::ed448_is_refused::<Lbuchs>();
    }
}
