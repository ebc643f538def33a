//! The short way of reading a COSE key against the general one.

use keyferry_core::{
    CoseKey, Curve,
    items::fuzzing::{canonical, general},
};

/// Takes the bytes of a COSE key.
pub fn check(bytes: &[u8]) {
    let found = CoseKey::from_bytes(bytes).map_err(|fault| fault.code);
    let expected = general(bytes);
    match (&found, &expected) {
        (Ok(found), Ok(expected)) => assert_same(found, expected),
        (found, expected) => assert_eq!(found.as_ref().err(), expected.as_ref().err(), "one of them accepts"),
    }
    if let Some(short) = canonical(bytes) {
        assert_same(&short, expected.as_ref().expect("what the short way accepts, the general one accepts"));
    }
    let Ok(key) = found else { return };
    assert_eq!(key.as_bytes(), bytes);

    // However it was laid out: in the canonical layout it is the same key, and takes the short way if its curve has one.
    let rebuilt =
        CoseKey::from_parameters(key.algorithm(), key.parameters()).expect("its numbers were accepted");
    assert!(rebuilt.is_same_key(&key));
    assert_same(&general(rebuilt.as_bytes()).expect("canonical"), &rebuilt);
    if matches!(key.curve(), None | Some(Curve::P256 | Curve::P384 | Curve::Ed25519)) {
        assert_same(&canonical(rebuilt.as_bytes()).expect("the short way reads it"), &rebuilt);
    }
    let polymorphic = key.to_polymorphic();
    assert!(polymorphic.is_same_key(&key) && polymorphic.parameters() == key.parameters());
    assert_same(&general(polymorphic.as_bytes()).expect("canonical"), &polymorphic);
}

fn assert_same(found: &CoseKey, expected: &CoseKey) {
    assert_eq!(found.as_bytes(), expected.as_bytes());
    assert_eq!(found.algorithm(), expected.algorithm());
    // Without assert_eq, whose message would not show the numbers anyway.
    assert!(found.parameters() == expected.parameters(), "other numbers: {found:?}, {expected:?}");
}
