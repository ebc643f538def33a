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

mod column;
mod schema;
pub mod sqlite;

pub use column::{COLUMNS, Column, Kind};
pub use schema::{Dialect, TABLE, VERSION, VERSION_TABLE, migrations, schema};
