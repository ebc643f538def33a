//! Names of tables and columns, which no driver can bind and which must not become SQL of their own.

use std::{fmt, str::FromStr};

use keyferry_core::Shown;

use crate::Dialect;

/// The most bytes that every one of the databases takes for a name.
const MAX_LENGTH: usize = 63;

/// The name of a table, with its schema where one is given (in MySQL: the database).
///
/// Names are taken as they are written, upper and lower case too.
///
/// ```
/// use keyferry_sql::{Dialect, TableName};
/// let name: TableName = "auth.webauthn_credentials".parse()?;
/// assert_eq!(name.quoted(Dialect::Postgres), "\"auth\".\"webauthn_credentials\"");
/// assert_eq!(name.quoted(Dialect::MySql), "`auth`.`webauthn_credentials`");
/// assert!("x; drop table users".parse::<TableName>().is_err());
/// # Ok::<(), keyferry_sql::NameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TableName {
    schema: Option<String>,
    table: String,
}

/// Says that a text is no name of a table or column.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a name: expected a letter or _ and then letters, digits, _ or $, at most 63; a table may have its \
     schema and a dot before it"
)]
pub struct NameError(String);

impl TableName {
    /// Creates the name of our own table, in the schema that the connection looks in first.
    pub fn own() -> Self {
        Self { schema: None, table: crate::TABLE.to_owned() }
    }

    /// Returns the schema, where one was given.
    pub fn schema(&self) -> Option<&str> {
        self.schema.as_deref()
    }

    /// Returns the name without the schema.
    pub fn table(&self) -> &str {
        &self.table
    }

    /// Returns another table of the same schema.
    pub(crate) fn beside(&self, table: &str) -> Self {
        Self { schema: self.schema.clone(), table: table.to_owned() }
    }

    /// Returns the same table, in this schema where none was given.
    pub(crate) fn in_schema(&self, schema: &str) -> Self {
        Self {
            schema: Some(self.schema.clone().unwrap_or_else(|| schema.to_owned())),
            table: self.table.clone(),
        }
    }

    /// Returns the name as it stands in a statement.
    pub fn quoted(&self, dialect: Dialect) -> String {
        let table = quote(dialect, &self.table);
        match &self.schema {
            Some(schema) => format!("{}.{table}", quote(dialect, schema)),
            None => table,
        }
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.schema {
            write!(f, "{schema}.")?;
        }
        f.write_str(&self.table)
    }
}

impl FromStr for TableName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let (schema, table) = match text.split_once('.') {
            Some((schema, table)) => (Some(schema), table),
            None => (None, text),
        };
        if !is_name(table) || !schema.is_none_or(is_name) {
            return Err(NameError(Shown(text).to_string()));
        }
        Ok(Self { schema: schema.map(str::to_owned), table: table.to_owned() })
    }
}

/// Checks the name of a column.
pub(crate) fn column(text: &str) -> Result<String, NameError> {
    match is_name(text) {
        true => Ok(text.to_owned()),
        false => Err(NameError(Shown(text).to_string())),
    }
}

fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    text.len() <= MAX_LENGTH
        && bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$')
}

/// Quotes a name; one from a catalogue may hold anything.
pub(crate) fn quote(dialect: Dialect, name: &str) -> String {
    match dialect {
        Dialect::MySql => format!("`{}`", name.replace('`', "``")),
        Dialect::Sqlite | Dialect::Postgres => format!("\"{}\"", name.replace('"', "\"\"")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_inject() {
        let long = "x".repeat(64);
        for text in [
            "", ".", "a.", ".b", "a.b.c", "a b", "a;b", "a\"b", "a`b", "a'b", "a\0b", "1a", "é", "a-b",
            "a--", "$a", "\"a\"", &long,
        ] {
            assert!(text.parse::<TableName>().is_err(), "{text:?}");
        }
        for text in ["a", "_a$1", "select", "AspNetUserPasskeys", "auth.x", &"x".repeat(63)] {
            assert_eq!(text.parse::<TableName>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn names_of_a_catalogue_are_quoted_whole() {
        assert_eq!(quote(Dialect::Postgres, "a\"; --"), "\"a\"\"; --\"");
        assert_eq!(quote(Dialect::MySql, "a`b"), "`a``b`");
    }
}
