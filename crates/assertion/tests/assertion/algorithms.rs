//! Every algorithm that a record may have.

use crypto_bigint::{Encoding as _, U256};
use keyferry_assertion::{Outcome, Step, Verdict, verify_signature};
use keyferry_core::{CoseAlgorithm, CoseKey, KeyParameters};
use keyferry_testkit::{Algorithm, RsaSize, TestKey, keys::ed448_cose};

use crate::support::{Record, credential, key, options, read};

#[test]
fn a_genuine_login_passes_every_step() {
    for algorithm in Algorithm::ALL {
        let key = key(algorithm);
        let findings = Record::of(&key).verify(&read(&credential(&key).assert(&options())));
        assert!(findings.would_succeed(), "{algorithm:?}");
        let steps: Vec<_> = findings.iter().map(|finding| finding.step).collect();
        assert_eq!(steps, Step::ALL, "{algorithm:?}: every step, in order");
        assert!(findings.iter().all(|finding| finding.outcome == Outcome::Passed), "{algorithm:?}");
    }
}

/// A verifier that said yes to everything would pass the test above.
#[test]
fn no_flipped_bit_gets_through() {
    for algorithm in Algorithm::ALL {
        let key = key(algorithm);
        let record = Record::of(&key);
        let genuine = read(&credential(&key).assert(&options()));
        // Some hundred bits of each; RSA signatures have 2048.
        let places = |length: usize| (0..length * 8).step_by(1 + length / 12);
        for bit in places(genuine.signature.len()) {
            let mut changed = genuine.clone();
            changed.signature[bit / 8] ^= 1 << (bit % 8);
            assert!(!record.verify(&changed).would_succeed(), "{algorithm:?}: bit {bit} of the signature");
        }
        for bit in places(genuine.authenticator_data.len()) {
            let mut changed = genuine.clone();
            changed.authenticator_data[bit / 8] ^= 1 << (bit % 8);
            let outcome = record.verify(&changed).outcome(Step::Signature);
            assert!(outcome.unwrap().is_failed(), "{algorithm:?}: bit {bit} of the authenticator data");
        }
        for bit in places(genuine.client_data.len()) {
            let mut changed = genuine.clone();
            changed.client_data[bit / 8] ^= 1 << (bit % 8);
            let outcome = record.verify(&changed).outcome(Step::Signature);
            assert!(outcome.unwrap().is_failed(), "{algorithm:?}: bit {bit} of the client data");
        }
    }
}

#[test]
fn signatures_of_another_key_or_another_algorithm_do_not_verify() {
    for algorithm in Algorithm::ALL {
        let public = CoseKey::from_bytes(key(algorithm).cose()).unwrap();
        let other = TestKey::from_seed(algorithm, &[2; 32]);
        assert_ne!(other.cose(), public.as_bytes(), "{algorithm:?}");
        assert_eq!(verify_signature(&public, b"m", &other.sign(b"m")), Verdict::Invalid, "{algorithm:?}");
        for signer in Algorithm::ALL {
            let same =
                CoseAlgorithm::from_number(signer.cose()).polymorphic() == public.algorithm().polymorphic();
            // The pool gives RSA keys by seed and not by algorithm: each signs with another one here.
            let verdict = verify_signature(&public, b"m", &TestKey::from_seed(signer, &[1; 32]).sign(b"m"));
            assert!(same || verdict != Verdict::Valid, "{signer:?} for {algorithm:?}");
        }
    }
}

#[test]
fn rsa_keys_of_all_sizes_and_paddings() {
    for size in [RsaSize::Bits2048, RsaSize::Bits3072, RsaSize::Bits4096] {
        for algorithm in Algorithm::ALL {
            let Some(key) = TestKey::rsa(algorithm, size, 0) else { continue };
            let public = CoseKey::from_bytes(key.cose()).unwrap();
            let signature = key.sign(b"m");
            assert_eq!(verify_signature(&public, b"m", &signature), Verdict::Valid, "{algorithm:?} {size:?}");
            // The same key under every other RSA algorithm: padding and hash count.
            for other in Algorithm::ALL.into_iter().filter(|other| other.is_rsa() && *other != algorithm) {
                let other = CoseAlgorithm::from_number(other.cose());
                let other = CoseKey::from_parameters(other, public.parameters()).unwrap();
                assert_eq!(verify_signature(&other, b"m", &signature), Verdict::Invalid, "{other:?}");
            }
            let padded = [&[0], &signature[..]].concat();
            assert_eq!(verify_signature(&public, b"m", &padded), Verdict::Malformed);
            assert_eq!(verify_signature(&public, b"m", &signature[1..]), Verdict::Malformed);
        }
    }
}

/// Records take any odd exponent from 3 to 2^256; the number must not be what stops a verification.
#[test]
fn an_rsa_exponent_longer_than_the_crate_allows_does_not_panic() {
    let public = CoseKey::from_bytes(key(Algorithm::Rs256).cose()).unwrap();
    let KeyParameters::Rsa { n, .. } = public.parameters() else { panic!("an RSA key") };
    for e in [&[3][..], &[0x01; 9], &[0x7f; 32]] {
        let parameters = KeyParameters::Rsa { n: n.clone(), e: e.into() };
        let key_of_e = CoseKey::from_parameters(CoseAlgorithm::Rs256, &parameters).unwrap();
        for signature in [vec![0; 256], vec![0xff; 256], key(Algorithm::Rs256).sign(b"m")] {
            assert_eq!(verify_signature(&key_of_e, b"m", &signature), Verdict::Invalid);
        }
    }
}

