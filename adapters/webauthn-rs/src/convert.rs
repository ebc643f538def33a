//! Records to passkeys and back; pure.
//!
//! | record | `Credential` of webauthn-rs |
//! |---|---|
//! | credential ID | `cred_id` |
//! | public key | `cred`: algorithm, curve and numbers, no COSE bytes |
//! | sign count | `counter` |
//! | transports | `transports`, without the values that the enum does not have |
//! | backup | `backup_eligible`, `backup_state` |
//! | the rest | no place; written are the values of a registration without attestation, below |

use keyferry_core::{
    Backup, CannotLogIn, CoseAlgorithm, CoseKey, CredentialId, CredentialRecord, Curve, Fault, FaultCode,
    Item, KeyParameters, SignCount, StoredRecord, Transports,
};
use webauthn_rs::prelude::{
    AttestationFormat, COSEAlgorithm, COSEEC2Key, COSEKey, COSEKeyType, COSERSAKey, Credential, ECDSACurve,
    EDDSACurve, ParsedAttestation, Passkey,
};
use webauthn_rs_core::proto::{AuthenticatorTransport, RegisteredExtensions, UserVerificationPolicy};

/// Converts a record into a passkey.
///
/// - `user_verified` is true and `registration_policy` is `Required`, as in a native passkey: these flows verify the
///   user at each login whatever is written there, and elsewhere the value can only make a login stricter.
/// - There are no extensions and no attestation; a format without its statement would claim what was never checked.
/// - Transports that webauthn-rs does not know are dropped; absent ones stay absent.
/// - A fully specified algorithm such as ESP256 becomes its polymorphic twin, which makes the same signatures.
/// - An RSA exponent below 2^16 is padded with zeros to the three bytes that `COSERSAKey` has.
///
/// # Errors
/// - `backup` is unknown: a wrong `backup_eligible` locks the user out;
/// - the algorithm is not one of ES256, ES384, ES512, RS256 and the twins of the first three;
/// - the RSA exponent has more than three bytes.
pub fn to_passkey(record: &CredentialRecord) -> Result<Passkey, CannotLogIn> {
    stored_to_passkey(&StoredRecord::from(record))
}

/// Converts as [`to_passkey`] does, from what a target holds: a row of a table, for example.
///
/// # Errors
/// - as [`to_passkey`].
pub fn stored_to_passkey(view: &StoredRecord) -> Result<Passkey, CannotLogIn> {
    let cred = to_cose_key(&view.public_key)?;
    let backup = view.backup.ok_or(CannotLogIn::BackupUnknown)?;
    Ok(Passkey::from(Credential {
        cred_id: view.credential_id.as_bytes().to_vec(),
        cred,
        counter: view.sign_count.0,
        transports: view.transports.as_ref().map(to_transports),
        user_verified: true,
        backup_eligible: backup.eligible(),
        backup_state: backup.state(),
        registration_policy: UserVerificationPolicy::Required,
        extensions: RegisteredExtensions::none(),
        attestation: ParsedAttestation::default(),
        attestation_format: AttestationFormat::None,
    }))
}

/// Converts a passkey into the record that it holds, whoever wrote it; its key is checked as if it came from an export.
///
/// # Errors
/// - `credential-id-length`: no byte, or more than 1023;
/// - `backup-state-without-eligible`: backed up, but not backup eligible;
/// - a code that begins with `key-`: the key is none that signatures can be trusted with.
pub fn from_passkey(passkey: &Passkey) -> Result<StoredRecord, Fault> {
    let credential = Credential::from(passkey.clone());
    let backup =
        Backup::from_flags(credential.backup_eligible, credential.backup_state).ok_or_else(|| {
            let message = "backed up, but not backup eligible";
            Fault::new(Item::BackupState, FaultCode::BackupStateWithoutEligible, message)
        })?;
    let bare = StoredRecord::bare(
        CredentialId::new(credential.cred_id)?,
        from_cose_key(&credential.cred)?,
        SignCount(credential.counter),
    );
    let transports = credential.transports.as_deref().map(from_transports);
    Ok(StoredRecord { transports, backup: Some(backup), ..bare })
}

/// Returns the values that webauthn-rs knows.
fn to_transports(transports: &Transports) -> Vec<AuthenticatorTransport> {
    transports
        .iter()
        .filter_map(|text| text.parse().ok().filter(|known| is_known(known) && known.as_ref() == text))
        .collect()
}

fn from_transports(transports: &[AuthenticatorTransport]) -> Transports {
    Transports::new(transports.iter().filter(|transport| is_known(transport)).map(AsRef::as_ref))
}

/// Tells a transport from the mark that webauthn-rs leaves where it did not know one.
fn is_known(transport: &AuthenticatorTransport) -> bool {
    *transport != AuthenticatorTransport::Unknown
}

