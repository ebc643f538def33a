//! PostgreSQL: a cell has the type of its column.

use std::io;
use std::str;

use diesel::backend::Backend;
use diesel::pg::{CopyFormat, CopyTarget, Pg};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment};
use diesel::result::Error;
use diesel::sql_types::{Array, Binary, Text};
use diesel::{PgConnection, copy_from};
use keyferry_sql::{COPY_TABLE, Dialect, Kind, OtherKind, Value};

use super::{Driver, query::Bind};

/// How much goes to libpq at once: it keeps a copy of what the network does not take.
const CHUNK: usize = 1 << 16;

/// The numbers of PostgreSQL's built-in types never change: `pg_type.dat` of its source.
mod oid {
    pub(super) const BYTEA: u32 = 17;
    pub(super) const NAME: u32 = 19;
    pub(super) const INT8: u32 = 20;
    pub(super) const INT2: u32 = 21;
    pub(super) const INT4: u32 = 23;
    pub(super) const TEXT: u32 = 25;
    pub(super) const BPCHAR: u32 = 1042;
    pub(super) const VARCHAR: u32 = 1043;
}

impl Driver for PgConnection {
    const DIALECT: Dialect = Dialect::Postgres;
    type Bind<'a> = PgBind<'a>;

    fn bind<'a>(value: &'a Value<'_>) -> Option<PgBind<'a>> {
        match value {
            Value::Binaries(list) => Some(PgBind::Binaries(list.iter().map(|bytes| &**bytes).collect())),
            Value::Texts(list) => Some(PgBind::Texts(list.iter().map(|text| &**text).collect())),
            other => Bind::new(other).map(PgBind::One),
        }
    }

    fn read<'a>(value: <Pg as Backend>::RawValue<'a>, kind: Kind) -> Result<Value<'a>, OtherKind> {
        let bytes = value.as_bytes();
        match (value.get_oid().get(), kind) {
            (oid::BYTEA, Kind::Binary) => Ok(Value::bytes(bytes)),
            (oid::TEXT | oid::VARCHAR | oid::NAME | oid::BPCHAR, Kind::Text) => {
                str::from_utf8(bytes).map(Value::text).map_err(|_| OtherKind)
            }
            (oid::INT2, Kind::Integer) => number(bytes, i16::from_be_bytes),
            (oid::INT4, Kind::Integer) => number(bytes, i32::from_be_bytes),
            (oid::INT8, Kind::Integer) => number(bytes, i64::from_be_bytes),
            _ => Err(OtherKind),
        }
    }

    fn copy(&mut self, data: &[u8]) -> Option<Result<(), Error>> {
        let write = |out: &mut dyn io::Write| {
            data.chunks(CHUNK).try_for_each(|chunk| out.write_all(chunk)).map_err(unwrap)
        };
        let copy = copy_from(any::table).from_raw_data(CopyTable, write).with_format(CopyFormat::Binary);
        Some(copy.execute(self).map(drop))
    }
}

fn number<const N: usize, T: Into<i64>>(
    bytes: &[u8],
    from_bytes: fn([u8; N]) -> T,
) -> Result<Value<'_>, OtherKind> {
    Ok(Value::Integer(from_bytes(bytes.try_into().map_err(|_| OtherKind)?).into()))
}

/// Takes out of an error of input and output what diesel had put into it.
fn unwrap(error: io::Error) -> Error {
    match error.downcast::<Error>() {
        Ok(error) => error,
        Err(error) => Error::SerializationError(Box::new(error)),
    }
}

/// A value that PostgreSQL takes.
pub(crate) enum PgBind<'a> {
    One(Bind<'a>),
    Binaries(Vec<&'a [u8]>),
    Texts(Vec<&'a str>),
}

impl QueryFragment<Pg> for PgBind<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        match self {
            Self::One(bind) => bind.walk_ast(out),
            Self::Binaries(list) => out.push_bind_param_value_only::<Array<Binary>, _>(list),
            Self::Texts(list) => out.push_bind_param_value_only::<Array<Text>, _>(list),
        }
    }
}

/// diesel wants the type of a table; the one of the rows to copy has other columns each time, so it stays unnamed.
mod any {
    diesel::table! {
        any (id) {
            id -> Binary,
        }
    }
    pub(super) use self::any::table;
}

/// The table that rows are copied into, with the columns that it has.
struct CopyTable;

impl CopyTarget for CopyTable {
    type Table = any::table;
    type SqlType = Binary;

    fn walk_target(mut out: AstPass<'_, '_, Pg>) -> QueryResult<()> {
        // By its schema, so that no table of the same name is meant.
        out.push_identifier("pg_temp")?;
        out.push_sql(".");
        out.push_identifier(COPY_TABLE)
    }
}
