//! Connecting to a server, with sqlx's own habits set aside where they would surprise.

use keyferry_sql::{DatabaseError, Dialect, ServerAddress, TlsMode};
use sqlx::ConnectOptions;
#[cfg(feature = "mysql")]
use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};
#[cfg(feature = "postgres")]
use sqlx::postgres::{PgConnectOptions, PgSslMode};

#[cfg(feature = "mysql")]
use crate::MySqlDatabase;
#[cfg(feature = "postgres")]
use crate::PgDatabase;
use crate::driver::unreachable;

/// Connects to PostgreSQL.
///
/// It runs in a tokio runtime with time and I/O enabled.
///
/// # Errors
/// - the server cannot be reached in time, is not who it should be, or does not let this user in;
/// - the address is one of another kind of database.
#[cfg(feature = "postgres")]
pub async fn connect_postgres(address: &ServerAddress) -> Result<PgDatabase, DatabaseError> {
    expect(address, Dialect::Postgres)?;
    // What it takes from the environment is what PostgreSQL's own clients do, and the address goes before it.
    let mut options = PgConnectOptions::new_without_pgpass()
        .port(address.port())
        .database(address.database())
        .application_name("keyferry")
        // No fraction is read, and poolers refuse a connection that sets it.
        .extra_float_digits(None);
    if let Some(host) = address.host() {
        options = options.host(host);
    }
    if let Some(user) = address.user() {
        options = options.username(user);
    }
    if let Some(password) = address.password() {
        options = options.password(password.expose());
    }
    let tls = address.tls();
    if let Some(file) = tls.root() {
        options = options.ssl_root_cert(file);
    }
    if let Some(file) = tls.certificate() {
        options = options.ssl_client_cert(file);
    }
    if let Some(file) = tls.key() {
        options = options.ssl_client_key(file);
    }
    options = options.ssl_mode(match tls.mode() {
        TlsMode::Disable => PgSslMode::Disable,
        TlsMode::Prefer => PgSslMode::Prefer,
        TlsMode::Require => PgSslMode::Require,
        TlsMode::VerifyCa => PgSslMode::VerifyCa,
        TlsMode::VerifyFull => PgSslMode::VerifyFull,
    });
    if let Some(folder) = address.socket() {
        // There is no TLS within a machine, whatever was asked for.
        options = options.socket(folder).ssl_mode(PgSslMode::Disable);
    }
    connect(address, options).await.map(PgDatabase::from)
}

/// Connects to MySQL or MariaDB.
///
/// It runs in a tokio runtime with time and I/O enabled. Text travels as UTF-8 and times in UTC; the server's own SQL
/// mode is left as it is.
///
/// # Errors
/// - the server cannot be reached in time, is not who it should be, or does not let this user in;
/// - the address is one of another kind of database.
#[cfg(feature = "mysql")]
pub async fn connect_mysql(address: &ServerAddress) -> Result<MySqlDatabase, DatabaseError> {
    expect(address, Dialect::MySql)?;
    let mut options = MySqlConnectOptions::new()
        .host(address.host().unwrap_or("localhost"))
        .port(address.port())
        .database(address.database())
        .charset("utf8mb4")
        .timezone(Some("+00:00".to_owned()))
        .pipes_as_concat(false)
        .no_engine_substitution(false);
    if let Some(user) = address.user() {
        options = options.username(user);
    }
    if let Some(password) = address.password() {
        options = options.password(password.expose());
    }
    if let Some(file) = address.socket() {
        options = options.socket(file);
    }
    let tls = address.tls();
    if let Some(file) = tls.root() {
        options = options.ssl_ca(file);
    }
    if let Some(file) = tls.certificate() {
        options = options.ssl_client_cert(file);
    }
    if let Some(file) = tls.key() {
        options = options.ssl_client_key(file);
    }
    options = options.ssl_mode(match tls.mode() {
        TlsMode::Disable => MySqlSslMode::Disabled,
        TlsMode::Prefer => MySqlSslMode::Preferred,
        TlsMode::Require => MySqlSslMode::Required,
        TlsMode::VerifyCa => MySqlSslMode::VerifyCa,
        TlsMode::VerifyFull => MySqlSslMode::VerifyIdentity,
    });
    connect(address, options).await.map(MySqlDatabase::from)
}

fn expect(address: &ServerAddress, dialect: Dialect) -> Result<(), DatabaseError> {
    match address.dialect() == dialect {
        true => Ok(()),
        false => Err(DatabaseError::other("the address is one of another kind of database")),
    }
}

async fn connect<O>(address: &ServerAddress, options: O) -> Result<O::Connection, DatabaseError>
where
    O: ConnectOptions,
    O::Connection: Sized,
{
    let options = options.disable_statement_logging();
    // A host that swallows what is sent to it would be waited for for minutes.
    match tokio::time::timeout(address.connect_timeout(), options.connect()).await {
        Ok(connected) => connected.map_err(|error| unreachable(address.dialect(), &error)),
        Err(_) => Err(DatabaseError::unreachable(&format!(
            "no connection: no answer within {} seconds; connect_timeout sets how long to wait",
            address.connect_timeout().as_secs()
        ))),
    }
}