/// Builds the key from its numbers, as the library's verifier takes more RSA keys than its reader of COSE bytes does.
fn to_cose_key(key: &CoseKey) -> Result<COSEKey, CannotLogIn> {
    let algorithm = key.algorithm();
    let (type_, curve) = match algorithm.polymorphic() {
        CoseAlgorithm::Es256 => (COSEAlgorithm::ES256, Some(ECDSACurve::SECP256R1)),
        CoseAlgorithm::Es384 => (COSEAlgorithm::ES384, Some(ECDSACurve::SECP384R1)),
        CoseAlgorithm::Es512 => (COSEAlgorithm::ES521, Some(ECDSACurve::SECP521R1)),
        CoseAlgorithm::Rs256 => (COSEAlgorithm::RS256, None),
        _ => return Err(CannotLogIn::Algorithm(algorithm)),
    };
    let key = match (key.parameters(), curve) {
        (KeyParameters::Ec2 { x, y, .. }, Some(curve)) => {
            COSEKeyType::EC_EC2(COSEEC2Key { curve, x: x.to_vec(), y: y.to_vec() })
        }
        (KeyParameters::Rsa { n, e }, None) => {
            let e = three_bytes(e).ok_or(CannotLogIn::RsaExponent)?;
            COSEKeyType::RSA(COSERSAKey { n: n.to_vec(), e })
        }
        // Not reached: a CoseKey has the numbers that its algorithm asks for.
        _ => return Err(CannotLogIn::Algorithm(algorithm)),
    };
    Ok(COSEKey { type_, key })
}

/// Returns the same number in three bytes, big-endian.
fn three_bytes(number: &[u8]) -> Option<[u8; 3]> {
    match *number {
        [low] => Some([0, 0, low]),
        [middle, low] => Some([0, middle, low]),
        [high, middle, low] => Some([high, middle, low]),
        _ => None,
    }
}

fn from_cose_key(key: &COSEKey) -> Result<CoseKey, Fault> {
    let parameters = match &key.key {
        COSEKeyType::EC_EC2(COSEEC2Key { curve, x, y }) => {
            let curve = match curve {
                ECDSACurve::SECP256R1 => Curve::P256,
                ECDSACurve::SECP384R1 => Curve::P384,
                ECDSACurve::SECP521R1 => Curve::P521,
            };
            KeyParameters::Ec2 { curve, x: x.as_slice().into(), y: y.as_slice().into() }
        }
        COSEKeyType::EC_OKP(okp) => {
            let curve = match okp.curve {
                EDDSACurve::ED25519 => Curve::Ed25519,
                EDDSACurve::ED448 => Curve::Ed448,
            };
            KeyParameters::Okp { curve, x: okp.x.as_slice().into() }
        }
        COSEKeyType::RSA(COSERSAKey { n, e }) => {
            let e: Vec<u8> = e.iter().copied().skip_while(|byte| *byte == 0).collect();
            KeyParameters::Rsa { n: n.as_slice().into(), e: e.into() }
        }
    };
    CoseKey::from_parameters(from_cose_algorithm(key.type_), &parameters)
}

fn from_cose_algorithm(algorithm: COSEAlgorithm) -> CoseAlgorithm {
    match algorithm {
        COSEAlgorithm::ES256 => CoseAlgorithm::Es256,
        COSEAlgorithm::ES384 => CoseAlgorithm::Es384,
        COSEAlgorithm::ES521 => CoseAlgorithm::Es512,
        COSEAlgorithm::RS256 => CoseAlgorithm::Rs256,
        COSEAlgorithm::RS384 => CoseAlgorithm::Rs384,
        COSEAlgorithm::RS512 => CoseAlgorithm::Rs512,
        COSEAlgorithm::PS256 => CoseAlgorithm::Ps256,
        COSEAlgorithm::PS384 => CoseAlgorithm::Ps384,
        COSEAlgorithm::PS512 => CoseAlgorithm::Ps512,
        COSEAlgorithm::EDDSA => CoseAlgorithm::EdDsa,
        COSEAlgorithm::INSECURE_RS1 => CoseAlgorithm::Other(-65535),
        COSEAlgorithm::PinUvProtocol => CoseAlgorithm::Other(-65534),
    }
}

#[cfg(test)]
mod tests {
    use keyferry_testkit::{Algorithm, TestKey};

    use super::*;
    use crate::tests_support::record;

    fn with_key(key: &CoseKey) -> CredentialRecord {
        CredentialRecord { public_key: key.clone(), ..record() }
    }

    #[test]
    fn defaults_are_those_of_a_native_passkey() {
        let credential = Credential::from(to_passkey(&record()).unwrap());
        assert!(credential.user_verified);
        assert_eq!(credential.registration_policy, UserVerificationPolicy::Required);
        assert_eq!(credential.attestation_format, AttestationFormat::None);
    }

