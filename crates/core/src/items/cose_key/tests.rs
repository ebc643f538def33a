use proptest::prelude::*;

use k256::elliptic_curve::sec1::ToSec1Point as _;

use super::*;

/// The generator of P-256: a point that is certainly on the curve.
fn p256_numbers() -> (Vec<u8>, Vec<u8>) {
    point(&p256::SecretKey::from_slice(&[7; 32]).unwrap().public_key().to_sec1_bytes())
}

fn point(sec1: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (x, y) = sec1[1..].split_at((sec1.len() - 1) / 2);
    (x.to_vec(), y.to_vec())
}

/// A COSE_Key as ciborium writes it, in any order and with any labels.
fn cbor(entries: &[(i64, Value)]) -> Vec<u8> {
    let map = entries.iter().map(|(label, value)| (Value::from(*label), value.clone())).collect();
    let mut out = Vec::new();
    coset::cbor::ser::into_writer(&Value::Map(map), &mut out).unwrap();
    out
}

fn es256() -> Vec<(i64, Value)> {
    let (x, y) = p256_numbers();
    vec![(1, 2.into()), (3, (-7).into()), (-1, 1.into()), (-2, Value::Bytes(x)), (-3, Value::Bytes(y))]
}

fn with(mut entries: Vec<(i64, Value)>, label: i64, value: impl Into<Value>) -> Vec<(i64, Value)> {
    let value = value.into();
    match entries.iter_mut().find(|(known, _)| *known == label) {
        Some((_, slot)) => *slot = value,
        None => entries.push((label, value)),
    }
    entries
}

fn without(mut entries: Vec<(i64, Value)>, label: i64) -> Vec<(i64, Value)> {
    entries.retain(|(known, _)| *known != label);
    entries
}

fn code(entries: &[(i64, Value)]) -> FaultCode {
    CoseKey::from_bytes(cbor(entries)).unwrap_err().code
}

fn ec2_entries(algorithm: i64, crv: i64, sec1: &[u8]) -> Vec<(i64, Value)> {
    let (x, y) = point(sec1);
    vec![(1, 2.into()), (3, algorithm.into()), (-1, crv.into()), (-2, Value::Bytes(x)), (-3, Value::Bytes(y))]
}

fn okp_entries(algorithm: i64, crv: i64, x: &[u8]) -> Vec<(i64, Value)> {
    vec![(1, 1.into()), (3, algorithm.into()), (-1, crv.into()), (-2, Value::Bytes(x.to_vec()))]
}

fn rsa_entries(algorithm: i64, n: &[u8], e: &[u8]) -> Vec<(i64, Value)> {
    vec![(1, 3.into()), (3, algorithm.into()), (-1, Value::Bytes(n.to_vec())), (-2, Value::Bytes(e.to_vec()))]
}

