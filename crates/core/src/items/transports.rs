//! The transports of an authenticator.

use std::fmt;

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
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Transports(List);

/// Nearly every list has known values only, and then takes no memory of its own.
#[derive(Clone, PartialEq, Eq, Hash)]
enum List {
    Known(Places),
    /// All values, of which one at least is not known.
    Any(Vec<Box<str>>),
}

/// Where the values stand among the known ones; there is room for each of them once.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
struct Places {
    places: [u8; Transports::KNOWN.len()],
    length: u8,
}

impl Default for List {
    fn default() -> Self {
        Self::Known(Places::default())
    }
}

impl Transports {
    /// The values of WebAuthn Level 3, section 5.8.4, and `cable`, the older name of `hybrid`.
    pub const KNOWN: &'static [&'static str] =
        &["usb", "nfc", "ble", "smart-card", "hybrid", "internal", "cable"];

    /// Creates a list, without a value that stands there already.
    pub fn new<'a>(values: impl IntoIterator<Item = &'a str>) -> Self {
        let mut list = Self::default();
        values.into_iter().for_each(|value| list.push(value));
        list
    }

    fn push(&mut self, value: &str) {
        if self.iter().any(|other| other == value) {
            return;
        }
        let known = (0..).zip(Self::KNOWN).find(|(_, known)| **known == value);
        match (&mut self.0, known) {
            (List::Known(places), Some((at, _))) => places.push(at),
            (List::Known(places), None) => {
                self.0 = List::Any(places.iter().chain([value]).map(Box::from).collect());
            }
            (List::Any(list), _) => list.push(value.into()),
        }
    }

    /// Tells whether all values are [`Transports::KNOWN`].
    pub fn are_known(&self) -> bool {
        matches!(self.0, List::Known(_))
    }

    /// Returns the values in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let (places, any) = match &self.0 {
            List::Known(places) => (*places, &[][..]),
            List::Any(list) => (Places::default(), &**list),
        };
        places.iter().chain(any.iter().map(|value| &**value))
    }

    /// Tells whether the list has no value.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }
}

impl Places {
    fn push(&mut self, at: u8) {
        if let Some(place) = self.places.get_mut(usize::from(self.length)) {
            *place = at;
            self.length += 1;
        }
    }

    fn iter<'a>(self) -> impl Iterator<Item = &'a str> {
        let places = self.places.into_iter().take(self.length.into());
        places.filter_map(|at| Transports::KNOWN.get(usize::from(at)).map(|known| &**known))
    }
}

impl fmt::Debug for Transports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values: Vec<&str> = self.iter().collect();
        f.debug_tuple("Transports").field(&values).finish()
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
        assert_eq!(format!("{list:?}"), r#"Transports(["nfc", "Usb", "usb"])"#);
        let all = Transports::new(Transports::KNOWN.iter().rev().chain(Transports::KNOWN).copied());
        assert!(all.are_known() && all.iter().eq(Transports::KNOWN.iter().rev().copied()));
        assert_ne!(Transports::new(["usb", "nfc"]), Transports::new(["nfc", "usb"]));
        assert_eq!(Transports::new(["usb", "nfc"]), Transports::new(["usb", "nfc", "usb"]));
        assert!(Transports::new([]).is_empty() && Transports::new([]).are_known());
    }
}
