//! The form of a COSE key's CBOR against ciborium, by way of coset.

use coset::cbor::{Value, de::from_reader, ser::into_writer};
use keyferry_core::{CoseKey, items::fuzzing};

/// The longest key that is looked at.
const LONGEST: usize = 4096;

/// Takes the bytes of a COSE key.
pub fn check(bytes: &[u8]) {
    let form = fuzzing::form(bytes);
    if let Err(code) = form {
        let fault = CoseKey::from_bytes(bytes).expect_err("a wrong form is no key");
        assert_eq!(fault.code, code);
    }
    let mut rest = bytes;
    let Ok(value) = from_reader::<Value, _>(&mut rest) else { return };
    let is_legal =
        rest.is_empty() && value.is_map() && bytes.len() <= LONGEST && depth(&value) <= 2 && !tag(&value);
    if form.is_ok() {
        assert!(
            is_legal,
            "the form is accepted, and ciborium sees {value:?} with {} bytes after it",
            rest.len()
        );
    } else if is_legal {
        // Ciborium reads indefinite lengths, too, and does not say so: it writes another text than it has read.
        let mut written = Vec::new();
        into_writer(&value, &mut written).expect("memory");
        assert_ne!(written, bytes, "refused with {form:?}, and ciborium sees nothing wrong: {value:?}");
    }
}

/// How many arrays and maps lie in each other.
fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or_default(),
        Value::Map(entries) => {
            1 + entries.iter().map(|(key, value)| depth(key).max(depth(value))).max().unwrap_or_default()
        }
        Value::Tag(_, inner) => depth(inner),
        _ => 0,
    }
}

/// Tells whether a tag stands anywhere; a number above 64 bits is one.
fn tag(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(tag),
        Value::Map(entries) => entries.iter().any(|(key, value)| tag(key) || tag(value)),
        Value::Integer(number) => {
            u64::try_from(*number).is_err() && !(-(1 << 64)..0).contains(&i128::from(*number))
        }
        Value::Tag(..) => true,
        _ => false,
    }
}
