//! What scripts depend on: the JSON object and its names.

use serde_json::Value;

use crate::{
    exports::{another_row, csv, rows},
    support::{Folder, Outcome, TARGETS},
};

const KEYS: [&str; 8] =
    ["command", "source", "target", "counts", "cannot_log_in", "not_kept", "faults", "seconds"];
const COUNTS: [&str; 9] =
    ["read", "inserted", "updated", "unchanged", "removed", "skipped", "duplicate", "conflict", "refused"];

/// An export in which everything happens: an update, a revocation, a stay, a new one, a duplicate, a conflict in the
/// file, one against the target, and a refused row.
fn eventful() -> (String, String) {
    let mut held = rows(6);
    held[0].authenticator_sign_count = "1".to_owned();
    let before = csv(&held);
    let mut now = held;
    now[0].authenticator_sign_count = "7".to_owned();
    now[1].status = "revoked".to_owned();
    now[2].public_key = another_row(9).public_key;
    now.push(now[3].clone());
    let mut other = another_row(0);
    now.push(other.clone());
    other.public_key = another_row(1).public_key;
    now.push(other);
    now.push(another_row(2));
    now.push(keyferry_testkit::ExportRow { backup_state: "maybe".to_owned(), ..another_row(3) });
    (before, csv(&now))
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

fn check(outcome: &Outcome, command: &str, target: &str) {
    let object = outcome.json();
    assert_eq!(keys(&object), KEYS);
    assert_eq!((object["command"].as_str(), object["target"].as_str()), (Some(command), Some(target)));
    let source = &object["source"];
    assert_eq!(keys(source), ["file", "rows", "crc64nvme", "sha256"]);
    assert_eq!(
        (source["file"].as_str(), source["rows"].as_u64()),
        (Some("now.csv"), Some(outcome.count("read")))
    );
    assert_eq!(
        (source["crc64nvme"].as_str().unwrap().len(), source["sha256"].as_str().unwrap().len()),
        (12, 64)
    );
    assert_eq!(keys(&object["counts"]), COUNTS);
    let parts: u64 = COUNTS[1..].iter().map(|name| outcome.count(name)).sum();
    assert_eq!(outcome.count("read"), parts);
    for reason in object["cannot_log_in"].as_array().unwrap() {
        assert_eq!(keys(reason), ["reason", "count"]);
    }
    for item in object["not_kept"].as_array().unwrap() {
        assert_eq!(keys(item), ["item", "count"]);
    }
    for fault in object["faults"].as_array().unwrap() {
        assert_eq!(keys(fault), ["row", "line", "column", "code", "message"]);
        assert_eq!(
            fault["line"].as_u64().unwrap(),
            fault["row"].as_u64().unwrap() + 1,
            "no row has two lines"
        );
    }
    assert!(object["seconds"].as_f64().unwrap() >= 0.0);
}

#[test]
fn the_object_of_plan_import_and_verify() {
    let (before, now) = eventful();
    for target in TARGETS {
        let folder = Folder::with("before.csv", &before);
        folder.write("now.csv", &now);
        folder.import("before.csv", target);
        let plan = folder.carry("plan", "now.csv", target, "").expect(1);
        let import = folder.carry("import", "now.csv", target, "").expect(1);
        check(&plan, "plan", target);
        check(&import, "import", target);
        check(&folder.carry("verify", "now.csv", target, "").expect(1), "verify", target);

        // A plan says what the import that follows does, to the last fault.
        let without_verb = |outcome: &Outcome| {
            let mut object = outcome.json();
            let object = object.as_object_mut().unwrap();
            let _ = (object.remove("command"), object.remove("seconds"));
            Value::Object(object.clone())
        };
        assert_eq!(without_verb(&plan), without_verb(&import));
        let object = import.json();
        let mut faults: Vec<_> = object["faults"].as_array().unwrap().iter().collect();
        faults.sort_by_key(|fault| fault["row"].as_u64());
        let told = |fault: &&Value| format!("{} {} {}", fault["row"], fault["column"], fault["code"]);
        let told: Vec<_> = faults.iter().map(told).collect();
        let expected = [
            r#"3 "publicKey" "key-changed""#,
            r#"8 "credentialId" "credential-id-twice""#,
            r#"9 "credentialId" "credential-id-twice""#,
            r#"11 "backupState" "boolean-invalid""#,
        ];
        assert_eq!(told, expected);
        let (updated, removed) = if target.starts_with("sqlite") { (2, 0) } else { (1, 1) };
        for (name, expected) in
            [("read", 11), ("inserted", 1), ("updated", updated), ("removed", removed), ("duplicate", 1)]
        {
            assert_eq!(import.count(name), expected, "{name} in {target}");
        }
        assert_eq!((import.count("unchanged"), import.count("conflict"), import.count("refused")), (3, 3, 1));
    }
}

#[test]
fn the_object_of_inspect() {
    let (_, now) = eventful();
    let folder = Folder::with("now.csv", now);
    let outcome = folder.run("inspect now.csv --json").expect(1);
    let object = outcome.json();
    assert_eq!(object["target"], Value::Null);
    assert_eq!(outcome.counts(), "read 11, skipped 7, duplicate 1, conflict 2, refused 1");
    assert_eq!(keys(&object)[..8], KEYS);
}

#[test]
fn nothing_but_the_object_is_on_standard_output() {
    let folder = Folder::with("now.csv", eventful().1);
    folder.write("cut.csv", "userId\n");
    // An export that cannot be trusted has no object: half of one would look like a result.
    folder.carry("import", "cut.csv", "sqlite:t.db", "").expect_stopped();
    let warned = folder.carry("plan", "now.csv", "sqlite:t.db", "").expect(1);
    assert!(warned.stderr.contains("hint:"), "hints go to standard error: {}", warned.stderr);
    warned.json();
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let folder = Folder::with("now.csv", csv(&rows(3)));
    let mut command = folder.command();
    let mut child = command.args(["inspect", "now.csv"]).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
