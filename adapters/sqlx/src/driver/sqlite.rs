//! SQLite.

use std::sync::Arc;

use keyferry_sql::{Cells, Database, DatabaseError, Dialect, Each, Kind, OtherKind, Statement, Value};
use sqlx::{
    Arguments as _, Row as _, Sqlite, SqliteConnection, TypeInfo as _, ValueRef as _,
    sqlite::{SqliteArguments, SqliteRow},
};

use super::{Driver, bound, read, unbindable};

/// A connection to SQLite.
#[derive(Debug)]
pub struct SqliteDatabase(SqliteConnection);

impl From<SqliteConnection> for SqliteDatabase {
    fn from(connection: SqliteConnection) -> Self {
        Self(connection)
    }
}

impl Driver for Sqlite {
    const DIALECT: Dialect = Dialect::Sqlite;

    fn bind(arguments: &mut SqliteArguments, value: &Value<'_>) -> Result<(), DatabaseError> {
        bound(match value {
            // SQLite knows one NULL only.
            Value::Null(_) => arguments.add(None::<i64>),
            Value::Binary(bytes) => arguments.add(&**bytes),
            Value::Text(text) => arguments.add(&**text),
            Value::Integer(number) => arguments.add(*number),
            Value::Boolean(_) | Value::Time(_) | Value::Binaries(_) | Value::Texts(_) => {
                return Err(unbindable());
            }
        })
    }

    fn arguments(binds: &[Value<'_>]) -> Result<SqliteArguments, DatabaseError> {
        let mut arguments = SqliteArguments::default();
        sqlx::Arguments::reserve(&mut arguments, binds.len(), 0);
        let mut texts = Texts::default();
        for value in binds {
            match value {
                Value::Text(text) => bound(arguments.add(texts.shared(text)))?,
                value => Self::bind(&mut arguments, value)?,
            }
        }
        Ok(arguments)
    }
}

/// The last different texts of a statement.
///
/// Of the texts of a row most stand in the rows around it, too, or twice in the row itself: they are copied once.
#[derive(Default)]
struct Texts {
    last: [Option<Arc<str>>; 8],
    oldest: usize,
}

impl Texts {
    fn shared(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.last.iter().flatten().find(|known| ***known == *text) {
            return Arc::clone(known);
        }
        let new: Arc<str> = text.into();
        if let Some(oldest) = self.last.get_mut(self.oldest) {
            *oldest = Some(Arc::clone(&new));
        }
        self.oldest = (self.oldest + 1) % self.last.len();
        new
    }
}

impl Database for SqliteDatabase {
    type Binds<'v> = SqliteArguments;

    fn dialect(&self) -> Dialect {
        Sqlite::DIALECT
    }

    fn binds(values: Vec<Value<'_>>) -> Result<SqliteArguments, DatabaseError> {
        Sqlite::arguments(&values)
    }

    async fn run(&mut self, statements: &str) -> Result<(), DatabaseError> {
        super::run::<Sqlite>(&mut self.0, statements).await
    }

    async fn execute_bound(
        &mut self,
        statement: &Statement,
        binds: Self::Binds<'_>,
    ) -> Result<u64, DatabaseError> {
        Ok(super::execute::<Sqlite>(&mut self.0, statement, binds).await?.rows_affected())
    }

    async fn query(
        &mut self,
        statement: &Statement,
        binds: &[Value<'_>],
        each: Each<'_>,
    ) -> Result<(), DatabaseError> {
        super::query::<Sqlite>(&mut self.0, statement, binds, &mut |row| each(&Row(row))).await
    }

    async fn copy(&mut self, _data: &[u8]) -> Result<(), DatabaseError> {
        Err(DatabaseError::other("only PostgreSQL copies rows in"))
    }

    async fn close(self) {
        super::close(self.0).await;
    }
}

struct Row<'r>(&'r SqliteRow);

impl Cells for Row<'_> {
    fn cell(&self, index: usize, kind: Kind) -> Result<Value<'_>, OtherKind> {
        let value = self.0.try_get_raw(index).map_err(|_| OtherKind)?;
        if value.is_null() {
            return Ok(Value::Null(kind));
        }
        // sqlx would read a text as bytes and the other way round.
        let class = match kind {
            Kind::Binary => "BLOB",
            Kind::Text => "TEXT",
            Kind::Integer => "INTEGER",
            Kind::Boolean | Kind::Time => return Err(OtherKind),
        };
        if value.type_info().name() != class {
            return Err(OtherKind);
        }
        Ok(match kind {
            Kind::Binary => Value::bytes(read::<Sqlite, _>(value)?),
            Kind::Text => Value::text(read::<Sqlite, _>(value)?),
            _ => Value::Integer(read::<Sqlite, _>(value)?),
        })
    }
}
