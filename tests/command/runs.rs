//! One export after another into the same target.

use std::{
    fs::File,
    time::{Duration, SystemTime},
};

use keyferry_testkit::ExportRow;

use crate::{
    database::dump,
    exports::{another_row, changed, csv, gzip, rows},
    support::{Folder, TARGETS, file_of, snapshot},
};

/// The records of a target in an order of their own.
fn records(folder: &Folder, target: &str) -> Vec<String> {
    if target.starts_with("sqlite:") {
        return dump(&folder.path(file_of(target)));
    }
    let text = folder.text(file_of(target));
    // In every layout a record is a line of its own, between brackets and names of accounts.
    let records = text.lines().filter(|line| line.starts_with("{\""));
    let mut lines: Vec<_> = records.map(|line| line.trim_end_matches(',').to_owned()).collect();
    lines.sort();
    lines
}

#[test]
fn twice_is_once() {
    for target in TARGETS {
        let folder = Folder::with("export.csv", csv(&rows(20)));
        folder.import("export.csv", target);
        let path = folder.path(file_of(target));
        let before = folder.read(file_of(target));
        let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        File::options().write(true).open(&path).unwrap().set_modified(long_ago).unwrap();
        let again = folder.import("export.csv", target);
        assert_eq!(again.counts(), "read 20, unchanged 20", "{target}");
        assert_eq!(folder.read(file_of(target)), before, "{target}");
        if !target.starts_with("sqlite:") {
            assert_eq!(path.metadata().unwrap().modified().unwrap(), long_ago, "{target} was written again");
        }
        assert_eq!(folder.files(), ["export.csv", file_of(target)]);
    }
}

#[test]
fn plan_and_verify_write_nothing() {
    for target in TARGETS {
        let folder = Folder::with("export.csv", csv(&rows(5)));
        folder.import("export.csv", target);
        folder.write("later.csv", csv(&rows(9)));
        let (files, before) = (folder.files(), folder.read(file_of(target)));
        assert_eq!(
            folder.carry("plan", "later.csv", target, "").expect(0).counts(),
            "read 9, inserted 4, unchanged 5"
        );
        folder.carry("verify", "later.csv", target, "").expect(1);
        assert_eq!((folder.files(), folder.read(file_of(target))), (files, before), "{target}");
    }
}

#[test]
fn however_the_export_comes_it_is_the_same() {
    let text = csv(&rows(20));
    for target in TARGETS {
        let folder = Folder::with("export.csv", &text);
        folder.import("export.csv", target);
        let expected = records(&folder, target);
        let bytes = folder.read(file_of(target));
        let packed = gzip(&text);
        let crlf = text.replace('\n', "\r\n");
        let bom = format!("\u{feff}{text}");
        for (export, input) in [
            ("-", text.as_bytes()),
            ("-", &packed[..]),
            ("/dev/stdin", text.as_bytes()),
            ("/dev/stdin", &packed[..]),
            ("-", crlf.as_bytes()),
            ("-", bom.as_bytes()),
        ] {
            let other = Folder::new();
            let import = format!("import {export} --rp-id example.com --to {target} --rows 20 --json");
            let outcome = other.run_with_input(&import, input).expect(0);
            assert_eq!(outcome.counts(), "read 20, inserted 20");
            assert_eq!(records(&other, target), expected, "{export} to {target}");
            if !target.starts_with("sqlite:") {
                assert_eq!(other.read(file_of(target)), bytes, "{export} to {target}");
            }
        }
    }
}

#[test]
fn the_order_of_rows_and_columns_does_not_matter() {
    for target in TARGETS {
        let folder = Folder::with("export.csv", csv(&rows(30)));
        folder.import("export.csv", target);
        let other = Folder::new();
        let mut permuted = rows(30);
        permuted.sort_by(|one, other| one.public_key.cmp(&other.public_key));
        // Columns from last to first, and in two files instead of one.
        for (name, part) in [("one.csv", &permuted[..11]), ("two.csv", &permuted[11..])] {
            let turned: String = csv(part)
                .lines()
                .map(|line| line.split(',').rev().collect::<Vec<_>>().join(",") + "\n")
                .collect();
            other.write(name, turned);
            other.import(name, target);
        }
        assert_eq!(records(&other, target), records(&folder, target), "{target}");
    }
}

