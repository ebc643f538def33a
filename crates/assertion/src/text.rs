//! Strict base64url, and JSON objects whose faults are told without showing what they hold.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::de::DeserializeOwned;
use serde_json::{error::Category, value::RawValue};

use crate::ParseError;

/// Decodes base64url without padding, the form in which WebAuthn writes bytes in JSON.
///
/// Returns `None` for padding, white space, the other alphabet and bits that belong to no byte.
///
/// ```
/// use keyferry_assertion::decode_base64url;
/// assert_eq!(decode_base64url("AQID").as_deref(), Some(&[1, 2, 3][..]));
/// for text in ["AQI=", "AQJ ", "AQJ", "+/+/"] {
///     assert_eq!(decode_base64url(text), None);
/// }
/// ```
pub fn decode_base64url(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// Reads one JSON object; serde's own messages quote values, so only their place is kept.
pub(crate) fn object<T: DeserializeOwned>(text: &str, name: &'static str) -> Result<T, ParseError> {
    // A derived struct can also be read from an array; the form has none.
    if !text.trim_start().starts_with('{') {
        return Err(ParseError::NotAnObject(name));
    }
    serde_json::from_str(text).map_err(|error| match error.classify() {
        // Values are kept as text, so the only thing left that a field can do wrong is to stand twice.
        Category::Data => ParseError::FieldTwice(name),
        Category::Syntax | Category::Eof | Category::Io => {
            ParseError::NotJson { name, line: error.line(), column: error.column() }
        }
    })
}

/// The text of a field, `None` where it is absent or null.
pub(crate) fn optional_text(
    field: Option<&RawValue>,
    name: &'static str,
) -> Result<Option<String>, ParseError> {
    field.map(|raw| serde_json::from_str(raw.get()).map_err(|_| ParseError::NotText(name))).transpose()
}

/// The text of a field that must be there.
pub(crate) fn text(field: Option<&RawValue>, name: &'static str) -> Result<String, ParseError> {
    optional_text(field, name)?.ok_or(ParseError::Missing(name))
}

/// The bytes of a field, `None` where it is absent or null.
pub(crate) fn optional_bytes(
    field: Option<&RawValue>,
    name: &'static str,
    limit: usize,
) -> Result<Option<Vec<u8>>, ParseError> {
    let Some(text) = optional_text(field, name)? else { return Ok(None) };
    // Measured before it is decoded: 3 bytes are 4 characters.
    if text.len() / 4 * 3 > limit {
        return Err(ParseError::TooLong { name, limit });
    }
    let bytes = decode_base64url(&text).ok_or(ParseError::NotBase64Url(name))?;
    if bytes.len() > limit {
        return Err(ParseError::TooLong { name, limit });
    }
    Ok(Some(bytes))
}

/// The bytes of a field that must be there.
pub(crate) fn bytes(
    field: Option<&RawValue>,
    name: &'static str,
    limit: usize,
) -> Result<Vec<u8>, ParseError> {
    optional_bytes(field, name, limit)?.ok_or(ParseError::Missing(name))
}
