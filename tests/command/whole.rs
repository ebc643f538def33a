//! Files and targets of so many rows that they are compared as wholes.

use std::fs::{self, File};
use std::time::{Duration, SystemTime};

use keyferry_testkit::{ExportRow, Generator};

use crate::{
    database::{ask, dump, execute},
    exports::csv,
    support::{Folder, file_of},
};

const TARGETS: [&str; 3] = ["sqlite:t.db", "simplewebauthn:t.jsonl", "webauthn-rs:w.jsonl"];

/// Rows of every kind that an export has.
fn rows() -> Vec<ExportRow> {
    Generator::new(1500, 11, "example.com").credentials().map(|made| made.row).collect()
}

fn counts(inserted: u64, unchanged: u64, skipped: u64) -> String {
    let named = [("read", 1500), ("inserted", inserted), ("unchanged", unchanged), ("skipped", skipped)];
    let named = named.into_iter().filter(|(_, count)| *count > 0);
    named.map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ")
}

#[test]
fn nothing_has_changed() {
    for target in TARGETS {
        let folder = Folder::with("export.csv", csv(&rows()));
        let first = folder.import("export.csv", target);
        let (inserted, skipped) = (first.count("inserted"), first.count("skipped"));
        assert_eq!(first.counts(), counts(inserted, 0, skipped), "{target}");
        let file = folder.path(file_of(target));
        let content = || match target.starts_with("sqlite:") {
            true => dump(&file).concat(),
            false => folder.text(file_of(target)),
        };
        let before = content();
        let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        File::options().write(true).open(&file).unwrap().set_modified(long_ago).unwrap();
        for verb in ["plan", "verify", "import"] {
            let again = folder.carry(verb, "export.csv", target, "").expect(0);
            assert_eq!(again.counts(), counts(0, inserted, skipped), "{verb} {target}");
            let [told, first] = [&again, &first].map(|run| run.json()["cannot_log_in"].clone());
            assert_eq!(told, first, "{verb} {target}");
            assert_eq!(file.metadata().unwrap().modified().unwrap(), long_ago, "{verb} wrote to {target}");
        }
        assert_eq!(content(), before, "{target}");
    }
}

/// Among 1,500 rows a few are others each day.
#[test]
fn only_news_is_carried() {
    for target in TARGETS {
        let all = rows();
        let (old, new) = all.split_at(1480);
        let folder = Folder::with("old.csv", csv(old));
        folder.import("old.csv", target);
        // Whoever imports all of it into an empty target gets the same.
        let fresh = Folder::with("new.csv", csv(&all));
        let whole = fresh.import("new.csv", target);

        folder.write("new.csv", csv(&all));
        let planned = folder.carry("plan", "new.csv", target, "").expect(0);
        let missing = folder.carry("verify", "new.csv", target, "").expect(1);
        let imported = folder.import("new.csv", target);
        let inserted = imported.count("inserted");
        assert!(inserted > 10 && inserted <= u64::try_from(new.len()).unwrap(), "{}", imported.shown());
        assert_eq!(planned.counts(), imported.counts(), "{target}");
        assert_eq!(missing.count("conflict"), inserted, "{}", missing.shown());
        assert!(missing.faults().iter().all(|fault| fault.ends_with(" missing-in-target")));
        assert_eq!(imported.count("unchanged") + inserted, whole.count("inserted"), "{target}");
        folder.carry("verify", "new.csv", target, "").expect(0);
        let records = |folder: &Folder| match target.starts_with("sqlite:") {
            true => dump(&folder.path("t.db")),
            false => folder.text(file_of(target)).lines().map(str::to_owned).collect(),
        };
        assert_eq!(records(&folder), records(&fresh), "{target}");
    }
}

