//! The state of a credential at its vendor.

use std::fmt;

/// Tells whether a credential may be used; only an active one can log in.
///
/// ```
/// use keyferry_core::Status;
/// assert!(Status::Active.is_active());
/// assert!(!Status::parse("Active ").is_active());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// The credential can log in.
    Active,
    /// The credential is barred for a time.
    Suspended,
    /// The credential is barred for good.
    Revoked,
    /// The registration is not complete.
    Pending,
    /// Anything else, as it was written: never active.
    Other(Box<str>),
}

impl Status {
    /// Reads the value of the field; what is not known stays text.
    pub fn parse(text: &str) -> Self {
        match text {
            "active" => Self::Active,
            "suspended" => Self::Suspended,
            "revoked" => Self::Revoked,
            "pending" => Self::Pending,
            other => Self::Other(other.into()),
        }
    }

    /// Returns the value of the field.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Revoked => "revoked",
            Self::Pending => "pending",
            Self::Other(text) => text,
        }
    }

    /// Tells whether a credential of this status can log in.
    pub fn is_active(&self) -> bool {
        *self == Self::Active
    }

    /// Returns the place in a credential's life, which an import only follows forwards.
    ///
    /// A replayed older export therefore neither revives a revoked credential nor bars an active one as pending.
    pub(crate) fn stage(&self) -> u8 {
        match self {
            Self::Pending => 0,
            Self::Active => 1,
            Self::Suspended | Self::Other(_) => 2,
            Self::Revoked => 3,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_word_is_active() {
        for text in ["Active", "ACTIVE", " active", "", "enabled", "suspended", "revoked", "pending"] {
            let status = Status::parse(text);
            assert!(!status.is_active(), "{text:?}");
            assert_eq!(status.as_str(), text);
        }
        assert!(Status::parse("active").is_active());
    }
}
