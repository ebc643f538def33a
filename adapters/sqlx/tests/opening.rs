//! What happens to files: reading leaves no trace, writing makes what is missing, and nothing foreign is touched.
#![allow(clippy::unwrap_used, reason = "clippy.toml exempts test functions, not their helpers")]

mod support;

use std::fs;

use keyferry_core::{Sink as _, SinkErrorKind, Write, Written};
use keyferry_sql::{Dialect, schema};
use keyferry_sqlx::{Access, BlockingSqliteSink, Found, TableMap, TableName, open_sqlite};
use support::{Place, place, record, text};

fn own() -> TableMap {
    TableMap::own(Dialect::Sqlite, TableName::own())
}

fn open(place: &Place, access: Access) -> Result<BlockingSqliteSink, (SinkErrorKind, String)> {
    BlockingSqliteSink::connect(&place.path, access).map_err(|error| (error.kind, text(&error)))
}

/// The same answer for reading and for writing, since a plan must not promise what an import refuses.
fn refused(place: &Place) -> (SinkErrorKind, String) {
    let files = place.files();
    let for_reading = open(place, Access::Read).unwrap_err();
    let for_writing = open(place, Access::Write).unwrap_err();
    assert_eq!(for_reading, for_writing);
    assert_eq!(place.files(), files);
    for_writing
}

#[test]
fn a_missing_file_is_an_empty_target() {
    let place = place();
    let mut sink = open(&place, Access::Read).unwrap();
    assert_eq!(sink.found(), Found::NoFile);
    assert!(sink.fetch(&[&record(1).credential_id]).unwrap().is_empty());
    drop(sink);
    assert_eq!(place.files(), [""; 0]);
}

#[test]
fn a_database_without_the_table_is_an_empty_target() {
    let place = place();
    place.sql("CREATE TABLE users (name TEXT) STRICT");
    let before = fs::read(&place.path).unwrap();
    let mut sink = open(&place, Access::Read).unwrap();
    assert_eq!(sink.found(), Found::NoTable);
    assert!(sink.fetch(&[&record(1).credential_id]).unwrap().is_empty());
    drop(sink);
    assert_eq!(fs::read(&place.path).unwrap(), before);
    let sink = open(&place, Access::Write).unwrap();
    assert_eq!(sink.found(), Found::NoTable);
    drop(sink);
    assert_eq!(open(&place, Access::Read).unwrap().found(), Found::Table);
    assert_eq!(place.ask("SELECT name FROM sqlite_schema WHERE name = 'users'"), ["users"]);
}

#[test]
fn an_empty_file_is_a_database_without_the_table() {
    let place = place();
    fs::write(&place.path, "").unwrap();
    assert_eq!(open(&place, Access::Read).unwrap().found(), Found::NoTable);
    assert_eq!(fs::read(&place.path).unwrap(), b"");
    assert_eq!(open(&place, Access::Write).unwrap().found(), Found::NoTable);
}

