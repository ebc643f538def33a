//! Where an import can go: the address of a target, and how it is opened.

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use keyferry_core::{Profile, Shown, Sink, SinkError, SinkErrorKind, Survey};
use keyferry_json::{
    FileLock, FilePrint, JsonSink, RecordFormat, fido2_net_lib::Fido2NetLib, go_webauthn::GoWebauthn,
    lbuchs::Lbuchs, py_webauthn::PyWebauthn, simplewebauthn::SimpleWebAuthn, webauthn4j::WebAuthn4j,
    yubico::Yubico,
};
use keyferry_sql::{Dialect, ServerAddress, TableMap, TableName, profile_of};
use keyferry_sqlx::{BlockingSink, read_sqlite};
use keyferry_webauthn_rs::WebauthnRs;

use crate::{
    output, secrets,
    server::{self, ServerLock},
    tables::Tables,
};

/// How many kinds of targets there are.
pub(crate) const KINDS: usize = 3 + FILES.len();

/// Every kind of target, in the order of the readiness table.
pub(crate) static PROFILES: [Profile; KINDS] = [
    profile_of(Dialect::Sqlite),
    profile_of(Dialect::Postgres),
    profile_of(Dialect::MySql),
    SimpleWebAuthn::PROFILE,
    WebauthnRs::PROFILE,
    PyWebauthn::PROFILE,
    GoWebauthn::PROFILE,
    WebAuthn4j::PROFILE,
    Yubico::PROFILE,
    Fido2NetLib::PROFILE,
    Lbuchs::PROFILE,
];

/// The kinds of targets that are files of records, in the same order.
const FILES: [Records; 8] = [
    Records::of::<SimpleWebAuthn>("simplewebauthn"),
    Records::of::<WebauthnRs>("webauthn-rs"),
    Records::of::<PyWebauthn>("py-webauthn"),
    Records::of::<GoWebauthn>("go-webauthn"),
    Records::of::<WebAuthn4j>("webauthn4j"),
    Records::of::<Yubico>("yubico"),
    Records::of::<Fido2NetLib>("fido2-net-lib"),
    Records::of::<Lbuchs>("lbuchs"),
];

/// A library whose records stand in a file.
#[derive(Clone, Copy)]
pub(crate) struct Records {
    name: &'static str,
    read: fn(&Path) -> Result<OpenTarget, SinkError>,
    write: fn(&Path, FileLock) -> Result<OpenTarget, SinkError>,
    survey: fn(&Path) -> Option<Box<dyn Survey>>,
}

impl Records {
    const fn of<F: RecordFormat + 'static>(name: &'static str) -> Self {
        Self {
            name,
            read: |path| Ok(OpenTarget::of(JsonSink::<F>::open_for_reading(path)?)),
            write: |path, lock| Ok(OpenTarget::of(JsonSink::<F>::open_locked(path, lock)?)),
            survey: |path| Some(Box::new(JsonSink::<F>::survey(path)?)),
        }
    }
}

impl fmt::Debug for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// The address of a target: `ADAPTER:WHERE`, or the URL of a database.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    Sqlite(PathBuf),
    Server(Box<ServerAddress>),
    Records(Records, PathBuf),
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = || PROFILES.each_ref().map(|profile| profile.name).join(", ");
        let Some((adapter, place)) = text.split_once(':') else {
            return Err(format!("expected ADAPTER:WHERE, such as sqlite:passkeys.db; adapters: {}", known()));
        };
        let target = match adapter {
            "sqlite" => Self::Sqlite(place.into()),
            // What follows the scheme may be a password: no part of it is shown.
            "postgres" | "postgresql" | "mysql" | "mariadb" => {
                let address: Result<ServerAddress, _> = text.parse();
                return address
                    .map(|address| Self::Server(Box::new(address)))
                    .map_err(|error| error.to_string());
            }
            other => match FILES.iter().find(|records| records.name == other) {
                Some(records) => Self::Records(*records, place.into()),
                None => return Err(format!("there is no adapter `{}`; adapters: {}", Shown(other), known())),
            },
        };
        if place.is_empty() {
            return Err(format!("expected a file after `{adapter}:`"));
        }
        Ok(target)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, path) = match self {
            Self::Server(address) => return address.fmt(f),
            Self::Sqlite(path) => ("sqlite", path),
            Self::Records(records, path) => (records.name, path),
        };
        write!(f, "{name}:{}", Shown(&path.to_string_lossy()))
    }
}

/// What keeps every other import away from a target.
pub(crate) enum Lock {
    File(FileLock),
    Server(ServerLock),
}

impl Target {
    /// Tells whether records go into a table.
    pub(crate) fn is_database(&self) -> bool {
        !matches!(self, Self::Records(..))
    }

    /// Returns the file of the target, where it is one.
    pub(crate) fn path(&self) -> Option<&Path> {
        match self {
            Self::Server(_) => None,
            Self::Sqlite(path) | Self::Records(_, path) => Some(path),
        }
    }

    /// Tells whether it is a file of records that exists.
    pub(crate) fn has_records(&self) -> bool {
        matches!(self, Self::Records(_, path) if path.exists())
    }

    /// Returns what tells its file from a later one.
    pub(crate) fn print(&self) -> Option<FilePrint> {
        self.path().and_then(|path| FilePrint::of(path).ok().flatten())
    }

