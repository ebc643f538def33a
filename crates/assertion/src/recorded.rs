//! A recorded login: the JSON of an assertion, alone or as a line of an assertions file.

use std::fmt;

use keyferry_core::{CredentialId, RpId};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::text::{bytes, object, optional_bytes, optional_text, text};

/// The most bytes of each part. Real ones are far below: these only keep a hostile file from costing anything.
const MOST_CLIENT_DATA: usize = 16 << 10;
const MOST_AUTHENTICATOR_DATA: usize = 16 << 10;
const MOST_SIGNATURE: usize = 2048;
/// A legal user handle has at most 64 bytes; clients that encode it once or twice more make it longer.
const MOST_USER_HANDLE: usize = 256;
const MOST_CHALLENGE: usize = 1024;
const MOST_ORIGIN: usize = 2048;

/// The answer of an authenticator and a client to one login, as bytes.
///
/// # PII considerations
/// It names a user. `Debug` shows no handle, signature or whole credential ID.
#[derive(Clone, PartialEq, Eq)]
pub struct Assertion {
    /// `rawId`.
    pub credential_id: CredentialId,
    /// `response.clientDataJSON`, exactly as signed.
    pub client_data: Vec<u8>,
    /// `response.authenticatorData`.
    pub authenticator_data: Vec<u8>,
    /// `response.signature`.
    pub signature: Vec<u8>,
    /// `response.userHandle` as the client sent it, which may be no legal handle; `None` where it is absent, null or
    /// empty.
    pub user_handle: Option<Vec<u8>>,
}

impl fmt::Debug for Assertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Assertion").field("credential_id", &self.credential_id).finish_non_exhaustive()
    }
}

/// An assertion, and what was written down beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The assertion.
    pub assertion: Assertion,
    /// The RP ID that the login was made for.
    pub rp_id: Option<RpId>,
    /// The origin at which the login was made.
    pub origin: Option<String>,
    /// The challenge that the server had chosen.
    pub challenge: Option<Vec<u8>>,
}

