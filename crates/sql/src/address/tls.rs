//! How a connection is kept private, in one vocabulary for both kinds of server.

use std::path::{Path, PathBuf};

use super::AddressError;
use crate::Dialect;

/// How far a connection is kept private.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsMode {
    /// In plain text.
    Disable,
    /// Encrypted if the server can.
    Prefer,
    /// Encrypted, by whatever certificate the server shows.
    Require,
    /// Encrypted, by a certificate of a trusted authority, for whatever host.
    VerifyCa,
    /// Encrypted, by a certificate of a trusted authority for this host.
    VerifyFull,
}

/// What an address says of TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    mode: Option<TlsMode>,
    /// The system's authorities alone, by name.
    is_system: bool,
    root: Option<PathBuf>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
}

impl Tls {
    /// Returns how far the connection is kept private: if the server can, when nothing was said.
    ///
    /// Where a certificate of an authority is named, the server's is always held against it, as PostgreSQL's own clients
    /// do for `require`, and MySQL's where no mode is named.
    pub fn mode(&self) -> TlsMode {
        match self.mode {
            // They vouch for anyone, so the name of the host must count.
            _ if self.is_system => TlsMode::VerifyFull,
            None | Some(TlsMode::Prefer | TlsMode::Require) if self.root.is_some() => TlsMode::VerifyCa,
            mode => mode.unwrap_or(TlsMode::Prefer),
        }
    }

    /// Returns the file with the certificates of the authorities that are trusted beside the system's.
    pub fn root(&self) -> Option<&Path> {
        self.root.as_deref()
    }

    /// Returns the file with the client's own certificate.
    pub fn certificate(&self) -> Option<&Path> {
        self.certificate.as_deref()
    }

    /// Returns the file with the client's private key.
    pub fn key(&self) -> Option<&Path> {
        self.key.as_deref()
    }

    /// Sets a parameter and tells whether there is one of that name.
    pub(super) fn set(&mut self, dialect: Dialect, name: &str, value: &str) -> Result<bool, AddressError> {
        let file = || Some(PathBuf::from(value)).filter(|path| !path.as_os_str().is_empty());
        match (dialect, name) {
            (Dialect::Postgres, "sslmode") => self.mode = Some(postgres_mode(value)?),
            (Dialect::MySql, "ssl-mode" | "ssl_mode") => self.mode = Some(mysql_mode(value)?),
            (Dialect::Postgres, "sslrootcert") if value == "system" => self.is_system = true,
            (Dialect::Postgres, "sslrootcert") | (Dialect::MySql, "ssl-ca" | "ssl_ca") => self.root = file(),
            (Dialect::Postgres, "sslcert") | (Dialect::MySql, "ssl-cert" | "ssl_cert") => {
                self.certificate = file();
            }
            (Dialect::Postgres, "sslkey") | (Dialect::MySql, "ssl-key" | "ssl_key") => self.key = file(),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Takes over what is not set here.
    pub(super) fn or(&mut self, other: Self) {
        self.mode = self.mode.or(other.mode);
        if self.root.is_none() && !self.is_system {
            (self.root, self.is_system) = (other.root, other.is_system);
        }
        self.certificate = self.certificate.take().or(other.certificate);
        self.key = self.key.take().or(other.key);
    }
}

fn postgres_mode(value: &str) -> Result<TlsMode, AddressError> {
    Ok(match value {
        "disable" => TlsMode::Disable,
        // `allow` tries without first; there is no reason to.
        "allow" | "prefer" => TlsMode::Prefer,
        "require" => TlsMode::Require,
        "verify-ca" => TlsMode::VerifyCa,
        "verify-full" => TlsMode::VerifyFull,
        _ => {
            return Err(AddressError::new(
                "sslmode is none of disable, prefer, require, verify-ca and verify-full",
            ));
        }
    })
}

fn mysql_mode(value: &str) -> Result<TlsMode, AddressError> {
    Ok(match value.to_ascii_uppercase().replace('-', "_").as_str() {
        "DISABLED" => TlsMode::Disable,
        "PREFERRED" => TlsMode::Prefer,
        "REQUIRED" => TlsMode::Require,
        "VERIFY_CA" => TlsMode::VerifyCa,
        "VERIFY_IDENTITY" => TlsMode::VerifyFull,
        _ => {
            return Err(AddressError::new(
                "ssl-mode is none of DISABLED, PREFERRED, REQUIRED, VERIFY_CA and VERIFY_IDENTITY",
            ));
        }
    })
}
