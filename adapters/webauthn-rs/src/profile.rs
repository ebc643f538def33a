//! What is true of webauthn-rs as a target, without a file at hand.

use std::borrow::Cow;

use keyferry_core::{CannotLogIn, CoseAlgorithm, CredentialRecord, Profile, StoredRecord, Verdict};

use crate::WebauthnRsRecord;

/// Says which records a passkey of webauthn-rs holds and which of them log in.
///
/// `tests/login.rs` compares every verdict with a login at the real library.
///
/// ```
/// assert_eq!(keyferry_webauthn_rs::PROFILE.name, "webauthn-rs");
/// assert!(!keyferry_webauthn_rs::PROFILE.keeps_status);
/// ```
pub const PROFILE: Profile = Profile {
    name: "webauthn-rs",
    library: Cow::Borrowed("webauthn-rs 0.6.2"),
    keeps_status: false,
    represent: Verdict::Fixed(represent),
    verifies: Verdict::Fixed(verifies),
};

/// Converts there and back, so that whatever a passkey cannot keep is missing from the answer.
fn represent(record: &CredentialRecord) -> Result<StoredRecord, CannotLogIn> {
    let written = WebauthnRsRecord::from_record(record)?;
    // Not reached: what was made of a legal record is one. Were it ever, the key would be what cannot be read back.
    written.to_stored().map_err(|_| CannotLogIn::Algorithm(record.public_key.algorithm()))
}

fn verifies(record: &CredentialRecord) -> Result<(), CannotLogIn> {
    let algorithm = record.public_key.algorithm();
    match algorithm.polymorphic() {
        CoseAlgorithm::Es256 | CoseAlgorithm::Es384 | CoseAlgorithm::Rs256 => {}
        // Of these the library holds ES512 alone, and then refuses every signature.
        _ => return Err(CannotLogIn::Algorithm(algorithm)),
    }
    if record.public_key.rsa_exponent().is_some_and(|e| e.len() > 3) {
        return Err(CannotLogIn::RsaExponent);
    }
    if record.backup.is_none() {
        return Err(CannotLogIn::BackupUnknown);
    }
    if record.sign_count.0 == u32::MAX {
        return Err(CannotLogIn::SignCountExhausted);
    }
    Ok(())
}
