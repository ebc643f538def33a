//! The items of a credential record: a value of one of these types is a legal one.
//!
//! Names are those of WebAuthn Level 3, section 4 (credential record), and RFC 9052 and 9053 (COSE).

mod aaguid;
mod attachment;
mod backup;
mod cose_algorithm;
mod cose_canonical;
mod cose_encode;
mod cose_form;
mod cose_key;
mod credential_id;
mod curve_points;
mod ed448;
mod identifier;
mod key_formats;
mod prime_field;
mod rp_id;
mod rsa_numbers;
mod sign_count;
mod small_factors;
mod status;
mod timestamp;
mod transports;
mod user_handle;

#[cfg(feature = "fuzzing")]
pub mod fuzzing;
#[cfg(test)]
pub(crate) mod tests_support;

pub use aaguid::Aaguid;
pub use attachment::{AttestationFormat, AuthenticatorAttachment};
pub use backup::Backup;
pub use cose_algorithm::{CoseAlgorithm, Curve};
pub(crate) use cose_key::with_checked_keys;
pub use cose_key::{CoseKey, KeyParameters};
pub use credential_id::CredentialId;
pub use identifier::Identifier;
pub use rp_id::{RpId, RpIdError};
pub use sign_count::SignCount;
pub use small_factors::{KnownModuli, SearchedModuli, with_keys_searched};
pub use status::Status;
pub use timestamp::Timestamp;
pub use transports::Transports;
pub use user_handle::UserHandle;

/// Returns a text that is one of a few nearly always, and then takes no memory.
fn known_text(text: &str, known: &[&'static str]) -> std::borrow::Cow<'static, str> {
    match known.iter().find(|known| **known == text) {
        Some(known) => (*known).into(),
        None => text.to_owned().into(),
    }
}
