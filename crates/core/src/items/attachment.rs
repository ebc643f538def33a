//! Texts about the authenticator that no login looks at: attachment and attestation format.

use std::{borrow::Cow, fmt};

/// Tells how an authenticator is attached to the client; a value nobody knows yet is kept as text.
///
/// Source: WebAuthn Level 3, section 5.4.5.
///
/// ```
/// use keyferry_core::AuthenticatorAttachment;
/// assert_eq!(AuthenticatorAttachment::parse("platform"), AuthenticatorAttachment::Platform);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AuthenticatorAttachment {
    /// Part of the client's device.
    Platform,
    /// Can move between devices.
    CrossPlatform,
    /// Anything else, as it was written.
    Other(Box<str>),
}

impl AuthenticatorAttachment {
    /// Reads the value of the field.
    pub fn parse(text: &str) -> Self {
        match text {
            "platform" => Self::Platform,
            "cross-platform" => Self::CrossPlatform,
            other => Self::Other(other.into()),
        }
    }

    /// Returns the value of the field.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Platform => "platform",
            Self::CrossPlatform => "cross-platform",
            Self::Other(text) => text,
        }
    }
}

impl fmt::Display for AuthenticatorAttachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Names the attestation statement format that the credential was registered with, such as `packed` or `none`.
///
/// Source: WebAuthn Level 3, section 8.1. Any text is kept: the registry grows.
///
/// ```
/// use keyferry_core::AttestationFormat;
/// assert_eq!(AttestationFormat::new("packed").as_str(), "packed");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttestationFormat(Cow<'static, str>);

impl AttestationFormat {
    /// Creates a format from its identifier.
    pub fn new(text: impl AsRef<str>) -> Self {
        Self(super::known_text(text.as_ref(), Self::KNOWN))
    }

    /// The formats of WebAuthn Level 3, section 8.
    const KNOWN: &'static [&'static str] =
        &["none", "packed", "tpm", "android-key", "android-safetynet", "fido-u2f", "apple", "compound"];

    /// Returns the identifier.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
