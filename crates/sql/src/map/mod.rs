//! Where the items of a credential stand in a table: in ours, or in one that belongs to an application.

mod check;
mod file;
mod own;
#[cfg(test)]
mod tests;
mod words;

use keyferry_core::{CoseAlgorithm, CoseKey, Item};

use crate::{Dialect, TableName};

pub use file::{MapError, SHIPPED};
pub(crate) use words::may_change;

/// Says where the items of a credential stand in a table, and how they are written there.
///
/// ```
/// use keyferry_sql::{Dialect, TableMap};
/// let map = TableMap::shipped("spring-security", Dialect::Postgres).unwrap()?;
/// assert_eq!(map.table.to_string(), "user_credentials");
/// # Ok::<(), keyferry_sql::MapError>(())
/// ```
#[derive(Clone, Debug)]
pub struct TableMap {
    /// The name of the map.
    pub name: String,
    /// The library and version that logs in from the table.
    pub library: String,
    /// The table of the credentials.
    pub table: TableName,
    /// Its columns, in the order in which they are written.
    pub columns: Vec<Column>,
    /// The column by which a credential is found.
    pub key: Key,
    /// The table of the accounts, where a credential names its account by another value than the export does.
    pub account: Option<AccountTable>,
    /// Rows that stand in further tables for each credential.
    pub companions: Vec<Companion>,
    /// What the library needs so that a credential logs in.
    pub needs: Needs,
    /// Whether it is our own table, which is made where it is missing and must be exactly as we make it.
    pub is_own: bool,
}

/// A column and what stands in it.
#[derive(Clone, Debug)]
pub struct Column {
    /// The name, as the application spells it.
    pub name: String,
    /// What stands in it.
    pub content: Content,
}

/// What stands in a column.
#[derive(Clone, Debug)]
pub enum Content {
    /// An item of the record.
    Item(Field),
    /// The same item once more, as applications keep it that store a value twice; written once, never read.
    Copy(Field),
    /// The same value in every row; written once, with the row.
    Constant(Constant),
    /// A value that follows from the record; written once, with the row.
    Derived(Derived),
    /// The account's own value, found by name in [`AccountTable`].
    AccountId,
    /// A JSON object whose members are these.
    Document(Vec<Member>),
}

/// A member of a JSON object.
#[derive(Clone, Debug)]
pub struct Member {
    /// The name of the member.
    pub name: String,
    /// What stands in it: an item, a constant or a derived value.
    pub content: Content,
}

/// An item and the way it is written.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// The item.
    pub item: Item,
    /// The way it is written.
    pub encoding: Encoding,
    /// What is written where the item is not known; `None` writes NULL.
    pub otherwise: Option<Constant>,
    /// Whether the application cannot do without it, though its column or document could.
    pub is_required: bool,
}

/// The way a value is written.
#[derive(Clone, Debug, PartialEq)]
pub enum Encoding {
    /// Bytes as they are.
    Bytes,
    /// Base64url without padding (RFC 4648, section 5).
    Base64Url,
    /// Base64 with padding (RFC 4648, section 4).
    Base64,
    /// Lower-case hexadecimal digits.
    Hex,
    /// Upper-case hexadecimal digits.
    HexUpper,
    /// The UUID of 16 bytes: hyphenated text, or the bytes in a binary column.
    Uuid,
    /// Text as it is.
    Text,
    /// Texts with commas between them; an empty list is no list.
    TextList,
    /// The same for an application that writes them back in any order.
    TextSet,
    /// A JSON array of texts.
    JsonList,
    /// An array of texts (PostgreSQL).
    Array,
    /// True or false; of a status: whether it is active.
    Boolean,
    /// One of two words: for false, for true.
    Words(String, String),
    /// A whole number.
    Integer,
    /// A time as the database has it.
    Time,
    /// `2024-01-15T10:30:00.000000Z`, with this many digits of a second's fraction.
    Iso(u8),
    /// `2024-01-15 10:30:00.000000`, in UTC, with this many digits of a second's fraction.
    SqlText(u8),
    /// `2024-01-15T10:30:00.123+00:00` with this letter between date and time, and no zeros at the end of the fraction.
    Offset(char),
    /// Seconds since 1970.
    EpochSeconds,
    /// Milliseconds since 1970.
    EpochMilliseconds,
}

