//! The signature counter.

use std::fmt;

/// Counts the signatures of a credential: a 32-bit unsigned number, 0 where the authenticator keeps none.
///
/// Source: WebAuthn Level 3, section 6.1.1.
///
/// ```
/// use keyferry_core::SignCount;
/// assert_eq!(SignCount(3).max(SignCount(5)), SignCount(5));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SignCount(pub u32);

impl SignCount {
    /// Reads a decimal number without sign, point, exponent or space.
    ///
    /// Returns `None` for anything else, and above 4294967295.
    pub fn parse(text: &str) -> Option<Self> {
        if text.is_empty() || text.len() > 10 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        text.parse().ok().map(Self)
    }
}

impl fmt::Display for SignCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_u32_in_plain_digits() {
        assert_eq!(SignCount::parse("0"), Some(SignCount(0)));
        assert_eq!(SignCount::parse("4294967295"), Some(SignCount(u32::MAX)));
        for text in ["", "4294967296", "-1", "+1", "1.0", "1e3", " 1", "12abc", "0x1", "00000000001", "١"] {
            assert_eq!(SignCount::parse(text), None, "{text:?}");
        }
    }
}