#[test]
fn one_row_among_thousands_is_found() {
    let folder = Folder::with("export.csv", csv(&rows()));
    folder.import("export.csv", "sqlite:t.db");
    folder.import("export.csv", "simplewebauthn:t.jsonl");
    let database = folder.path("t.db");
    let two = "WHERE status = 'active' AND cose_algorithm = -7 ORDER BY credential_id LIMIT 1 OFFSET";
    let own = ask(&database, &format!("SELECT hex(credential_id) FROM webauthn_credentials {two} 400"));
    let other = ask(&database, &format!("SELECT hex(public_key) FROM webauthn_credentials {two} 401"));
    let own_key = ask(&database, &format!("SELECT hex(public_key) FROM webauthn_credentials {two} 400"));
    execute(
        &database,
        &format!(
            "UPDATE webauthn_credentials SET public_key = x'{}' WHERE credential_id = x'{}'",
            other[0], own[0]
        ),
    );
    let verified = folder.carry("verify", "export.csv", "sqlite:t.db", "").expect(1);
    assert_eq!(verified.count("conflict"), 1, "{}", verified.shown());
    let fault = verified.faults();
    assert!(fault[0].ends_with(" key-changed"), "{fault:?}");

    let lines = folder.text("t.jsonl");
    let [own_key, other] = [&own_key[0], &other[0]].map(|hex| base64url(hex));
    assert_eq!(lines.matches(&own_key).count(), 1);
    fs::write(folder.path("t.jsonl"), lines.replace(&own_key, &other)).unwrap();
    let verified = folder.carry("verify", "export.csv", "simplewebauthn:t.jsonl", "").expect(1);
    assert_eq!(verified.faults(), fault);

    // A line less, and a line of somebody else's more.
    fs::write(folder.path("t.jsonl"), lines.split_once('\n').unwrap().1).unwrap();
    let verified = folder.carry("verify", "export.csv", "simplewebauthn:t.jsonl", "").expect(1);
    assert!(verified.faults()[0].ends_with(" missing-in-target"), "{:?}", verified.faults());
    assert_eq!(verified.count("conflict"), 1);
    fs::write(folder.path("t.jsonl"), format!("{lines}not a record\n")).unwrap();
    folder.carry("verify", "export.csv", "simplewebauthn:t.jsonl", "").expect_stopped();
}

/// What was found to be the same is not kept, but it is read again where the rows cannot be judged one by one.
#[test]
fn rows_that_were_not_kept_are_read_again() {
    let mut contradicting = rows();
    let active = contradicting.iter().position(|row| row.status == "active").unwrap();
    let mut other = contradicting[active].clone();
    other.authenticator_sign_count = "4000000".to_owned();
    contradicting.push(other);
    let folder = Folder::with("export.csv", csv(&rows()));
    folder.write("contradicting.csv", csv(&contradicting));
    // An array is never compared as a whole.
    for target in ["simplewebauthn:t.jsonl", "simplewebauthn:t.json"] {
        folder.import("export.csv", target);
    }
    for verb in ["plan", "verify", "import"] {
        let [lines, array] = ["simplewebauthn:t.jsonl", "simplewebauthn:t.json"]
            .map(|target| folder.carry(verb, "contradicting.csv", target, "").expect(1));
        assert_eq!(lines.faults().len(), 2, "{}", lines.shown());
        assert!(lines.count("unchanged") > 1000 && lines.count("conflict") == 2, "{}", lines.shown());
        assert_eq!((lines.counts(), lines.faults()), (array.counts(), array.faults()), "{verb}");
    }
}

/// A file that holds far more than the export is not compared as a whole to its end.
#[test]
fn many_lines_of_others_change_nothing() {
    let folder = Folder::with("export.csv", csv(&rows()));
    let others: Vec<_> = Generator::new(6000, 12, "example.com").credentials().map(|made| made.row).collect();
    folder.write("others.csv", csv(&others));
    let inserted = folder.import("export.csv", "simplewebauthn:t.jsonl").count("inserted");
    folder.import("others.csv", "simplewebauthn:t.jsonl");
    let verified = folder.carry("verify", "export.csv", "simplewebauthn:t.jsonl", "").expect(0);
    assert_eq!(verified.counts(), counts(0, inserted, 1500 - inserted));
}

/// A text is not the same bytes: an application that asks for bytes does not find it.
#[test]
fn texts_in_a_forged_database_are_no_bytes() {
    let folder = Folder::with("export.csv", csv(&rows()));
    folder.import("export.csv", "sqlite:t.db");
    let strict = |from: &str, to: &str| {
        execute(
            &folder.path("t.db"),
            &format!(
                "PRAGMA writable_schema = ON; \
                 UPDATE sqlite_master SET sql = replace(sql, '{from}', '{to}') WHERE name = 'webauthn_credentials'; \
                 PRAGMA writable_schema = RESET"
            ),
        );
    };
    strict("\n) STRICT", "\n)");
    execute(
        &folder.path("t.db"),
        "UPDATE webauthn_credentials SET credential_id = CAST(credential_id AS TEXT) WHERE rowid % 300 = 7",
    );
    let texts = "SELECT hex(credential_id) FROM webauthn_credentials WHERE typeof(credential_id) = 'text'";
    assert_eq!(ask(&folder.path("t.db"), texts).len(), 5);
    strict("\n)", "\n) STRICT");
    let verified = folder.carry("verify", "export.csv", "sqlite:t.db", "").expect(1);
    assert_eq!(verified.count("conflict"), 5, "{}", verified.shown());
    assert!(verified.faults().iter().all(|fault| fault.ends_with(" missing-in-target")));
    assert_eq!(folder.carry("plan", "export.csv", "sqlite:t.db", "").expect(0).count("inserted"), 5);
}

fn base64url(hex: &str) -> String {
    let digit = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    keyferry_json::encode(&(0..hex.len()).step_by(2).map(digit).collect::<Vec<_>>())
}
