//! Our own table, compared as a whole and one by one, on each database that shows all rows.
#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, reason = "clippy.toml exempts test functions, not their helpers")]

use keyferry_core::Survey;
use keyferry_diesel::{Access, Dialect, TableMap, TableName, open_sqlite};
use keyferry_testkit::survey::{Target, says_the_same};

#[test]
fn of_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("passkeys.db");
    let open = |access| open_sqlite(&path, TableMap::own(Dialect::Sqlite, TableName::own()), access).unwrap();
    assert!(open(Access::Read).into_survey().is_none(), "no file");
    says_the_same(&Target {
        writer: &|| Box::new(open(Access::Write)),
        reader: &|| Box::new(open(Access::Read)),
        survey: &|| open(Access::Read).into_survey().map(|survey| -> Box<dyn Survey> { Box::new(survey) }),
    });
}
