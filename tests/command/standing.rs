//! What an import must never change: user, key, RP ID and backup eligibility of a credential that is there.

use keyferry_testkit::ExportRow;

use crate::{
    exports::{another_row, changed, csv, rows},
    support::{Folder, TARGETS, file_of, snapshot},
};

/// Imports three rows, then the same with the second one changed, and demands a conflict that leaves no trace.
fn conflicts(target: &str, change: fn(&mut ExportRow), code: &str, more: &str) {
    let folder = Folder::with("export.csv", csv(&rows(3)));
    folder.import("export.csv", target);
    folder.write("later.csv", changed(3, 2, change));
    let before = folder.read(file_of(target));
    for authority in ["export", "target"] {
        let more = format!("--authority {authority} {more}");
        let outcome = folder.carry("import", "later.csv", target, &more).expect(1);
        assert_eq!(outcome.counts(), "read 3, unchanged 2, conflict 1", "{target} {authority}");
        assert_eq!(outcome.faults(), [format!("2 {code}")], "{target} {authority}");
        let verify = folder.carry("verify", "later.csv", target, &more).expect(1);
        assert_eq!(verify.faults(), [format!("2 {code}")], "{target} {authority}");
    }
    assert_eq!(folder.read(file_of(target)), before, "{target} was changed");
    folder.carry("verify", "export.csv", target, "").expect(0);
}

fn other_user(row: &mut ExportRow) {
    (row.user_id, row.external_user_id) = (another_row(0).user_id, another_row(0).external_user_id);
}

fn other_key(row: &mut ExportRow) {
    row.public_key = another_row(0).public_key;
}

fn other_eligibility(row: &mut ExportRow) {
    let eligible = row.backup_eligible == "true";
    (row.backup_eligible, row.backup_state) = ((!eligible).to_string(), "false".to_owned());
}

#[test]
fn a_credential_never_moves_to_another_user() {
    for target in TARGETS {
        conflicts(target, other_user, "user-changed", "");
    }
    // Revoked or with a higher counter it does not move either.
    let taken = |row: &mut ExportRow| {
        other_user(row);
        row.status = "revoked".to_owned();
        row.authenticator_sign_count = "4000".to_owned();
    };
    conflicts("sqlite:t.db", taken, "user-changed", "");
    conflicts("simplewebauthn:t.json", taken, "user-changed", "");
    conflicts("sqlite:t.db", |row| row.user_id = another_row(0).user_id, "user-changed", "");
}

#[test]
fn a_credential_never_gets_another_key() {
    for target in TARGETS {
        conflicts(target, other_key, "key-changed", "");
    }
}

#[test]
fn backup_eligibility_never_changes() {
    for target in TARGETS {
        conflicts(target, other_eligibility, "backup-eligible-changed", "");
    }
}

#[test]
fn a_credential_never_moves_to_another_rp_id() {
    for target in TARGETS {
        let folder = Folder::with("export.csv", csv(&rows(3)));
        let first = folder.import("export.csv", target).json();
        // Where the target keeps no RP ID, the report says that it does not.
        if first["not_kept"].as_array().unwrap().iter().any(|item| item["item"] == "rp_id") {
            assert!(target.starts_with("simplewebauthn"), "{target} keeps the RP ID");
            continue;
        }
        let before = folder.read(file_of(target));
        let outcome = folder.carry("import", "export.csv", target, "--rp-id example.org").expect(1);
        assert_eq!(outcome.faults(), [1, 2, 3].map(|row| format!("{row} rp-id-changed")), "{target}");
        assert_eq!(folder.read(file_of(target)), before, "{target}");
    }
}

#[test]
fn a_user_handle_that_is_known_never_changes() {
    for target in &TARGETS[..3] {
        let folder = Folder::with("export.csv", csv(&rows(2)));
        let import =
            |rule: &str| folder.carry("import", "export.csv", target, &format!("--user-handle {rule}"));
        import("none").expect(0);
        assert_eq!(import("user-id").expect(0).counts(), "read 2, updated 2", "{target}");
        let before = folder.read(file_of(target));
        let other = import("external-user-id-uuid").expect(1);
        assert_eq!(other.faults(), ["1 user-handle-changed", "2 user-handle-changed"], "{target}");
        assert_eq!(import("none").expect(0).counts(), "read 2, unchanged 2", "{target}");
        assert_eq!(folder.read(file_of(target)), before, "{target}");
    }
}

#[test]
fn the_messages_of_conflicts() {
    let mut later = rows(4);
    other_user(&mut later[0]);
    later[1].public_key = another_row(1).public_key;
    other_eligibility(&mut later[2]);
    let folder = Folder::with("export.csv", csv(&rows(4)));
    folder.write("later.csv", csv(&later));
    folder.import("export.csv", "sqlite:t.db");
    let run = |args: &str| folder.run(&format!("import {args}")).expect(1);
    let outcomes = [
        run("later.csv --rp-id example.com --to sqlite:t.db"),
        run("export.csv --rp-id example.org --to sqlite:t.db"),
    ];
    snapshot("conflicts", &outcomes);
}
