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

use std::error::Error;

use keyferry_core::{
    Backup, CannotLogIn, CoseAlgorithm, CredentialRecord, Item, Profile, SignCount, StoredRecord, UserHandle,
};
use serde::{Deserialize, Serialize};

use crate::{RecordFormat, base64url, encode, parts};

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

    const PROFILE: Profile = parts::profile_without::<Self>(
        "simplewebauthn",
        "@simplewebauthn/server 14.0.3",
        verifies,
        WITHOUT,
        keeps,
    );

    fn to_record(view: &StoredRecord) -> Result<Passkey, CannotLogIn> {
        Ok(Passkey {
            id: view.credential_id.to_base64url(),
            // The library knows the older algorithm identifiers only; they verify the same signatures.
            public_key: encode(parts::polymorphic(&view.public_key).as_bytes()),
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

    /// All members in the order of [`Passkey`]; of most nothing is built before it is written.
    fn write(record: &CredentialRecord, text: &mut Vec<u8>) -> Result<(), Box<dyn Error + Send + Sync>> {
        text.extend_from_slice(br#"{"id":""#);
        base64url::push(record.credential_id.as_bytes(), text);
        text.extend_from_slice(br#"","publicKey":""#);
        base64url::push(parts::polymorphic(&record.public_key).as_bytes(), text);
        text.extend_from_slice(br#"","user":"#);
        serde_json::to_writer(&mut *text, record.account.as_str())?;
        if let Some(handle) = &record.user_handle {
            text.extend_from_slice(br#","webauthnUserID":""#);
            base64url::push(handle.as_bytes(), text);
            text.push(b'"');
        }
        text.extend_from_slice(br#","counter":"#);
        serde_json::to_writer(&mut *text, &record.sign_count.0)?;
        if let Some(backup) = record.backup {
            text.extend_from_slice(match backup {
                Backup::SingleDevice => br#","deviceType":"singleDevice","backedUp":false"#,
                Backup::Eligible => br#","deviceType":"multiDevice","backedUp":false"#,
                Backup::BackedUp => br#","deviceType":"multiDevice","backedUp":true"#,
            });
        }
        if let Some(transports) = &record.transports {
            text.extend_from_slice(br#","transports":"#);
            parts::write_transports(transports, text)?;
        }
        text.push(b'}');
        Ok(())
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

/// What a record has no place for.
const WITHOUT: &[Item] = &[
    Item::UvInitialized,
    Item::Aaguid,
    Item::AuthenticatorAttachment,
    Item::AttestationFormat,
    Item::CreatedAt,
    Item::Status,
    Item::UserId,
    Item::ExternalUserId,
    Item::RpId,
];

/// Tells whether the conversion gives a record back but for [`WITHOUT`], as it does unless the key is written in other
/// words or nobody has the account.
fn keeps(record: &CredentialRecord) -> bool {
    let algorithm = record.public_key.algorithm();
    algorithm == algorithm.polymorphic() && !record.account.as_str().contains('\0')
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
    use keyferry_core::{CredentialId, Identifier, Status, Transports, Verdict};
    use keyferry_testkit::{
        Algorithm,
        records::{key, record},
    };
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
    fn what_is_said_to_be_kept_is_what_the_conversion_gives_back() {
        let Verdict::Part { keeps, otherwise, .. } = SimpleWebAuthn::PROFILE.represent else {
            unreachable!()
        };
        let mut variants: Vec<_> = [
            CredentialRecord { uv_initialized: Some(true), ..record(2) },
            CredentialRecord { transports: None, backup: None, user_handle: None, ..record(3) },
            CredentialRecord { transports: Some(Transports::default()), ..record(4) },
            CredentialRecord { transports: Some(Transports::new(["\"\\\u{1}é", "usb"])), ..record(5) },
            CredentialRecord {
                backup: Some(Backup::SingleDevice),
                sign_count: SignCount(u32::MAX),
                ..record(6)
            },
            CredentialRecord { backup: Some(Backup::BackedUp), status: Status::Revoked, ..record(7) },
            CredentialRecord { account: Identifier::of_nobody(), ..record(8) },
        ]
        .into();
        for algorithm in Algorithm::ALL {
            variants.push(CredentialRecord { public_key: key(algorithm, 9), ..record(9) });
        }
        let mut kept = 0;
        for record in &variants {
            let found_out = otherwise(record);
            assert_eq!(SimpleWebAuthn::PROFILE.represent(record), found_out);
            kept += usize::from(keeps(record));
        }
        // Nobody's account, and the algorithms whose identifiers the library does not know.
        let careful = variants.len() - kept;
        let renamed = Algorithm::ALL.iter().filter(|algorithm| {
            let algorithm = key(**algorithm, 9).algorithm();
            algorithm != algorithm.polymorphic()
        });
        assert_eq!(careful, 1 + renamed.count());
        assert!(careful > 2 && kept > 6);
    }

    #[test]
    fn the_text_is_the_one_that_serde_writes() {
        let backups = [None, Some(Backup::SingleDevice), Some(Backup::Eligible), Some(Backup::BackedUp)];
        let transports: [Option<&[&str]>; 6] = [
            None,
            Some(&[]),
            Some(Transports::KNOWN),
            Some(&["usb"]),
            Some(&["\"", "nfc"]),
            Some(&["\u{7f}é\n"]),
        ];
        let accounts = ["a", "é \u{1f511} \u{2028}", "\"\\/\u{8}\u{c}\t\u{1}\u{1f}\u{7f}", "</script>"];
        let handles = [None, Some(1), Some(31), Some(64)];
        let counts = [0, 9, 10, 99, 100, u32::MAX];
        let ids = [1, 2, 3, 16, 20, 31, 32, 48, 64, 1023];
        let keys = Algorithm::ALL.map(|algorithm| key(algorithm, 9));
        let all = backups.len() * transports.len() * accounts.len() * handles.len() * counts.len();
        for number in 0..all {
            let mut rest = number;
            let mut next = |of: usize| {
                let digit = rest % of;
                rest /= of;
                digit
            };
            let record = CredentialRecord {
                backup: backups[next(backups.len())],
                transports: transports[next(transports.len())]
                    .map(|list| Transports::new(list.iter().copied())),
                account: Identifier::new(Item::Account, accounts[next(accounts.len())]).unwrap(),
                user_handle: handles[next(handles.len())]
                    .map(|length| UserHandle::new(vec![0xfb; length]).unwrap()),
                sign_count: SignCount(counts[next(counts.len())]),
                credential_id: CredentialId::new(vec![0xef; ids[number % ids.len()]]).unwrap(),
                public_key: keys[number % keys.len()].clone(),
                ..record(1)
            };
            let expected = SimpleWebAuthn::to_record(&StoredRecord::from(&record)).unwrap();
            let mut text = b"before".to_vec();
            SimpleWebAuthn::write(&record, &mut text).unwrap();
            let text = std::str::from_utf8(text.strip_prefix(b"before").unwrap()).unwrap();
            assert_eq!(text, serde_json::to_string(&expected).unwrap(), "{number}");
        }
    }

    #[test]
    fn verdicts() {
        parts::tests::refused_are::<SimpleWebAuthn>(&[Algorithm::Es256k]);
        parts::tests::ed448_is_refused::<SimpleWebAuthn>();
    }
}
