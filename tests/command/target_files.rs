//! Target files that hold something else than they should: exit code 2, and not a byte is changed.

use crate::{
    database::execute,
    exports::{csv, rows},
    support::{Folder, Outcome, file_of, snapshot},
};

/// Demands that plan, import and verify stop and leave the target as it is; gives the import's answer.
fn refused(target: &str, content: &[u8]) -> Outcome {
    let folder = Folder::with("export.csv", csv(&rows(3)));
    folder.write(file_of(target), content);
    unchanged(&folder, target)
}

fn unchanged(folder: &Folder, target: &str) -> Outcome {
    let (files, before) = (folder.files(), folder.read(file_of(target)));
    let run = |verb: &str| {
        folder.run(&format!("{verb} export.csv --rp-id example.com --to {target}")).expect_stopped()
    };
    let [_, _, import] = ["plan", "verify", "import"].map(run);
    assert_eq!((folder.files(), folder.read(file_of(target))), (files, before), "{target}");
    import
}

/// What an import writes, as text.
fn imported(target: &str) -> String {
    let folder = Folder::with("export.csv", csv(&rows(3)));
    folder.import("export.csv", target);
    folder.text(file_of(target))
}

#[test]
fn json_that_is_not_ours() {
    let (array, lines) = ("simplewebauthn:t.json", "simplewebauthn:t.jsonl");
    let outcomes = [
        refused(array, b"garbage"),
        refused(array, b"{\"name\": \"my-app\"}\n"),
        refused(array, b"[1, 2]"),
        refused(array, b"[{\"id\": \"AAAA\"}]"),
        refused(array, b"[{\"id\": 1, \"publicKey\": null}]"),
        refused(array, b"\xff\xfe"),
        refused(array, imported(lines).as_bytes()),
        refused(lines, imported(array).as_bytes()),
        refused(array, imported("webauthn-rs:w.json").as_bytes()),
        refused("webauthn-rs:w.json", imported(array).as_bytes()),
        refused(lines, b"\n\nnot json\n"),
    ];
    snapshot("foreign-json", &outcomes);
}

#[test]
fn json_that_is_cut_short() {
    for target in ["simplewebauthn:t.json", "simplewebauthn:t.jsonl", "webauthn-rs:w.json"] {
        let whole = imported(target);
        for cut in [1, whole.len() / 2, whole.trim_end().len() - 1] {
            refused(target, &whole.as_bytes()[..cut]);
        }
    }
}

#[test]
fn json_with_an_id_twice() {
    let line = imported("simplewebauthn:t.jsonl").lines().next().unwrap().to_owned();
    let outcomes = [
        refused("simplewebauthn:t.jsonl", format!("{line}\n{line}\n").as_bytes()),
        refused("simplewebauthn:t.json", format!("[{line},\n{line}]").as_bytes()),
    ];
    snapshot("id-twice-in-target", &outcomes);
}

#[test]
fn json_with_nothing_in_it_is_an_empty_target() {
    for (target, content) in [
        ("simplewebauthn:t.json", "[]"),
        ("simplewebauthn:t.json", " [ ] \n"),
        ("simplewebauthn:t.jsonl", ""),
    ] {
        let folder = Folder::with("export.csv", csv(&rows(3)));
        folder.write(file_of(target), content);
        folder.import("export.csv", target);
        assert_eq!(folder.text(file_of(target)), imported(target));
    }
}

#[test]
fn a_file_that_is_no_database() {
    let outcomes = [
        refused("sqlite:t.db", b"The quick brown fox jumps over the lazy dog.\n"),
        refused("sqlite:t.db", imported("simplewebauthn:t.json").as_bytes()),
        refused("sqlite:t.db", &[0; 5000]),
    ];
    snapshot("no-database", &outcomes);
}

#[test]
fn a_table_of_another_form() {
    let outcomes: Vec<_> = [
        "CREATE TABLE webauthn_credentials (id INTEGER PRIMARY KEY, name TEXT)",
        "CREATE TABLE webauthn_credentials (id INTEGER PRIMARY KEY, name TEXT) STRICT",
        "CREATE VIEW webauthn_credentials AS SELECT 1 AS credential_id",
        "CREATE TABLE keyferry_schema (version INTEGER NOT NULL) STRICT; INSERT INTO keyferry_schema VALUES (99)",
    ]
    .iter()
    .map(|statements| {
        let folder = Folder::with("export.csv", csv(&rows(3)));
        execute(&folder.path("t.db"), statements);
        unchanged(&folder, "sqlite:t.db")
    })
    .collect();
    snapshot("other-table", &outcomes);
}

#[test]
fn tables_of_the_application_stay() {
    let folder = Folder::with("export.csv", csv(&rows(3)));
    execute(&folder.path("t.db"), "CREATE TABLE users (name TEXT); INSERT INTO users VALUES ('alice')");
    folder.import("export.csv", "sqlite:t.db");
    assert_eq!(crate::database::ask(&folder.path("t.db"), "SELECT name FROM users"), ["alice"]);
    assert_eq!(crate::database::dump(&folder.path("t.db")).len(), 3);
}