/// 2^2203 - 1: a prime of RSA's size without a small factor.
fn modulus() -> Vec<u8> {
    let mut n = vec![0xff; 276];
    n[0] = 0x07;
    n
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

const ED25519: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"; // RFC 8032, 7.1
const ED448: &str = "5fd7449b59b461fd2ce787ec616ad46a1da1342485a70e1f8a0ea75d80e96778edf124769b46c7061bd6783df1e50f6cd1fa1abeafe8256180"; // RFC 8032, 7.4

fn accepted() -> Vec<Vec<(i64, Value)>> {
    let p384 = p384::SecretKey::from_slice(&[7; 48]).unwrap().public_key().to_sec1_bytes();
    let mut scalar = [0; 66];
    scalar[65] = 7;
    let p521 = p521::SecretKey::from_slice(&scalar).unwrap().public_key().to_sec1_bytes();
    let k256 = k256::SecretKey::from_slice(&[7; 32]).unwrap().public_key().to_sec1_point(false).to_bytes();
    let p256 = p256::SecretKey::from_slice(&[7; 32]).unwrap().public_key().to_sec1_bytes();
    let mut keys = vec![
        ec2_entries(-7, 1, &p256),
        ec2_entries(-9, 1, &p256),
        ec2_entries(-35, 2, &p384),
        ec2_entries(-51, 2, &p384),
        ec2_entries(-36, 3, &p521),
        ec2_entries(-52, 3, &p521),
        ec2_entries(-47, 8, &k256),
        okp_entries(-8, 6, &hex(ED25519)),
        okp_entries(-19, 6, &hex(ED25519)),
        okp_entries(-8, 7, &hex(ED448)),
        okp_entries(-53, 7, &hex(ED448)),
    ];
    keys.extend([-257, -258, -259, -37, -38, -39].map(|number| rsa_entries(number, &modulus(), &[1, 0, 1])));
    keys
}

#[test]
fn every_algorithm_is_accepted_with_its_own_curve_and_no_other() {
    let keys = accepted();
    for entries in &keys {
        let bytes = cbor(entries);
        let key = CoseKey::from_bytes(bytes.clone()).unwrap();
        assert_eq!(key.as_bytes(), bytes);
        assert_eq!(Value::from(key.algorithm().number()), entries[1].1);
        // ciborium wrote it in canonical order, so building it from its numbers gives the same bytes
        assert_eq!(CoseKey::from_parameters(key.algorithm(), key.parameters()).unwrap().as_bytes(), bytes);
        for other in CoseAlgorithm::KNOWN {
            let swapped = with(entries.clone(), 3, other.number());
            let allowed = keys.contains(&swapped);
            assert_eq!(
                CoseKey::from_bytes(cbor(&swapped)).is_ok(),
                allowed,
                "{other} for {}",
                key.algorithm()
            );
        }
    }
}

#[test]
fn algorithm_and_curve() {
    let (x, y) = p256_numbers();
    assert_eq!(code(&without(es256(), 3)), FaultCode::KeyAlgorithmMissing);
    assert_eq!(code(&without(es256(), 1)), FaultCode::KeyNotCbor);
    assert_eq!(code(&without(es256(), -1)), FaultCode::KeyMissingParameter);
    assert_eq!(code(&with(es256(), -1, 2)), FaultCode::KeyAlgorithmMismatch);
    assert_eq!(code(&with(es256(), -1, 99)), FaultCode::KeyAlgorithmMismatch);
    assert_eq!(code(&with(es256(), 1, 4)), FaultCode::KeyAlgorithmMismatch);
    assert_eq!(code(&with(es256(), 3, -65535)), FaultCode::KeyAlgorithmUnknown);
    assert_eq!(code(&with(es256(), 3, -70000)), FaultCode::KeyAlgorithmUnknown);
    assert_eq!(code(&with(es256(), 3, Value::Text("ES256".into()))), FaultCode::KeyAlgorithmUnknown);
    for number in [-48, -49, -50] {
        let akp = [(1, 7.into()), (3, number.into()), (-1, Value::Bytes(vec![1; 1312]))];
        assert_eq!(code(&akp), FaultCode::KeyAlgorithmUncheckable);
    }
    // an ES256 label on a P-384 key
    let p384 = p384::SecretKey::from_slice(&[7; 48]).unwrap().public_key().to_sec1_bytes();
    assert_eq!(code(&ec2_entries(-7, 2, &p384)), FaultCode::KeyAlgorithmMismatch);
    assert_eq!(code(&ec2_entries(-7, 1, &p384)), FaultCode::KeyCoordinateLength);
    let okp = [(1, 1.into()), (3, (-8).into()), (-1, 1.into()), (-2, Value::Bytes(x)), (-3, Value::Bytes(y))];
    assert_eq!(code(&okp), FaultCode::KeyUnexpectedParameter);
}

#[test]
fn points() {
    let (x, y) = p256_numbers();
    let mut one = vec![0; 32];
    one[31] = 1;
    let off = with(with(es256(), -2, Value::Bytes(one.clone())), -3, Value::Bytes(one));
    assert_eq!(code(&off), FaultCode::KeyPointOffCurve);
    assert_eq!(code(&with(es256(), -2, Value::Bytes(vec![0xff; 32]))), FaultCode::KeyPointOffCurve);
    let zero = with(with(es256(), -2, Value::Bytes(vec![0; 32])), -3, Value::Bytes(vec![0; 32]));
    assert_eq!(code(&zero), FaultCode::KeyPointOffCurve);
    assert_eq!(code(&with(es256(), -3, Value::Bool(true))), FaultCode::KeyPointCompressed);
    let compressed = [&[2], &*x].concat();
    assert_eq!(code(&with(es256(), -2, Value::Bytes(compressed))), FaultCode::KeyPointCompressed);
    assert_eq!(code(&with(es256(), -3, Value::Bytes(y[1..].to_vec()))), FaultCode::KeyCoordinateLength);
    assert_eq!(code(&with(es256(), -3, Value::Bytes([&[0], &*y].concat()))), FaultCode::KeyCoordinateLength);
    assert_eq!(code(&with(es256(), -3, Value::Text("y".into()))), FaultCode::KeyNotCbor);
    assert_eq!(code(&without(es256(), -3)), FaultCode::KeyMissingParameter);
}

#[test]
fn weak_ed25519_keys_of_every_order_are_refused() {
    // orders 1, 2, 4, 8 and the other spellings of the small ones
    for text in [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "0000000000000000000000000000000000000000000000000000000000000080",
    ] {
        assert_eq!(code(&okp_entries(-8, 6, &hex(text))), FaultCode::KeySmallOrder, "{text}");
    }
    // y = 2^255 - 19 + k, a second spelling of k
    for first in 0xed..=0xff_u8 {
        let mut y = vec![0xff; 32];
        (y[0], y[31]) = (first, 0x7f);
        let code = code(&okp_entries(-8, 6, &y));
        assert!(matches!(code, FaultCode::KeySmallOrder | FaultCode::KeyPointOffCurve), "{first:x}: {code}");
    }
    assert_eq!(code(&okp_entries(-8, 6, &hex(ED25519)[..31])), FaultCode::KeyCoordinateLength);
    assert_eq!(
        code(&okp_entries(-8, 6, &hex("0200000000000000000000000000000000000000000000000000000000000000"))),
        FaultCode::KeyPointOffCurve
    );
}

#[test]
fn rsa_numbers() {
    let n = modulus();
    assert_eq!(code(&rsa_entries(-257, &n, &[1])), FaultCode::KeyRsaExponent);
    assert_eq!(code(&rsa_entries(-257, &n, &[2])), FaultCode::KeyRsaExponent);
    assert_eq!(code(&rsa_entries(-257, &n[..128], &[1, 0, 1])), FaultCode::KeyRsaModulus);
    assert_eq!(code(&rsa_entries(-257, &[&[0], &*n].concat(), &[1, 0, 1])), FaultCode::KeyRsaModulus);
    assert_eq!(CoseKey::from_bytes(cbor(&rsa_entries(-257, &n, &[3]))).unwrap().rsa_bits(), Some(2203));
    for private in -12..=-3 {
        assert_eq!(
            code(&with(rsa_entries(-257, &n, &[3]), private, Value::Bytes(vec![1]))),
            FaultCode::KeyPrivateParameter
        );
    }
}

#[test]
fn the_form_of_the_map() {
    let bytes = cbor(&es256());
    let code_of = |bytes: Vec<u8>| CoseKey::from_bytes(bytes).unwrap_err().code;
    assert_eq!(code_of([&*bytes, &[0]].concat()), FaultCode::KeyTrailingBytes);
    assert_eq!(code_of(bytes[..bytes.len() - 1].to_vec()), FaultCode::KeyNotCbor);
    assert_eq!(code_of(vec![]), FaultCode::KeyNotCbor);
    let indefinite = [&[0xbf], &bytes[1..], &[0xff]].concat();
    assert_eq!(code_of(indefinite), FaultCode::KeyIndefiniteLength);
    let mut twice = es256();
    twice.push((-3, twice[4].1.clone()));
    assert_eq!(code(&twice), FaultCode::KeyDuplicateLabel);
    let mut algorithm_twice = es256();
    algorithm_twice.push((3, (-7).into()));
    assert_eq!(code(&algorithm_twice), FaultCode::KeyDuplicateLabel);
    assert_eq!(code(&with(es256(), -4, Value::Bytes(vec![1; 32]))), FaultCode::KeyPrivateParameter);
    assert_eq!(
        code(&with(okp_entries(-8, 6, &hex(ED25519)), -4, Value::Bytes(vec![1; 32]))),
        FaultCode::KeyPrivateParameter
    );
    assert_eq!(code(&with(es256(), 2, Value::Bytes(vec![1]))), FaultCode::KeyUnexpectedParameter);
    assert_eq!(code(&with(es256(), -70, 1)), FaultCode::KeyUnexpectedParameter);
}

#[test]
fn fully_specified_algorithms_have_an_older_twin() {
    let entries = with(es256(), 3, -9);
    let key = CoseKey::from_bytes(cbor(&entries)).unwrap();
    let twin = key.to_polymorphic();
    assert_eq!(twin.as_bytes(), cbor(&es256()));
    assert_eq!(twin.algorithm(), CoseAlgorithm::Es256);
    assert!(key.is_same_key(&twin));
    assert_ne!(key, twin);
    let ed25519 = CoseKey::from_bytes(cbor(&okp_entries(-8, 6, &hex(ED25519)))).unwrap();
    assert!(!key.is_same_key(&ed25519));
}

#[test]
fn order_of_labels_does_not_matter_and_bytes_are_kept() {
    let mut entries = es256();
    entries.reverse();
    let bytes = cbor(&entries);
    let key = CoseKey::from_bytes(bytes.clone()).unwrap();
    assert_eq!(key.as_bytes(), bytes);
    assert!(key.is_same_key(&CoseKey::from_bytes(cbor(&es256())).unwrap()));
}

#[test]
fn subject_public_key_info_is_what_the_curves_own_libraries_write() {
    use p256::pkcs8::EncodePublicKey as _;
    let key = CoseKey::from_bytes(cbor(&es256())).unwrap();
    let expected = p256::SecretKey::from_slice(&[7; 32]).unwrap().public_key();
    assert_eq!(key.to_spki_der(), expected.to_public_key_der().unwrap().as_bytes());
    assert_eq!(key.to_spki_pem(), expected.to_public_key_pem(p256::pkcs8::LineEnding::LF).unwrap());
    let p384 = p384::SecretKey::from_slice(&[7; 48]).unwrap().public_key();
    let key = CoseKey::from_bytes(cbor(&ec2_entries(-35, 2, &p384.to_sec1_bytes()))).unwrap();
    assert_eq!(key.to_spki_der(), p384.to_public_key_der().unwrap().as_bytes());
    // RFC 8410, section 10.1, has this prefix for Ed25519
    let key = CoseKey::from_bytes(cbor(&okp_entries(-8, 6, &hex(ED25519)))).unwrap();
    assert_eq!(key.to_spki_der(), hex(&format!("302a300506032b6570032100{ED25519}")));
    let key = CoseKey::from_bytes(cbor(&rsa_entries(-257, &modulus(), &[1, 0, 1]))).unwrap();
    let der = key.to_spki_der();
    assert_eq!(&der[..4], &[0x30, 0x82, 0x01, 0x35]);
    assert_eq!(usize::from(u16::from_be_bytes([der[2], der[3]])) + 4, der.len());
}

#[test]
fn debug_shows_no_number() {
    let key = CoseKey::from_bytes(cbor(&es256())).unwrap();
    assert_eq!(format!("{key:?} {:?}", key.parameters()), "CoseKey(ES256, 77 bytes) KeyParameters(P-256)");
}

proptest! {
    #[test]
    fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = CoseKey::from_bytes(bytes);
    }

    #[test]
    fn a_changed_bit_is_refused_or_gives_another_legal_key(which in 0..17_usize, position in any::<prop::sample::Index>(), bit in 0..8) {
        let bytes = cbor(&accepted()[which]);
        let mut changed = bytes.clone();
        changed[position.index(bytes.len())] ^= 1_u8 << bit;
        if let Ok(key) = CoseKey::from_bytes(changed.clone()) {
            prop_assert_eq!(key.as_bytes(), changed);
            // One bit lies between ES512 (-36) and ESP512 (-52), which verify the same; anything else is another key.
            let original = CoseKey::from_bytes(bytes).unwrap();
            let twins = original.algorithm().polymorphic() == key.algorithm().polymorphic()
                && original.algorithm() != key.algorithm();
            prop_assert_eq!(key.is_same_key(&original), twins);
        }
    }
}

