//! Maps that somebody else wrote: a name is never SQL, and a value never more than a value.

use keyferry_sqlx::Dialect;
use keyferry_testkit::records::record;

use crate::database::{Database, dialects};

/// A map with these names for the table and the column of the sign count, and this constant.
fn map(table: &str, column: &str, constant: &str) -> String {
    let quoted = |text: &str| serde_json::to_string(text).unwrap();
    format!(
        "name = 'own'\nlibrary = 'own'\ntable = {}\n[columns]\ncredential_id = 'id'\npublic_key = 'key'\n\
         sign_count = {}\naccount = 'account'\n[constants]\nnote = {}\n",
        quoted(table),
        quoted(column),
        quoted(constant)
    )
}

fn create(database: &Database, table: &str, column: &str) {
    let (bytes, text) = match database.dialect {
        Dialect::Sqlite => ("blob", "text"),
        Dialect::Postgres => ("bytea", "text"),
        Dialect::MySql => ("varbinary(1023)", "mediumtext"),
    };
    database.sql(&format!(
        "CREATE TABLE \"{table}\" (\"id\" {bytes} PRIMARY KEY, \"key\" {bytes}, \"{column}\" bigint, \
         \"account\" {text}, \"note\" {text})"
    ));
}

#[test]
fn names_that_are_none_are_refused() {
    let long = "x".repeat(64 << 10);
    let hostile = [
        "",
        " ",
        "x; DROP TABLE victim",
        "x\" --",
        "x`y",
        "x'y",
        "x\0y",
        "x.y.z",
        "x y",
        "x\n",
        "é",
        "1x",
        "x)",
        "x\\",
        "x/*",
        &long,
    ];
    for dialect in dialects() {
        let database = Database::new(dialect);
        create(&database, "victim", "n");
        for name in hostile {
            for text in [map(name, "n", ""), map("victim", name, "")] {
                let error = database.with_map(&text).err().unwrap_or_else(|| panic!("{name:?} is taken"));
                assert!(error.len() < 1000, "{} bytes of message", error.len());
                assert!(!error.contains('\0') && !error.contains('\n'), "{error:?}");
            }
        }
        assert_eq!(database.ask("SELECT count(*) || '' FROM victim"), "0", "{dialect:?}");
    }
}

#[test]
fn keywords_and_mixed_case_are_names() {
    for dialect in dialects() {
        let database = Database::new(dialect);
        for (table, column) in
            [("select", "from"), ("Mixed_Case", "signCount"), ("group", "Order"), ("_a$1", "b$")]
        {
            create(&database, table, column);
            let mut target = database.with_map(&map(table, column, "x")).unwrap();
            target.insert(&[record(1), record(2)]);
            assert!(target.verify(&[record(1), record(2)]).is_clean());
            let count = format!("SELECT \"{column}\" || '' FROM \"{table}\" ORDER BY 1 LIMIT 1");
            assert_eq!(database.ask(&count), "5", "{dialect:?}");
        }
    }
}

#[test]
fn a_constant_is_a_value() {
    let long = "x".repeat(64 << 10);
    let values =
        ["'); DROP TABLE victim; --", "\\", "\"", "NULL", "$1 ? :x {}", "é\u{1f511}", "\t\r\n", &long];
    for dialect in dialects() {
        for value in values {
            let database = Database::new(dialect);
            create(&database, "victim", "n");
            database.with_map(&map("victim", "n", value)).unwrap().insert(&[record(1)]);
            let hex = database.ask(&format!(
                "SELECT {} FROM victim",
                match dialect {
                    Dialect::Postgres => "encode(convert_to(note, 'UTF8'), 'hex')".to_owned(),
                    _ => database.hex("note"),
                }
            ));
            let expected: String = value.bytes().map(|byte| format!("{byte:02x}")).collect();
            assert!(hex == expected, "{dialect:?}: {value:.40}");
        }
    }
}

/// PostgreSQL has no text with a NUL in it, so no map has.
#[test]
fn a_nul_in_a_constant_is_refused() {
    for dialect in dialects() {
        let database = Database::new(dialect);
        create(&database, "victim", "n");
        let error = database.with_map(&map("victim", "n", "a\0b")).err().unwrap();
        assert!(error.contains("NUL"), "{error}");
    }
}
