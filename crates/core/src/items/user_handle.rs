//! The user handle.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{Fault, FaultCode, Item};

/// Names the user inside the passkey: 1 to 64 bytes, chosen at registration and returned at each discoverable login.
///
/// Source: WebAuthn Level 3, section 5.4.3 (`user.id`).
///
/// # PII considerations
/// It may hold a user's identifier, so `Debug` shows its length only.
///
/// ```
/// use keyferry_core::UserHandle;
/// assert_eq!(UserHandle::new(*b"alice")?.to_base64url(), "YWxpY2U");
/// # Ok::<(), keyferry_core::Fault>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserHandle(Box<[u8]>);

impl UserHandle {
    /// Creates a handle from its bytes.
    ///
    /// # Errors
    /// - `user-handle-invalid`: no byte, or more than 64.
    pub fn new(bytes: impl Into<Box<[u8]>>) -> Result<Self, Fault> {
        let bytes = bytes.into();
        if (1..=64).contains(&bytes.len()) {
            return Ok(Self(bytes));
        }
        let message = format!("{} bytes, expected 1 to 64", bytes.len());
        Err(Fault::new(Item::UserHandle, FaultCode::UserHandleInvalid, message))
    }

    /// Returns the bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the handle as base64url without padding, the form in which browsers send it.
    pub fn to_base64url(&self) -> String {
        URL_SAFE_NO_PAD.encode(&self.0)
    }
}

impl fmt::Debug for UserHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserHandle({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_has_both_bounds() {
        assert!(UserHandle::new([]).is_err());
        assert!(UserHandle::new([0]).is_ok());
        assert!(UserHandle::new([0; 64]).is_ok());
        assert!(UserHandle::new([0; 65]).is_err());
    }
}
