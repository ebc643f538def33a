//! The credential ID.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{Fault, FaultCode, Item};

/// Identifies a public key credential source: 1 to 1023 bytes.
///
/// Two IDs are the same only when their bytes are; text is never compared.
/// Source: WebAuthn Level 3, sections 4 and 7.1 (step 25, at most 1023 bytes).
///
/// # PII considerations
/// An ID lets a site recognise a user, so `Debug` shows at most half of it and at most 8 characters.
///
/// ```
/// use keyferry_core::CredentialId;
/// let id = CredentialId::new([1, 2, 3])?;
/// assert_eq!(id.to_base64url(), "AQID");
/// # Ok::<(), keyferry_core::Fault>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CredentialId(Box<[u8]>);

impl CredentialId {
    /// The length of the longest legal ID in bytes.
    pub const MAX_LENGTH: usize = 1023;

    /// Creates an ID from its bytes.
    ///
    /// # Errors
    /// - `credential-id-length`: no byte, or more than 1023.
    pub fn new(bytes: impl Into<Box<[u8]>>) -> Result<Self, Fault> {
        let bytes = bytes.into();
        if (1..=Self::MAX_LENGTH).contains(&bytes.len()) {
            return Ok(Self(bytes));
        }
        Err(Fault::new(
            Item::CredentialId,
            FaultCode::CredentialIdLength,
            format!("{} bytes, expected 1 to {}", bytes.len(), Self::MAX_LENGTH),
        ))
    }

    /// Returns the bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the ID as base64url without padding, the form in which browsers send it.
    pub fn to_base64url(&self) -> String {
        URL_SAFE_NO_PAD.encode(&self.0)
    }

    /// Returns the beginning of the base64url form, enough for a person to find the row and never the whole.
    pub fn hint(&self) -> String {
        let text = self.to_base64url();
        format!("{}…", &text[..(text.len() / 2).min(8)])
    }
}

impl fmt::Debug for CredentialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CredentialId({}, {} bytes)", self.hint(), self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_has_both_bounds() {
        assert_eq!(CredentialId::new([]).unwrap_err().code, FaultCode::CredentialIdLength);
        assert!(CredentialId::new([0]).is_ok());
        assert!(CredentialId::new(vec![7; 1023]).is_ok());
        assert_eq!(CredentialId::new(vec![7; 1024]).unwrap_err().code, FaultCode::CredentialIdLength);
    }

    #[test]
    fn debug_never_shows_the_whole() {
        for length in [1_usize, 2, 3, 6, 16, 1023] {
            let id = CredentialId::new(vec![0xfb; length]).unwrap();
            assert!(!format!("{id:?}").contains(&id.to_base64url()), "{id:?}");
        }
    }
}
