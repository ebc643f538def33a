//! Ready-made SQL with values, as diesel takes it.
//!
//! `diesel::sql_query` would do the same, but is prepared anew each time.

use diesel::QueryResult;
use diesel::backend::Backend;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, Binary, HasSqlType, Nullable, Text, Untyped};
use keyferry_sql::{Kind, Statement, Value};

/// A statement with its binds.
pub(super) struct Prepared<'a, B> {
    pub(super) statement: &'a Statement,
    pub(super) binds: Vec<B>,
}

impl<DB: Backend, B: QueryFragment<DB>> QueryFragment<DB> for Prepared<'_, B> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        // What is kept prepared is kept until the connection ends.
        if !self.statement.is_repeated {
            out.unsafe_to_cache_prepared();
        }
        out.push_sql(&self.statement.text);
        self.binds.iter().try_for_each(|bind| bind.walk_ast(out.reborrow()))
    }
}

// Not by its type: diesel looks a kept statement up by its text.
impl<B> QueryId for Prepared<'_, B> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<B> Query for Prepared<'_, B> {
    type SqlType = Untyped;
}

/// A value that each database takes.
pub(crate) enum Bind<'a> {
    Binary(Option<&'a [u8]>),
    Text(Option<&'a str>),
    Integer(Option<i64>),
}

impl<'a> Bind<'a> {
    pub(crate) fn new(value: &'a Value<'_>) -> Option<Self> {
        match value {
            Value::Null(Kind::Binary) => Some(Self::Binary(None)),
            Value::Null(Kind::Text) => Some(Self::Text(None)),
            Value::Null(Kind::Integer) => Some(Self::Integer(None)),
            Value::Binary(bytes) => Some(Self::Binary(Some(bytes))),
            Value::Text(text) => Some(Self::Text(Some(text))),
            Value::Integer(number) => Some(Self::Integer(Some(*number))),
            Value::Null(Kind::Boolean | Kind::Time)
            | Value::Boolean(_)
            | Value::Time(_)
            | Value::Binaries(_)
            | Value::Texts(_) => None,
        }
    }
}

impl<'a, DB> QueryFragment<DB> for Bind<'a>
where
    DB: Backend + HasSqlType<Binary> + HasSqlType<Text> + HasSqlType<BigInt>,
    Option<&'a [u8]>: ToSql<Nullable<Binary>, DB>,
    Option<&'a str>: ToSql<Nullable<Text>, DB>,
    Option<i64>: ToSql<Nullable<BigInt>, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        match self {
            Self::Binary(bytes) => out.push_bind_param_value_only::<Nullable<Binary>, _>(bytes),
            Self::Text(text) => out.push_bind_param_value_only::<Nullable<Text>, _>(text),
            Self::Integer(number) => out.push_bind_param_value_only::<Nullable<BigInt>, _>(number),
        }
    }
}
