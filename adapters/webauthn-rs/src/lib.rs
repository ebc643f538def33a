//! Passkey structs of webauthn-rs and their JSON.
//!
//! A [`WebauthnRsRecord`] is a `Passkey` of webauthn-rs 0.6 with the account, the user handle and the RP ID that it
//! belongs to. [`PROFILE`] says beforehand which records such a passkey holds and which of them log in.
//!
//! * **Kept**: credential ID, public key, sign count, transports that webauthn-rs knows (usb, nfc, ble, internal,
//!   hybrid), backup eligibility and backup state; beside the passkey account, user handle and RP ID.
//! * **Not kept**: other transports, uvInitialized, AAGUID, attachment, attestation format, creation time, both user
//!   identifiers. There is no status either, so only active credentials may stand in the file.
//! * **Cannot log in**: keys other than ES256, ES384 (their fully specified twins ESP256 and ESP384 included) and RS256;
//!   RSA exponents of more than three bytes; credentials whose backup eligibility is unknown; a sign count of
//!   4294967295.
//!
//! # Building a passkey from its parts
//! webauthn-rs keeps the inside of a passkey closed and opens it behind its feature `danger-credential-internals`, with
//! the warning that other values inside may change what a credential is worth. This crate turns the feature on, because
//! no registration made the passkeys that it writes: [`to_passkey`] names every value that it fills in. An application
//! needs neither the feature nor this crate: it reads the file with serde.
//!
//! # Loading the file and logging in
//! The RP ID must be the one at the vendor. A login of a known user works as always. In a discoverable login the user
//! handle is the one that the vendor chose, and `identify_discoverable_authentication` takes handles of 16 bytes only:
//! find the record by its credential ID instead.
//!
//! ```
//! use std::collections::BTreeMap;
//!
//! use serde::{Deserialize, Serialize};
//! use webauthn_rs::prelude::*;
//!
//! #[derive(Serialize, Deserialize)]
//! #[serde(rename_all = "camelCase")]
//! struct Record {
//!     user: String,
//!     user_handle: Option<String>, // base64url without padding
//!     rp_id: String,
//!     passkey: Passkey,
//! }
//!
//! # use keyferry_core as core;
//! # use keyferry_testkit::{Algorithm, AssertionOptions, TestCredential, TestKey};
//! # let key = TestKey::from_seed(Algorithm::Es256, &[7; 32]);
//! # let draft = core::RecordDraft {
//! #     credential_id: Some(core::CredentialId::new([1; 16])?),
//! #     public_key: Some(core::CoseKey::from_bytes(key.cose())?),
//! #     sign_count: Some(core::SignCount(5)),
//! #     backup_eligible: Some(false),
//! #     status: Some(core::Status::Active),
//! #     external_user_id: Some(core::Identifier::new(core::Item::ExternalUserId, "alice")?),
//! #     ..core::RecordDraft::default()
//! # };
//! # let rules = core::Rules::new(core::RpId::parse("example.com")?);
//! # let record = draft.into_record(&rules, Vec::new()).map_err(|_| "faults")?;
//! # let record = keyferry_webauthn_rs::WebauthnRsRecord::from_record(&record).map_err(|why| why.to_string())?;
//! # let file = serde_json::to_string(&std::collections::BTreeMap::from([("alice", [record])]))?;
//! # let authenticator = TestCredential {
//! #     credential_id: vec![1; 16],
//! #     key,
//! #     user_handle: Some(b"alice".to_vec()),
//! #     rp_id: "example.com".into(),
//! #     aaguid: Uuid::nil(),
//! #     attachment: None,
//! # };
//! # let browser = |options: &RequestChallengeResponse, sign_count| {
//! #     let challenge = options.public_key.challenge.to_vec();
//! #     let options = AssertionOptions::new("https://example.com", challenge);
//! #     let answer = authenticator.assert(&AssertionOptions { sign_count, ..options });
//! #     serde_json::from_value::<PublicKeyCredential>(answer.to_json())
//! # };
//! let mut accounts: BTreeMap<String, Vec<Record>> = serde_json::from_str(&file)?;
//! let server = WebauthnBuilder::new("example.com", &Url::parse("https://example.com")?)?.build()?;
//!
//! // The user said that she is alice.
//! let records = accounts.get_mut("alice").ok_or("no such account")?;
//! let passkeys: Vec<_> = records.iter().map(|record| record.passkey.clone()).collect();
//! let (options, state) = server.start_passkey_authentication(&passkeys)?;
//! let response = browser(&options, 6)?;
//! let result = server.finish_passkey_authentication(&response, &state)?;
//! for record in records {
//!     record.passkey.update_credential(&result); // changes the one that was used; store it
//! }
//!
//! // Nobody said anything: feature `conditional-ui` of webauthn-rs.
//! let (options, state) = server.start_discoverable_authentication()?;
//! let response = browser(&options, 7)?;
//! let record = accounts
//!     .values_mut()
//!     .flatten()
//!     .find(|record| record.passkey.cred_id().as_slice() == response.get_credential_id())
//!     .ok_or("no such passkey")?;
//! let result = server.finish_discoverable_authentication_v2(&response, state, &record.passkey)?;
//! record.passkey.update_credential(&result);
//! assert_eq!(record.user, "alice");
//! # let (options, state) = server.start_passkey_authentication(&[record.passkey.clone()])?;
//! # assert!(server.finish_passkey_authentication(&browser(&options, 7)?, &state).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod convert;
#[cfg(feature = "login-proof")]
pub mod login;
mod profile;
mod record;
mod sink;
#[cfg(test)]
mod tests_support;

pub use convert::{from_passkey, stored_to_passkey, to_passkey};
pub use profile::PROFILE;
pub use record::WebauthnRsRecord;
pub use sink::WebauthnRs;
