//! Fido2NetLib (`Fido2` on NuGet), .NET.
//!
//! The library leaves storage to the application. A record has the members of `StoredCredential`, with which its own demo
//! shows how (a type in its repository and in no package), as System.Text.Json reads them, and beside them the account
//! and the RP ID, which that type has no place for:
//!
//! | here | WebAuthn | form |
//! |---|---|---|
//! | `user` | the account | text |
//! | `rpId` | RP ID | text, for `Fido2Configuration.ServerDomain` |
//! | `Id` | credential ID | base64 with padding, as .NET writes bytes |
//! | `PublicKey` | credential public key | base64 of the COSE bytes |
//! | `SignCount` | sign count | number |
//! | `Transports` | transports | array of those that the enum `AuthenticatorTransport` has, only when known |
//! | `IsBackupEligible` | backup eligible | boolean, only when known |
//! | `IsBackedUp` | backup state | boolean, only when known |
//! | `UserId`, `UserHandle` | user handle | base64, only when known; the store of the demo looks for either |
//! | `AttestationFormat` | attestation statement format | text, only when known |
//! | `RegDate` | time of registration | ISO 8601 in UTC, only when known |
//! | `AaGuid` | AAGUID | UUID text, only when known |
//!
//! The library asks the application whether a user handle that a login brings belongs to the credential: without
//! `--user-handle` the application has to know it from elsewhere.
//!
//! What is said here follows the source of release 4.0.0: its `CredentialPublicKey`, `CryptoUtils` and
//! `AuthenticatorAssertionResponse`. `examples/fido2_net_lib` has a loader to copy, and `tests/login/dotnet` the login proof
//! for that version.

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use keyferry_core::{
    Aaguid, AttestationFormat, Backup, CannotLogIn, CoseAlgorithm, CoseKey, CredentialId, CredentialRecord,
    Curve, Fault, Identifier, Item, KeyParameters, Profile, RpId, SignCount, StoredRecord, Timestamp,
    Transports, UserHandle, Verdict,
};
use serde::{Deserialize, Serialize};

use crate::RecordFormat;

/// The format of records for Fido2NetLib.
#[derive(Clone, Copy, Debug)]
pub enum Fido2NetLib {}

/// A record as it stands in the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Passkey {
    #[serde(rename = "user")]
    user: String,
    #[serde(rename = "rpId")]
    rp_id: String,
    id: String,
    public_key: String,
    sign_count: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    transports: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_backup_eligible: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_backed_up: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_handle: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attestation_format: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reg_date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aa_guid: Option<String>,
}

impl RecordFormat for Fido2NetLib {
    type Record = Passkey;

    const PROFILE: Profile = Profile {
        name: "fido2-net-lib",
        library: Cow::Borrowed("Fido2 4.0.0"),
        keeps_status: false,
        represent: Verdict::Fixed(|record| {
            let passkey = Self::to_record(&StoredRecord::from(record))?;
            // What was written here a moment ago reads back; if not, it is as good as not written.
            Self::to_stored(&passkey).map_err(|_| CannotLogIn::Algorithm(record.public_key.algorithm()))
        }),
        verifies: Verdict::Fixed(verifies),
    };

    fn to_record(view: &StoredRecord) -> Result<Passkey, CannotLogIn> {
        let handle = view.user_handle.as_ref().map(|handle| STANDARD.encode(handle.as_bytes()));
        Ok(Passkey {
            user: view.account.as_ref().map(|account| account.as_str().to_owned()).unwrap_or_default(),
            rp_id: view.rp_id.as_ref().map(|rp_id| rp_id.as_str().to_owned()).unwrap_or_default(),
            id: STANDARD.encode(view.credential_id.as_bytes()),
            // This version knows the older algorithm identifiers only; they verify the same signatures.
            public_key: STANDARD.encode(view.public_key.to_polymorphic().as_bytes()),
            sign_count: view.sign_count.0,
            // A value that the enum lacks would make .NET refuse the whole file.
            transports: view
                .transports
                .as_ref()
                .map(|list| list.iter().filter(|value| is_in_the_enum(value)).map(str::to_owned).collect()),
            is_backup_eligible: view.backup.map(Backup::eligible),
            is_backed_up: view.backup.map(Backup::state),
            user_id: handle.clone(),
            user_handle: handle,
            attestation_format: view.attestation_format.as_ref().map(|format| format.as_str().to_owned()),
            reg_date: view.created_at.filter(|time| is_a_dotnet_date(*time)).map(|time| time.to_string()),
            aa_guid: view.aaguid.map(|aaguid| aaguid.to_string()),
        })
    }

