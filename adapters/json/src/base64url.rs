//! Base64url without padding, in one spelling for each value.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use keyferry_core::base64_engine::to_base64url;

/// Encodes bytes as base64url without padding.
pub fn encode(bytes: &[u8]) -> String {
    to_base64url(bytes)
}

/// Decodes base64url without padding; padding, white space and unused bits are not accepted.
///
/// # Errors
/// - `field` is not in that form; the message names the field and shows nothing of it.
pub fn decode(field: &str, text: &str) -> Result<Vec<u8>, String> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| format!("`{field}` is not base64url without padding"))
}
