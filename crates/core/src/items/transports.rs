//! The transports of an authenticator.

use std::borrow::Cow;

/// Lists how a client can reach the authenticator, in the order and the spelling of the export.
///
/// Values nobody knows yet are kept as they are (WebAuthn Level 3, section 5.8.4: unknown values are to be stored).
/// A list that is absent is not a list that is empty: an absent one is `None` in the record.
///
/// ```
/// use keyferry_core::Transports;
/// let transports = Transports::new(["internal", "teleport"]);
/// assert_eq!(transports.iter().collect::<Vec<_>>(), ["internal", "teleport"]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Transports(Vec<Cow<'static, str>>);

impl Transports {
    /// The values of WebAuthn Level 3, section 5.8.4, and `cable`, the older name of `hybrid`.
    pub const KNOWN: &'static [&'static str] =
        &["usb", "nfc", "ble", "smart-card", "hybrid", "internal", "cable"];

    /// Creates a list, without a value that stands there already.
    pub fn new<'a>(values: impl IntoIterator<Item = &'a str>) -> Self {
        let mut list: Vec<Cow<'static, str>> = Vec::new();
        for value in values {
            if !list.iter().any(|known| *known == value) {
                list.push(super::known_text(value, Self::KNOWN));
            }
        }
        Self(list)
    }

    /// Tells whether all values are [`Transports::KNOWN`].
    pub fn are_known(&self) -> bool {
        self.0.iter().all(|value| matches!(value, Cow::Borrowed(_)))
    }

    /// Returns the values in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|value| &**value)
    }

    /// Tells whether the list has no value.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_unknown_values_stay_and_doubles_go() {
        let list = Transports::new(["nfc", "Usb", "nfc", "usb"]);
        assert_eq!(list.iter().collect::<Vec<_>>(), ["nfc", "Usb", "usb"]);
        assert!(!list.are_known());
        assert!(Transports::new(Transports::KNOWN.iter().copied()).are_known());
        assert!(Transports::new([]).is_empty() && Transports::new([]).are_known());
    }
}
