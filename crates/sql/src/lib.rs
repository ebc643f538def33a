//! The schema and the statements of the SQL targets as text.
//!
//! No driver is named here: the asynchronous and the synchronous adapter run the same texts. The table is ours,
//! `webauthn_credentials`, with its columns in the order of WebAuthn Level 3, section 4.
//!
//! No statement decides by a conflict that it does not name: `REPLACE`, `ON DUPLICATE KEY UPDATE` and `INSERT OR IGNORE`
//! hand one user's passkey to another, or drop it without an error.
//!
//! ```
//! use keyferry_sql::{Dialect, schema};
//! assert!(schema(Dialect::Sqlite).contains("CREATE TABLE webauthn_credentials"));
//! ```

mod address;
mod as_written;
mod attestation_object;
mod catalog;
mod column;
mod copy;
mod database;
mod decode;
mod encode;
mod failure;
mod lock;
mod map;
mod name;
mod packed;
mod profile;
mod record_view;
mod schema;
mod sink;
mod sqlite_file;
mod table;
mod text;
mod value;
mod whole_table;

pub use address::{AddressError, Environment, Secret, ServerAddress, Tls, TlsMode};
pub use column::{COLUMNS, Column};
pub use database::{Database, Each, Statement, ready};
pub use failure::{Class, DatabaseError, Raw};
pub use lock::SqlLock;
pub use map::{MapError, SHIPPED, TableMap};
pub use name::{NameError, TableName};
pub use profile::profile_of;
pub(crate) use schema::migrations_of;
pub use schema::{Dialect, TABLE, VERSION, VERSION_TABLE, migrations, schema, schema_of};
pub use sink::{Access, Found, Opening, SqlSink};
pub use sqlite_file::SqliteFile;
pub use value::{Cells, Kind, OtherKind, Value};
pub use whole_table::{ShowsRows, WholeTable};

/// The temporary table that rows are copied into on their way in PostgreSQL; it lives for one transaction.
pub const COPY_TABLE: &str = "keyferry_rows";
