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
        if let Some(microseconds) = in_utc(bytes) {
            return Some((Self(microseconds), true));
        }
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

/// Reads the one form that exports have, `2024-01-15T10:30:00Z` with up to nine more digits, in the years 1970 to 2199.
///
/// It only ever accepts what jiff accepts, with the same answer; everything else goes there.
fn in_utc(bytes: &[u8]) -> Option<i64> {
    let (date, rest) = bytes.split_first_chunk::<19>()?;
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T', h1, h2, b':', i1, i2, b':', s1, s2] = date else {
        return None;
    };
    let year = 100 * two_digits(*y1, *y2)? + two_digits(*y3, *y4)?;
    let (month, day) = (two_digits(*m1, *m2)?, two_digits(*d1, *d2)?);
    let (hour, minute, second) = (two_digits(*h1, *h2)?, two_digits(*i1, *i2)?, two_digits(*s1, *s2)?);
    let microsecond = match rest {
        [b'Z'] => 0,
        [b'.', digits @ .., b'Z'] if (1..=9).contains(&digits.len()) => {
            number(digits)? * 10_i64.pow(9 - u32::try_from(digits.len()).ok()?) / 1000
        }
        _ => return None,
    };
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days_of_month = match month {
        2 => 28 + i64::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    // A second 60 is left to jiff.
    if !(1970..2200).contains(&year)
        || !(1..=days_of_month).contains(&day)
        || hour > 23
        || minute > 59
        || second > 59
    {
        return None;
    }
    // Years that begin in March end with their leap day, and their months have 153 days in five.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000_000 + microsecond)
}

fn two_digits(tens: u8, ones: u8) -> Option<i64> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| i64::from(10 * tens + ones))
}

/// Reads at most nine digits.
fn number(digits: &[u8]) -> Option<i64> {
    digits
        .iter()
        .try_fold(0, |number, digit| digit.is_ascii_digit().then(|| 10 * number + i64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What jiff alone says.
    fn by_jiff(text: &str) -> Option<i64> {
        text.parse::<jiff::Timestamp>().ok().map(|time| time.as_microsecond())
    }

    #[test]
    fn the_usual_form_is_read_as_jiff_reads_it() {
        let mut read = 0;
        let mut check = |text: &str| {
            if let Some(found) = in_utc(text.as_bytes()) {
                assert_eq!(Some(found), by_jiff(text), "{text}");
                read += 1;
            }
        };
        // Every day, and the days that there are not; each at another time of the day.
        for day in 0..230 * 13 * 33_u32 {
            let (year, month, day) = (1969 + day / (13 * 33), day / 33 % 13, day % 33);
            let (hour, minute, second) = (day * 7 % 25, (month * 5 + day) % 61, (year + day) % 62);
            check(&format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"));
        }
        for digits in ["", ".", ".0", ".9", ".123456", ".1234567", ".999999999", ".1234567890", ".12x", ".+1"]
        {
            for zone in ["Z", "", "z", "+00:00", "ZZ", "Z[UTC]"] {
                check(&format!("2024-02-29T23:59:59{digits}{zone}"));
            }
        }
        // One byte of the form changed to each other one.
        let form = "2024-02-28T19:38:47.125Z";
        for at in 0..form.len() {
            for byte in 0..=0x7f_u8 {
                let mut bytes = form.as_bytes().to_vec();
                bytes[at] = byte;
                check(std::str::from_utf8(&bytes).unwrap());
            }
        }
        assert!(read > 70_000, "{read}");
        assert_eq!(in_utc(b"2024-01-15T10:30:00Z"), Some(1_705_314_600_000_000));
    }

    #[test]
    fn the_usual_form_is_read_here_and_everything_else_by_jiff() {
        for text in ["1970-01-01T00:00:00Z", "2199-12-31T23:59:59.999999999Z", "2024-02-29T00:00:00.5Z"] {
            assert!(in_utc(text.as_bytes()).is_some(), "{text}");
        }
        for text in
            ["1969-12-31T23:59:59Z", "2200-01-01T00:00:00Z", "2024-06-30T23:59:60Z", "2024-01-15 10:30:00Z"]
        {
            assert!(in_utc(text.as_bytes()).is_none() && Timestamp::parse(text).is_some(), "{text}");
        }
    }

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