/// What the general reader says about a key, with the numbers themselves.
fn general(bytes: &[u8]) -> Option<(CoseAlgorithm, KeyParameters)> {
    let (algorithm, numbers) = parse(bytes).ok()?;
    Some((algorithm, CoseKey::of(bytes.into(), algorithm, numbers).parameters().clone()))
}

fn canonical(bytes: &[u8]) -> Option<(CoseAlgorithm, KeyParameters)> {
    let (algorithm, numbers) = cose_canonical::read(bytes)?;
    Some((algorithm, CoseKey::of(bytes.into(), algorithm, numbers).parameters().clone()))
}

#[test]
fn both_readers_give_the_same_numbers() {
    let mut by_the_short_way = 0;
    for entries in accepted() {
        let bytes = cbor(&entries);
        let found = canonical(&bytes);
        by_the_short_way += usize::from(found.is_some());
        if found.is_some() {
            assert_eq!(found, general(&bytes));
        }
    }
    assert_eq!(by_the_short_way, 12, "P-256, P-384 and Ed25519 twice each, RSA six times");
}

/// A key as it should be, with some bytes of it changed: most are wrong, and all are near to a right one.
fn nearly_a_key() -> impl Strategy<Value = Vec<u8>> {
    let keys: Vec<Vec<u8>> = accepted().iter().map(|entries| cbor(entries)).collect();
    let change = (any::<proptest::sample::Index>(), any::<u8>(), 0..4_u8);
    (proptest::sample::select(keys), proptest::collection::vec(change, 0..3)).prop_map(
        |(mut key, changes)| {
            for (at, value, how) in changes {
                let at = at.index(key.len());
                match how {
                    0 => key[at] = value,
                    1 => key[at] ^= 1 << (value % 8),
                    2 => key.insert(at, value),
                    _ => {
                        key.remove(at);
                    }
                }
            }
            key
        },
    )
}

