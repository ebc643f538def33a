//! The client data: what the browser says of the login.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    ParseError,
    text::{object, optional_text, text},
};

/// What section 7.2 looks at in `clientDataJSON` (WebAuthn Level 3, section 5.8.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientData {
    /// `type`, which is `webauthn.get` for a login.
    pub r#type: String,
    /// `challenge`, as the text that it is.
    pub challenge: String,
    /// `origin`.
    pub origin: String,
    /// Whether the login happened in a frame of another origin.
    pub cross_origin: bool,
    /// The origin of the page around that frame.
    pub top_origin: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields {
    r#type: Option<Box<RawValue>>,
    challenge: Option<Box<RawValue>>,
    origin: Option<Box<RawValue>>,
    cross_origin: Option<Box<RawValue>>,
    top_origin: Option<Box<RawValue>>,
}

impl ClientData {
    /// Reads the bytes of `clientDataJSON`; further fields are read over, since browsers may add some.
    ///
    /// # Errors
    /// - it is no JSON object in UTF-8, or a field that is needed is missing, stands twice or has the wrong type.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        // Step 8 decodes with "UTF-8 decode", which takes a byte order mark off.
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let json = std::str::from_utf8(bytes).map_err(|_| ParseError::NotUtf8)?;
        let fields: Fields = object(json, "the client data")?;
        let cross_origin = match fields.cross_origin.as_deref().map(RawValue::get) {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => return Err(ParseError::NotText("crossOrigin")),
        };
        Ok(Self {
            r#type: text(fields.r#type.as_deref(), "type")?,
            challenge: text(fields.challenge.as_deref(), "challenge")?,
            origin: text(fields.origin.as_deref(), "origin")?,
            cross_origin,
            top_origin: optional_text(fields.top_origin.as_deref(), "topOrigin")?,
        })
    }
}