#[test]
fn a_file_that_is_made_is_for_its_owner_and_complete() {
    let place = place();
    let sink = open(&place, Access::Write).unwrap();
    assert_eq!(sink.found(), Found::NoFile);
    drop(sink);
    assert_eq!(place.files(), ["passkeys.db"]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&place.path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let made = fs::read(&place.path).unwrap();
    assert_eq!(open(&place, Access::Write).unwrap().found(), Found::Table);
    assert_eq!(fs::read(&place.path).unwrap(), made, "opening again changes nothing");
    assert_eq!(place.ask("SELECT CAST(version AS TEXT) FROM keyferry_schema"), ["1"]);
}

#[test]
fn a_database_in_wal_mode_stays_so_and_reading_leaves_no_files() {
    let place = place();
    drop(place.writer());
    place.ask("PRAGMA journal_mode = WAL");
    assert_eq!(place.files(), ["passkeys.db"]);
    let before = fs::read(&place.path).unwrap();
    drop(open(&place, Access::Read).unwrap());
    assert_eq!(place.files(), ["passkeys.db"]);
    assert_eq!(fs::read(&place.path).unwrap(), before);
    let mut sink = open(&place, Access::Write).unwrap();
    sink.upsert(&[Write::Insert(&record(1))]).unwrap();
    // A plan beside an import, or beside the application.
    let mut reader = open(&place, Access::Read).unwrap();
    assert_eq!(reader.fetch(&[&record(1).credential_id]).unwrap().len(), 1);
    drop((reader, sink));
    assert_eq!(place.ask("PRAGMA journal_mode"), ["wal"]);
    assert_eq!(place.files(), ["passkeys.db"]);
}

#[test]
fn a_missing_folder_is_not_made() {
    let mut place = place();
    place.path = place.folder.path().join("no/such/folder/passkeys.db");
    let expected = (SinkErrorKind::Unreachable, "opening passkeys.db: its folder does not exist".to_owned());
    assert_eq!(refused(&place), expected);
}

#[test]
fn what_is_not_a_file_is_refused() {
    let place = place();
    fs::create_dir(&place.path).unwrap();
    assert_eq!(refused(&place).1, "opening passkeys.db: it is not a file");
}

#[test]
fn what_is_not_a_database_is_refused() {
    let place = place();
    fs::write(&place.path, "id,name\n".repeat(1000)).unwrap();
    let (kind, message) = refused(&place);
    assert_eq!(kind, SinkErrorKind::SchemaMismatch);
    assert_eq!(message, "opening passkeys.db: file is not a database; it is another kind of file");
}

#[cfg(unix)]
#[test]
fn a_symbolic_link_is_refused() {
    use std::os::unix::fs::symlink;
    let expected = "opening passkeys.db: it is a symbolic link; name the file that it points to";
    let place = place();
    let real = place.folder.path().join("real.db");
    symlink(&real, &place.path).unwrap();
    assert_eq!(refused(&place).1, expected);
    drop(BlockingSqliteSink::connect(&real, Access::Write).unwrap());
    let before = fs::read(&real).unwrap();
    assert_eq!(refused(&place).1, expected);
    assert_eq!(fs::read(&real).unwrap(), before);
}

#[test]
fn names_that_mean_something_to_sqlite_are_just_names() {
    for odd in [":memory:", "file:x?mode=memory", "a%20b?c#d.db"] {
        let mut place = place();
        place.path = place.folder.path().join(odd);
        let mut sink = open(&place, Access::Write).unwrap();
        assert_eq!(sink.upsert(&[Write::Insert(&record(1))]).unwrap(), [Written::Done]);
        drop(sink);
        assert_eq!(place.files(), [odd]);
        assert_eq!(open(&place, Access::Read).unwrap().found(), Found::Table);
    }
}

#[test]
fn another_table_of_the_same_name_is_refused() {
    let ddl = schema(Dialect::Sqlite);
    let with = |old: &str, new: &str| {
        assert!(ddl.contains(old), "{old}");
        ddl.replace(old, new)
    };
    let transports = "    transports               TEXT    CHECK (transports IS NULL OR -- older versions call NULL no \
                      valid JSON; '[]' is empty\n        json_valid(transports) AND json_type(transports) = 'array'),\n";
    for (ddl, expected) in [
        (with(transports, ""), "webauthn_credentials has no column transports, expected TEXT NULL"),
        (
            with("sign_count               INTEGER", "sign_count               TEXT   "),
            "webauthn_credentials: column sign_count is TEXT NOT NULL, expected INTEGER NOT NULL",
        ),
        (
            with("user_id                  TEXT   ", "user_id                  TEXT NOT NULL"),
            "webauthn_credentials: column user_id is TEXT NOT NULL, expected TEXT NULL",
        ),
        (
            with("account                  TEXT    NOT NULL", "account                  TEXT "),
            "webauthn_credentials: column account is TEXT NULL, expected TEXT NOT NULL",
        ),
        (
            with("NOT NULL PRIMARY KEY", "NOT NULL"),
            "webauthn_credentials has no unique index on exactly credential_id",
        ),
        (
            with("NOT NULL PRIMARY KEY", "NOT NULL")
                + "CREATE UNIQUE INDEX loose ON webauthn_credentials (credential_id, account);\
                   CREATE UNIQUE INDEX part ON webauthn_credentials (credential_id) WHERE status = 'active';\
                   CREATE UNIQUE INDEX folded ON webauthn_credentials (credential_id COLLATE NOCASE);\
                   CREATE UNIQUE INDEX short ON webauthn_credentials (substr(credential_id, 1, 16));\
                   CREATE INDEX plain ON webauthn_credentials (credential_id);",
            "webauthn_credentials has no unique index that takes bytes for bytes on exactly credential_id",
        ),
        (
            with(") STRICT;\n\n-- The two", ");\n\n-- The two"),
            "webauthn_credentials is not a STRICT table: a text could stand beside the same bytes",
        ),
        (
            with("    status ", "    tenant INTEGER NOT NULL,\n    status "),
            "webauthn_credentials has a column tenant of its own that must not be NULL and has no default",
        ),
        (
            "CREATE VIEW webauthn_credentials AS SELECT 1 AS credential_id".to_owned(),
            "webauthn_credentials is a view, expected a table",
        ),
    ] {
        let place = place();
        place.sql(&ddl);
        let before = fs::read(&place.path).unwrap();
        let expected = (SinkErrorKind::SchemaMismatch, format!("opening passkeys.db: {expected}"));
        assert_eq!(refused(&place), expected);
        assert_eq!(fs::read(&place.path).unwrap(), before);
    }
}

#[test]
fn a_table_of_the_applications_own_making_is_taken() {
    let ddl = schema(Dialect::Sqlite);
    let (table, _) = ddl.split_once("-- One row").unwrap();
    for ddl in [
        table.to_owned(),
        table.replace(
            "    status ",
            "    nickname TEXT UNIQUE,\n    seen INTEGER NOT NULL DEFAULT 0,\n    status ",
        ),
        table.replace("CREATE TABLE webauthn_credentials", "CREATE TABLE WebAuthn_Credentials"),
        table.replace("NOT NULL PRIMARY KEY", "NOT NULL")
            + "CREATE UNIQUE INDEX own ON webauthn_credentials (credential_id);",
    ] {
        let place = place();
        place.sql(&ddl);
        let mut sink = open(&place, Access::Write).unwrap();
        assert_eq!(sink.found(), Found::Table);
        let writes = [Write::Insert(&record(1)), Write::Insert(&record(2))];
        assert_eq!(sink.upsert(&writes).unwrap(), vec![Written::Done; 2]);
        assert_eq!(sink.upsert(&writes).unwrap(), vec![Written::Changed; 2]);
        drop(sink);
        assert_eq!(place.ask("SELECT name FROM sqlite_schema WHERE name = 'keyferry_schema'"), [""; 0]);
    }
}

#[test]
fn a_newer_schema_is_refused() {
    let place = place();
    drop(place.writer());
    place.sql("UPDATE keyferry_schema SET version = 2");
    let expected = "opening passkeys.db: its schema has version 2, this keyferry knows versions up to 1; \
                    use a newer keyferry";
    assert_eq!(refused(&place), (SinkErrorKind::SchemaMismatch, expected.to_owned()));
    place.sql("DROP TABLE webauthn_credentials");
    assert_eq!(refused(&place).1, expected);
    for damage in ["UPDATE keyferry_schema SET version = 0", "DELETE FROM keyferry_schema"] {
        place.sql(damage);
        assert_eq!(
            refused(&place).1,
            "opening passkeys.db: keyferry_schema has no row, several rows or a version below 1"
        );
    }
}

#[test]
fn a_dropped_table_is_made_again() {
    let place = place();
    drop(place.writer());
    place.sql("DROP TABLE webauthn_credentials");
    assert_eq!(open(&place, Access::Read).unwrap().found(), Found::NoTable);
    let mut sink = open(&place, Access::Write).unwrap();
    assert_eq!(sink.upsert(&[Write::Insert(&record(1))]).unwrap(), [Written::Done]);
    assert_eq!(place.ask("SELECT CAST(version AS TEXT) FROM keyferry_schema"), ["1"]);
}

#[test]
fn the_blocking_sink_works_inside_a_runtime() {
    let place = place();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut sink = open(&place, Access::Write).unwrap();
        assert_eq!(sink.upsert(&[Write::Insert(&record(1))]).unwrap(), [Written::Done]);
        assert_eq!(sink.fetch(&[&record(1).credential_id]).unwrap().len(), 1);
        drop(sink);
        // Beside the asynchronous one, and an error on the way.
        let mut sink = open_sqlite(&place.path, own()).await.unwrap();
        assert_eq!(sink.upsert(&[Write::Insert(&record(2))]).await.unwrap(), [Written::Done]);
        assert_eq!(sink.fetch(&[&record(1).credential_id]).await.unwrap().len(), 1);
        sink.close().await;
        BlockingSqliteSink::connect(place.folder.path(), Access::Read).unwrap_err();
    });
    assert_eq!(place.files(), ["passkeys.db"]);
}

#[test]
fn an_upsert_that_is_dropped_half_way_leaves_no_trace() {
    use std::{
        future::Future as _,
        pin::pin,
        task::{Context, Waker},
    };
    let place = place();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut sink = open_sqlite(&place.path, own()).await.unwrap();
        let records: Vec<_> = (0..=255).map(record).collect();
        let writes: Vec<_> = records.iter().map(Write::Insert).collect();
        for polls in 1..20 {
            let mut upsert = pin!(sink.upsert(&writes));
            for _ in 0..polls {
                if upsert.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
                    break;
                }
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
        }
        sink.upsert(&writes[..1]).await.unwrap();
        sink.close().await;
    });
    let rows = place.dump().len();
    assert!(rows == 1 || rows == 256, "{rows}"); // all of a batch or none
}
