//! Nothing that anybody can send makes the verifier panic or say yes.

use keyferry_assertion::{AuthenticatorData, ClientData, Origin, Recorded, verify_signature};
use keyferry_testkit::Algorithm;
use proptest::{collection::vec, prelude::*};

use crate::support::{Record, credential, key, options, read};

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        "[A-Za-z0-9_-]{0,40}".prop_map(Into::into),
        any::<String>().prop_map(Into::into),
    ];
    let name = prop_oneof![
        "id|rawId|type|response|credentialId|rpId|origin|challenge|clientDataJSON",
        "authenticatorData|signature|userHandle|crossOrigin|topOrigin",
        any::<String>(),
    ];
    leaf.prop_recursive(3, 40, 8, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Into::into),
            proptest::collection::hash_map(name.clone(), inner, 0..9)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Extensions as deep and as long as an assertion may be, and lengths that promise what does not follow.
#[test]
fn hostile_extensions_are_refused_without_a_panic() {
    let with =
        |flags: u8, rest: &[u8]| AuthenticatorData::parse(&[&[0; 32][..], &[flags], &[0; 4], rest].concat());
    assert!(with(0x81, &[0xa0]).is_some(), "an empty map of extensions");
    let deep = [
        &[0x81][..],                     // an array in an array ...
        &[0x9f],                         // the same without a length
        &[0xa1, 0x00],                   // a map in a map, as value
        &[0xa1],                         // as key
        &[0xbf, 0x00],                   // without a length
        &[0xc1],                         // a tag of a tag
        &[0x5f],                         // bytes in pieces
        &[0xd9, 0xd9, 0xf7, 0x81, 0x9f], // all at once
    ];
    for piece in deep {
        let nested: Vec<u8> = piece.iter().copied().cycle().take(16 << 10).collect();
        assert_eq!(with(0x81, &nested), None);
        // As a value of the map that belongs there.
        assert_eq!(with(0x81, &[&[0xa1, 0x00][..], &nested].concat()), None);
    }
    for head in [0x5b, 0x7b, 0x9b, 0xbb] {
        for length in [u64::MAX, u64::MAX >> 1, 1 << 32, 1 << 20] {
            let lie = [&[head][..], &length.to_be_bytes(), &[0; 100]].concat();
            assert_eq!(with(0x81, &lie), None);
            assert_eq!(with(0x81, &[&[0xa1, 0x00][..], &lie].concat()), None);
        }
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_do_not_panic(bytes in vec(any::<u8>(), 0..400)) {
        let _ = Recorded::parse(&bytes);
        let _ = ClientData::parse(&bytes);
        let _ = AuthenticatorData::parse(&bytes);
        let _ = Origin::parse(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn arbitrary_json_does_not_panic(json in json()) {
        let text = json.to_string();
        let _ = Recorded::parse(text.as_bytes());
        let _ = ClientData::parse(text.as_bytes());
    }

    #[test]
    fn authenticator_data_with_any_flags_and_rest_does_not_panic(
        head in vec(any::<u8>(), 32), flags: u8, rest in vec(any::<u8>(), 0..200),
    ) {
        let _ = AuthenticatorData::parse(&[&head[..], &[flags], &rest].concat());
    }

    #[test]
    fn arbitrary_signatures_are_never_valid(signature in vec(any::<u8>(), 0..300), message in vec(any::<u8>(), 0..80)) {
        for algorithm in [Algorithm::Es256, Algorithm::Es256k, Algorithm::Ed25519, Algorithm::Rs256, Algorithm::Ps256] {
            let record = Record::of(&key(algorithm));
            let verdict = verify_signature(&record.public_key, &message, &signature);
            prop_assert_ne!(verdict, keyferry_assertion::Verdict::Valid);
        }
    }

    /// A change anywhere in what is signed, or in the signature, at several places at once.
    #[test]
    fn changed_logins_never_succeed(changes in vec((any::<usize>(), 1_u8..), 1..4), part in 0..3_usize) {
        let key = key(Algorithm::Es256);
        let mut assertion = read(&credential(&key).assert(&options()));
        let genuine = assertion.clone();
        for (place, change) in changes {
            let bytes = [&mut assertion.signature, &mut assertion.authenticator_data, &mut assertion.client_data];
            let bytes = bytes.into_iter().nth(part).unwrap();
            let place = place % bytes.len();
            bytes[place] ^= change;
        }
        prop_assert_eq!(Record::of(&key).verify(&assertion).would_succeed(), assertion == genuine);
    }
}
