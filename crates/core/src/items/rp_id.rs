//! The RP ID.

use std::{fmt, sync::Arc};

/// Names the relying party that a credential is bound to: a domain, such as `example.com`.
///
/// No export has it. Every library fails when it differs from the one at registration, so the operator gives it.
/// Source: WebAuthn Level 3, section 4 (RP ID).
///
/// ```
/// use keyferry_core::RpId;
/// assert!(RpId::parse("example.com").is_ok());
/// assert!(RpId::parse("https://example.com").is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RpId(Arc<str>);

impl RpId {
    /// Reads a domain in lower case ASCII (an international name in its `xn--` form).
    ///
    /// # Errors
    /// - a scheme, a port or a path beside the domain;
    /// - an upper case letter;
    /// - an empty label, a label above 63 or a name above 253 characters, or any other character.
    pub fn parse(text: &str) -> Result<Self, RpIdError> {
        let fault = |message| Err(RpIdError(message));
        if text.is_empty() {
            return fault("empty, expected a domain such as example.com");
        }
        if text.contains("://") || text.contains(['/', ':', '@']) {
            return fault("an RP ID is a domain without scheme, port or path, such as example.com");
        }
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return fault("an RP ID is written in lower case");
        }
        let label_is_legal = |label: &str| {
            (1..=63).contains(&label.len())
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        if text.len() > 253 || !text.split('.').all(label_is_legal) {
            return fault("not a domain; write an international name in its xn-- form");
        }
        Ok(Self(text.into()))
    }

    /// Returns the domain.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RpId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Says why a text is no RP ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RpIdError(&'static str);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_only() {
        for text in ["example.com", "localhost", "login.my-bank.example", "xn--bcher-kva.example"] {
            assert_eq!(RpId::parse(text).unwrap().as_str(), text);
        }
        for text in [
            "",
            "https://example.com",
            "example.com:443",
            "Example.com",
            ".com",
            "a..b",
            "-a.com",
            "bücher.example",
            "a b",
        ] {
            assert!(RpId::parse(text).is_err(), "{text}");
        }
        assert!(RpId::parse(&["a"; 200].join(".")).is_err());
    }
}
