//! What goes to a driver and what comes back from it.

use std::borrow::Cow;

/// What a column holds; each database has its own types for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Bytes.
    Binary,
    /// Text.
    Text,
    /// A whole number.
    Integer,
    /// True or false.
    Boolean,
    /// A time in UTC, to the microsecond.
    Time,
}

/// A value of a row.
///
/// A driver binds all but [`Value::Boolean`] and [`Value::Time`], which travel in PostgreSQL's COPY alone: SQLite and
/// MySQL write them as numbers and texts.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// Not known; the kind is for drivers that must name a type.
    Null(Kind),
    /// Bytes.
    Binary(Cow<'a, [u8]>),
    /// Text.
    Text(Cow<'a, str>),
    /// A whole number.
    Integer(i64),
    /// True or false.
    Boolean(bool),
    /// Microseconds since 1970 in UTC.
    Time(i64),
    /// An array of bytes, for PostgreSQL's `= ANY($1)`.
    Binaries(Vec<Cow<'a, [u8]>>),
    /// An array of texts, for PostgreSQL's `= ANY($1)`.
    Texts(Vec<Cow<'a, str>>),
}

impl<'a> Value<'a> {
    /// Wraps borrowed bytes.
    pub fn bytes(bytes: &'a [u8]) -> Self {
        Self::Binary(Cow::Borrowed(bytes))
    }

    /// Wraps borrowed text.
    pub fn text(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }

    /// Returns the value with everything that it borrowed copied.
    pub fn into_owned(self) -> Value<'static> {
        fn own<T: ToOwned + ?Sized>(list: Vec<Cow<'_, T>>) -> Vec<Cow<'static, T>> {
            list.into_iter().map(|item| Cow::Owned(item.into_owned())).collect()
        }
        match self {
            Self::Null(kind) => Value::Null(kind),
            Self::Binary(bytes) => Value::Binary(Cow::Owned(bytes.into_owned())),
            Self::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
            Self::Integer(number) => Value::Integer(number),
            Self::Boolean(flag) => Value::Boolean(flag),
            Self::Time(time) => Value::Time(time),
            Self::Binaries(list) => Value::Binaries(own(list)),
            Self::Texts(list) => Value::Texts(own(list)),
        }
    }

    /// Returns the same value, borrowed from this one.
    pub fn borrowed(&self) -> Value<'_> {
        match self {
            Self::Binary(bytes) => Value::bytes(bytes),
            Self::Text(text) => Value::text(text),
            other => other.clone(),
        }
    }
}

/// The cells of one row as a driver holds it, borrowed from it.
///
/// Every statement selects columns of three kinds only: [`Kind::Binary`], [`Kind::Text`] and [`Kind::Integer`].
pub trait Cells {
    /// Reads a cell as this kind; `Null` where it is not known.
    ///
    /// # Errors
    /// - the cell holds something of another kind.
    fn cell(&self, index: usize, kind: Kind) -> Result<Value<'_>, OtherKind>;
}

/// Says that a cell holds something of another kind than its column should.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a value of another type")]
pub struct OtherKind;
