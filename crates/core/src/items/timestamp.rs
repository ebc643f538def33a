//! The time of registration.

use std::fmt;

/// Tells when a credential was registered, in UTC, to the microsecond.
///
/// ```
/// use keyferry_core::Timestamp;
/// let (time, zoned) = Timestamp::parse("2024-01-15T10:30:00").unwrap();
/// assert_eq!(time.to_string(), "2024-01-15T10:30:00Z");
/// assert!(!zoned);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Reads an ISO 8601 date and time with `Z`, an offset or no zone, and says whether it had one.
    ///
    /// Without a zone the time is taken as UTC. Digits beyond the microsecond are cut.
    /// Returns `None` for anything else, a date without a time among it.
    pub fn parse(text: &str) -> Option<(Self, bool)> {
        let bytes = text.as_bytes();
        // jiff reads more than ISO 8601 (zone names in brackets, dates alone); an export means something else by those.
        let shaped = bytes.len() >= 16 && matches!(bytes[10], b'T' | b't' | b' ') && !text.contains('[');
        if !shaped {
            return None;
        }
        if let Ok(time) = text.parse::<jiff::Timestamp>() {
            return Some((Self(time.as_microsecond()), true));
        }
        let civil = text.parse::<jiff::civil::DateTime>().ok()?;
        let time = civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
        Some((Self(time.timestamp().as_microsecond()), false))
    }

    /// Creates a time from microseconds since 1970-01-01T00:00:00Z; `None` outside the years -9999 to 9999.
    pub fn from_microseconds(microseconds: i64) -> Option<Self> {
        jiff::Timestamp::from_microsecond(microseconds).ok().map(|time| Self(time.as_microsecond()))
    }

    /// Returns the microseconds since 1970-01-01T00:00:00Z.
    pub fn microseconds(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(time) => time.fmt(f),
            Err(_) => write!(f, "{} µs", self.0), // cannot be built; shown rather than panicked about
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_the_same_time() {
        let (expected, _) = Timestamp::parse("2024-01-15T10:30:00Z").unwrap();
        for (text, zoned) in [
            ("2024-01-15T10:30:00.000Z", true),
            ("2024-01-15T10:30:00+00:00", true),
            ("2024-01-15T12:30:00+02:00", true),
            ("2024-01-15T10:30:00", false),
            ("2024-01-15 10:30:00", false),
            ("2024-01-15T10:30:00.000000", false),
            ("2024-01-15T10:30:00.0000001Z", true),
        ] {
            assert_eq!(Timestamp::parse(text), Some((expected, zoned)), "{text}");
        }
        assert_eq!(
            Timestamp::parse("2024-01-15T10:30:00.123456Z").unwrap().0.to_string(),
            "2024-01-15T10:30:00.123456Z"
        );
    }

    #[test]
    fn everything_else_is_no_time() {
        for text in [
            "",
            "2024-01-15",
            "1/15/2024 10:30",
            "15.01.2024 10:30:00",
            "1705314600",
            "2024-13-15T10:30:00Z",
            "2024-01-15T25:30:00Z",
            "2024-01-15T10:30:00[Europe/Berlin]",
            "45306.4375",
            "2024-02-30T10:30:00Z",
        ] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }

    #[test]
    fn microseconds_round_trip() {
        let (time, _) = Timestamp::parse("1969-12-31T23:59:59.999999Z").unwrap();
        assert_eq!(time.microseconds(), -1);
        assert_eq!(Timestamp::from_microseconds(-1), Some(time));
        assert_eq!(Timestamp::from_microseconds(i64::MAX), None);
    }
}
