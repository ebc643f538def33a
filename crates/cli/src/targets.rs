//! Where an import can go: the address of a target, and how it is opened.

use std::{fmt, path::PathBuf, str::FromStr};

use keyferry_core::{Profile, Shown, Sink, SinkError};
use keyferry_json::{FileLock, JsonSink, RecordFormat as _, simplewebauthn::SimpleWebAuthn};
use keyferry_sqlx::{Access, BlockingSqliteSink};
use keyferry_webauthn_rs::WebauthnRs;

/// Every kind of target, in the order of the readiness table.
pub(crate) const PROFILES: [Profile; 3] =
    [keyferry_sqlx::PROFILE, SimpleWebAuthn::PROFILE, WebauthnRs::PROFILE];

/// The address of a target, `ADAPTER:WHERE`.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    kind: Kind,
    path: PathBuf,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Sqlite,
    SimpleWebAuthn,
    WebauthnRs,
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = || PROFILES.map(|profile| profile.name).join(", ");
        let Some((adapter, place)) = text.split_once(':') else {
            return Err(format!("expected ADAPTER:WHERE, such as sqlite:passkeys.db; adapters: {}", known()));
        };
        let kind = match adapter {
            "sqlite" => Kind::Sqlite,
            "simplewebauthn" => Kind::SimpleWebAuthn,
            "webauthn-rs" => Kind::WebauthnRs,
            other => return Err(format!("there is no adapter `{}`; adapters: {}", Shown(other), known())),
        };
        if place.is_empty() {
            return Err(format!("expected a file after `{adapter}:`"));
        }
        Ok(Self { kind, path: PathBuf::from(place) })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.profile().name, Shown(&self.path.to_string_lossy()))
    }
}

impl Target {
    /// Returns what is true of this kind of target.
    pub(crate) fn profile(&self) -> &'static Profile {
        match self.kind {
            Kind::Sqlite => &PROFILES[0],
            Kind::SimpleWebAuthn => &PROFILES[1],
            Kind::WebauthnRs => &PROFILES[2],
        }
    }

    /// Returns the file of the target.
    pub(crate) fn path(&self) -> &std::path::Path {
        &self.path
    }

    /// Keeps every other import away from the target.
    pub(crate) fn lock(&self) -> Result<FileLock, SinkError> {
        FileLock::acquire(&self.path)
    }

    /// Opens the target to read it; nothing is created, and one that is missing is empty.
    pub(crate) fn open_for_reading(&self) -> Result<Box<dyn Sink>, SinkError> {
        Ok(match self.kind {
            Kind::Sqlite => Box::new(BlockingSqliteSink::connect(&self.path, Access::Read)?),
            Kind::SimpleWebAuthn => Box::new(JsonSink::<SimpleWebAuthn>::open_for_reading(&self.path)?),
            Kind::WebauthnRs => Box::new(JsonSink::<WebauthnRs>::open_for_reading(&self.path)?),
        })
    }

    /// Opens the target to change it, and creates it if it is missing.
    pub(crate) fn open_for_writing(&self, lock: FileLock) -> Result<OpenTarget, SinkError> {
        Ok(match self.kind {
            Kind::Sqlite => OpenTarget {
                sink: Box::new(BlockingSqliteSink::connect(&self.path, Access::Write)?),
                _lock: Some(lock),
            },
            Kind::SimpleWebAuthn => {
                OpenTarget::of(JsonSink::<SimpleWebAuthn>::open_locked(&self.path, lock)?)
            }
            Kind::WebauthnRs => OpenTarget::of(JsonSink::<WebauthnRs>::open_locked(&self.path, lock)?),
        })
    }
}

/// A target that is open to be changed; the lock ends after the sink is closed.
pub(crate) struct OpenTarget {
    pub(crate) sink: Box<dyn Sink>,
    _lock: Option<FileLock>,
}

impl OpenTarget {
    fn of(sink: impl Sink + 'static) -> Self {
        Self { sink: Box::new(sink), _lock: None }
    }
}
