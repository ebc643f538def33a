//! diesel's connections as [`Database`]s: here what is the same for all, beside it what differs.

mod failure;
#[cfg(feature = "mysql")]
mod mysql;
#[cfg(feature = "postgres")]
mod postgres;
mod query;
mod rows;
#[cfg(feature = "sqlite")]
mod sqlite;

use diesel::backend::Backend;
use diesel::connection::{DefaultLoadingMode, LoadConnection};
use diesel::expression::QueryMetadata;
use diesel::query_builder::QueryFragment;
use diesel::result::Error;
use diesel::sql_types::Untyped;
use keyferry_sql::{Database, DatabaseError, Dialect, Each, Kind, OtherKind, Statement, Value};

use failure::Doing;
use query::Prepared;

/// A database through one of diesel's connections.
///
/// Its futures are ready at once, for [`keyferry_sql::ready`].
///
/// What a diesel connection is told beside this one, such as a transaction of its own, is not seen here.
pub struct DieselDatabase<C> {
    connection: C,
}

/// SQLite through diesel.
#[cfg(feature = "sqlite")]
pub type SqliteDatabase = DieselDatabase<diesel::SqliteConnection>;

/// PostgreSQL through diesel and libpq.
#[cfg(feature = "postgres")]
pub type PgDatabase = DieselDatabase<diesel::PgConnection>;

/// MySQL and MariaDB through diesel and libmysqlclient or libmariadb.
#[cfg(feature = "mysql")]
pub type MySqlDatabase = DieselDatabase<diesel::MysqlConnection>;

impl<C> DieselDatabase<C> {
    /// Takes a connection that is open already.
    pub const fn new(connection: C) -> Self {
        Self { connection }
    }
}

/// What differs between the databases.
pub(crate) trait Driver:
    LoadConnection<DefaultLoadingMode, Backend: QueryMetadata<Untyped>> + Send
{
    /// Which kind of database it is.
    const DIALECT: Dialect;

    /// A value as it is bound.
    type Bind<'a>: QueryFragment<Self::Backend>;

    /// Makes a bind of a value; `None` where this database has no such binds.
    fn bind<'a>(value: &'a Value<'_>) -> Option<Self::Bind<'a>>;

    /// Reads a cell that is not null.
    fn read<'a>(value: <Self::Backend as Backend>::RawValue<'a>, kind: Kind) -> Result<Value<'a>, OtherKind>;

    /// Asks the database for the number of the error that it just reported; zero where it has none.
    fn error_number(&mut self, _message: &str) -> u16 {
        0
    }

    /// Copies rows into [`COPY_TABLE`](keyferry_sql::COPY_TABLE); `None` where this database has no such thing.
    fn copy(&mut self, _data: &[u8]) -> Option<Result<(), Error>> {
        None
    }
}

impl<C: Driver> Database for DieselDatabase<C> {
    // Nothing runs beside a statement of a synchronous driver, so nothing is gained by making more of them before.
    type Binds<'v> = Vec<Value<'v>>;

    fn dialect(&self) -> Dialect {
        C::DIALECT
    }

    fn binds(values: Vec<Value<'_>>) -> Result<Vec<Value<'_>>, DatabaseError> {
        Ok(values)
    }

    async fn run(&mut self, statements: &str) -> Result<(), DatabaseError> {
        self.connection
            .batch_execute(statements)
            .map_err(|error| failed(&mut self.connection, &error, Doing::Anything))
    }

    async fn execute_bound(
        &mut self,
        statement: &Statement,
        binds: Self::Binds<'_>,
    ) -> Result<u64, DatabaseError> {
        let prepared = Prepared { statement, binds: bind_all::<C>(&binds)? };
        let count = self.connection.execute_returning_count(&prepared);
        let count = count.map_err(|error| failed(&mut self.connection, &error, Doing::of(statement)))?;
        u64::try_from(count).map_err(|_| DatabaseError::other("more rows than can be counted"))
    }

    async fn query(
        &mut self,
        statement: &Statement,
        binds: &[Value<'_>],
        each: Each<'_>,
    ) -> Result<(), DatabaseError> {
        let prepared = Prepared { statement, binds: bind_all::<C>(binds)? };
        rows::show(&mut self.connection, prepared, each)
            .map_err(|error| failed(&mut self.connection, &error, Doing::of(statement)))
    }

    async fn copy(&mut self, data: &[u8]) -> Result<(), DatabaseError> {
        match self.connection.copy(data) {
            Some(copied) => copied.map_err(|error| failed(&mut self.connection, &error, Doing::Anything)),
            None => Err(DatabaseError::other("only PostgreSQL copies")),
        }
    }

    async fn close(self) {
        // The libraries say goodbye and wait until that is done.
        drop(self);
    }
}

fn failed<C: Driver>(connection: &mut C, error: &Error, doing: Doing) -> DatabaseError {
    let number = match error {
        Error::DatabaseError(_, information) => connection.error_number(information.message()),
        _ => 0,
    };
    failure::failure(C::DIALECT, error, number, doing)
}

fn bind_all<'a, C: Driver>(values: &'a [Value<'_>]) -> Result<Vec<C::Bind<'a>>, DatabaseError> {
    let binds = values.iter().map(C::bind).collect::<Option<_>>();
    binds.ok_or_else(|| DatabaseError::other("a value that this database does not take as a bind"))
}