#[test]
fn a_revoked_credential_is_barred_and_stays_so() {
    let later = changed(3, 2, |row| row.status = "revoked".to_owned());
    for target in TARGETS {
        let is_sqlite = target.starts_with("sqlite:");
        let folder = Folder::with("export.csv", csv(&rows(3)));
        folder.write("later.csv", &later);
        folder.import("export.csv", target);
        let unbarred = folder.carry("verify", "later.csv", target, "").expect(1);
        assert_eq!(unbarred.faults(), ["2 active-in-target"]);
        let expected =
            if is_sqlite { "read 3, updated 1, unchanged 2" } else { "read 3, unchanged 2, removed 1" };
        assert_eq!(folder.carry("plan", "later.csv", target, "").expect(0).counts(), expected);
        let barred = folder.import("later.csv", target);
        assert_eq!(barred.counts(), expected, "{target}");
        let reasons = barred.json()["cannot_log_in"].clone();
        assert_eq!(reasons, serde_json::json!([{"reason": "status-revoked", "count": 1}]), "{target}");
        folder.carry("verify", "later.csv", target, "").expect(0);
        let again = folder.import("later.csv", target);
        let settled = if is_sqlite { "read 3, unchanged 3" } else { "read 3, unchanged 2, skipped 1" };
        assert_eq!(again.counts(), settled, "{target}");
        assert_eq!(records(&folder, target).len(), if is_sqlite { 3 } else { 2 });
        if is_sqlite {
            // The older export comes once more: nothing becomes active again on its own.
            let before = folder.read("t.db");
            let reactivated = folder.carry("import", "export.csv", target, "").expect(1);
            assert_eq!(reactivated.faults(), ["2 reactivated"]);
            assert_eq!(folder.read("t.db"), before);
            snapshot("reactivated", &[folder.run("plan export.csv --rp-id example.com --to sqlite:t.db")]);
        }
    }
}

#[test]
fn a_status_only_loses_access() {
    let with = |status: &str| changed(1, 1, |row| row.status = status.to_owned());
    for (held, wanted, expected) in [
        ("active", "suspended", Ok("read 1, updated 1")),
        ("suspended", "revoked", Ok("read 1, updated 1")),
        ("revoked", "suspended", Ok("read 1, unchanged 1")),
        ("suspended", "active", Err("1 reactivated")),
        ("revoked", "active", Err("1 reactivated")),
        ("pending", "active", Ok("read 1, updated 1")),
        ("active", "pending", Ok("read 1, unchanged 1")),
    ] {
        let folder = Folder::with("held.csv", with(held));
        folder.write("wanted.csv", with(wanted));
        folder.import("held.csv", "sqlite:t.db");
        let outcome = folder.carry("import", "wanted.csv", "sqlite:t.db", "");
        match expected {
            Ok(counts) => assert_eq!(outcome.expect(0).counts(), counts, "{held} to {wanted}"),
            Err(fault) => assert_eq!(outcome.expect(1).faults(), [fault], "{held} to {wanted}"),
        }
    }
}

#[test]
fn counters_only_rise() {
    let with = |count: &str| changed(3, 1, |row| row.authenticator_sign_count = count.to_owned());
    for target in TARGETS {
        let folder = Folder::new();
        for count in ["5", "9", "10", "4294967295"] {
            folder.write(&format!("{count}.csv"), with(count));
        }
        folder.import("5.csv", target);
        assert_eq!(folder.import("9.csv", target).counts(), "read 3, updated 1, unchanged 2", "{target}");
        let before = folder.read(file_of(target));
        assert_eq!(folder.import("5.csv", target).counts(), "read 3, unchanged 3", "{target}");
        assert_eq!(folder.read(file_of(target)), before, "{target}");
        // The target holds 9: what expects it finds it, what expects more finds too little, what expects less is told.
        folder.carry("verify", "9.csv", target, "").expect(0);
        assert_eq!(folder.carry("verify", "10.csv", target, "").expect(1).faults(), ["1 differs-in-target"]);
        let older = folder.run(&format!("verify 5.csv --rp-id example.com --to {target}")).expect(0);
        assert!(older.stdout.contains("sign count higher in the target  1"), "{}", older.stdout);
        folder.import("4294967295.csv", target);
        assert_eq!(folder.import("10.csv", target).counts(), "read 3, unchanged 3", "{target}");
        folder.carry("verify", "4294967295.csv", target, "").expect(0);
    }
}

#[test]
fn a_target_in_charge_only_gains() {
    for target in TARGETS {
        let folder = Folder::with("export.csv", csv(&rows(4)));
        folder.import("export.csv", target);
        let before = records(&folder, target);
        let mut later: Vec<ExportRow> = rows(4);
        later[0].authenticator_sign_count = "4000".to_owned();
        later[1].status = "revoked".to_owned();
        later[2].transports = "usb;nfc".to_owned();
        later.push(another_row(0));
        folder.write("later.csv", csv(&later));
        let outcome = folder.carry("import", "later.csv", target, "--authority target").expect(0);
        assert_eq!(outcome.counts(), "read 5, inserted 1, unchanged 4", "{target}");
        let after = records(&folder, target);
        assert_eq!(after.iter().filter(|record| !before.contains(record)).count(), 1, "{target}");
        assert!(before.iter().all(|record| after.contains(record)), "{target}");
        folder.carry("verify", "later.csv", target, "--authority target").expect(0);
    }
}

#[test]
fn what_the_application_added_stays() {
    let folder = Folder::with("export.csv", csv(&rows(2)));
    folder.import("export.csv", "simplewebauthn:t.json");
    let labelled = folder.text("t.json").replacen("\"counter\"", "\"label\":\"my phone\",\"counter\"", 1);
    folder.write("t.json", labelled);
    folder.write("later.csv", changed(2, 1, |row| row.authenticator_sign_count = "77".to_owned()));
    assert_eq!(
        folder.import("later.csv", "simplewebauthn:t.json").counts(),
        "read 2, updated 1, unchanged 1"
    );
    let text = folder.text("t.json");
    assert!(text.contains("\"label\":\"my phone\"") && text.contains("\"counter\":77"), "{text}");
}
