//! What sqlx says of a failure, in the words of keyferry-sql.

#[cfg(any(feature = "mysql", feature = "postgres"))]
use std::io;

use keyferry_sql::{DatabaseError, Dialect, Raw};

/// Makes the error of a connection that was in use.
pub(crate) fn failure(dialect: Dialect, error: &sqlx::Error) -> DatabaseError {
    match error {
        sqlx::Error::Database(reported) => DatabaseError::of(
            dialect,
            Raw {
                code: &reported.code().unwrap_or_default(),
                number: number(&**reported),
                message: reported.message(),
                constraint: reported.constraint().unwrap_or_default(),
                hint: None,
            },
        ),
        sqlx::Error::Io(error) => DatabaseError::connection(&format!("the connection broke: {error}")),
        sqlx::Error::Protocol(words) => {
            DatabaseError::connection(&format!("an answer that makes no sense: {words}"))
        }
        sqlx::Error::WorkerCrashed => DatabaseError::connection("the database's own thread has ended"),
        // Their causes could show a value.
        sqlx::Error::Encode(_) => DatabaseError::other("a value cannot be sent"),
        sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. } => {
            DatabaseError::other("a value cannot be read")
        }
        other => DatabaseError::other(&other.to_string()),
    }
}

#[cfg(feature = "mysql")]
fn number(error: &dyn sqlx::error::DatabaseError) -> u16 {
    error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>().map_or(0, |error| error.number())
}

#[cfg(not(feature = "mysql"))]
fn number(_error: &dyn sqlx::error::DatabaseError) -> u16 {
    0
}

/// Makes the error of a connection that was never made.
#[cfg(any(feature = "mysql", feature = "postgres"))]
pub(crate) fn unreachable(dialect: Dialect, error: &sqlx::Error) -> DatabaseError {
    let words = match error {
        sqlx::Error::Database(_) => return failure(dialect, error),
        // That is where the TLS library puts its own errors.
        sqlx::Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
            tls(dialect, &error.to_string())
        }
        sqlx::Error::Tls(error) => tls(dialect, &error.to_string()),
        sqlx::Error::Io(error) => format!("no connection: {error}"),
        sqlx::Error::Protocol(words) => format!("no login: {words}"),
        sqlx::Error::Configuration(error) => format!("no connection: {error}"),
        other => format!("no connection: {other}"),
    };
    DatabaseError::unreachable(&words)
}

#[cfg(any(feature = "mysql", feature = "postgres"))]
fn tls(dialect: Dialect, words: &str) -> String {
    let hint = match dialect {
        Dialect::MySql => "ssl-ca names the file of the authority that signed it",
        Dialect::Postgres | Dialect::Sqlite => "sslrootcert names the file of the authority that signed it",
    };
    if words.contains("UnknownIssuer") {
        format!("no TLS: the server's certificate is not trusted ({words}); {hint}")
    } else {
        format!("no TLS: {words}")
    }
}
