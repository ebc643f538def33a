//! The SQL targets through sqlx: SQLite, PostgreSQL, MySQL and MariaDB, each a feature.
//!
//! [`open_sqlite`], `open_postgres` and `open_mysql` give an asynchronous [`SqlSink`]; [`BlockingSink`] is the same as a
//! [`keyferry_core::Sink`], for [`keyferry_core::plan`], [`keyferry_core::apply`] and [`keyferry_core::verify`].
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

mod blocking;
#[cfg(any(feature = "mysql", feature = "postgres"))]
mod connect;
mod driver;
mod open;

pub use blocking::{BlockingLock, BlockingSink, Opened};
#[cfg(feature = "mysql")]
pub use connect::connect_mysql;
#[cfg(feature = "postgres")]
pub use connect::connect_postgres;
#[cfg(feature = "mysql")]
pub use driver::MySqlDatabase;
#[cfg(feature = "postgres")]
pub use driver::PgDatabase;
#[cfg(feature = "sqlite")]
pub use driver::SqliteDatabase;
pub use keyferry_sql::{Access, Dialect, Found, SqlLock, SqlSink, TableMap, TableName};
#[cfg(feature = "mysql")]
pub use open::open_mysql;
#[cfg(feature = "postgres")]
pub use open::open_postgres;
#[cfg(feature = "sqlite")]
pub use open::{BlockingSqliteSink, open_sqlite, read_sqlite};
