//! What the database's own clients would add to an address: from the environment and from files.

use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
};

use keyferry_core::Shown;

use super::{AddressError, Secret, ServerAddress, Tls, TlsMode, filled, my_cnf, pgpass, timeout};
use crate::Dialect;

/// The environment: a variable's name to its value.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<OsString>;

impl ServerAddress {
    /// Fills in what the URL leaves open, as the database's own clients do, and returns it with what the operator should
    /// be told.
    ///
    /// For PostgreSQL that is `PGHOST`, `PGPORT`, `PGUSER`, `PGPASSWORD`, `PGSSLMODE`, `PGSSLROOTCERT`, `PGSSLCERT`,
    /// `PGSSLKEY`, `PGCONNECT_TIMEOUT` and the password file `PGPASSFILE` or `~/.pgpass`; for MySQL `$MYSQL_HOME/my.cnf`,
    /// `~/.my.cnf` and `MYSQL_PWD`. A user that nothing names is the one who runs this.
    ///
    /// # Errors
    /// - a variable or an option that cannot be right; the message names it and does not show its value.
    pub fn with_client_settings(
        mut self,
        environment: Environment<'_>,
    ) -> Result<(Self, Vec<String>), AddressError> {
        let variable = |name: &str| environment(name)?.into_string().ok().and_then(filled);
        let mut notes = Vec::new();
        match self.dialect {
            Dialect::Postgres => self.add_postgres(&variable)?,
            Dialect::MySql => self.add_mysql(&variable, &mut notes)?,
            Dialect::Sqlite => {}
        }
        self.add_user(&variable);
        if self.dialect == Dialect::Postgres && self.password.is_none() {
            self.password = pgpass::find(&self, &variable, &mut notes).map(Secret);
        }
        if self.tls.mode() == TlsMode::VerifyCa {
            notes.push(
                match self.dialect {
                    Dialect::MySql => {
                        "the server's certificate may name any host; ssl-mode=VERIFY_IDENTITY checks it"
                    }
                    _ => "the server's certificate may name any host; sslmode=verify-full checks it",
                }
                .to_owned(),
            );
        }
        Ok((self, notes))
    }

    fn add_postgres(&mut self, variable: &dyn Fn(&str) -> Option<String>) -> Result<(), AddressError> {
        let wrong = |name: &str| AddressError::new(format!("{name} in the environment cannot be right"));
        if self.host.is_none()
            && self.socket.is_none()
            && let Some(host) = variable("PGHOST")
        {
            self.set("host", &host)?;
        }
        if self.port.is_none()
            && let Some(port) = variable("PGPORT")
        {
            self.port = Some(port.parse().map_err(|_| wrong("PGPORT"))?);
        }
        if self.connect_timeout.is_none()
            && let Some(seconds) = variable("PGCONNECT_TIMEOUT")
        {
            self.connect_timeout = Some(timeout(&seconds).map_err(|_| wrong("PGCONNECT_TIMEOUT"))?);
        }
        let mut tls = Tls::default();
        for (name, parameter) in [
            ("PGSSLMODE", "sslmode"),
            ("PGSSLROOTCERT", "sslrootcert"),
            ("PGSSLCERT", "sslcert"),
            ("PGSSLKEY", "sslkey"),
        ] {
            if let Some(value) = variable(name) {
                tls.set(self.dialect, parameter, &value).map_err(|_| wrong(name))?;
            }
        }
        self.tls.or(tls);
        self.user = self.user.take().or_else(|| variable("PGUSER"));
        if self.password.is_none() {
            self.password = variable("PGPASSWORD").map(Secret);
        }
        Ok(())
    }

    fn add_mysql(
        &mut self,
        variable: &dyn Fn(&str) -> Option<String>,
        notes: &mut Vec<String>,
    ) -> Result<(), AddressError> {
        let mut options = my_cnf::Options::default();
        let home = variable("MYSQL_HOME").map(|folder| Path::new(&folder).join("my.cnf"));
        let own = variable("HOME").map(|folder| Path::new(&folder).join(".my.cnf"));
        for path in [home, own].into_iter().flatten() {
            if let Some((text, is_private)) = read(&path, notes) {
                options.read(&text);
                if !is_private && options.has_password() {
                    notes.push(format!("{} can be read by others; make it chmod 600", shown(&path)));
                }
                if options.includes_files() && !options.has_password() && self.password.is_none() {
                    notes.push(format!("{}: its !include lines are not followed", shown(&path)));
                }
            }
        }
        options.apply(self)?;
        if self.password.is_none() {
            self.password = variable("MYSQL_PWD").map(Secret);
        }
        Ok(())
    }

    fn add_user(&mut self, variable: &dyn Fn(&str) -> Option<String>) {
        self.user = self.user.take().or_else(|| variable("USER")).or_else(|| variable("LOGNAME"));
    }
}

/// Reads a file of settings and tells whether nobody but its owner can; a file that is not there is none.
pub(super) fn read(path: &PathBuf, notes: &mut Vec<String>) -> Option<(String, bool)> {
    let mut note = |why: &str| {
        notes.push(format!("{} is not read: {why}", shown(path)));
        None
    };
    let found = match fs::metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => return note(&error.to_string()),
    };
    // A pipe could keep us waiting for ever.
    if !found.is_file() {
        return note("it is not a file");
    }
    match fs::read_to_string(path) {
        Ok(text) => Some((text, is_private(&found))),
        Err(error) => note(&error.to_string()),
    }
}

#[cfg(unix)]
fn is_private(found: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    found.permissions().mode() & 0o077 == 0
}

/// Where the system has no such bits, its own clients do not look either.
#[cfg(not(unix))]
fn is_private(_found: &fs::Metadata) -> bool {
    true
}

pub(super) fn shown(path: &Path) -> String {
    Shown(&path.to_string_lossy()).to_string()
}