/// A value of an application's own.
#[derive(Clone, Debug, PartialEq)]
pub enum Constant {
    /// Text.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// True or false.
    Boolean(bool),
    /// The time of the import.
    Now,
    /// An array or an object, in JSON.
    Json(serde_json::Value),
}

/// A value that follows from the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Derived {
    /// The number of the COSE algorithm.
    CoseAlgorithm,
    /// The SHA-256 of the credential ID in lower-case hexadecimal digits.
    CredentialIdSha256,
    /// A UUID made of the SHA-256 of the credential ID, the same in every run.
    CredentialIdUuid,
    /// An attestation object with format `none` around the credential's data (WebAuthn Level 3, section 6.5).
    AttestationObject,
    /// The time of registration, or of the import where that is not known.
    CreatedAtOrNow,
}

/// The column by which a credential is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its name; it holds the credential ID, or what is derived of it alone.
    pub column: String,
    /// Whether the table has a unique index on it. Where it has none, the table is locked while a batch is written.
    pub is_unique: bool,
    /// Whether its collation may take different IDs for one, as the framework itself does on this database.
    pub folds_case: bool,
}

/// The table of the accounts.
#[derive(Clone, Debug)]
pub struct AccountTable {
    /// Its name.
    pub table: TableName,
    /// The column that holds the name by which the export knows the account.
    pub matches: String,
    /// The column whose value the credential keeps.
    pub id: String,
    /// The columns of a row that is made where there is none yet; empty: the account must be there.
    pub create: Vec<Column>,
}

/// A row that stands in a further table for each credential.
#[derive(Clone, Debug)]
pub struct Companion {
    /// The name of the table.
    pub table: TableName,
    /// Its columns.
    pub columns: Vec<Column>,
    /// The columns by which the row is found.
    pub key: Vec<String>,
}

/// What the library needs so that a credential logs in.
#[derive(Clone, Debug, Default)]
pub struct Needs {
    /// The algorithms that it verifies; `None`: whichever the application takes.
    pub algorithms: Option<Vec<CoseAlgorithm>>,
    /// The most bits of an RSA exponent that it takes, for moduli above a number of bits.
    pub rsa_exponent: Option<RsaExponent>,
    /// Whether it knows the older algorithm identifiers only, which verify the same signatures.
    pub polymorphic_keys: bool,
    /// Whether it takes keys in CTAP2 canonical CBOR only.
    pub canonical_keys: bool,
    /// Whether it must know backup eligibility.
    pub backup: bool,
    /// Whether the user handle must be the text of the account's own value.
    pub handle_is_account: bool,
    /// Whether a login must raise the sign count, so that one of 4294967295 can never log in again.
    pub rising_sign_count: bool,
}

/// A limit of RSA exponents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RsaExponent {
    /// The most bits that an exponent may have.
    pub most_bits: usize,
    /// The limit counts for moduli of more bits than these.
    pub above_modulus_bits: usize,
}

impl RsaExponent {
    /// Tells whether a key is within the limit; what is no RSA key is.
    pub(crate) fn allows(self, key: &CoseKey) -> bool {
        let (Some(bits), Some(e)) = (key.rsa_bits(), key.rsa_exponent()) else { return true };
        let leading_zeros = e.first().map_or(0, |first| first.leading_zeros());
        let exponent_bits = (8 * e.len()).saturating_sub(usize::try_from(leading_zeros).unwrap_or_default());
        bits <= self.above_modulus_bits || exponent_bits <= self.most_bits
    }
}

impl TableMap {
    /// Creates the map of our own table.
    pub fn own(dialect: Dialect, table: TableName) -> Self {
        own::map(dialect, table)
    }

    /// Returns the columns that hold this item, with the member where it stands in a document.
    pub(crate) fn holds(&self, item: Item) -> bool {
        self.field(item).is_some() || (item == Item::Account && self.account.is_some())
    }

    /// Returns how an item is written.
    pub(crate) fn field(&self, item: Item) -> Option<&Field> {
        fn of(content: &Content, item: Item) -> Option<&Field> {
            match content {
                Content::Item(field) if field.item == item => Some(field),
                Content::Document(members) => members.iter().find_map(|member| of(&member.content, item)),
                _ => None,
            }
        }
        self.columns.iter().find_map(|column| of(&column.content, item))
    }
}
