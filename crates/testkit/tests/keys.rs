//! Every algorithm: what a test key writes and signs, read back with other code.

#![allow(clippy::unwrap_used, reason = "the helpers here are part of the tests")]

use coset::cbor::value::Value;
use coset::iana::{self, EnumI64};
use coset::{CborSerializable, CoseKey, RegisteredLabelWithPrivate};
use ed25519_dalek::pkcs8::DecodePrivateKey as _;
use keyferry_testkit::{Algorithm, Assertion, AssertionOptions, RsaSize, TestCredential, TestKey};
use rsa::RsaPrivateKey;
use sha2::{Digest, Sha256};
use uuid::Uuid;

mod relying_party;

use relying_party::{parameter, verifies};

fn credential(key: TestKey) -> TestCredential {
    TestCredential {
        credential_id: vec![0xfb; 20],
        key,
        user_handle: Some(b"user".to_vec()),
        rp_id: "example.com".into(),
        aaguid: Uuid::nil(),
        attachment: None,
    }
}

fn options() -> AssertionOptions {
    AssertionOptions::new("https://example.com", vec![1, 2, 3])
}

fn holds(key: &TestKey, assertion: &Assertion) -> bool {
    verifies(&key.cose(), &assertion.signed_message(), &assertion.signature)
}

#[test]
fn an_assertion_verifies_and_a_changed_one_does_not() {
    for algorithm in Algorithm::ALL {
        let key = TestKey::from_seed(algorithm, &[1; 32]);
        let genuine = credential(key.clone()).assert(&options());
        assert!(holds(&key, &genuine), "{algorithm:?}");
        assert!(!holds(&key, &genuine.clone().with_flipped_signature_bit()), "{algorithm:?}: flipped bit");

        let other = TestKey::from_seed(algorithm, &[2; 32]);
        assert_ne!(key.cose(), other.cose(), "{algorithm:?}");
        assert!(!holds(&key, &genuine.clone().signed_with(&other)), "{algorithm:?}: another key");

        let mut changed = genuine;
        changed.authenticator_data[32] ^= 0x08;
        assert!(!holds(&key, &changed), "{algorithm:?}: changed flag");
        assert!(holds(&key, &changed.signed_with(&key)), "{algorithm:?}: signed again");
    }
}

#[test]
fn the_same_seed_gives_the_same_key_and_signature() {
    for algorithm in Algorithm::ALL {
        let [one, two] = [(); 2].map(|()| TestKey::from_seed(algorithm, &[9; 32]));
        assert_eq!(one.cose(), two.cose());
        assert_eq!(one.sign(b"message"), two.sign(b"message"));
    }
}

#[test]
fn every_embedded_rsa_key_signs_and_is_the_only_one_of_its_kind() {
    let mut seen = Vec::new();
    for size in [RsaSize::Bits2048, RsaSize::Bits3072, RsaSize::Bits4096] {
        for number in 0..size.pool() {
            let key = TestKey::rsa(Algorithm::Rs256, size, number).unwrap();
            assert!(verifies(&key.cose(), b"message", &key.sign(b"message")), "{size:?} {number}");
            seen.push(key.cose());
        }
        let first = TestKey::rsa(Algorithm::Rs256, size, size.pool()).unwrap();
        assert_eq!(first.cose(), TestKey::rsa(Algorithm::Rs256, size, 0).unwrap().cose());
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 20);
    assert!(TestKey::rsa(Algorithm::Es256, RsaSize::Bits2048, 0).is_none());
}

#[test]
fn cose_keys_are_canonical_and_of_full_length() {
    let lengths = [77, 42, 77, 42, 110, 146, 271, 271, 271, 78, 110, 146, 272, 272, 272];
    for (algorithm, length) in Algorithm::ALL.into_iter().zip(lengths) {
        let bytes = TestKey::from_seed(algorithm, &[3; 32]).cose();
        let key = CoseKey::from_slice(&bytes).unwrap();
        let alg = iana::Algorithm::from_i64(algorithm.cose()).unwrap();
        assert_eq!(key.alg, Some(RegisteredLabelWithPrivate::Assigned(alg)));

        let map = Value::from_slice(&bytes).unwrap();
        assert_eq!(map.clone().to_vec().unwrap(), bytes, "{algorithm:?}: the shortest form");
        let labels: Vec<i64> = map
            .as_map()
            .unwrap()
            .iter()
            .map(|(label, _)| label.as_integer().unwrap().try_into().unwrap())
            .collect();
        assert_eq!(labels, [1, 3, -1, -2, -3][..labels.len()]);
        assert_eq!(bytes.len(), length, "{algorithm:?}");
    }
}

