//! A whole move of a generated export, as the operator sees it.

use std::{fs, path::Path};

use crate::support::{Folder, snapshot};

const EXPORT: &str = "2026-01-15-200.csv.gz";

/// A folder with the fixture, under the name that the vendor gave it.
fn folder() -> Folder {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/corbado").join(EXPORT);
    Folder::with(EXPORT, fs::read(fixture).unwrap())
}

fn whole_move(name: &str, target: &str) {
    let folder = folder();
    let run = |verb: &str, more: &str| {
        folder.run(&format!("{verb} {EXPORT} --rp-id example.com --to {target}{more}")).expect(0)
    };
    let plan = run("plan", "");
    assert_eq!(folder.files(), [EXPORT], "a plan writes nothing");
    let outcomes = [
        plan,
        run("import", ""),
        run("import", ""),
        run("verify", ""),
        run("verify", " --json"),
        // With the handle that the vendor gave to the authenticators there is nothing to hint at.
        run("import", " --user-handle external-user-id --checksum os+UKYj82/s="),
    ];
    snapshot(&format!("move-to-{name}"), &outcomes);
}

#[test]
fn move_to_sqlite() {
    whole_move("sqlite", "sqlite:passkeys.db");
}

#[test]
fn move_to_simplewebauthn() {
    whole_move("simplewebauthn", "simplewebauthn:passkeys.json");
    whole_move("simplewebauthn-lines", "simplewebauthn:passkeys.jsonl");
}

#[test]
fn move_to_webauthn_rs() {
    whole_move("webauthn-rs", "webauthn-rs:passkeys.json");
}

#[test]
fn before_anything_was_imported() {
    let verify = |more: &str| {
        folder().run(&format!("verify {EXPORT} --rp-id example.com --to sqlite:passkeys.db{more}")).expect(1)
    };
    snapshot("verify-nothing-there", &[verify("")]);
    assert_eq!(verify(" --json").json()["faults"].as_array().unwrap().len(), 200);
}

#[test]
fn inspect() {
    let folder = folder();
    let run = |args: &str| folder.run(&format!("inspect {EXPORT}{args}")).expect(0);
    let outcomes = [run(""), run(" --checksum CRC64NVME:os+UKYj82/s= --rp-id example.com"), run(" --json")];
    snapshot("inspect", &outcomes);
    assert_eq!(folder.files(), [EXPORT]);
}
