//! What a database says of a table: its columns, types, collations and unique indexes, before the first write.

mod mysql;
mod postgres;
mod sqlite;

pub(crate) use postgres::{copy_type, search_path};
pub(crate) use sqlite::is_moment;

use keyferry_core::{SinkError, SinkErrorKind};

use crate::{Cells, Database, DatabaseError, Dialect, Kind, Statement, TableName, Value};

/// A table as it stands in the database.
#[derive(Clone, Debug)]
pub(crate) struct FoundTable {
    /// The name with the schema that it was found in, where the database has schemas.
    pub(crate) name: TableName,
    pub(crate) columns: Vec<FoundColumn>,
    /// The columns with a whole unique index of their own that takes bytes for bytes.
    pub(crate) unique: Vec<String>,
    /// The columns with a unique index of their own that takes different texts for one.
    pub(crate) unique_but_folding: Vec<String>,
    /// SQLite: whether each value must have its column's type.
    pub(crate) is_strict: bool,
    /// PostgreSQL: whether COPY does what INSERT does, which it does not where rules or policies stand between.
    pub(crate) takes_copy: bool,
}

/// A column as it stands in the database.
#[derive(Clone, Debug)]
pub(crate) struct FoundColumn {
    pub(crate) name: String,
    /// The type as the database shows it.
    pub(crate) declared: String,
    /// What it holds; `None`: nothing that keyferry writes.
    pub(crate) kind: Option<Kind>,
    /// How it is read; `{}` is the column.
    pub(crate) read: String,
    /// How it is written; `{}` is the value.
    pub(crate) write: String,
    /// The most characters, or bytes of a binary column.
    pub(crate) max_length: Option<u64>,
    /// The least and the greatest number.
    pub(crate) range: Option<(i64, i64)>,
    /// How many digits of a second's fraction a time keeps.
    pub(crate) digits: u8,
    /// Whether it is a time without a zone, or with a short range.
    pub(crate) times: Times,
    pub(crate) is_nullable: bool,
    /// Whether a row can be made without it.
    pub(crate) is_optional: bool,
    /// Whether its collation takes bytes for bytes.
    pub(crate) is_exact: bool,
    /// Whether it is an array of texts (PostgreSQL).
    pub(crate) is_array: bool,
    /// The collation of a text, by which another text must be compared with it; in PostgreSQL where it is not the
    /// usual one, quoted.
    pub(crate) collation: String,
}

impl FoundColumn {
    /// Returns the character set and the collation of a text, where a statement must name them.
    pub(crate) fn collation(&self) -> Option<(&str, &str)> {
        let is_name = self.collation.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let (charset, _) = self.collation.split_once('_').filter(|_| is_name)?;
        Some((charset, &self.collation))
    }
}

/// Which times a column takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Times {
    /// Any.
    #[default]
    Any,
    /// From the year 1000 to 9999 (MySQL's DATETIME).
    FourDigits,
    /// From 1970 to 2038 (MySQL's TIMESTAMP).
    Unix,
}

impl FoundTable {
    pub(crate) fn column(&self, name: &str) -> Option<&FoundColumn> {
        self.columns.iter().find(|column| column.name == name)
    }
}

/// Finds a table; `None` where there is none of this name.
///
/// # Errors
/// - the database does not answer;
/// - `SchemaMismatch`: something else than a table stands under the name.
pub(crate) async fn find<D: Database>(
    database: &mut D,
    name: &TableName,
    action: &str,
) -> Result<Option<FoundTable>, SinkError> {
    let found = match database.dialect() {
        Dialect::Sqlite => sqlite::find(database, name).await,
        Dialect::Postgres => postgres::find(database, name).await,
        Dialect::MySql => mysql::find(database, name).await,
    };
    found.map_err(|error| match error {
        Problem::Database(error) => error.while_doing(action),
        Problem::Table(why) => SinkError::new(SinkErrorKind::SchemaMismatch, action).because(why),
    })
}

/// Returns the columns with a unique index that does or does not take bytes for bytes.
fn named(unique: &[(String, bool)], is_exact: bool) -> Vec<String> {
    unique.iter().filter(|(_, exact)| *exact == is_exact).map(|(name, _)| name.clone()).collect()
}

/// Why a table is not described.
enum Problem {
    Database(DatabaseError),
    Table(String),
}

impl From<DatabaseError> for Problem {
    fn from(error: DatabaseError) -> Self {
        Self::Database(error)
    }
}

/// Runs a query and makes each row something.
pub(crate) async fn rows<D: Database, T: Send>(
    database: &mut D,
    text: &str,
    binds: &[Value<'_>],
    mut make: impl FnMut(&Row<'_>) -> Option<T> + Send,
) -> Result<Vec<T>, DatabaseError> {
    let mut made = Vec::new();
    let mut is_odd = false;
    database
        .query(&Statement::once(text), binds, &mut |cells| match make(&Row(cells)) {
            Some(item) => made.push(item),
            None => is_odd = true,
        })
        .await?;
    match is_odd {
        true => Err(DatabaseError::other("the catalogue answered otherwise than expected")),
        false => Ok(made),
    }
}

/// The cells of a row of a catalogue.
pub(crate) struct Row<'a>(&'a dyn Cells);

impl Row<'_> {
    /// Reads a text; an empty one where it is not known.
    pub(crate) fn text(&self, index: usize) -> Option<String> {
        match self.0.cell(index, Kind::Text) {
            Ok(Value::Text(text)) => Some(text.into_owned()),
            Ok(Value::Null(_)) => Some(String::new()),
            _ => None,
        }
    }

    /// Reads a number; `None` inside where it is not known.
    pub(crate) fn number(&self, index: usize) -> Option<Option<i64>> {
        match self.0.cell(index, Kind::Integer) {
            Ok(Value::Integer(number)) => Some(Some(number)),
            Ok(Value::Null(_)) => Some(None),
            _ => None,
        }
    }

    /// Reads 0 or 1.
    pub(crate) fn flag(&self, index: usize) -> Option<bool> {
        Some(self.number(index)? == Some(1))
    }
}
