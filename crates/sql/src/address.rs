//! The address of a database server: a URL that may hold a password, and what its own clients would add to it.

mod my_cnf;
mod pgpass;
mod settings;
mod tls;

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use keyferry_core::Shown;
use url::{Host, Url};

use crate::Dialect;
pub use settings::Environment;
pub use tls::{Tls, TlsMode};

/// How long connecting may take if the URL says nothing else.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a user or a password needs in a URL.
const ENCODE: &str =
    "write @ as %40, : as %3A, / as %2F, ? as %3F, # as %23 and % as %25 within a user or password";

/// A password. It is not shown by anything; only the driver that logs in reads it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Returns the password itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Says what is wrong with an address, without showing any of it but the name of a parameter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct AddressError(String);

impl AddressError {
    fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

/// Where a database server is, and as whom to log in.
///
/// ```
/// use keyferry_sql::{Dialect, ServerAddress};
///
/// let address: ServerAddress = "postgres://alice:secret@db.example/app?sslmode=verify-full".parse()?;
/// assert_eq!(address.dialect(), Dialect::Postgres);
/// assert_eq!(address.to_string(), "postgres://alice@db.example/app");
/// assert_eq!(address.without_password(), "postgres://alice@db.example/app?sslmode=verify-full");
/// # Ok::<(), keyferry_sql::AddressError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerAddress {
    dialect: Dialect,
    user: Option<String>,
    password: Option<Secret>,
    host: Option<String>,
    port: Option<u16>,
    socket: Option<PathBuf>,
    database: String,
    tls: Tls,
    connect_timeout: Option<Duration>,
    without_password: String,
}

impl ServerAddress {
    /// Returns which kind of database it is.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Returns as whom to log in; after [`with_client_settings`](Self::with_client_settings) only unknown if the system
    /// does not say who runs this.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// Returns the password.
    pub fn password(&self) -> Option<&Secret> {
        self.password.as_ref()
    }

    /// Tells whether there is a password.
    pub fn has_password(&self) -> bool {
        self.password.is_some()
    }

    /// Sets the password; it goes before those of the client's settings.
    #[must_use]
    pub fn with_password(mut self, password: String) -> Self {
        self.password = filled(password).map(Secret);
        self
    }

    /// Returns the name or number of the host; unknown means this machine.
    pub fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    /// Returns the port.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(match self.dialect {
            Dialect::MySql => 3306,
            Dialect::Postgres | Dialect::Sqlite => 5432,
        })
    }

    /// Returns the Unix socket that goes before the host: its folder in PostgreSQL, its file in MySQL.
    pub fn socket(&self) -> Option<&Path> {
        self.socket.as_deref()
    }

    /// Returns the name of the database.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// Returns how the connection is kept private.
    pub fn tls(&self) -> &Tls {
        &self.tls
    }

    /// Returns how long connecting may take, which is ten seconds if nothing else was said.
    pub fn connect_timeout(&self) -> Duration {
        self.connect_timeout.unwrap_or(PATIENCE)
    }

    /// Returns the URL as it was given, but for the password.
    pub fn without_password(&self) -> String {
        self.without_password.clone()
    }

    /// Sets a parameter and tells whether there is one of that name.
    fn set(&mut self, name: &str, value: &str) -> Result<bool, AddressError> {
        match (self.dialect, name) {
            (Dialect::Postgres, "host") if value.starts_with('/') => self.socket = Some(value.into()),
            (Dialect::Postgres, "host") => self.host = Some(value.to_owned()),
            (Dialect::MySql, "socket" | "unix_socket") => self.socket = Some(value.into()),
            (_, "connect_timeout") => self.connect_timeout = Some(timeout(value)?),
            (dialect, name) => return self.tls.set(dialect, name, value),
        }
        Ok(true)
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.dialect {
            Dialect::MySql => "mysql://",
            Dialect::Postgres | Dialect::Sqlite => "postgres://",
        })?;
        if let Some(user) = &self.user {
            write!(f, "{}@", Shown(user))?;
        }
        match (&self.socket, &self.host) {
            (Some(socket), _) => write!(f, "{}", Shown(&socket.to_string_lossy().replace('/', "%2F")))?,
            (None, Some(host)) if host.contains(':') => write!(f, "[{}]", Shown(host))?,
            (None, Some(host)) => write!(f, "{}", Shown(host))?,
            (None, None) => {}
        }
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        write!(f, "/{}", Shown(&self.database))
    }
}

