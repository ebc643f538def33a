//! Names of users and accounts.

use std::{fmt, sync::Arc};

use crate::{Fault, FaultCode, Item};

/// Names a user or an account: opaque text that is compared byte for byte.
///
/// No case folding, trimming or Unicode normalisation ever happens: `José` is not `jose`.
///
/// # PII considerations
/// It may be an e-mail address or a customer number, so `Debug` shows its length only.
///
/// ```
/// use keyferry_core::{Identifier, Item};
/// let id = Identifier::new(Item::UserId, "usr-1")?;
/// assert_eq!(format!("{id:?}"), "Identifier(5 bytes)");
/// # Ok::<(), keyferry_core::Fault>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identifier(Arc<str>); // shared: the account of a record is one of its two identifiers

impl Identifier {
    /// The length of the longest identifier in bytes.
    pub const MAX_LENGTH: usize = 1024;

    /// Creates an identifier from its text; `item` says which one it is, for the message.
    ///
    /// # Errors
    /// - `missing-value`: empty text.
    /// - `field-too-long`: more than 1024 bytes.
    /// - `control-character`: a NUL, which PostgreSQL and C libraries cannot hold.
    /// - `line-break-in-field`: a line break, which is more likely a missing quote than a name.
    pub fn new(item: Item, text: impl Into<Arc<str>>) -> Result<Self, Fault> {
        let text = text.into();
        if text.is_empty() {
            return Err(Fault::new(item, FaultCode::MissingValue, "empty"));
        }
        if text.len() > Self::MAX_LENGTH {
            let message = format!("{} bytes, expected at most {}", text.len(), Self::MAX_LENGTH);
            return Err(Fault::new(item, FaultCode::FieldTooLong, message));
        }
        // One look at the bytes for all three.
        if memchr::memchr3(0, b'\n', b'\r', text.as_bytes()).is_none() {
            return Ok(Self(text));
        }
        if text.contains('\0') {
            return Err(Fault::new(item, FaultCode::ControlCharacter, "contains a NUL character"));
        }
        Err(Fault::new(item, FaultCode::LineBreakInField, "contains a line break"))
    }

    /// Returns the name of an account that nobody in an export has: it holds a NUL, which no identifier may.
    ///
    /// A target gives it for a credential that is bound to an account without a name, so that the credential is never
    /// taken for somebody's.
    pub fn of_nobody() -> Self {
        Self("\0".into())
    }

    /// Returns an identifier again whose text was one already.
    pub(crate) fn as_checked_before(text: &str) -> Self {
        Self(text.into())
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identifier({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_kept_as_it_is() {
        for text in ["usr-1", "=cmd()", "José", "jose ", "\u{1b}[31m", "-x", "a,b\"c"] {
            assert_eq!(Identifier::new(Item::UserId, text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn bounds() {
        let code = |text: &str| Identifier::new(Item::UserId, text).unwrap_err().code;
        assert_eq!(code(""), FaultCode::MissingValue);
        assert_eq!(code("a\0b"), FaultCode::ControlCharacter);
        assert_eq!(code("a\nb"), FaultCode::LineBreakInField);
        assert_eq!(code("a\r"), FaultCode::LineBreakInField);
        assert_eq!(code("a\nb\0"), FaultCode::ControlCharacter);
        assert_eq!(code(&"x".repeat(1025)), FaultCode::FieldTooLong);
        assert!(Identifier::new(Item::UserId, "x".repeat(1024)).is_ok());
    }
}
