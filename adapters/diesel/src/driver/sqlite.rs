//! SQLite: a cell has the type of what was stored, whatever its column says.

use std::borrow::Cow;

use diesel::SqliteConnection;
use diesel::backend::Backend;
use diesel::deserialize::FromSql;
use diesel::sql_types;
use diesel::sqlite::{Sqlite, SqliteType};
use keyferry_sql::{Dialect, Kind, OtherKind, Value};

use super::{Driver, query::Bind};

impl Driver for SqliteConnection {
    const DIALECT: Dialect = Dialect::Sqlite;
    type Bind<'a> = Bind<'a>;

    fn bind<'a>(value: &'a Value<'_>) -> Option<Bind<'a>> {
        Bind::new(value)
    }

    fn read<'a>(mut value: <Sqlite as Backend>::RawValue<'a>, kind: Kind) -> Result<Value<'a>, OtherKind> {
        match (value.value_type(), kind) {
            (Some(SqliteType::Binary), Kind::Binary) => {
                Ok(Value::Binary(Cow::Owned(value.read_blob().to_owned())))
            }
            (Some(SqliteType::Text), Kind::Text) => {
                let text = <String as FromSql<sql_types::Text, Sqlite>>::from_sql(value);
                Ok(Value::Text(Cow::Owned(text.map_err(|_| OtherKind)?)))
            }
            (Some(SqliteType::Long), Kind::Integer) => Ok(Value::Integer(value.read_long())),
            _ => Err(OtherKind),
        }
    }
}
