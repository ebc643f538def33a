//! SQLite: opening a database, checking its table, reading and writing it.

mod open;
mod row;
mod shape;
mod sink;

pub use open::{Access, Found};
pub use sink::SqliteSink;