#[test]
fn private_keys_can_be_read_and_belong_to_the_public_key() {
    let message = b"message";
    for algorithm in Algorithm::ALL {
        let key = TestKey::from_seed(algorithm, &[4; 32]);
        let der = key.to_pkcs8_der();
        assert!(key.to_pkcs8_pem().starts_with("-----BEGIN PRIVATE KEY-----\n"));
        macro_rules! ecdsa {
            ($curve:ident) => {{
                let read = $curve::ecdsa::SigningKey::from_pkcs8_der(&der).unwrap();
                let signature: $curve::ecdsa::DerSignature = rsa::signature::Signer::sign(&read, message);
                assert_eq!(signature.as_bytes(), key.sign(message));
            }};
        }
        match algorithm {
            Algorithm::Es256 | Algorithm::Esp256 => ecdsa!(p256),
            Algorithm::Es384 | Algorithm::Esp384 => ecdsa!(p384),
            Algorithm::Es512 | Algorithm::Esp512 => ecdsa!(p521),
            Algorithm::Es256k => ecdsa!(k256),
            Algorithm::EdDsa | Algorithm::Ed25519 => {
                let read = ed25519_dalek::SigningKey::from_pkcs8_der(&der).unwrap();
                assert_eq!(read.verifying_key().as_bytes(), &key.cose()[key.cose().len() - 32..]);
            }
            _ => {
                let read = RsaPrivateKey::from_pkcs8_pem(&key.to_pkcs8_pem()).unwrap();
                assert_eq!(read, RsaPrivateKey::from_pkcs8_der(&der).unwrap());
            }
        }
    }
}

#[test]
fn the_ed448_vector_is_a_cose_key() {
    for algorithm in [-8, -53] {
        let bytes = keyferry_testkit::keys::ed448_cose(algorithm);
        let key = CoseKey::from_slice(&bytes).unwrap();
        let alg = iana::Algorithm::from_i64(algorithm).unwrap();
        assert_eq!(key.alg, Some(RegisteredLabelWithPrivate::Assigned(alg)));
        assert_eq!(parameter(&key, -2), keyferry_testkit::keys::ED448_PUBLIC_KEY);
    }
}

#[test]
fn a_private_key_does_not_show_itself() {
    let key = TestKey::from_seed(Algorithm::Es256, &[1; 32]);
    assert_eq!(format!("{key:?}"), "TestKey { algorithm: Es256, .. }");
}

#[test]
fn authenticator_data_and_client_data_have_the_form_of_a_browser() {
    let options = AssertionOptions {
        backup_eligible: true,
        backup_state: true,
        sign_count: 0x0102_0304,
        ..AssertionOptions::new("https://example.com", vec![0xff, 0xfe])
    };
    let assertion = credential(TestKey::from_seed(Algorithm::Es256, &[1; 32])).assert(&options);
    let expected = [&Sha256::digest("example.com")[..], &[0x1d, 1, 2, 3, 4]].concat();
    assert_eq!(assertion.authenticator_data, expected);
    assert_eq!(
        String::from_utf8(assertion.client_data_json).unwrap(),
        r#"{"type":"webauthn.get","challenge":"__4","origin":"https://example.com","crossOrigin":false}"#
    );

    let odd = AssertionOptions { user_present: false, user_verified: false, ..options };
    let assertion = credential(TestKey::from_seed(Algorithm::Es256, &[1; 32])).assert(&odd);
    assert_eq!(assertion.authenticator_data[32], 0x18);
}

#[test]
fn an_assertion_serializes_as_a_browser_does() {
    let mut credential = credential(TestKey::from_seed(Algorithm::EdDsa, &[1; 32]));
    credential.attachment = Some(keyferry_testkit::Attachment::CrossPlatform);
    let json = credential.assert(&options()).to_json();
    let keys = |value: &serde_json::Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let mut outer = keys(&json);
    outer.sort();
    assert_eq!(
        outer,
        ["authenticatorAttachment", "clientExtensionResults", "id", "rawId", "response", "type"]
    );
    assert_eq!(json["id"], "-_v7-_v7-_v7-_v7-_v7-_v7-_s");
    assert_eq!(json["rawId"], json["id"]);
    assert_eq!(json["type"], "public-key");
    assert_eq!(json["authenticatorAttachment"], "cross-platform");
    assert_eq!(json["clientExtensionResults"], serde_json::json!({}));
    assert_eq!(json["response"]["userHandle"], "dXNlcg");
    assert_eq!(json["response"]["signature"].as_str().unwrap().len(), 86);

    credential.user_handle = None;
    credential.attachment = None;
    let json = credential.assert(&options()).to_json();
    assert!(json.get("authenticatorAttachment").is_none());
    let mut inner = keys(&json["response"]);
    inner.sort();
    assert_eq!(inner, ["authenticatorData", "clientDataJSON", "signature"]);
}