    fn to_stored(passkey: &Passkey) -> Result<StoredRecord, String> {
        let told = |field: &'static str| move |fault: Fault| format!("`{field}`: {}", fault.message);
        let id = CredentialId::new(bytes("Id", &passkey.id)?).map_err(told("Id"))?;
        let key = CoseKey::from_bytes(bytes("PublicKey", &passkey.public_key)?).map_err(told("PublicKey"))?;
        // `UserId` may have become the application's own; the handle is what a login is compared with.
        let user_handle = match &passkey.user_handle {
            Some(text) => Some(UserHandle::new(bytes("UserHandle", text)?).map_err(told("UserHandle"))?),
            None => None,
        };
        let backup = match (passkey.is_backup_eligible, passkey.is_backed_up) {
            (None, None) => None,
            (Some(eligible), Some(state)) => Some(
                Backup::from_flags(eligible, state)
                    .ok_or("`IsBackedUp` is true without `IsBackupEligible`")?,
            ),
            _ => return Err("`IsBackupEligible` and `IsBackedUp` belong together".to_owned()),
        };
        let aaguid = passkey.aa_guid.as_ref().map(|text| Aaguid::parse(text).ok_or("`AaGuid` is not a UUID"));
        let created_at = passkey.reg_date.as_ref().map(|text| match Timestamp::parse(text) {
            Some((time, _)) => Ok(time),
            None => Err("`RegDate` is not an ISO 8601 date and time"),
        });
        Ok(StoredRecord {
            account: Some(Identifier::new(Item::Account, passkey.user.as_str()).map_err(told("user"))?),
            rp_id: Some(RpId::parse(&passkey.rp_id).map_err(|error| format!("`rpId`: {error}"))?),
            user_handle,
            backup,
            transports: passkey
                .transports
                .as_ref()
                .map(|list| Transports::new(list.iter().map(String::as_str))),
            attestation_format: passkey.attestation_format.clone().map(AttestationFormat::new),
            created_at: created_at.transpose()?,
            aaguid: aaguid.transpose()?,
            ..StoredRecord::bare(id, key, SignCount(passkey.sign_count))
        })
    }
}

/// Decodes bytes as System.Text.Json reads them.
fn bytes(field: &str, text: &str) -> Result<Vec<u8>, String> {
    STANDARD.decode(text).map_err(|_| format!("`{field}` is not base64 with padding"))
}

fn is_in_the_enum(transport: &str) -> bool {
    // It has no value for the name that `hybrid` had before it was standardised.
    Transports::KNOWN.contains(&transport) && transport != "cable"
}

/// Tells whether `DateTimeOffset` has the time: years 1 to 9999.
fn is_a_dotnet_date(time: Timestamp) -> bool {
    const YEAR_1: i64 = -62_135_596_800_000_000;
    time.microseconds() >= YEAR_1
}

