//! Opening a connection.

#[cfg(any(feature = "mysql", feature = "postgres"))]
mod password;

#[cfg(feature = "sqlite")]
use std::path::Path;

use diesel::{Connection, ConnectionError};
use keyferry_sql::{Class, DatabaseError};

#[cfg(feature = "mysql")]
use crate::MySqlDatabase;
#[cfg(feature = "postgres")]
use crate::PgDatabase;
#[cfg(feature = "sqlite")]
use crate::SqliteDatabase;

/// Opens a SQLite database, which must be there, for reading and writing.
///
/// Where another program is writing, its statements wait up to five seconds.
///
/// # Errors
/// - there is no such file, or this user may not open it.
#[cfg(feature = "sqlite")]
pub fn connect_sqlite(path: &Path) -> Result<SqliteDatabase, DatabaseError> {
    open(path, "rw")
}

/// Opens a SQLite database, which must be there, for reading.
///
/// # Errors
/// - there is no such file, or this user may not open it.
#[cfg(feature = "sqlite")]
pub fn connect_sqlite_read_only(path: &Path) -> Result<SqliteDatabase, DatabaseError> {
    open(path, "ro")
}

#[cfg(feature = "sqlite")]
fn open(path: &Path, mode: &str) -> Result<SqliteDatabase, DatabaseError> {
    let path = std::path::absolute(path).map_err(|error| unreachable(&error.to_string()))?;
    // A URI says that nothing is to be made, and each byte of the path stands for itself.
    let mut uri = "file:".to_owned();
    if cfg!(windows) {
        uri.push('/');
    }
    for &byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'\\' if cfg!(windows) => uri.push('/'),
            b'/' | b'.' | b'-' | b'_' => uri.push(byte.into()),
            _ if byte.is_ascii_alphanumeric() || (cfg!(windows) && byte == b':') => uri.push(byte.into()),
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri.push_str("?mode=");
    uri.push_str(mode);
    let connection = diesel::SqliteConnection::establish(&uri);
    let mut connection = connection.map_err(|error| unreachable(&words(&error)))?;
    let patience =
        diesel::connection::SimpleConnection::batch_execute(&mut connection, "PRAGMA busy_timeout = 5000");
    patience.map_err(|error| unreachable(&error.to_string()))?;
    Ok(SqliteDatabase::new(connection))
}

/// Connects to PostgreSQL by a URL, or what else libpq takes.
///
/// What it does not say comes from where libpq looks: `PGPASSWORD`, `~/.pgpass`, `sslmode`.
///
/// # Errors
/// - the server does not answer, or lets nobody in with that; the password is not in the message.
#[cfg(feature = "postgres")]
pub fn connect_postgres(url: &str) -> Result<PgDatabase, DatabaseError> {
    let connection = diesel::PgConnection::establish(url).and_then(|mut connection| {
        let named = diesel::connection::SimpleConnection::batch_execute(
            &mut connection,
            "SET application_name = 'keyferry'",
        );
        named.map(|()| connection).map_err(ConnectionError::CouldntSetupConfiguration)
    });
    connection.map(PgDatabase::new).map_err(|error| unreachable(&password::without(&words(&error), url)))
}

/// Connects to MySQL or MariaDB by a URL `mysql://user:password@host:port/database`.
///
/// libmariadb ignores diesel's `ssl_mode`. So a connection that was to be encrypted and is not is refused here; whether
/// a certificate was verified, as `verify_ca` and `verify_identity` ask for, is known with libmysqlclient only.
///
/// # Errors
/// - the server does not answer, or lets nobody in with that; the password is not in the message;
/// - the URL asks for encryption, and there is none.
#[cfg(feature = "mysql")]
pub fn connect_mysql(url: &str) -> Result<MySqlDatabase, DatabaseError> {
    let connection = diesel::MysqlConnection::establish(url);
    let connection = connection.map_err(|error| unreachable(&password::without(&words(&error), url)))?;
    let mut database = MySqlDatabase::new(connection);
    if wants_encryption(url) && !is_encrypted(&mut database)? {
        return Err(unreachable(
            "the connection is not encrypted, as ssl_mode asks for; does ssl_ca name a file?",
        ));
    }
    Ok(database)
}

#[cfg(feature = "mysql")]
fn wants_encryption(url: &str) -> bool {
    let parameters = url.split_once('?').map_or("", |(_, parameters)| parameters).split('&');
    let mode = parameters.filter_map(|parameter| parameter.strip_prefix("ssl_mode=")).next_back();
    mode.is_some_and(|mode| !["disabled", "preferred"].iter().any(|other| mode.eq_ignore_ascii_case(other)))
}

#[cfg(feature = "mysql")]
fn is_encrypted(database: &mut MySqlDatabase) -> Result<bool, DatabaseError> {
    use keyferry_sql::{Database as _, Kind, Statement, Value, ready};

    let mut version = String::new();
    let ask = Statement::once("SHOW STATUS LIKE 'Ssl_version'");
    let asked = ready(database.query(&ask, &[], &mut |row| {
        if let Ok(Value::Text(text)) = row.cell(1, Kind::Text) {
            version = text.into_owned();
        }
    }));
    asked.unwrap_or_else(|| Err(DatabaseError::other("no answer")))?;
    Ok(!version.is_empty())
}

fn words(error: &ConnectionError) -> String {
    match error {
        ConnectionError::InvalidCString(_) => "the address holds a zero byte".to_owned(),
        other => other.to_string(),
    }
}

fn unreachable(message: &str) -> DatabaseError {
    // libpq tells of each address on a line of its own.
    let line: Vec<_> = message.split_whitespace().collect();
    DatabaseError { class: Class::Unreachable, ..DatabaseError::connection(&line.join(" ")) }
}
