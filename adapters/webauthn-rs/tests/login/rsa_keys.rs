//! RSA keys that the test kit does not have: other exponents, larger moduli.
//!
//! The library's own reader of COSE keys takes a modulus of 2048 bits with an exponent of three bytes and nothing else.
//! Its verifier takes more, and keyferry writes the numbers without that reader, so the users of such keys log in.

use keyferry_core::{CannotLogIn, CoseAlgorithm, CoseKey, CredentialRecord, KeyParameters};
use keyferry_testkit::{Algorithm, RsaSize, TestKey};
use keyferry_webauthn_rs::PROFILE;
use rsa::{
    BoxedUint, RsaPrivateKey,
    pkcs1v15::SigningKey,
    pkcs8::DecodePrivateKey as _,
    signature::{SignatureEncoding as _, Signer as _},
    traits::{PrivateKeyParts as _, PublicKeyParts as _},
};
use sha2::Sha256;

use crate::support::{assertion, genuine, key, prove_assertion, record};

/// The primes of the keys of one size, key by key.
fn primes(size: RsaSize) -> impl Iterator<Item = Vec<BoxedUint>> {
    (0..size.pool()).map(move |number| {
        let key = TestKey::rsa(Algorithm::Rs256, size, number).unwrap();
        RsaPrivateKey::from_pkcs8_der(&key.to_pkcs8_der()).unwrap().primes().to_vec()
    })
}

/// Makes the first key of these primes that has such an exponent.
fn with_exponent(size: RsaSize, e: u64) -> RsaPrivateKey {
    primes(size)
        .find_map(|primes| RsaPrivateKey::from_primes(primes, BoxedUint::from(e)).ok())
        .expect("one key of the pool has primes that fit")
}

fn prove_rsa(key: RsaPrivateKey) -> Result<(), String> {
    let e = key.e_bytes();
    let zeros = e.iter().take_while(|byte| **byte == 0).count();
    let numbers = KeyParameters::Rsa { n: key.n_bytes(), e: e[zeros..].into() };
    let public_key = CoseKey::from_parameters(CoseAlgorithm::Rs256, &numbers).unwrap();
    let signer = self::key(Algorithm::Es256, 6);
    let record = CredentialRecord { public_key, ..record(&signer) };
    let mut assertion = assertion(&record, &signer, &genuine(&record));
    assertion.signature = SigningKey::<Sha256>::new(key).sign(&assertion.signed_message()).to_vec();
    let outcome = prove_assertion(&record, &assertion, 0);
    if outcome.is_err() {
        assert_eq!(PROFILE.log_in(&record), Err(CannotLogIn::RsaExponent));
    }
    outcome
}

#[test]
fn exponents() {
    for e in [3, 17, 257, 65537, 65539, 0x7f_ffff, 0xff_ffff] {
        prove_rsa(with_exponent(RsaSize::Bits2048, e)).unwrap();
    }
    for e in [0x100_0001, 0xffff_ffff] {
        prove_rsa(with_exponent(RsaSize::Bits2048, e)).unwrap_err();
    }
}

#[test]
fn moduli() {
    for size in [RsaSize::Bits3072, RsaSize::Bits4096] {
        prove_rsa(with_exponent(size, 65537)).unwrap();
    }
    // All four primes of two keys together: the largest modulus that keyferry takes from an export.
    let four: Vec<BoxedUint> = primes(RsaSize::Bits4096).flatten().collect();
    let largest = RsaPrivateKey::from_primes(four, BoxedUint::from(65537_u64)).unwrap();
    assert!(largest.size() == 1024, "{} bytes", largest.size());
    prove_rsa(largest).unwrap();
}
