//! sqlx as the driver of [`keyferry_sql::Database`]: a type for each kind of database.

mod failure;
#[cfg(feature = "mysql")]
mod mysql;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;

use futures_util::TryStreamExt as _;
use keyferry_sql::{DatabaseError, Dialect, OtherKind, Statement, Value};
use sqlx::{
    AssertSqlSafe, Connection, Decode, Executor, IntoArguments, ValueRef as _, database::HasStatementCache,
};

pub(crate) use failure::failure;
#[cfg(any(feature = "mysql", feature = "postgres"))]
pub(crate) use failure::unreachable;
#[cfg(feature = "mysql")]
pub use mysql::MySqlDatabase;
#[cfg(feature = "postgres")]
pub use postgres::PgDatabase;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteDatabase;

/// What differs between the databases.
trait Driver: sqlx::Database + HasStatementCache {
    const DIALECT: Dialect;

    /// Whether a statement is kept prepared that need not be.
    const KEEPS_ALL: bool = false;

    /// Appends a value to the binds of a statement, or says why it is none.
    fn bind(arguments: &mut Self::Arguments, value: &Value<'_>) -> Result<(), DatabaseError>;

    /// Makes the binds of a statement.
    fn arguments(binds: &[Value<'_>]) -> Result<Self::Arguments, DatabaseError> {
        let mut arguments = Self::Arguments::default();
        sqlx::Arguments::reserve(&mut arguments, binds.len(), 0);
        binds.iter().try_for_each(|value| Self::bind(&mut arguments, value))?;
        Ok(arguments)
    }
}

async fn run<D>(connection: &mut D::Connection, statements: &str) -> Result<(), DatabaseError>
where
    D: Driver,
    for<'c> &'c mut D::Connection: Executor<'c, Database = D>,
{
    let ended = sqlx::raw_sql(AssertSqlSafe(statements)).execute(connection).await;
    ended.map(drop).map_err(|error| failure(D::DIALECT, &error))
}

async fn execute<D>(
    connection: &mut D::Connection,
    statement: &Statement,
    binds: D::Arguments,
) -> Result<D::QueryResult, DatabaseError>
where
    D: Driver,
    D::Arguments: IntoArguments<D>,
    for<'c> &'c mut D::Connection: Executor<'c, Database = D>,
{
    let query = sqlx::query_with(AssertSqlSafe(statement.text.clone()), binds);
    let ended = query.persistent(statement.is_repeated || D::KEEPS_ALL).execute(connection).await;
    ended.map_err(|error| failure(D::DIALECT, &error))
}

async fn query<D>(
    connection: &mut D::Connection,
    statement: &Statement,
    binds: &[Value<'_>],
    each: &mut (dyn FnMut(&D::Row) + Send),
) -> Result<(), DatabaseError>
where
    D: Driver,
    D::Arguments: IntoArguments<D>,
    for<'c> &'c mut D::Connection: Executor<'c, Database = D>,
{
    let query = sqlx::query_with(AssertSqlSafe(statement.text.clone()), D::arguments(binds)?);
    let mut rows = query.persistent(statement.is_repeated || D::KEEPS_ALL).fetch(connection);
    while let Some(row) = rows.try_next().await.map_err(|error| failure(D::DIALECT, &error))? {
        each(&row);
    }
    Ok(())
}

async fn close<C: Connection>(connection: C) {
    // Whatever was to be kept has been committed; nobody is left to hear of a connection that broke on its way out.
    let _ = connection.close().await;
}

/// Takes the answer of sqlx to a bind, which fails only where a value is too long for the protocol.
fn bound(result: Result<(), sqlx::error::BoxDynError>) -> Result<(), DatabaseError> {
    result.map_err(|_| DatabaseError::other("a value is too long for the database's protocol"))
}

/// The answer to a value that no statement of this database has.
fn unbindable() -> DatabaseError {
    DatabaseError::other("a value of a kind that is not bound in this database")
}

/// Reads a value whose type was checked; what is not UTF-8 or out of range is of another kind.
fn read<'r, D, T>(value: <D as sqlx::Database>::ValueRef<'r>) -> Result<T, OtherKind>
where
    D: sqlx::Database,
    T: Decode<'r, D>,
{
    debug_assert!(!value.is_null());
    T::decode(value).map_err(|_| OtherKind)
}