/// Says for which keys a login is known to work; `tests/login` holds it against the library in both directions.
///
/// The library lacks nothing but Ed448. secp256k1 needs a platform that has the curve: on macOS the library refuses it.
fn verifies(record: &CredentialRecord) -> Result<(), CannotLogIn> {
    use CoseAlgorithm::{EdDsa, Es256, Es256k, Es384, Es512, Ps256, Ps384, Ps512, Rs256, Rs384, Rs512};
    let key = &record.public_key;
    let is_ed448 = matches!(key.parameters(), KeyParameters::Okp { curve: Curve::Ed448, .. });
    let promised = [Es256, Es384, Es512, Es256k, EdDsa, Rs256, Rs384, Rs512, Ps256, Ps384, Ps512];
    if is_ed448 || !promised.contains(&key.algorithm().polymorphic()) {
        return Err(CannotLogIn::Algorithm(key.algorithm()));
    }
    // OpenSSL, which .NET verifies with on Linux, takes long exponents up to this modulus only.
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
        serde_json::to_value(Fido2NetLib::to_record(&StoredRecord::from(record)).unwrap()).unwrap()
    }

    fn read(value: Value) -> Result<StoredRecord, String> {
        Fido2NetLib::to_stored(&serde_json::from_value(value).unwrap())
    }

    #[test]
    fn the_members_are_those_of_stored_credential() {
        let record = CredentialRecord {
            transports: Some(Transports::new(["internal", "teleport", "cable", "smart-card"])),
            ..record(1)
        };
        let handle = STANDARD.encode("00000000-0000-4000-8000-000000000001");
        assert_eq!(
            written(&record),
            json!({
                "user": "00000000-0000-4000-8000-000000000001",
                "rpId": "example.com",
                "Id": STANDARD.encode(record.credential_id.as_bytes()),
                "PublicKey": STANDARD.encode(record.public_key.as_bytes()),
                "SignCount": 5,
                "Transports": ["internal", "smart-card"],
                "IsBackupEligible": true,
                "IsBackedUp": false,
                "UserId": handle,
                "UserHandle": handle,
                "AttestationFormat": "none",
                "RegDate": "2024-01-15T10:30:00.123456Z",
                "AaGuid": "ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4",
            })
        );
    }

    #[test]
    fn bytes_are_in_the_alphabet_with_plus_and_slash() {
        let id = CredentialId::new(vec![0xfb; 16]).unwrap();
        let value = written(&CredentialRecord { credential_id: id.clone(), ..record(2) });
        assert_eq!(value["Id"], "+/v7+/v7+/v7+/v7+/v7+w==");
        assert_eq!(read(value).unwrap().credential_id, id);
    }

    #[test]
    fn what_is_not_known_is_not_written() {
        let value = written(&bare_record(3));
        let names: Vec<_> = value.as_object().unwrap().keys().collect();
        assert_eq!(names, ["user", "rpId", "Id", "PublicKey", "SignCount"]);
        let stored = read(value).unwrap();
        assert_eq!((stored.backup, stored.transports, stored.aaguid), (None, None, None));
        assert_eq!((stored.user_handle, stored.created_at), (None, None));
    }

    #[test]
    fn a_time_that_dotnet_lacks_is_left_out() {
        for (text, is_written) in [("0001-01-01T00:00:00Z", true), ("0000-12-31T23:59:59Z", false)] {
            let created_at = Timestamp::parse(text).map(|(time, _)| time);
            assert!(created_at.is_some());
            let value = written(&CredentialRecord { created_at, ..record(4) });
            assert_eq!(value.get("RegDate").is_some(), is_written, "{text}");
        }
    }

    #[test]
    fn an_application_may_use_user_id_for_itself() {
        let mut value = written(&record(5));
        value["UserId"] = json!("AQID");
        assert_eq!(read(value).unwrap().user_handle, record(5).user_handle);
    }

    #[test]
    fn a_damaged_record_names_its_field() {
        let good = written(&record(6));
        for (field, value) in [
            ("Id", json!("-_-_")),
            ("Id", json!("AQ")),
            ("PublicKey", json!("oA==")),
            ("UserHandle", json!("")),
            ("user", json!("")),
            ("rpId", json!("")),
            ("AaGuid", json!("none")),
            ("RegDate", json!("2024-01-15")),
            ("IsBackedUp", Value::Null),
            ("IsBackupEligible", Value::Null),
        ] {
            let mut bad = good.clone();
            bad[field] = value;
            let message = read(bad).unwrap_err();
            assert!(message.contains(field), "{field}: {message}");
        }
        let mut bad = good;
        (bad["IsBackupEligible"], bad["IsBackedUp"]) = (json!(false), json!(true));
        assert!(read(bad).unwrap_err().contains("IsBackedUp"));
    }

    #[test]
    fn verdicts() {
        for algorithm in Algorithm::ALL {
            let record = CredentialRecord { public_key: key(algorithm, 7), ..record(7) };
            assert_eq!(verifies(&record), Ok(()), "{algorithm:?}");
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
