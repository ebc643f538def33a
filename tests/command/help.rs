//! Every help page and every way to call the command wrongly.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use crate::{
    exports::{csv, rows},
    support::{Folder, snapshot},
};

#[test]
fn help_pages() {
    let folder = Folder::new();
    snapshot("help", &[folder.run("--help").expect(0)]);
    for command in
        ["inspect", "plan", "import", "verify", "probe", "replay", "checksum", "schema", "generate"]
    {
        snapshot(&format!("help-{command}"), &[folder.run(&format!("{command} --help")).expect(0)]);
    }
    assert_eq!(folder.files(), [""; 0]);
}

#[test]
fn without_arguments() {
    snapshot("without-arguments", &[Folder::new().run("").expect_stopped()]);
}

#[test]
fn usage_errors() {
    let folder = Folder::with("export.csv", csv(&rows(1)));
    let import = "import export.csv --rp-id example.com";
    let outcomes: Vec<_> = [
        "frobnicate".to_owned(),
        "import".to_owned(),
        "import export.csv --rp-id example.com".to_owned(),
        "import export.csv --to sqlite:t.db".to_owned(),
        "plan export.csv --to sqlite:t.db".to_owned(),
        "verify export.csv --to sqlite:t.db".to_owned(),
        format!("{import} --to passkeys.db"),
        format!("{import} --to sqlite:"),
        format!("{import} --to oracle:passkeys"),
        format!("{import} --to SQLite:t.db"),
        "import export.csv --rp-id https://example.com --to sqlite:t.db".to_owned(),
        "import export.csv --rp-id example.com:443 --to sqlite:t.db".to_owned(),
        "import export.csv --rp-id= --to sqlite:t.db".to_owned(),
        format!("{import} --to sqlite:t.db --checksum 5yuiJSxKKnU"),
        format!("{import} --to sqlite:t.db --checksum CRC32:5yuiJSxKKnU="),
        format!("{import} --to sqlite:t.db --checksum e72ba2252c4a2a75"),
        format!("{import} --to sqlite:t.db --rows many"),
        format!("{import} --to sqlite:t.db --rows -1"),
        format!("{import} --to sqlite:t.db --user-handle email"),
        format!("{import} --to sqlite:t.db --account email"),
        format!("{import} --to sqlite:t.db --authority me"),
        format!("{import} --to sqlite:t.db --max-unpacked 0"),
        "schema oracle".to_owned(),
        "generate --rows 3 --seed 1".to_owned(),
        "checksum".to_owned(),
    ]
    .iter()
    .map(|args| folder.run(args).expect_stopped())
    .collect();
    snapshot("usage-errors", &outcomes);
    assert_eq!(folder.files(), ["export.csv"]);
}

#[test]
fn schemas() {
    for dialect in ["sqlite", "postgres", "mysql"] {
        snapshot(&format!("schema-{dialect}"), &[Folder::new().run(&format!("schema {dialect}")).expect(0)]);
    }
}

/// An application has a SQLite of its own, which may be older than the one that is built in: it must take what is not known.
#[test]
fn the_sqlite_schema_takes_rows_of_unknown_transports_from_the_systems_sqlite() {
    let folder = Folder::new();
    let schema = folder.run("schema sqlite").expect(0).stdout;
    let program = "import sqlite3, sys; db = sqlite3.connect(':memory:'); db.executescript(sys.stdin.read()); \
                   add = 'INSERT INTO webauthn_credentials (credential_id, public_key, cose_algorithm, sign_count, \
                   transports, status, rp_id, account) VALUES (?, ?, -7, 0, ?, ?, ?, ?)'; \
                   [db.execute(add, (bytes([at]), b'key', text, 'active', 'example.com', 'alice')) \
                   for at, text in enumerate([None, '[]', '[\"usb\"]'])]; \
                   db.execute('UPDATE webauthn_credentials SET sign_count = 1, transports = transports'); \
                   print(db.execute('SELECT count(*) FROM webauthn_credentials').fetchone()[0])";
    let mut python = Command::new("python3");
    let mut child =
        python.args(["-c", program]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(schema.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "3");
}

#[test]
fn checksums() {
    // The check value of CRC-64/NVME in the catalogue of CRC algorithms, as base64.
    let folder = Folder::with("nine.txt", "123456789");
    let of_file = folder.run("checksum nine.txt").expect(0);
    let of_input = folder.run_with_input("checksum -", b"123456789").expect(0);
    assert_eq!(of_file.stdout, of_input.stdout);
    let others = [folder.run("checksum missing").expect_stopped(), folder.run("checksum .").expect_stopped()];
    let [missing, folder] = others;
    snapshot("checksum", &[of_file, of_input, missing, folder]);
}

#[test]
fn generated_exports() {
    let folder = Folder::new();
    // Not compressed, so that the checksum does not change with the version of a compressor.
    let small = folder.run("generate --rows 3 --seed 1 --out small.csv").expect(0);
    let without = folder.run("generate --rows 3 --seed 1 --no-assertions --out without.csv").expect(0);
    assert_eq!(folder.read("small.csv"), folder.read("without.csv"));
    let nowhere = folder.run("generate --rows 3 --seed 1 --out missing/small.csv").expect_stopped();
    snapshot("generate", &[small, without, nowhere]);
    let files = ["small.assertions.jsonl", "small.checksum", "small.csv", "small.keys.jsonl"];
    assert_eq!(folder.files()[..4], files);
    folder.run("generate --rows 30 --seed 1 --no-assertions --out .").expect(0);
    let checksum = folder.text("2026-01-15-30.checksum");
    let checked = folder.run(&format!("inspect 2026-01-15-30.csv.gz --checksum {checksum}")).expect(0);
    assert!(checked.stdout.contains("matches the vendor's value"), "{}", checked.stdout);
}
