use std::fs::{self, File};
use std::path::PathBuf;

use keyferry_diesel::{SqliteDatabase, connect_sqlite, connect_sqlite_read_only};
use keyferry_sql::{Class, Database as _, Kind, OtherKind, Statement, Value, ready};
use tempfile::TempDir;

use super::support::{CANARY, execute, fails, kinds_of, others_are_not_bound, rows, run, values_survive};

struct Place {
    path: PathBuf,
    _folder: TempDir,
}

/// A database file of its own, with tables that refuse this and that.
#[allow(clippy::unwrap_used, reason = "clippy.toml exempts test functions, not their helpers")]
fn place() -> (Place, SqliteDatabase) {
    let folder = tempfile::tempdir().unwrap();
    // Each of these characters means something in a URI.
    let path = folder.path().join("file:a b?mode=memory%20#c&ü.db");
    File::create(&path).unwrap();
    let mut database = connect_sqlite(&path).unwrap();
    run(
        &mut database,
        "PRAGMA foreign_keys = ON;
        CREATE TABLE kinds (n INTEGER PRIMARY KEY, b BLOB, t TEXT, i INTEGER);
        CREATE TABLE users (id TEXT PRIMARY KEY);
        CREATE TABLE rows (
            id TEXT PRIMARY KEY NOT NULL CHECK (id <> ''), n INTEGER UNIQUE CHECK (n < 100), u TEXT REFERENCES users (id)
        ) STRICT;
        CREATE TRIGGER closed BEFORE INSERT ON rows WHEN NEW.n = 99
        BEGIN SELECT RAISE(ABORT, 'this account is closed'); END;",
    );
    (Place { path, _folder: folder }, database)
}

#[test]
fn values_come_back() {
    let (place, mut database) = place();
    values_survive(&mut database, "INSERT INTO kinds (b, t, i) VALUES (?, ?, ?)");
    assert!(fs::metadata(&place.path).unwrap().len() > 0, "it is the file that was meant");
    let others = [
        Value::Boolean(true),
        Value::Time(0),
        Value::Null(Kind::Boolean),
        Value::Null(Kind::Time),
        Value::Binaries(vec![]),
        Value::Texts(vec![]),
    ];
    others_are_not_bound(&mut database, "INSERT INTO kinds (i) VALUES (?)", &others);
    let error = ready(database.copy(b"")).unwrap().unwrap_err();
    assert_eq!(error.class, Class::Other);
}

#[test]
fn cells_are_what_was_stored() {
    let (_place, mut database) = place();
    let found = kinds_of(&mut database, "VALUES (x'00'), ('a'), (1), (1.5), (CAST(x'ff' AS TEXT)), ('')");
    assert_eq!(
        found,
        [vec![Kind::Binary], vec![Kind::Text], vec![Kind::Integer], vec![], vec![], vec![Kind::Text]]
    );
    let found = rows(&mut database, "SELECT 1, NULL", &[], &[Kind::Text, Kind::Text, Kind::Text]);
    assert_eq!(found, [[Err(OtherKind), Ok(Value::Null(Kind::Text)), Err(OtherKind)]]);
}

#[test]
fn counts_are_of_the_statement() {
    let (_place, mut database) = place();
    let insert = "INSERT INTO users VALUES (?), (?)";
    assert_eq!(execute(&mut database, insert, &[Value::text("a"), Value::text("b")]), Ok(2));
    assert_eq!(execute(&mut database, "UPDATE users SET id = id", &[]), Ok(2));
    assert_eq!(execute(&mut database, "UPDATE users SET id = id WHERE id = 'c'", &[]), Ok(0));
    assert_eq!(execute(&mut database, insert, &[Value::text("c"), Value::text("d")]), Ok(2));
    assert_eq!(execute(&mut database, "INSERT OR IGNORE INTO users VALUES (?)", &[Value::text("a")]), Ok(0));
    assert_eq!(execute(&mut database, "DELETE FROM users WHERE id < 'd'", &[]), Ok(3));
}

#[test]
fn rows_are_refused() {
    let (_place, mut database) = place();
    let insert = "INSERT INTO rows VALUES (?, ?, ?)";
    let row = |id, n, user| [id, n, user];
    let none = || Value::Null(Kind::Text);
    execute(&mut database, insert, &row(Value::text(CANARY), Value::Integer(1), none())).unwrap();
    for refused in [
        row(Value::text(CANARY), Value::Integer(2), none()),
        row(Value::text("x"), Value::Integer(1), none()),
        row(none(), Value::Integer(2), none()),
        row(Value::text(""), Value::Integer(2), none()),
        row(Value::text("x"), Value::Integer(100), none()),
        row(Value::text("x"), Value::text(CANARY), none()),
        row(Value::text("x"), Value::Integer(2), Value::text(CANARY)),
        row(Value::text("x"), Value::Integer(99), none()),
    ] {
        fails(&mut database, insert, &refused, Class::Row);
    }
    // The connection goes on.
    execute(&mut database, insert, &row(Value::text("y"), Value::Integer(2), none())).unwrap();
}

#[test]
fn failures_are_told_apart() {
    let (place, mut database) = place();
    fails(&mut database, "INSERT INTO missing VALUES (1)", &[], Class::Schema);
    fails(&mut database, "UPDATE users SET missing = 1", &[], Class::Schema);
    fails(&mut database, "INSERT INTO users VALUE (1)", &[], Class::Other);
    let error = ready(database.run("INSERT INTO users VALUES ('a'); SELEC")).unwrap().unwrap_err();
    assert_eq!(error.class, Class::Other, "{error}");
    // Each statement of several was run up to the wrong one.
    assert_eq!(rows(&mut database, "SELECT id FROM users", &[], &[Kind::Text]), [[Ok(Value::text("a"))]]);

    let mut other = connect_sqlite(&place.path).unwrap();
    run(&mut other, "PRAGMA busy_timeout = 0");
    run(&mut database, "BEGIN IMMEDIATE");
    fails(&mut other, "INSERT INTO users VALUES ('canary')", &[], Class::Busy);
    run(&mut database, "ROLLBACK");

    let mut reader = connect_sqlite_read_only(&place.path).unwrap();
    fails(&mut reader, "INSERT INTO users VALUES ('canary')", &[], Class::Denied);
    assert_eq!(
        rows(&mut reader, "SELECT count(*) FROM users", &[], &[Kind::Integer]),
        [[Ok(Value::Integer(1))]]
    );

    run(&mut database, "PRAGMA max_page_count = 1");
    fails(&mut database, "INSERT INTO kinds (b) VALUES (zeroblob(1000000))", &[], Class::Full);
    ready(database.close()).unwrap();
}

#[test]
fn what_is_no_database_is_not_opened() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.db");
    for error in [connect_sqlite(&missing).err(), connect_sqlite_read_only(&missing).err()] {
        assert_eq!(error.unwrap().class, Class::Unreachable);
    }
    assert!(!missing.exists(), "nothing is made");

    let text = folder.path().join("text.db");
    fs::write(&text, "just text, and more of it than a header has").unwrap();
    let mut database = connect_sqlite(&text).unwrap();
    let error = ready(database.execute(&Statement::once("CREATE TABLE t (a)"), &[])).unwrap().unwrap_err();
    assert_eq!(error.class, Class::Schema, "{error}");
}
