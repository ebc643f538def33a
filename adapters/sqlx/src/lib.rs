//! The SQL targets through sqlx.
//!
//! [`SqliteSink`] is asynchronous; [`BlockingSqliteSink`] is the same as a [`keyferry_core::Sink`], for
//! [`keyferry_core::plan`], [`keyferry_core::apply`] and [`keyferry_core::verify`].
//!
//! ```
//! use keyferry_core::{CredentialId, Sink as _};
//! use keyferry_sqlx::{Access, BlockingSqliteSink, Found};
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("passkeys.db");
//! let mut sink = BlockingSqliteSink::connect(&path, Access::Write)?;
//! assert_eq!(sink.found(), Found::NoFile); // it was made just now
//! assert!(sink.fetch(&[&CredentialId::new([1, 2, 3])?])?.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[cfg(feature = "sqlite")]
mod blocking;
#[cfg(feature = "sqlite")]
mod convert;
#[cfg(feature = "sqlite")]
mod failure;
#[cfg(feature = "sqlite")]
mod sqlite;

#[cfg(feature = "sqlite")]
pub use blocking::BlockingSqliteSink;
#[cfg(feature = "sqlite")]
pub use convert::PROFILE;
#[cfg(feature = "sqlite")]
pub use sqlite::{Access, Found, SqliteSink};