    /// Tells whether what was read of it since then is what stands there, as far as it is a file.
    ///
    /// A database tells itself what is written into it, but not that another one stands in its place.
    pub(crate) fn is_still(&self, before: Option<FilePrint>) -> bool {
        let now = self.print();
        match (self, before, now) {
            (Self::Server(_), ..) => true,
            (Self::Sqlite(_), Some(before), Some(now)) => before.is_same_file(&now),
            (Self::Records(..), before, now) => before == now,
            (Self::Sqlite(_), ..) => false,
        }
    }

    /// Returns which kind of database it is, where it is one.
    pub(crate) fn dialect(&self) -> Option<Dialect> {
        match self {
            Self::Sqlite(_) => Some(Dialect::Sqlite),
            Self::Server(address) => Some(address.dialect()),
            Self::Records(..) => None,
        }
    }

    /// Fills in what the database's own clients take from the environment and from their files.
    pub(crate) fn with_client_settings(self) -> anyhow::Result<Self> {
        let Self::Server(mut address) = self else { return Ok(self) };
        if let Some(password) = secrets::of_address().filter(|_| !address.has_password()) {
            *address = address.with_password(password);
        }
        let (address, notes) = (*address).with_client_settings(&|name| std::env::var_os(name))?;
        notes.iter().for_each(|note| output::say(&format!("warning: {note}")));
        Ok(Self::Server(Box::new(address)))
    }

    /// Keeps every other import away from the target.
    pub(crate) fn lock(&self, tables: &Tables) -> Result<Lock, SinkError> {
        match self {
            Self::Server(address) => {
                ServerLock::acquire(address, &tables.map(address.dialect())?.table).map(Lock::Server)
            }
            Self::Sqlite(path) | Self::Records(_, path) => FileLock::acquire(path).map(Lock::File),
        }
    }

    /// Opens the target to read it; nothing is created, and one that is missing is empty.
    pub(crate) fn open_for_reading(&self, tables: &Tables) -> Result<OpenTarget, SinkError> {
        Ok(match self {
            Self::Sqlite(path) => {
                let map = tables.map(Dialect::Sqlite)?;
                OpenTarget::of_database(BlockingSink::open(|| read_sqlite(path, map))?)
            }
            Self::Server(address) => server::open_for_reading(address, tables.map(address.dialect())?)?,
            Self::Records(records, path) => (records.read)(path)?,
        })
    }

    /// Opens the target to compare it as a whole; `None` where it cannot be, or what is wrong with it is told later.
    ///
    /// It has its own connection to a server.
    ///
    /// # Errors
    /// - as [`Target::open_for_reading`] of a server, which nobody should wait for twice.
    pub(crate) fn survey(&self, tables: &Tables) -> Result<Option<Box<dyn Survey>>, SinkError> {
        Ok(match self {
            Self::Sqlite(path) => {
                let map = tables.map(Dialect::Sqlite)?;
                let sink = BlockingSink::open(|| read_sqlite(path, map)).ok();
                sink.and_then(BlockingSink::into_survey).map(boxed)
            }
            Self::Server(address) => server::survey(address, tables.map(address.dialect())?)?,
            Self::Records(records, path) => (records.survey)(path),
        })
    }

    /// Opens the target to change it, and creates it if it is missing.
    pub(crate) fn open_for_writing(&self, tables: &Tables, lock: Lock) -> Result<OpenTarget, SinkError> {
        Ok(match (self, lock) {
            (Self::Sqlite(path), Lock::File(lock)) => {
                let map = tables.map(Dialect::Sqlite)?;
                let sink = BlockingSink::open(|| keyferry_sqlx::open_sqlite(path, map))?;
                OpenTarget { _lock: Some(lock), ..OpenTarget::of_database(sink) }
            }
            (Self::Server(address), Lock::Server(lock)) => {
                lock.open(address, tables.map(address.dialect())?)?
            }
            (Self::Records(records, path), Lock::File(lock)) => (records.write)(path, lock)?,
            _ => {
                return Err(SinkError::new(
                    SinkErrorKind::Refused,
                    "opening with the lock of another target",
                ));
            }
        })
    }

    /// Returns our own table's map, or the one that was asked for.
    pub(crate) fn default_map(dialect: Dialect, table: Option<&TableName>) -> TableMap {
        TableMap::own(dialect, table.cloned().unwrap_or_else(TableName::own))
    }
}

pub(crate) fn boxed(survey: impl Survey + 'static) -> Box<dyn Survey> {
    Box::new(survey)
}

/// A target that is open; a lock of its file ends after the sink is closed.
pub(crate) struct OpenTarget {
    pub(crate) sink: Box<dyn Sink>,
    /// Whether a target of its kind stood there before.
    pub(crate) is_missing: bool,
    pub(crate) warnings: Vec<String>,
    _lock: Option<FileLock>,
}

impl OpenTarget {
    fn of(sink: impl Sink + 'static) -> Self {
        Self { sink: Box::new(sink), is_missing: false, warnings: Vec::new(), _lock: None }
    }

    pub(crate) fn of_database<D: keyferry_sql::Database + 'static>(sink: BlockingSink<D>) -> Self {
        let is_missing = sink.found() != keyferry_sql::Found::Table;
        let warnings = sink.warnings().to_vec();
        Self { is_missing, warnings, ..Self::of(sink) }
    }
}