/// A key on a curve of the short way, from any coordinates: half of the Ed25519 ones are on the curve.
fn any_coordinates() -> impl Strategy<Value = Vec<u8>> {
    let ec2 = |algorithm, crv, length: usize| {
        proptest::collection::vec(any::<u8>(), 2 * length)
            .prop_map(move |xy| cbor(&ec2_entries(algorithm, crv, &[&[4], &*xy].concat())))
    };
    let ed25519 = any::<[u8; 32]>().prop_map(|x| cbor(&okp_entries(-8, 6, &x)));
    prop_oneof![ec2(-7, 1, 32), ec2(-35, 2, 48), ed25519]
}

/// A key that some private key belongs to, with one bit of a coordinate changed at times.
fn a_point_or_beside_it() -> impl Strategy<Value = Vec<u8>> {
    let flip = proptest::option::of((any::<proptest::sample::Index>(), 0..8_u8));
    (any::<[u8; 32]>(), 0..3_u8, flip).prop_map(|(secret, curve, flip)| {
        let mut entries = match curve {
            0 => {
                let key = p256::SecretKey::from_slice(&secret)
                    .unwrap_or(p256::SecretKey::from_slice(&[7; 32]).unwrap());
                ec2_entries(-7, 1, &key.public_key().to_sec1_bytes())
            }
            1 => {
                let key = p384::SecretKey::from_slice(&[[1; 16].as_slice(), &secret].concat()).unwrap();
                ec2_entries(-35, 2, &key.public_key().to_sec1_bytes())
            }
            _ => {
                let key = ed25519_dalek::SigningKey::from_bytes(&secret).verifying_key();
                okp_entries(-8, 6, key.as_bytes())
            }
        };
        if let Some((at, bit)) = flip {
            let coordinates = entries.len() - if curve == 2 { 1 } else { 2 };
            let which = coordinates + usize::from(bit) % (entries.len() - coordinates);
            let Value::Bytes(bytes) = &mut entries[which].1 else { panic!("a coordinate") };
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        }
        cbor(&entries)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_short_way_accepts_nothing_that_the_general_reader_does_not(
        bytes in prop_oneof![nearly_a_key(), any_coordinates(), a_point_or_beside_it()],
    ) {
        if let Some(found) = canonical(&bytes) {
            prop_assert_eq!(Some(found), general(&bytes));
        }
    }

    /// Where the layout is canonical, both say the same: else the short way would be a detour.
    #[test]
    fn the_short_way_accepts_every_point_of_its_curves(bytes in prop_oneof![any_coordinates(), a_point_or_beside_it()]) {
        prop_assert_eq!(canonical(&bytes), general(&bytes));
    }
}

#[test]
fn only_the_very_same_key_is_spared_its_checks_and_only_for_a_while() {
    let good = CoseKey::from_bytes(cbor(&rsa_entries(-257, &modulus(), &[1, 0, 1]))).unwrap();
    let mut n = modulus();
    n[200] ^= 0x10;
    let other = cbor(&rsa_entries(-257, &n, &[1, 0, 1]));
    let expected = CoseKey::from_bytes(&*other).map_err(|fault| fault.code);
    with_checked_keys([&good], || {
        assert_eq!(checked::count(), 1);
        assert_eq!(CoseKey::from_bytes(good.as_bytes()).unwrap(), good);
        assert_eq!(CoseKey::from_bytes(&*other).map_err(|fault| fault.code), expected);
        let even = cbor(&rsa_entries(-257, &[&modulus()[..275], &[0xfe]].concat(), &[1, 0, 1]));
        assert_eq!(CoseKey::from_bytes(even).unwrap_err().code, FaultCode::KeyRsaModulus);
    });
    assert_eq!(checked::count(), 0);
    let _ = std::panic::catch_unwind(|| with_checked_keys([&good], || panic!("on purpose")));
    assert_eq!(checked::count(), 0);
}
