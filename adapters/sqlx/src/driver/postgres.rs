//! PostgreSQL.

use std::borrow::Cow;

use futures_util::TryStreamExt as _;
use keyferry_sql::{
    COPY_TABLE, Cells, Database, DatabaseError, Dialect, Each, Kind, OtherKind, Statement, Value,
};
use sqlx::{
    Arguments as _, PgConnection, Postgres, Row as _, TypeInfo as _, ValueRef as _,
    postgres::{PgArguments, PgRow},
};

use super::{Driver, bound, failure, read, unbindable};

/// How much of a COPY goes into one message: the driver copies a message into its buffer before it sends it.
const CHUNK: usize = 256 * 1024;

/// A connection to PostgreSQL.
#[derive(Debug)]
pub struct PgDatabase {
    connection: PgConnection,
    /// A COPY out of it was not read to its end. sqlx would take what is left of it for the answer to the next statement.
    is_out_of_step: bool,
}

impl From<PgConnection> for PgDatabase {
    fn from(connection: PgConnection) -> Self {
        Self { connection, is_out_of_step: false }
    }
}

impl PgDatabase {
    fn in_step(&mut self) -> Result<&mut PgConnection, DatabaseError> {
        match self.is_out_of_step {
            false => Ok(&mut self.connection),
            true => Err(DatabaseError::connection("an answer was not read to its end")),
        }
    }
}

impl Driver for Postgres {
    const DIALECT: Dialect = Dialect::Postgres;

    // sqlx looks up a type that it does not know (an enum, a domain of an extension) between preparing a statement and
    // running it, by a statement that takes the place of one without a name.
    const KEEPS_ALL: bool = true;

    fn bind(arguments: &mut PgArguments, value: &Value<'_>) -> Result<(), DatabaseError> {
        bound(match value {
            Value::Null(Kind::Binary) => arguments.add(None::<&[u8]>),
            Value::Null(Kind::Text) => arguments.add(None::<&str>),
            Value::Null(Kind::Integer) => arguments.add(None::<i64>),
            Value::Binary(bytes) => arguments.add(&**bytes),
            Value::Text(text) => arguments.add(&**text),
            Value::Integer(number) => arguments.add(*number),
            Value::Binaries(list) => arguments.add(borrowed(list)),
            Value::Texts(list) => arguments.add(borrowed(list)),
            Value::Null(Kind::Boolean | Kind::Time) | Value::Boolean(_) | Value::Time(_) => {
                return Err(unbindable());
            }
        })
    }
}

fn borrowed<'a, T: ToOwned + ?Sized>(list: &'a [Cow<'_, T>]) -> Vec<&'a T> {
    list.iter().map(|item| &**item).collect()
}

impl Database for PgDatabase {
    type Binds<'v> = PgArguments;

    fn dialect(&self) -> Dialect {
        Postgres::DIALECT
    }

    fn binds(values: Vec<Value<'_>>) -> Result<PgArguments, DatabaseError> {
        Postgres::arguments(&values)
    }

    async fn run(&mut self, statements: &str) -> Result<(), DatabaseError> {
        super::run::<Postgres>(self.in_step()?, statements).await
    }

    async fn execute_bound(
        &mut self,
        statement: &Statement,
        binds: Self::Binds<'_>,
    ) -> Result<u64, DatabaseError> {
        Ok(super::execute::<Postgres>(self.in_step()?, statement, binds).await?.rows_affected())
    }

    async fn query(
        &mut self,
        statement: &Statement,
        binds: &[Value<'_>],
        each: Each<'_>,
    ) -> Result<(), DatabaseError> {
        super::query::<Postgres>(self.in_step()?, statement, binds, &mut |row| each(&Row(row))).await
    }

    async fn copy(&mut self, data: &[u8]) -> Result<(), DatabaseError> {
        let statement = format!("COPY pg_temp.{COPY_TABLE} FROM STDIN WITH (FORMAT binary)");
        let mut pieces = data.chunks(CHUNK);
        let next = &mut |buffer: &mut Vec<u8>| buffer.extend_from_slice(pieces.next().unwrap_or_default());
        self.copy_into(&statement, next).await.map(drop)
    }

    fn copies_anywhere(&self) -> bool {
        true
    }

    async fn copy_into(
        &mut self,
        statement: &str,
        next: &mut (dyn FnMut(&mut Vec<u8>) + Send),
    ) -> Result<u64, DatabaseError> {
        let failed = |error| failure(Dialect::Postgres, &error);
        let mut copy = self.in_step()?.copy_in_raw(statement).await.map_err(failed)?;
        let mut piece = Vec::new();
        loop {
            piece.clear();
            next(&mut piece);
            if piece.is_empty() {
                return copy.finish().await.map_err(failed);
            }
            // What the server has not taken yet waits in the socket, while the next piece is made.
            if let Err(error) = copy.send(piece.as_slice()).await {
                // The first failure is the one to tell of.
                let _ = copy.abort("the data could not be sent").await;
                return Err(failed(error));
            }
        }
    }

    async fn copy_out(
        &mut self,
        statement: &str,
        each: &mut (dyn FnMut(&[u8]) -> bool + Send),
    ) -> Result<(), DatabaseError> {
        let failed = |error| failure(Dialect::Postgres, &error);
        self.in_step()?;
        self.is_out_of_step = true;
        let mut pieces = self.connection.copy_out_raw(statement).await.map_err(failed)?;
        while let Some(piece) = pieces.try_next().await.map_err(failed)? {
            if !each(&piece) {
                return Ok(());
            }
        }
        drop(pieces);
        self.is_out_of_step = false;
        Ok(())
    }

    async fn close(self) {
        super::close(self.connection).await;
    }
}

struct Row<'r>(&'r PgRow);

impl Cells for Row<'_> {
    fn cell(&self, index: usize, kind: Kind) -> Result<Value<'_>, OtherKind> {
        let value = self.0.try_get_raw(index).map_err(|_| OtherKind)?;
        if value.is_null() {
            return Ok(Value::Null(kind));
        }
        let is_of_kind = {
            let found = value.type_info();
            match kind {
                Kind::Binary => found.name() == "BYTEA",
                // CHAR is what sqlx calls `char(n)`; PostgreSQL's own one-byte "char" has quotes in its name there.
                Kind::Text => {
                    ["TEXT", "VARCHAR", "NAME", "CHAR", "UNKNOWN", "citext"].contains(&found.name())
                }
                Kind::Integer => ["INT8", "INT4", "INT2"].contains(&found.name()),
                Kind::Boolean | Kind::Time => false,
            }
        };
        match kind {
            _ if !is_of_kind => Err(OtherKind),
            Kind::Binary => Ok(Value::bytes(read::<Postgres, _>(value)?)),
            Kind::Text => Ok(Value::text(read::<Postgres, _>(value)?)),
            _ => Ok(Value::Integer(read::<Postgres, _>(value)?)),
        }
    }
}
