//! Verifies a signature with a COSE key, by the form that WebAuthn gives it (Level 3, section 6.5.5).

use keyferry_core::{CoseAlgorithm, CoseKey, Curve, KeyParameters};
use rsa::{BoxedUint, RsaPublicKey, pkcs1v15, pss, signature::Verifier as _};
use sha2::{Sha256, Sha384, Sha512};

/// What became of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The key made it.
    Valid,
    /// It has the right form, and the key did not make it.
    Invalid,
    /// It has not the form of the key's algorithm: strict DER for ECDSA, the exact length for all others.
    Malformed,
    /// No maintained crate verifies this algorithm: Ed448.
    Uncheckable,
}

impl Verdict {
    fn of(is_valid: bool) -> Self {
        if is_valid { Self::Valid } else { Self::Invalid }
    }
}

/// Verifies a signature over a message with the algorithm inside the key.
///
/// ECDSA signatures are taken with a high or a low `s`, as WebAuthn authenticators give both. Ed25519 is verified
/// strictly: neither the key nor the nonce point may be of small order.
///
/// ```
/// use keyferry_assertion::{Verdict, verify_signature};
/// # use keyferry_core::CoseKey;
/// # use keyferry_testkit::{Algorithm, TestKey};
/// let key = TestKey::from_seed(Algorithm::Es256, &[7; 32]);
/// let public = CoseKey::from_bytes(key.cose())?;
/// assert_eq!(verify_signature(&public, b"message", &key.sign(b"message")), Verdict::Valid);
/// assert_eq!(verify_signature(&public, b"another", &key.sign(b"message")), Verdict::Invalid);
/// # Ok::<(), keyferry_core::Fault>(())
/// ```
pub fn verify_signature(key: &CoseKey, message: &[u8], signature: &[u8]) -> Verdict {
    macro_rules! ecdsa {
        ($curve:ident, $x:ident, $y:ident) => {{
            let Ok(signature) = $curve::ecdsa::Signature::from_der(signature) else {
                return Verdict::Malformed;
            };
            let point = [&[0x04], &$x[..], &$y[..]].concat();
            // A CoseKey's point is on its curve, so this is never an error.
            let Ok(key) = $curve::ecdsa::VerifyingKey::from_sec1_bytes(&point) else {
                return Verdict::Invalid;
            };
            // Of the two values of s that verify, k256 takes the lower one alone.
            Verdict::of(key.verify(message, &signature.normalize_s()).is_ok())
        }};
    }
    match key.parameters() {
        KeyParameters::Ec2 { curve, x, y } => match curve {
            Curve::P256 => ecdsa!(p256, x, y),
            Curve::P384 => ecdsa!(p384, x, y),
            Curve::P521 => ecdsa!(p521, x, y),
            Curve::Secp256k1 => ecdsa!(k256, x, y),
            Curve::Ed25519 | Curve::Ed448 => Verdict::Uncheckable,
        },
        KeyParameters::Okp { curve: Curve::Ed25519, x } => ed25519(x, message, signature),
        KeyParameters::Okp { .. } => Verdict::Uncheckable,
        KeyParameters::Rsa { n, e } => rsa(key.algorithm(), n, e, message, signature),
    }
}

fn ed25519(x: &[u8], message: &[u8], signature: &[u8]) -> Verdict {
    let Ok(signature) = ed25519_dalek::Signature::from_slice(signature) else { return Verdict::Malformed };
    let key = x.try_into().ok().and_then(|x| ed25519_dalek::VerifyingKey::from_bytes(x).ok());
    Verdict::of(key.is_some_and(|key| key.verify_strict(message, &signature).is_ok()))
}

fn rsa(algorithm: CoseAlgorithm, n: &[u8], e: &[u8], message: &[u8], signature: &[u8]) -> Verdict {
    // RFC 8017, sections 8.1.2 and 8.2.2, step 1.
    if signature.len() != n.len() {
        return Verdict::Malformed;
    }
    let number = BoxedUint::from_be_slice_vartime;
    // A CoseKey is checked already, and its exponent may be longer than the crate's own check allows.
    let key = RsaPublicKey::new_unchecked(number(n), number(e));
    macro_rules! verify {
        ($scheme:ident, $hash:ty) => {{
            let Ok(signature) = $scheme::Signature::try_from(signature) else { return Verdict::Malformed };
            // PSS with a salt as long as the hash (RFC 8230, section 2).
            Verdict::of($scheme::VerifyingKey::<$hash>::new(key).verify(message, &signature).is_ok())
        }};
    }
    match algorithm {
        CoseAlgorithm::Rs256 => verify!(pkcs1v15, Sha256),
        CoseAlgorithm::Rs384 => verify!(pkcs1v15, Sha384),
        CoseAlgorithm::Rs512 => verify!(pkcs1v15, Sha512),
        CoseAlgorithm::Ps256 => verify!(pss, Sha256),
        CoseAlgorithm::Ps384 => verify!(pss, Sha384),
        CoseAlgorithm::Ps512 => verify!(pss, Sha512),
        _ => Verdict::Uncheckable,
    }
}
