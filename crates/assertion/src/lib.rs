//! Verifies one recorded login against what a credential record holds.
//!
//! [`Recorded::parse`] reads the JSON that `PublicKeyCredential.toJSON()` gives in a browser. [`verify`] follows
//! WebAuthn Level 3, section 7.2, and gives a [`Finding`] for each step instead of the first error, so that every reason
//! why a login would fail is known at once.
//!
//! What differs from a server: the login happened already, so nobody here chose its challenge. Where the caller does not
//! say which challenge was used, the one in the client data is taken as it is, and the finding of step 11 says so. Such a
//! result tells whether the record is right, and must never log anybody in.
//!
//! ```
//! use keyferry_assertion::{Expected, Held, Outcome, Recorded, Step, verify};
//! use keyferry_core::{CoseKey, CredentialId, RpId, SignCount};
//! # use keyferry_testkit::{Algorithm, AssertionOptions, TestCredential, TestKey};
//! # let key = TestKey::from_seed(Algorithm::Es256, &[7; 32]);
//! # let cose = key.cose();
//! # let login = TestCredential {
//! #     credential_id: vec![1; 16], key, user_handle: None, rp_id: "example.com".into(),
//! #     aaguid: uuid::Uuid::nil(), attachment: None,
//! # }.assert(&AssertionOptions::new("https://example.com", vec![9; 32]));
//! # let json = login.to_json().to_string();
//!
//! let recorded = Recorded::parse(json.as_bytes())?;
//! let rp_id = RpId::parse("example.com")?;
//! let held = Held {
//!     credential_id: &CredentialId::new([1; 16])?,
//!     public_key: &CoseKey::from_bytes(cose)?,
//!     sign_count: SignCount(0),
//!     backup: None,
//!     user_handle: None,
//! };
//! let findings = verify(&recorded.assertion, &held, &Expected { rp_id: Some(&rp_id), ..Expected::default() });
//! assert!(findings.would_succeed());
//! assert_eq!(findings.outcome(Step::Challenge).map(|outcome| outcome.code()), Some("challenge-not-ours"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod authenticator_data;
mod client_data;
mod expected;
mod finding;
mod origin;
mod recorded;
mod signature;
mod text;
mod verify;

pub use authenticator_data::{AuthenticatorData, Flags};
pub use client_data::ClientData;
pub use expected::{Expected, Held};
pub use finding::{Finding, Findings, Outcome, Reason, Step};
pub use origin::{Origin, rp_id_of};
pub use recorded::{Assertion, ParseError, Recorded};
pub use signature::{Verdict, verify_signature};
pub use text::decode_base64url;
pub use verify::verify;
