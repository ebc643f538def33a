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

use keyferry_core::{
    AttestationFormat, Backup, CannotLogIn, CoseAlgorithm, CredentialRecord, Profile, SignCount,
    StoredRecord, Timestamp, Transports,
};
use serde::{Deserialize, Serialize};

use crate::{
    RecordFormat,
    parts::{self, encode_padded},
};

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

    const PROFILE: Profile = parts::profile::<Self>("fido2-net-lib", "Fido2 4.0.0", verifies);

    fn to_record(view: &StoredRecord) -> Result<Passkey, CannotLogIn> {
        let handle = view.user_handle.as_ref().map(|handle| encode_padded(handle.as_bytes()));
        Ok(Passkey {
            user: parts::account_text(view),
            rp_id: parts::rp_id_text(view),
            id: encode_padded(view.credential_id.as_bytes()),
            // This version knows the older algorithm identifiers only; they verify the same signatures.
            public_key: encode_padded(view.public_key.to_polymorphic().as_bytes()),
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
        // `UserId` may have become the application's own; the handle is what a login is compared with.
        let handle = passkey.user_handle.as_ref();
        let created_at = passkey.reg_date.as_ref().map(|text| match Timestamp::parse(text) {
            Some((time, _)) => Ok(time),
            None => Err("`RegDate` is not an ISO 8601 date and time"),
        });
        Ok(StoredRecord {
            account: parts::account("user", &passkey.user)?,
            rp_id: parts::rp_id("rpId", &passkey.rp_id)?,
            user_handle: handle.map(|text| parts::padded_user_handle("UserHandle", text)).transpose()?,
            backup: parts::backup(
                ("IsBackupEligible", passkey.is_backup_eligible),
                ("IsBackedUp", passkey.is_backed_up),
            )?,
            transports: parts::transports(&passkey.transports),
            attestation_format: passkey.attestation_format.clone().map(AttestationFormat::new),
            created_at: created_at.transpose()?,
            aaguid: parts::aaguid("AaGuid", &passkey.aa_guid)?,
            ..StoredRecord::bare(
                parts::padded_credential_id("Id", &passkey.id)?,
                parts::padded_public_key("PublicKey", &passkey.public_key)?,
                SignCount(passkey.sign_count),
            )
        })
    }
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
    let promised = [Es256, Es384, Es512, Es256k, EdDsa, Rs256, Rs384, Rs512, Ps256, Ps384, Ps512];
    if parts::is_ed448(key) || !promised.contains(&key.algorithm().polymorphic()) {
        return Err(CannotLogIn::Algorithm(key.algorithm()));
    }
    // .NET verifies with OpenSSL on Linux.
    parts::has_short_exponent(record)?;
    parts::can_count_on(record)
}

#[cfg(test)]
mod tests {
    use keyferry_core::CredentialId;
    use keyferry_testkit::records::{bare_record, record};
    use serde_json::{Value, json};

    use super::*;

    fn written(record: &CredentialRecord) -> Value {
        parts::tests::written::<Fido2NetLib>(record)
    }

    fn read(value: Value) -> Result<StoredRecord, String> {
        parts::tests::read::<Fido2NetLib>(value)
    }

    #[test]
    fn the_members_are_those_of_stored_credential() {
        let record = CredentialRecord {
            transports: Some(Transports::new(["internal", "teleport", "cable", "smart-card"])),
            ..record(1)
        };
        let handle = encode_padded(b"00000000-0000-4000-8000-000000000001");
        assert_eq!(
            written(&record),
            json!({
                "user": "00000000-0000-4000-8000-000000000001",
                "rpId": "example.com",
                "Id": encode_padded(record.credential_id.as_bytes()),
                "PublicKey": encode_padded(record.public_key.as_bytes()),
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
        let damages = [
            ("/Id", json!("-_-_")),
            ("/Id", json!("AQ")),
            ("/PublicKey", json!("oA==")),
            ("/UserHandle", json!("")),
            ("/user", json!("")),
            ("/rpId", json!("")),
            ("/AaGuid", json!("none")),
            ("/RegDate", json!("2024-01-15")),
            ("/IsBackedUp", Value::Null),
            ("/IsBackupEligible", Value::Null),
        ];
        parts::tests::damage_is_named::<Fido2NetLib>(&good, &damages);
        let mut bad = good;
        (bad["IsBackupEligible"], bad["IsBackedUp"]) = (json!(false), json!(true));
        assert!(read(bad).unwrap_err().contains("IsBackedUp"));
    }

    #[test]
    fn verdicts() {
        parts::tests::refused_are::<Fido2NetLib>(&[]);
        parts::tests::ed448_is_refused::<Fido2NetLib>();
    }
}