impl FromStr for ServerAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (scheme, rest) = text.split_once("://").unwrap_or_default();
        let dialect = match scheme.to_ascii_lowercase().as_str() {
            "postgres" | "postgresql" => Dialect::Postgres,
            "mysql" | "mariadb" => Dialect::MySql,
            _ => return Err(AddressError::new("the address begins with neither postgres:// nor mysql://")),
        };
        if text.chars().any(|character| character.is_whitespace() || character.is_control()) {
            return Err(AddressError::new("the address has a space or a control character in it"));
        }
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let (login, host) = authority.rsplit_once('@').unwrap_or(("", authority));
        // A URL has no user without a host, but the clients take that for this machine.
        let stand_in = if host.is_empty() { "localhost" } else { host };
        let login_at = if login.is_empty() { String::new() } else { format!("{login}@") };
        let url = Url::parse(&format!("{scheme}://{login_at}{stand_in}{path}")).map_err(|error| {
            AddressError::new(format!("the address is not a URL that can be read: {error}; {ENCODE}"))
        })?;
        if url.fragment().is_some() {
            return Err(AddressError::new(format!("the address has a # in it; {ENCODE}")));
        }

        let user = login.split(':').next().unwrap_or_default();
        let user_at = if user.is_empty() { String::new() } else { format!("{user}@") };
        let mut address = Self {
            dialect,
            user: filled(decoded(user)?),
            password: filled(decoded(url.password().unwrap_or_default())?).map(Secret),
            host: None,
            port: url.port(),
            socket: None,
            database: database(url.path())?,
            tls: Tls::default(),
            connect_timeout: None,
            without_password: format!("{scheme}://{user_at}{host}{path}"),
        };
        if !host.is_empty() {
            let host = match url.host() {
                Some(Host::Ipv6(number)) => number.to_string(),
                _ => decoded(url.host_str().unwrap_or_default())?,
            };
            if host.contains(',') {
                return Err(AddressError::new("the address names several hosts; name one"));
            }
            if dialect == Dialect::Postgres && host.starts_with('/') {
                address.socket = Some(host.into());
            } else {
                address.host = filled(host);
            }
        }
        for pair in url.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decoded(name)?, decoded(value)?);
            if !address.set(&name, &value)? {
                return Err(unknown(&name));
            }
        }
        Ok(address)
    }
}

/// Names a parameter only if it looks like one: a password with a `?` in it leaves its end there.
fn unknown(name: &str) -> AddressError {
    let is_name = name.len() <= 32
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
        && name.starts_with(|first: char| first.is_ascii_lowercase());
    match name {
        "password" | "sslpassword" => {
            AddressError::new(format!("{name} is not taken as a parameter of the address"))
        }
        name if is_name => AddressError::new(format!("the address has an unknown parameter, {name}")),
        _ => AddressError::new(format!("the address has an unknown parameter; {ENCODE}")),
    }
}

fn database(path: &str) -> Result<String, AddressError> {
    let name = path.trim_start_matches('/');
    if name.is_empty() {
        return Err(AddressError::new("the address names no database; write it as …://host/database"));
    }
    // What follows an unescaped `/` of a password ends up here.
    if name.contains(['/', '@']) {
        return Err(AddressError::new(format!("the database of the address has a / or @ in it; {ENCODE}")));
    }
    decoded(name)
}

fn timeout(value: &str) -> Result<Duration, AddressError> {
    match value.parse::<u32>() {
        // As PostgreSQL's own clients take it.
        Ok(0) => Ok(Duration::MAX),
        Ok(seconds) => Ok(Duration::from_secs(seconds.into())),
        Err(_) => Err(AddressError::new("connect_timeout is not a number of seconds")),
    }
}

fn filled(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

/// Decodes `%41` and the like; a `+` stays one, as PostgreSQL's own clients read it.
fn decoded(text: &str) -> Result<String, AddressError> {
    let wrong = || AddressError::new(format!("the address has a % that stands for no character; {ENCODE}"));
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let [high, low, after @ ..] = rest else { return Err(wrong()) };
        let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let (Some(high), Some(low)) = (digit(high), digit(low)) else { return Err(wrong()) };
        bytes.push(high * 16 + low);
        rest = after;
    }
    // Both protocols end a text with a NUL: what follows would be read as something else.
    match String::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => Ok(text),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests;
