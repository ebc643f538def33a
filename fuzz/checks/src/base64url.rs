//! Our three readers of base64 against base64ct: one text for one value, or two texts would be one credential ID.

use base64ct::{Base64Unpadded, Base64UrlUnpadded, Encoding};
use keyferry_core::FaultCode;
use keyferry_sources::{Note, fuzzing};

const LIMIT: usize = 1400;

/// Takes bytes to be written, which are also taken for text to be read.
pub fn check(bytes: &[u8]) {
    let written = keyferry_json::encode(bytes);
    assert_eq!(decoded::<Base64UrlUnpadded>(&written).as_deref(), Some(bytes));
    assert_eq!(keyferry_json::decode("field", &written).as_deref(), Ok(bytes));

    if let Ok(text) = str::from_utf8(bytes) {
        let expected = decoded::<Base64UrlUnpadded>(text);
        assert_eq!(keyferry_json::decode("field", text).ok(), expected, "{text:?}");
        assert_eq!(keyferry_assertion::decode_base64url(text), expected, "{text:?}");
    }
    cell(bytes);
}

/// Cells of an export may have padding or not, and either alphabet, but not both.
fn cell(bytes: &[u8]) {
    let found = fuzzing::base64_cell(bytes, LIMIT);
    let fault = |code| (None, vec![code]);
    let (expected, faults) = match str::from_utf8(bytes) {
        _ if bytes.len() > LIMIT => fault(FaultCode::FieldTooLong),
        Err(_) => fault(FaultCode::NotUtf8),
        Ok(text) if text.contains('\0') => fault(FaultCode::ControlCharacter),
        Ok(text) if text.is_empty() || text.eq_ignore_ascii_case("null") => (None, vec![]),
        Ok(text) => match padded(text) {
            Some(bytes) => (Some(bytes), vec![]),
            None => fault(FaultCode::NotBase64),
        },
    };
    assert_eq!((&found.bytes, &found.faults), (&expected, &faults), "{bytes:02x?}");
    if found.bytes.is_some() {
        let is_standard = bytes.contains(&b'+') || bytes.contains(&b'/');
        assert_eq!(found.notes.contains(&Note::StandardBase64), is_standard);
        assert_eq!(found.notes.contains(&Note::MissingPadding), !bytes.len().is_multiple_of(4));
    } else {
        assert_eq!(found.notes, []);
    }
}

fn padded(text: &str) -> Option<Vec<u8>> {
    let bare = text.strip_suffix("==").or_else(|| text.strip_suffix('=')).unwrap_or(text);
    if bare.len() < text.len() && !text.len().is_multiple_of(4) {
        return None;
    }
    if bare.contains(['+', '/']) {
        decoded::<Base64Unpadded>(bare)
    } else {
        decoded::<Base64UrlUnpadded>(bare)
    }
}

fn decoded<E: Encoding>(text: &str) -> Option<Vec<u8>> {
    let mut room = vec![0; text.len()];
    E::decode(text, &mut room).ok().map(<[u8]>::to_vec)
}
