//! The worked example of `docs/table-maps.md`, as it stands there.

use std::{fs, path::Path};

use keyferry_core::{CredentialRecord, Transports};
use keyferry_sqlx::Dialect;
use keyferry_testkit::records::{of_user, record};

use crate::database::{Database, dialects};

fn document() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/table-maps.md")).unwrap()
}

fn block<'a>(text: &'a str, language: &str) -> &'a str {
    let (_, rest) = text.split_once(&format!("```{language}\n")).unwrap();
    rest.split_once("```").unwrap().0
}

#[test]
fn the_worked_example_works() {
    let text = document();
    if !dialects().contains(&Dialect::Postgres) {
        return;
    }
    let database = Database::new(Dialect::Postgres);
    database.sql("CREATE TABLE users (id bigint PRIMARY KEY, email text)");
    database.sql("INSERT INTO users VALUES (7, 'anna@example.com'), (8, 'ben@example.com')");
    database.sql(block(&text, "sql"));
    let anna = of_user(record(1), "anna@example.com");
    let ben = CredentialRecord { aaguid: None, transports: None, ..of_user(record(2), "ben@example.com") };
    let mut target = database.with_map(block(&text, "toml")).unwrap();
    target.insert(&[anna.clone(), ben.clone()]);
    let row =
        "SELECT user_id || kind || transports::text || label || extra::text FROM passkeys ORDER BY user_id";
    assert_eq!(
        database.ask(row),
        "7multiDevice{internal,hybrid}Imported passkey\
         {\"aaguid\": \"ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4\", \"source\": \"keyferry\"}\n\
         8multiDevice{}Imported passkey{\"aaguid\": null, \"source\": \"keyferry\"}"
    );
    assert!(target.verify(&[anna.clone(), ben]).is_clean());
    let later = CredentialRecord { transports: Some(Transports::new(["usb"])), ..anna };
    assert_eq!(target.apply(std::slice::from_ref(&later)).counts.updated, 1);
    assert!(target.verify(&[later]).is_clean());
}

/// The error for a word that is not known lists all of them; so must the document.
#[test]
fn every_word_of_a_map_is_explained() {
    let text = document();
    let least = "name='x'\nlibrary='x'\ntable='x'\n[columns]\n";
    let database = Database::new(Dialect::Sqlite);
    for lines in ["aaguid = { column = 'x', as = '?' }\n", "[derived]\nx = '?'\n", "'?' = 'x'\n"] {
        let error = database.with_map(&format!("{least}{lines}")).err().unwrap();
        let (_, words) =
            error.rsplit_once(if lines.starts_with('\'') { "can have " } else { "known: " }).unwrap();
        for word in words.split(", ") {
            assert!(text.contains(&format!("`{word}`")), "`{word}` is not in docs/table-maps.md");
        }
    }
    for (name, _) in keyferry_sql::SHIPPED {
        assert!(text.contains(&format!("| `{name}` |")), "{name}");
    }
}
