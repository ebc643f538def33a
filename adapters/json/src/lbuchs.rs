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

use std::borrow::Cow;

use keyferry_core::{
    Aaguid, Backup, CannotLogIn, CoseAlgorithm, CoseKey, CredentialId, CredentialRecord, Curve, Fault,
    Identifier, Item, KeyParameters, Profile, RpId, SignCount, StoredRecord, UserHandle, Verdict,
};
use serde::{Deserialize, Serialize};

use crate::{RecordFormat, decode, encode};

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

    const PROFILE: Profile = Profile {
        name: "lbuchs",
        library: Cow::Borrowed("lbuchs/WebAuthn 2.2.0"),
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
            user: view.account.as_ref().map(|account| account.as_str().to_owned()).unwrap_or_default(),
            user_handle: view.user_handle.as_ref().map(UserHandle::to_base64url),
            rp_id: view.rp_id.as_ref().map(|rp_id| rp_id.as_str().to_owned()).unwrap_or_default(),
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
        let told = |field: &'static str| move |fault: Fault| format!("`{field}`: {}", fault.message);
        let id = CredentialId::new(decode("credentialId", &passkey.credential_id)?)
            .map_err(told("credentialId"))?;
        let cose = decode("credentialPublicKeyCose", &passkey.credential_public_key_cose)?;
        let key = CoseKey::from_bytes(cose).map_err(told("credentialPublicKeyCose"))?;
        // The PEM is what logs in: a record with the PEM of another key must not pass for this one.
        if lines(&passkey.credential_public_key).ne(lines(&key.to_spki_pem())) {
            return Err("`credentialPublicKey` is not the key of `credentialPublicKeyCose`".to_owned());
        }
        let user_handle = match &passkey.user_handle {
            Some(text) => Some(UserHandle::new(decode("userHandle", text)?).map_err(told("userHandle"))?),
            None => None,
        };
        let backup = match (passkey.is_backup_eligible, passkey.is_backed_up) {
            (None, None) => None,
            (Some(eligible), Some(state)) => Some(
                Backup::from_flags(eligible, state)
                    .ok_or("`isBackedUp` is true without `isBackupEligible`")?,
            ),
            _ => return Err("`isBackupEligible` and `isBackedUp` belong together".to_owned()),
        };
        let aaguid = passkey.aaguid.as_ref().map(|text| Aaguid::parse(text).ok_or("`AAGUID` is not a UUID"));
        Ok(StoredRecord {
            account: Some(Identifier::new(Item::Account, passkey.user.as_str()).map_err(told("user"))?),
            rp_id: Some(RpId::parse(&passkey.rp_id).map_err(|error| format!("`rpId`: {error}"))?),
            user_handle,
            backup,
            aaguid: aaguid.transpose()?,
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
    let is_ed448 = matches!(key.parameters(), KeyParameters::Okp { curve: Curve::Ed448, .. });
    let promised = [CoseAlgorithm::Es256, CoseAlgorithm::Es256k, CoseAlgorithm::EdDsa, CoseAlgorithm::Rs256];
    if is_ed448 || !promised.contains(&key.algorithm().polymorphic()) {
        return Err(CannotLogIn::Algorithm(key.algorithm()));
    }
    // OpenSSL takes long exponents up to this modulus only.
    if let KeyParameters::Rsa { e, .. } = key.parameters()
        && e.len() > 8
        && key.rsa_bits() > Some(3072)
    {
        return Err(CannotLogIn::RsaExponent);
    }
    if record.sign_count == SignCount(u32::MAX) {
        return Err(CannotLogIn::SignCountExhausted);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use keyferry_testkit::{
        Algorithm,
        keys::ed448_cose,
        records::{bare_record, key, record},
    };
    use serde_json::{Value, json};

    use super::*;
    use crate::java_key::tests::rsa;

    fn written(record: &CredentialRecord) -> Value {
        serde_json::to_value(Lbuchs::to_record(&StoredRecord::from(record)).unwrap()).unwrap()
    }

    fn read(value: Value) -> Result<StoredRecord, String> {
        Lbuchs::to_stored(&serde_json::from_value(value).unwrap())
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
        for (field, value) in [
            ("credentialId", json!("+/+/")),
            ("credentialPublicKeyCose", json!("oA")),
            ("userHandle", json!("")),
            ("user", json!("")),
            ("rpId", json!("")),
            ("AAGUID", json!("none")),
            ("isBackedUp", Value::Null),
            ("isBackupEligible", Value::Null),
        ] {
            let mut bad = good.clone();
            bad[field] = value;
            let message = read(bad).unwrap_err();
            assert!(message.contains(field), "{field}: {message}");
        }
        let mut bad = good;
        (bad["isBackupEligible"], bad["isBackedUp"]) = (json!(false), json!(true));
        assert!(read(bad).unwrap_err().contains("isBackedUp"));
    }

    #[test]
    fn verdicts() {
        let promised = [
            Algorithm::Es256,
            Algorithm::Esp256,
            Algorithm::Es256k,
            Algorithm::EdDsa,
            Algorithm::Ed25519,
            Algorithm::Rs256,
        ];
        for algorithm in Algorithm::ALL {
            let record = CredentialRecord { public_key: key(algorithm, 7), ..record(7) };
            let refused = (!promised.contains(&algorithm))
                .then(|| CannotLogIn::Algorithm(record.public_key.algorithm()));
            assert_eq!(verifies(&record).err(), refused, "{algorithm:?}");
        }
        let ed448 = CoseKey::from_bytes(ed448_cose(-8)).unwrap();
        let refused = verifies(&CredentialRecord { public_key: ed448, ..record(7) });
        assert_eq!(refused, Err(CannotLogIn::Algorithm(CoseAlgorithm::EdDsa)));
        let large = CredentialRecord { public_key: rsa(64, &[1; 9]), ..record(7) };
        assert_eq!(verifies(&large), Err(CannotLogIn::RsaExponent));
        let exhausted = CredentialRecord { sign_count: SignCount(u32::MAX), ..record(7) };
        assert_eq!(verifies(&exhausted), Err(CannotLogIn::SignCountExhausted));
    }
}