    #[test]
    fn every_algorithm_is_held_whole_or_not_at_all() {
        for algorithm in Algorithm::ALL {
            let key = CoseKey::from_bytes(TestKey::from_seed(algorithm, &[1; 32]).cose()).unwrap();
            let held = to_passkey(&with_key(&key)).map(|passkey| from_passkey(&passkey).unwrap().public_key);
            match algorithm {
                Algorithm::Es256 | Algorithm::Es384 | Algorithm::Es512 | Algorithm::Rs256 => {
                    assert_eq!(held, Ok(key));
                }
                Algorithm::Esp256 | Algorithm::Esp384 | Algorithm::Esp512 => {
                    assert_eq!(held, Ok(key.to_polymorphic()));
                }
                _ => assert_eq!(held, Err(CannotLogIn::Algorithm(key.algorithm()))),
            }
        }
    }

    #[test]
    fn short_exponents_are_padded_and_long_ones_refused() {
        let key = CoseKey::from_bytes(TestKey::from_seed(Algorithm::Rs256, &[1; 32]).cose()).unwrap();
        let KeyParameters::Rsa { n, .. } = key.parameters() else { panic!() };
        for e in [&[3][..], &[1, 1], &[1, 0, 1], &[0xff, 0xff, 0xff], &[1, 0, 0, 1]] {
            let numbers = KeyParameters::Rsa { n: n.clone(), e: e.into() };
            let key = CoseKey::from_parameters(CoseAlgorithm::Rs256, &numbers).unwrap();
            let held = to_passkey(&with_key(&key)).map(|passkey| from_passkey(&passkey).unwrap().public_key);
            assert_eq!(held, if e.len() > 3 { Err(CannotLogIn::RsaExponent) } else { Ok(key) });
        }
    }

    #[test]
    fn unknown_backup_is_never_guessed() {
        assert_eq!(
            to_passkey(&CredentialRecord { backup: None, ..record() }),
            Err(CannotLogIn::BackupUnknown)
        );
        for backup in [Backup::SingleDevice, Backup::Eligible, Backup::BackedUp] {
            let passkey = to_passkey(&CredentialRecord { backup: Some(backup), ..record() }).unwrap();
            assert_eq!(from_passkey(&passkey).unwrap().backup, Some(backup));
        }
    }

    #[test]
    fn transports_lose_only_what_the_library_does_not_know() {
        let all =
            ["nfc", "usb", "ble", "internal", "hybrid", "smart-card", "cable", "unknown", "USB", "teleport"];
        for (given, held) in [
            (None, None),
            (Some(&[][..]), Some(&[][..])),
            (Some(&["cable"]), Some(&[])),
            (Some(&all), Some(&["nfc", "usb", "ble", "internal", "hybrid"])),
        ] {
            let list = |list: &[&'static str]| Transports::new(list.iter().copied());
            let record = CredentialRecord { transports: given.map(list), ..record() };
            let text = serde_json::to_string(&to_passkey(&record).unwrap()).unwrap();
            let passkey: Passkey = serde_json::from_str(&text).unwrap();
            assert_eq!(from_passkey(&passkey).unwrap().transports, held.map(list));
        }
        // A passkey that the library wrote may hold the mark of a transport that it did not know.
        let text = serde_json::to_string(&to_passkey(&record()).unwrap()).unwrap();
        let passkey: Passkey = serde_json::from_str(&text.replace("hybrid", "cable")).unwrap();
        let known = Some(Transports::new(["internal"]));
        assert_eq!(from_passkey(&passkey).unwrap().transports, known);
    }

    #[test]
    fn a_passkey_that_nobody_should_trust_is_refused() {
        let genuine = Credential::from(to_passkey(&record()).unwrap());
        let code = |credential: Credential| from_passkey(&credential.into()).unwrap_err().code;
        let backed_up = Credential { backup_eligible: false, backup_state: true, ..genuine.clone() };
        assert_eq!(code(backed_up), FaultCode::BackupStateWithoutEligible);
        assert_eq!(
            code(Credential { cred_id: Vec::new(), ..genuine.clone() }),
            FaultCode::CredentialIdLength
        );
        let key = TestKey::from_seed(Algorithm::Rs256, &[1; 32]).cose();
        let key = to_cose_key(&CoseKey::from_bytes(key).unwrap()).unwrap();
        let COSEKeyType::RSA(COSERSAKey { n, .. }) = key.key else { panic!() };
        for (type_, e, expected) in [
            (COSEAlgorithm::RS256, [0, 0, 1], FaultCode::KeyRsaExponent),
            (COSEAlgorithm::RS256, [0, 0, 0], FaultCode::KeyRsaExponent),
            (COSEAlgorithm::ES256, [1, 0, 1], FaultCode::KeyAlgorithmMismatch),
            (COSEAlgorithm::INSECURE_RS1, [1, 0, 1], FaultCode::KeyAlgorithmUnknown),
        ] {
            let cred = COSEKey { type_, key: COSEKeyType::RSA(COSERSAKey { n: n.clone(), e }) };
            assert_eq!(code(Credential { cred, ..genuine.clone() }), expected);
        }
    }
}
