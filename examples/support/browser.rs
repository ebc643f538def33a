//! The browser's side of a sign-in, played by a software authenticator that holds the private key.

use std::error::Error;

use keyferry_core::CredentialRecord;
use keyferry_testkit::{Algorithm, AssertionOptions, TestCredential, TestKey, records};
use webauthn_rs::prelude::PublicKeyCredential;

/// Answers the options of `start_passkey_authentication` with the key of [`records::record`] number 1.
pub(crate) fn sign(
    record: &CredentialRecord,
    options: serde_json::Value,
) -> Result<PublicKeyCredential, Box<dyn Error>> {
    let challenge =
        options.pointer("/publicKey/challenge").and_then(serde_json::Value::as_str).ok_or("no challenge")?;
    let authenticator = TestCredential {
        credential_id: record.credential_id.as_bytes().to_vec(),
        key: TestKey::from_seed(Algorithm::Es256, &records::key_seed(1)),
        user_handle: None,
        rp_id: record.rp_id.as_str().to_owned(),
        aaguid: Default::default(),
        attachment: None,
    };
    let assertion = authenticator.assert(&AssertionOptions {
        backup_eligible: record.backup.is_some_and(keyferry_core::Backup::eligible),
        sign_count: record.sign_count.0 + 1,
        ..AssertionOptions::new("https://example.com", keyferry_json::decode("challenge", challenge)?)
    });
    Ok(serde_json::from_value(assertion.to_json())?)
}
