//! The rules that every sink keeps.

use keyferry_sqlx::{Access, BlockingSqliteSink};

keyferry_testkit::conformance!(|folder: &std::path::Path| {
    BlockingSqliteSink::connect(folder.join("passkeys.db"), Access::Write).unwrap()
});