/// WebAuthn does not ask for the lower of the two values of s.
#[test]
fn ecdsa_signatures_with_either_s_verify() {
    const P256: U256 = U256::from_be_hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
    const K256: U256 = U256::from_be_hex("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141");
    for (algorithm, order) in [(Algorithm::Es256, P256), (Algorithm::Es256k, K256)] {
        let key = key(algorithm);
        let public = CoseKey::from_bytes(key.cose()).unwrap();
        let mut seen = [false; 2];
        for message in 0..16_u8 {
            let [r, s] = numbers(&key.sign(&[message]));
            let other = order.wrapping_sub(&s);
            seen[usize::from(s > other)] = true;
            for s in [s, other] {
                assert_eq!(
                    verify_signature(&public, &[message], &der(&r, &s)),
                    Verdict::Valid,
                    "{algorithm:?}"
                );
            }
        }
        assert!(seen[0], "a low s was seen");
    }
}

/// Forms that some readers of DER take and strict ones do not.
#[test]
fn ecdsa_signatures_are_strict_der() {
    for algorithm in [Algorithm::Es256, Algorithm::Es384, Algorithm::Es512, Algorithm::Es256k] {
        let key = key(algorithm);
        let public = CoseKey::from_bytes(key.cose()).unwrap();
        let good = key.sign(b"m");
        let malformed = [
            vec![],
            vec![0x30],
            good[..good.len() - 1].to_vec(),
            [&good[..], &[0]].concat(),
            // the length in one byte more than it needs
            if good[1] < 0x80 { [&[0x30, 0x81, good[1]], &good[2..]].concat() } else { vec![0x30, 0x80] },
            // numbers that are 0, below 0, and in one byte more than they need
            vec![0x30, 6, 2, 1, 0, 2, 1, 0],
            vec![0x30, 6, 2, 1, 0x80, 2, 1, 1],
            vec![0x30, 8, 2, 2, 0, 1, 2, 2, 0, 1],
            // one number, and three
            vec![0x30, 3, 2, 1, 1],
            vec![0x30, 9, 2, 1, 1, 2, 1, 1, 2, 1, 1],
            // the two numbers without any DER
            vec![0x11; public.as_bytes().len()],
        ];
        for signature in malformed {
            assert_eq!(verify_signature(&public, b"m", &signature), Verdict::Malformed, "{algorithm:?}");
        }
    }
}

/// An s with the order of the group added to it would verify, too, in a reader that does not look (RFC 8032, section 5.1.7).
#[test]
fn ed25519_signatures_have_one_form() {
    const L: U256 = U256::from_be_hex("1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed");
    let key = key(Algorithm::Ed25519);
    let public = CoseKey::from_bytes(key.cose()).unwrap();
    let good = key.sign(b"m");
    assert_eq!(verify_signature(&public, b"m", &good), Verdict::Valid);
    let s = U256::from_le_slice(&good[32..]);
    let other = [&good[..32], s.wrapping_add(&L).to_le_bytes().as_ref()].concat();
    assert_eq!(verify_signature(&public, b"m", &other), Verdict::Invalid);
    for length in [0, 63, 65] {
        assert_eq!(verify_signature(&public, b"m", &vec![1; length]), Verdict::Malformed);
    }
}

#[test]
fn ed448_is_said_to_be_uncheckable_and_is_not_a_success() {
    let genuine = read(&credential(&key(Algorithm::Es256)).assert(&options()));
    for algorithm in [-8, -53] {
        let mut record = Record::of(&key(Algorithm::Es256));
        record.public_key = CoseKey::from_bytes(ed448_cose(algorithm)).unwrap();
        let findings = record.verify(&genuine);
        assert_eq!(findings.failures().count(), 0);
        assert_eq!(findings.outcome(Step::Signature).unwrap().code(), "signature-uncheckable");
        assert!(!findings.would_succeed());
    }
}

/// The two numbers of an ECDSA signature of a curve of 256 bits.
fn numbers(signature: &[u8]) -> [U256; 2] {
    let mut rest = &signature[2..];
    [(); 2].map(|()| {
        let (number, after) = rest[2..].split_at(usize::from(rest[1]));
        rest = after;
        let mut bytes = [0; 32];
        let number = number.strip_prefix(&[0]).unwrap_or(number);
        bytes[32 - number.len()..].copy_from_slice(number);
        U256::from_be_bytes(bytes.into())
    })
}

fn der(r: &U256, s: &U256) -> Vec<u8> {
    let mut body = Vec::new();
    for number in [r, s] {
        let bytes = number.to_be_bytes();
        let bytes: Vec<u8> = bytes.as_ref().iter().copied().skip_while(|byte| *byte == 0).collect();
        let sign = usize::from(bytes[0] >= 0x80);
        body.extend([0x02, u8::try_from(bytes.len() + sign).unwrap()]);
        body.extend(std::iter::repeat_n(0, sign));
        body.extend(bytes);
    }
    [&[0x30, u8::try_from(body.len()).unwrap()], &body[..]].concat()
}
