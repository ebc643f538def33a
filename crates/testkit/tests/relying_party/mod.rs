//! The other side: verifies a signature with nothing but the COSE bytes of the public key.

use coset::iana::EnumI64;
use coset::{CborSerializable, CoseKey, Label, RegisteredLabelWithPrivate};
use rsa::signature::Verifier;
use rsa::{BoxedUint, RsaPublicKey, pkcs1v15, pss};
use sha2::{Sha256, Sha384, Sha512};

/// One byte string of a COSE_Key.
pub(crate) fn parameter(key: &CoseKey, label: i64) -> Vec<u8> {
    let value = key.params.iter().find(|(found, _)| *found == Label::Int(label));
    value.and_then(|(_, value)| value.as_bytes()).expect("a byte string").clone()
}

/// Whether the signature over the message is that of the key.
pub(crate) fn verifies(cose: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let key = CoseKey::from_slice(cose).unwrap();
    let Some(RegisteredLabelWithPrivate::Assigned(algorithm)) = key.alg.clone() else {
        panic!("no algorithm")
    };
    let algorithm = algorithm.to_i64();
    let point = || [vec![4], parameter(&key, -2), parameter(&key, -3)].concat();
    let rsa = || {
        let number = |label| BoxedUint::from_be_slice_vartime(&parameter(&key, label));
        RsaPublicKey::new(number(-1), number(-2)).unwrap()
    };
    macro_rules! ecdsa {
        ($curve:ident) => {{
            // Parsing by itself must succeed, also for a flipped bit: the signature is strict DER.
            let signature = $curve::ecdsa::Signature::from_der(signature).unwrap();
            $curve::ecdsa::VerifyingKey::from_sec1_bytes(&point())
                .unwrap()
                .verify(message, &signature)
                .is_ok()
        }};
    }
    macro_rules! rsa {
        ($scheme:ident, $hash:ty) => {{
            let signature = $scheme::Signature::try_from(signature).unwrap();
            $scheme::VerifyingKey::<$hash>::new(rsa()).verify(message, &signature).is_ok()
        }};
    }
    match algorithm {
        -7 | -9 => ecdsa!(p256),
        -35 | -51 => ecdsa!(p384),
        -36 | -52 => ecdsa!(p521),
        -47 => ecdsa!(k256),
        -8 | -19 => {
            let public: [u8; 32] = parameter(&key, -2).try_into().unwrap();
            let signature = ed25519_dalek::Signature::from_slice(signature).unwrap();
            ed25519_dalek::VerifyingKey::from_bytes(&public)
                .unwrap()
                .verify_strict(message, &signature)
                .is_ok()
        }
        -257 => rsa!(pkcs1v15, Sha256),
        -258 => rsa!(pkcs1v15, Sha384),
        -259 => rsa!(pkcs1v15, Sha512),
        -37 => rsa!(pss, Sha256),
        -38 => rsa!(pss, Sha384),
        -39 => rsa!(pss, Sha512),
        other => panic!("algorithm {other}"),
    }
}