/// Why a text is no recorded login; never holds anything that stood in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "each variant is described by its message")]
pub enum ParseError {
    #[error("more than {} bytes", Recorded::MAX_LENGTH)]
    Long,
    #[error("not UTF-8")]
    NotUtf8,
    #[error("{name} is not JSON from line {line}, column {column} on")]
    NotJson { name: &'static str, line: usize, column: usize },
    #[error("{0} is not a JSON object")]
    NotAnObject(&'static str),
    #[error("a field of {0} stands twice")]
    FieldTwice(&'static str),
    #[error("`{0}` is missing")]
    Missing(&'static str),
    #[error("`{0}` is not text")]
    NotText(&'static str),
    #[error("`{0}` is not base64url without padding")]
    NotBase64Url(&'static str),
    #[error("`{name}` has more than {limit} bytes")]
    TooLong { name: &'static str, limit: usize },
    #[error("`type` is not `public-key`")]
    Type,
    #[error("`id` and `rawId` are not the same credential ID of 1 to 1023 bytes")]
    Id,
    #[error("`credentialId` beside the response is not its `id`")]
    OtherId,
    #[error("`rpId` is no domain")]
    RpId,
}

impl ParseError {
    /// Returns the kind of the error as a stable code, such as `field-missing`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Long | Self::TooLong { .. } => "too-long",
            Self::NotUtf8 | Self::NotJson { .. } | Self::NotAnObject(_) => "not-json",
            Self::FieldTwice(_) => "field-twice",
            Self::Missing(_) => "field-missing",
            Self::NotText(_) | Self::NotBase64Url(_) | Self::Type | Self::RpId => "field-invalid",
            Self::Id | Self::OtherId => "id-inconsistent",
        }
    }
}

/// The fields that are read; every other one, such as `clientExtensionResults`, is not.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outer {
    id: Option<Box<RawValue>>,
    raw_id: Option<Box<RawValue>>,
    r#type: Option<Box<RawValue>>,
    response: Option<Box<RawValue>>,
    credential_id: Option<Box<RawValue>>,
    rp_id: Option<Box<RawValue>>,
    origin: Option<Box<RawValue>>,
    challenge: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    #[serde(rename = "clientDataJSON")]
    client_data_json: Option<Box<RawValue>>,
    authenticator_data: Option<Box<RawValue>>,
    signature: Option<Box<RawValue>>,
    user_handle: Option<Box<RawValue>>,
}

impl Recorded {
    /// The longest JSON text of one login in bytes.
    pub const MAX_LENGTH: usize = 64 << 10;

    /// Reads the JSON of one login.
    ///
    /// Two forms are taken: the object that `PublicKeyCredential.toJSON()` gives, and the same as `response` of an object
    /// with any of `credentialId`, `rpId`, `origin` and `challenge` beside it, which is a line of the assertions that
    /// `keyferry generate` writes.
    ///
    /// # Errors
    /// - it is longer than [`Recorded::MAX_LENGTH`], or no JSON object;
    /// - a field is missing, stands twice, is too long, or is not strictly base64url without padding;
    /// - `type` is not `public-key`; `id`, `rawId` and `credentialId` differ.
    pub fn parse(json: &[u8]) -> Result<Self, ParseError> {
        if json.len() > Self::MAX_LENGTH {
            return Err(ParseError::Long);
        }
        // Editors put a byte order mark before a file, which is not part of the JSON (RFC 8259, section 8.1).
        let json = json.strip_prefix(b"\xef\xbb\xbf").unwrap_or(json);
        let json = std::str::from_utf8(json).map_err(|_| ParseError::NotUtf8)?;
        let outer: Outer = object(json, "the assertion")?;
        let inner = match &outer.response {
            // Only the credential itself has an ID of its own; a line of assertions names it otherwise.
            Some(inner) if outer.id.is_none() && outer.raw_id.is_none() => inner,
            _ => return Ok(Self::bare(credential(&outer)?)),
        };
        let assertion = credential(&object(inner.get(), "`response`")?)?;
        let id = optional_bytes(outer.credential_id.as_deref(), "credentialId", CredentialId::MAX_LENGTH)?;
        if id.is_some_and(|id| id != assertion.credential_id.as_bytes()) {
            return Err(ParseError::OtherId);
        }
        let rp_id = optional_text(outer.rp_id.as_deref(), "rpId")?;
        let origin = optional_text(outer.origin.as_deref(), "origin")?;
        if origin.as_ref().is_some_and(|origin| origin.len() > MOST_ORIGIN) {
            return Err(ParseError::TooLong { name: "origin", limit: MOST_ORIGIN });
        }
        Ok(Self {
            rp_id: rp_id.map(|text| RpId::parse(&text)).transpose().map_err(|_| ParseError::RpId)?,
            origin,
            challenge: optional_bytes(outer.challenge.as_deref(), "challenge", MOST_CHALLENGE)?,
            ..Self::bare(assertion)
        })
    }

    fn bare(assertion: Assertion) -> Self {
        Self { assertion, rp_id: None, origin: None, challenge: None }
    }
}

fn credential(outer: &Outer) -> Result<Assertion, ParseError> {
    let id = bytes(outer.id.as_deref(), "id", CredentialId::MAX_LENGTH)?;
    let raw_id = bytes(outer.raw_id.as_deref(), "rawId", CredentialId::MAX_LENGTH)?;
    if id != raw_id {
        return Err(ParseError::Id);
    }
    if text(outer.r#type.as_deref(), "type")? != "public-key" {
        return Err(ParseError::Type);
    }
    let response = outer.response.as_deref().ok_or(ParseError::Missing("response"))?;
    let response: Response = object(response.get(), "`response`")?;
    let user_handle =
        optional_bytes(response.user_handle.as_deref(), "response.userHandle", MOST_USER_HANDLE)?;
    Ok(Assertion {
        credential_id: CredentialId::new(raw_id).map_err(|_| ParseError::Id)?,
        client_data: bytes(
            response.client_data_json.as_deref(),
            "response.clientDataJSON",
            MOST_CLIENT_DATA,
        )?,
        authenticator_data: bytes(
            response.authenticator_data.as_deref(),
            "response.authenticatorData",
            MOST_AUTHENTICATOR_DATA,
        )?,
        signature: bytes(response.signature.as_deref(), "response.signature", MOST_SIGNATURE)?,
        user_handle: user_handle.filter(|handle| !handle.is_empty()),
    })
}
