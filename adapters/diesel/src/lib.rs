//! The SQL targets through diesel.
//!
//! `open_sqlite`, `open_postgres` and `open_mysql` give a [`DieselSink`], for [`keyferry_core::plan`],
//! [`keyferry_core::apply`] and [`keyferry_core::verify`]. It runs the engine of [`keyferry_sql`] over diesel's own
//! connections, or over one that a program has already: [`DieselSink::open`].
//!
//! ```
//! use keyferry_core::{CredentialId, Sink as _};
//! use keyferry_diesel::{Access, Dialect, Found, TableMap, TableName, open_sqlite};
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("passkeys.db");
//! let map = TableMap::own(Dialect::Sqlite, TableName::own());
//! let mut sink = open_sqlite(&path, map, Access::Write)?;
//! assert_eq!(sink.found(), Found::NoFile); // it was made just now
//! assert!(sink.fetch(&[&CredentialId::new([1, 2, 3])?])?.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
mod connect;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
mod driver;
mod open;
mod sink;

#[cfg(feature = "mysql")]
pub use connect::connect_mysql;
#[cfg(feature = "postgres")]
pub use connect::connect_postgres;
#[cfg(feature = "sqlite")]
pub use connect::{connect_sqlite, connect_sqlite_read_only};
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
pub use driver::DieselDatabase;
#[cfg(feature = "mysql")]
pub use driver::MySqlDatabase;
#[cfg(feature = "postgres")]
pub use driver::PgDatabase;
#[cfg(feature = "sqlite")]
pub use driver::SqliteDatabase;
pub use keyferry_sql::{Access, Dialect, Found, Opening, TableMap, TableName};
#[cfg(feature = "mysql")]
pub use open::open_mysql;
#[cfg(feature = "postgres")]
pub use open::open_postgres;
#[cfg(feature = "sqlite")]
pub use open::open_sqlite;
pub use sink::DieselSink;
