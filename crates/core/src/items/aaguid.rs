//! The AAGUID.

use std::fmt;

use uuid::Uuid;

/// Names the model of an authenticator: 16 bytes, all zero where it does not say.
///
/// It serves reports only: without a verified attestation it is a claim. Source: WebAuthn Level 3, section 6.5.1.
///
/// ```
/// use keyferry_core::Aaguid;
/// let aaguid = Aaguid::parse("{EA9B8D66-4D01-1D21-3CE4-B6B48CB575D4}").unwrap();
/// assert_eq!(aaguid.to_string(), "ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Aaguid(pub [u8; 16]);

impl Aaguid {
    /// Reads a UUID with or without hyphens or braces, in any case; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        Uuid::try_parse(text).ok().map(|uuid| Self(uuid.into_bytes()))
    }

    /// Tells whether all bytes are zero: the authenticator does not say what it is.
    pub fn is_zero(self) -> bool {
        self.0 == [0; 16]
    }
}

impl fmt::Display for Aaguid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Uuid::from_bytes(self.0).hyphenated().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_uuid_is_one_aaguid() {
        let expected = Aaguid::parse("ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4");
        assert!(expected.is_some());
        for text in [
            "EA9B8D66-4D01-1D21-3CE4-B6B48CB575D4",
            "ea9b8d664d011d213ce4b6b48cb575d4",
            "{ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4}",
        ] {
            assert_eq!(Aaguid::parse(text), expected, "{text}");
        }
        for text in [
            "",
            "0",
            "ea9b8d66",
            "ea9b8d66-4d01-1d21-3ce4-b6b48cb575d",
            "zz9b8d66-4d01-1d21-3ce4-b6b48cb575d4",
        ] {
            assert_eq!(Aaguid::parse(text), None, "{text}");
        }
        assert!(Aaguid::parse("00000000-0000-0000-0000-000000000000").unwrap().is_zero());
    }
}
