//! Base64url without padding, in one spelling for each value.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

/// Encodes bytes as base64url without padding.
pub fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Adds bytes to a text as base64url without padding.
pub(crate) fn push(bytes: &[u8], text: &mut Vec<u8>) {
    let start = text.len();
    text.resize(start + (bytes.len() * 4).div_ceil(3), 0);
    let room = text.get_mut(start..).unwrap_or_default();
    let written = URL_SAFE_NO_PAD.encode_slice(bytes, room).unwrap_or_default(); // just as long
    text.truncate(start + written);
}

/// Decodes base64url without padding; padding, white space and unused bits are not accepted.
///
/// # Errors
/// - `field` is not in that form; the message names the field and shows nothing of it.
pub fn decode(field: &str, text: &str) -> Result<Vec<u8>, String> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| format!("`{field}` is not base64url without padding"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_added_is_what_is_encoded() {
        let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(1100).collect();
        for end in 0..bytes.len() {
            let mut text = b"before".to_vec();
            push(&bytes[..end], &mut text);
            assert_eq!(text.strip_prefix(b"before"), Some(encode(&bytes[..end]).as_bytes()));
        }
    }
}
