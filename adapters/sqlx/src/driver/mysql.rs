//! MySQL and MariaDB.

use keyferry_sql::{Cells, Database, DatabaseError, Dialect, Each, Kind, OtherKind, Statement, Value};
use sqlx::{
    Arguments as _, MySql, MySqlConnection, Row as _, Type, TypeInfo as _, ValueRef as _,
    mysql::{MySqlArguments, MySqlRow},
};

use super::{Driver, bound, read, unbindable};

/// A connection to MySQL or MariaDB.
#[derive(Debug)]
pub struct MySqlDatabase(MySqlConnection);

impl From<MySqlConnection> for MySqlDatabase {
    fn from(connection: MySqlConnection) -> Self {
        Self(connection)
    }
}

impl Driver for MySql {
    const DIALECT: Dialect = Dialect::MySql;

    fn bind(arguments: &mut MySqlArguments, value: &Value<'_>) -> Result<(), DatabaseError> {
        bound(match value {
            Value::Null(Kind::Binary) => arguments.add(None::<&[u8]>),
            Value::Null(Kind::Text) => arguments.add(None::<&str>),
            Value::Null(_) => arguments.add(None::<i64>),
            Value::Binary(bytes) => arguments.add(&**bytes),
            Value::Text(text) => arguments.add(&**text),
            Value::Integer(number) => arguments.add(*number),
            Value::Boolean(_) | Value::Time(_) | Value::Binaries(_) | Value::Texts(_) => {
                return Err(unbindable());
            }
        })
    }
}

impl Database for MySqlDatabase {
    type Binds<'v> = MySqlArguments;

    fn dialect(&self) -> Dialect {
        MySql::DIALECT
    }

    fn binds(values: Vec<Value<'_>>) -> Result<MySqlArguments, DatabaseError> {
        MySql::arguments(&values)
    }

    async fn run(&mut self, statements: &str) -> Result<(), DatabaseError> {
        super::run::<MySql>(&mut self.0, statements).await
    }

    async fn execute_bound(
        &mut self,
        statement: &Statement,
        binds: Self::Binds<'_>,
    ) -> Result<u64, DatabaseError> {
        Ok(super::execute::<MySql>(&mut self.0, statement, binds).await?.rows_affected())
    }

    async fn query(
        &mut self,
        statement: &Statement,
        binds: &[Value<'_>],
        each: Each<'_>,
    ) -> Result<(), DatabaseError> {
        super::query::<MySql>(&mut self.0, statement, binds, &mut |row| each(&Row(row))).await
    }

    async fn copy(&mut self, _data: &[u8]) -> Result<(), DatabaseError> {
        Err(DatabaseError::other("only PostgreSQL copies rows in"))
    }

    async fn close(self) {
        super::close(self.0).await;
    }
}

struct Row<'r>(&'r MySqlRow);

impl Cells for Row<'_> {
    fn cell(&self, index: usize, kind: Kind) -> Result<Value<'_>, OtherKind> {
        let value = self.0.try_get_raw(index).map_err(|_| OtherKind)?;
        if value.is_null() {
            return Ok(Value::Null(kind));
        }
        let found = value.type_info().into_owned();
        // On the wire a text is bytes with a collation other than `binary`: sqlx takes both for bytes, and only the
        // former for a text. MySQL's own JSON has that collation, too, but is text.
        let is_text = <str as Type<MySql>>::compatible(&found) || found.name() == "JSON";
        match kind {
            Kind::Binary if !is_text && <[u8] as Type<MySql>>::compatible(&found) => {
                Ok(Value::bytes(read::<MySql, _>(value)?))
            }
            Kind::Text if is_text => Ok(Value::text(read::<MySql, _>(value)?)),
            Kind::Integer if <i64 as Type<MySql>>::compatible(&found) => {
                Ok(Value::Integer(read::<MySql, _>(value)?))
            }
            Kind::Integer if <u64 as Type<MySql>>::compatible(&found) => {
                let number: u64 = read::<MySql, _>(value)?;
                i64::try_from(number).map(Value::Integer).map_err(|_| OtherKind)
            }
            _ => Err(OtherKind),
        }
    }
}
