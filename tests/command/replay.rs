//! Many real logins against what a target holds.

use std::{fs, io::Write as _, process::Stdio, time::Duration};

use keyferry_testkit::{Algorithm, AssertionOptions, GeneratedCredential, Generator, TestKey};
use serde_json::{Value, json};

use crate::{
    exports::csv,
    support::{Folder, Outcome, TARGETS, file_of, snapshot},
};

/// A folder with an export of this many rows, its logins, and the target after an import.
fn imported(rows: u32, target: &str) -> Folder {
    let folder = Folder::new();
    folder.run(&format!("generate --rows {rows} --seed 7 --out export.csv")).expect(0);
    let args = "--rp-id example.com --user-handle external-user-id";
    folder.run(&format!("import export.csv --to {target} {args}")).expect(0);
    folder
}

/// The credentials of the same export.
fn made(rows: u64) -> Vec<GeneratedCredential> {
    Generator::new(rows, 7, "example.com").credentials().collect()
}

fn active(rows: u64, counts: bool) -> GeneratedCredential {
    let is_wanted = |made: &GeneratedCredential| {
        made.row.status == "active"
            && (made.login.sign_count > 0) == counts
            && made.credential.key.algorithm() == Algorithm::Es256
    };
    made(rows).into_iter().find(is_wanted).unwrap()
}

fn replay(folder: &Folder, target: &str, more: &str) -> Outcome {
    folder.run(&format!("replay logins.jsonl --to {target} {more}"))
}

/// Writes logins as they come from a browser, one a line.
fn write(folder: &Folder, logins: impl IntoIterator<Item = Value>) {
    let lines: String = logins.into_iter().map(|login| format!("{login}\n")).collect();
    folder.write("logins.jsonl", lines);
}

/// Each reason with its count and lines, such as `not-in-target 1 [3]`.
fn reasons(outcome: &Outcome) -> Vec<String> {
    let object = outcome.json();
    let mut list: Vec<_> = object["reasons"]
        .as_array()
        .unwrap()
        .iter()
        .map(|seen| format!("{} {} {}", seen["reason"].as_str().unwrap(), seen["count"], seen["lines"]))
        .collect();
    list.sort();
    list
}

/// What `inspect` promises and what a replay finds are one and the same for every row of an export.
#[test]
fn a_replay_agrees_with_the_readiness_table() {
    for target in TARGETS {
        let folder = imported(300, target);
        let table = folder.run("inspect export.csv --json").expect(0).json()["inspect"]["readiness"].clone();
        let name = target.split_once(':').unwrap().0;
        let promised = table.as_array().unwrap().iter().find(|line| line["target"] == name).unwrap();
        let outcome = folder.run(&format!("replay export.assertions.jsonl --to {target} --json")).expect(1);
        let counts = &outcome.json()["counts"];
        assert_eq!(counts["read"], 300);
        assert_eq!(counts["would_succeed"], promised["log_in"], "{target}");
        let mut left_out = 0;
        let found = outcome.json()["reasons"].clone();
        let found = |reason: &str| {
            let seen = found.as_array().unwrap().iter().find(|seen| seen["reason"] == reason);
            seen.map(|seen| seen["count"].as_u64().unwrap())
        };
        for promise in promised["cannot_log_in"].as_array().unwrap() {
            let count = promise["count"].as_u64().unwrap();
            match found(promise["reason"].as_str().unwrap()) {
                Some(seen) => assert_eq!(seen, count, "{target}: {promise}"),
                // What a target cannot hold, or has no status for, is not there.
                None => left_out += count,
            }
        }
        assert_eq!(found("not-in-target").unwrap_or(0), left_out, "{target}");
        assert_eq!(left_out == 0, name == "sqlite");
    }
}

#[test]
fn what_is_printed() {
    for target in ["sqlite:t.db", "webauthn-rs:w.json"] {
        let folder = imported(200, target);
        let run = |more: &str| {
            folder.run(&format!("replay export.assertions.jsonl --to {target} {more}")).expect(1)
        };
        let name = target.split_once(':').unwrap().0;
        snapshot(&format!("replay-{name}"), &[run(""), run("--rp-id example.org"), run("--json")]);
    }
}

#[test]
fn all_succeed() {
    for target in TARGETS {
        let folder = imported(20, target);
        let logins: Vec<_> = made(20)
            .into_iter()
            .filter(|made| made.row.status == "active" && made.credential.key.algorithm() == Algorithm::Es256)
            .map(|made| made.assertion().to_json())
            .collect();
        write(&folder, logins);
        let outcome = replay(&folder, target, "--rp-id example.com --require-uv --json").expect(0);
        assert_eq!(reasons(&outcome), [""; 0]);
    }
}

/// Bytes and times of everything in the folder stay, and no file is added.
#[test]
fn nothing_is_written() {
    for target in TARGETS {
        let folder = imported(50, target);
        let state = || {
            let of = |name: String| {
                let modified = fs::metadata(folder.path(&name)).unwrap().modified().unwrap();
                (folder.read(&name), modified, name)
            };
            folder.files().into_iter().map(of).collect::<Vec<_>>()
        };
        let before = state();
        std::thread::sleep(Duration::from_millis(20));
        folder.run(&format!("replay export.assertions.jsonl --to {target}"));
        assert!(state() == before, "{target}: something was written");
        let missing = format!("{}:missing.{}", target.split_once(':').unwrap().0, "db");
        let outcome = folder.run(&format!("replay export.assertions.jsonl --to {missing} --json")).expect(1);
        assert_eq!(outcome.json()["counts"]["would_succeed"], 0);
        assert!(outcome.stderr.contains("taken as empty"), "{}", outcome.stderr);
        assert!(state() == before, "{target}: something was made");
    }
}

/// A replay that has read and waits for more holds nothing that a server or an import needs.
#[test]
fn nothing_is_held_while_a_replay_runs() {
    for target in TARGETS {
        let folder = imported(20, target);
        folder.run("generate --rows 9 --seed 8 --out more.csv").expect(0);
        let args = format!("replay - --to {target} --json");
        let mut command = folder.command();
        let mut child = command.args(args.split_whitespace()).stdin(Stdio::piped()).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        // More than fits into the pipe after the first batch: when it is written, that batch was looked up.
        let login = active(20, false);
        let mut stranger = login.credential.clone();
        stranger.credential_id = vec![7; 16];
        let unknown = stranger.assert(&login.login).to_json().to_string() + "\n";
        let many = format!("{}\n{}", login.assertion().to_json(), unknown.repeat((1 << 19) / unknown.len()));
        assert!(many.lines().count() > 512);
        input.write_all(many.as_bytes()).unwrap();
        let import =
            folder.run(&format!("import more.csv --to {target} --rp-id example.com --json")).expect(0);
        assert_ne!(import.json()["counts"]["inserted"], 0, "{target}");
        drop(input);
        let counts = Outcome::of(&args, child.wait_with_output().unwrap()).expect(1).json()["counts"].clone();
        assert_eq!((&counts["read"], &counts["would_succeed"]), (&many.lines().count().into(), &1.into()));
    }
}

#[test]
fn every_reason_is_told() {
    let target = "sqlite:t.db";
    let folder = imported(100, target);
    let login = active(100, true);
    let with = |change: fn(&mut AssertionOptions)| {
        let mut options = login.login.clone();
        change(&mut options);
        login.credential.assert(&options)
    };
    let mut stranger = login.credential.clone();
    stranger.credential_id = vec![7; 16];
    let mut of_somebody_else = login.assertion();
    of_somebody_else.user_handle = Some(b"mallory".to_vec());
    let other = TestKey::from_seed(Algorithm::Es256, &[3; 32]);
    let mut elsewhere = login.credential.clone();
    elsewhere.rp_id = "example.org".into();
    for (assertion, expected) in [
        (login.assertion(), vec![]),
        (stranger.assert(&login.login), vec!["not-in-target 1 [1]"]),
        (login.assertion().signed_with(&other), vec!["signature-wrong 1 [1]"]),
        (login.assertion().with_flipped_signature_bit(), vec!["signature-wrong 1 [1]"]),
        (of_somebody_else, vec!["user-handle-differs 1 [1]"]),
        (elsewhere.assert(&login.login), vec!["rp-id-differs 1 [1]"]),
        (with(|options| options.sign_count = 1), vec!["sign-count-not-greater 1 [1]"]),
        (with(|options| options.user_present = false), vec!["user-not-present 1 [1]"]),
        (with(|options| options.user_verified = false), vec!["user-not-verified 1 [1]"]),
        (with(|options| options.origin = "https://example.net".into()), vec!["origin-outside-rp-id 1 [1]"]),
        (
            with(|options| options.backup_eligible = !options.backup_eligible),
            vec!["backup-eligible-changed 1 [1]"],
        ),
    ] {
        write(&folder, [assertion.to_json()]);
        let outcome = replay(&folder, target, "--require-uv --json");
        // A login that was backed up is no more when its eligibility is gone.
        let found: Vec<_> =
            reasons(&outcome).into_iter().filter(|reason| !reason.starts_with("backup-state")).collect();
        assert_eq!(found, expected, "{}", outcome.shown());
        assert_eq!(outcome.code, Some(i32::from(!expected.is_empty())));
    }
    // The RP ID of the server and the one of the records: both have to be right.
    write(&folder, [login.assertion().to_json()]);
    let outcome = replay(&folder, target, "--rp-id example.org --json").expect(1);
    let expected = ["origin-outside-rp-id 1 [1]", "rp-id-differs 1 [1]", "rp-id-of-target-differs 1 [1]"];
    assert_eq!(reasons(&outcome), expected);
}

#[test]
fn credentials_that_are_barred() {
    let folder = Folder::new();
    let mut list = made(40);
    for (made, status) in
        list.iter_mut().zip(["active", "suspended", "revoked", "pending"].into_iter().cycle())
    {
        made.row.status = status.to_owned();
    }
    folder.write("export.csv", csv(list.iter().map(|made| &made.row)));
    folder.run("import export.csv --to sqlite:t.db --rp-id example.com").expect(0);
    write(&folder, list[..4].iter().map(|made| made.assertion().to_json()));
    let outcome = replay(&folder, "sqlite:t.db", "--json").expect(1);
    assert_eq!(reasons(&outcome), ["status-pending 1 [4]", "status-revoked 1 [3]", "status-suspended 1 [2]"]);
}

/// The counter moves along with the logins, in the order of the file, and only with those that succeed.
#[test]
fn several_logins_of_one_credential() {
    for target in TARGETS {
        let folder = imported(100, target);
        let login = active(100, true);
        let next = login.login.sign_count;
        let counted = |counts: &[u32]| {
            write(
                &folder,
                counts.iter().map(|count| {
                    let options = AssertionOptions { sign_count: *count, ..login.login.clone() };
                    login.credential.assert(&options).to_json()
                }),
            );
            reasons(&replay(&folder, target, "--json"))
        };
        let none: [&str; 0] = [];
        assert_eq!(counted(&[next, next + 1, next + 5]), none, "{target}");
        assert_eq!(counted(&[next, next]), ["sign-count-not-greater 1 [2]"], "{target}");
        assert_eq!(counted(&[next + 5, next, next + 6]), ["sign-count-not-greater 1 [2]"], "{target}");
        // More than one batch apart.
        let mut far: Vec<u32> = (0..600).map(|more| next + more).collect();
        far.push(next);
        assert_eq!(counted(&far), ["sign-count-not-greater 1 [601]"], "{target}");
        // One that fails for another reason moves nothing.
        let options = AssertionOptions { sign_count: next + 9, user_present: false, ..login.login.clone() };
        write(&folder, [login.credential.assert(&options).to_json(), login.assertion().to_json()]);
        assert_eq!(reasons(&replay(&folder, target, "--json")), ["user-not-present 1 [1]"], "{target}");
    }
    let folder = imported(100, "sqlite:t.db");
    let synced = active(100, false).assertion().to_json();
    write(&folder, [synced.clone(), synced.clone(), synced]);
    replay(&folder, "sqlite:t.db", "").expect(0);
}

/// Logins of some weeks around an export: those before it tell nothing about the move, and hide nothing.
#[test]
fn logins_older_than_the_export_are_told_apart() {
    let folder = imported(100, "sqlite:t.db");
    let (login, synced) = (active(100, true), active(100, false));
    let next = login.login.sign_count;
    let stored = next - 1;
    let with = |sign_count: u32| {
        let options = AssertionOptions { sign_count, ..login.login.clone() };
        login.credential.assert(&options).to_json()
    };
    let run = |lines: Vec<Value>| {
        write(&folder, lines);
        replay(&folder, "sqlite:t.db", "--json")
    };
    assert!(stored > 0, "the export has its last count");
    let weeks = run(vec![with(1), with(stored), synced.assertion().to_json(), with(next)]).expect(1);
    assert_eq!(reasons(&weeks), ["sign-count-not-greater 2 [1,2]"]);
    assert!(weeks.stderr.contains("2 fail only by a count"), "{}", weeks.stderr);
    assert!(weeks.stderr.contains("of the others 100.0 % would succeed"), "{}", weeks.stderr);
    assert!(!weeks.stderr.contains("in the file"), "{}", weeks.stderr);
    let alone = run(vec![with(stored)]).expect(1);
    assert!(alone.stderr.contains("1 fails only") && !alone.stderr.contains("others"), "{}", alone.stderr);
    // Newest first: the order is at fault, and no export.
    let reversed = run(vec![with(next + 2), with(next + 1), with(next)]).expect(1);
    assert_eq!(reasons(&reversed), ["sign-count-not-greater 2 [2,3]"]);
    assert!(reversed.stderr.contains("in the order of the logins"), "{}", reversed.stderr);
    assert!(!reversed.stderr.contains("older"), "{}", reversed.stderr);
    // One that is wrong in another way, too, is not only old.
    let options = AssertionOptions { sign_count: 1, user_present: false, ..login.login.clone() };
    let wrong = run(vec![login.credential.assert(&options).to_json()]).expect(1);
    assert!(!wrong.stderr.contains("older"), "{}", wrong.stderr);
}

#[test]
fn lines_that_are_no_login() {
    let target = "sqlite:t.db";
    let folder = imported(20, target);
    let login = active(20, false).assertion().to_json();
    let whole = login.to_string();
    let mut wrong_type = login.clone();
    wrong_type["response"]["signature"] = json!(["\u{1b}[31m"]);
    let mut no_signature = login.clone();
    no_signature["response"].as_object_mut().unwrap().remove("signature");
    let lines = [
        whole.clone(),
        String::new(),
        "  \t".to_owned(),
        whole[..whole.len() - 9].to_owned(),
        "\u{1b}]52;c;cm0gLXJmIC8=\u{7}".to_owned(),
        wrong_type.to_string(),
        no_signature.to_string(),
        whole.replacen("{\"", "{\"id\":\"AQID\",\"", 1),
        format!("{whole}{whole}"),
        format!("{{\"x\":\"{}\"}}", "y".repeat(70_000)),
        "[".repeat(65_000),
        json!({"credentialId": "AQID", "response": login}).to_string(),
        format!("{whole}\r"),
    ];
    folder.write("logins.jsonl", lines.join("\n"));
    let outcome = replay(&folder, target, "--json").expect(1);
    let expected = [
        "field-invalid 1 [6]",
        "field-missing 1 [7]",
        "field-twice 1 [8]",
        "id-inconsistent 1 [12]",
        "not-json 4 [4,5,9,11]",
        "too-long 1 [10]",
    ];
    assert_eq!(reasons(&outcome), expected);
    let counts = outcome.json()["counts"].clone();
    assert_eq!((&counts["read"], &counts["would_succeed"]), (&json!(11), &json!(2)));
    assert!(!outcome.shown().contains('\u{1b}'));
    folder.write("bytes.jsonl", [&b"\xff\xfe\n"[..], whole.as_bytes(), b"\n\0\0\n"].concat());
    let outcome = folder.run(&format!("replay bytes.jsonl --to {target} --json")).expect(1);
    assert_eq!(reasons(&outcome), ["not-json 2 [1,3]"]);
    // An editor's byte order mark is no fault of the first login.
    folder.write("logins.jsonl", format!("\u{feff}{whole}\r\n"));
    replay(&folder, target, "").expect(0);
}

/// 300 MiB in one line, in an address space that could not hold it.
#[test]
fn a_line_without_end_costs_no_memory() {
    let folder = imported(20, "sqlite:t.db");
    let login = active(20, false).assertion().to_json().to_string();
    let line = "{\"x\":\"".to_owned() + &"y".repeat(300 << 20);
    folder.write("logins.jsonl", [line.as_bytes(), b"\n", login.as_bytes()].concat());
    let script = "ulimit -v 300000; exec \"$@\"";
    let args = "replay logins.jsonl --to sqlite:t.db --json";
    let output = std::process::Command::new("sh")
        .args(["-c", script, "sh", env!("CARGO_BIN_EXE_keyferry")])
        .args(args.split(' '))
        .current_dir(folder.path(""))
        .output()
        .unwrap();
    assert_eq!(reasons(&Outcome::of(args, output).expect(1)), ["too-long 1 [1]"]);
}

#[test]
fn nothing_to_replay_or_nothing_to_replay_on() {
    let folder = imported(3, "sqlite:t.db");
    folder.write("empty.jsonl", "");
    folder.write("blank.jsonl", "\n\r\n  \n");
    folder.write("other.json", "{\"not\": \"records\"}");
    let run = |args: &str| folder.run(&format!("replay {args}")).expect_stopped();
    snapshot(
        "replay-stopped",
        &[
            run("empty.jsonl --to sqlite:t.db"),
            run("blank.jsonl --to sqlite:t.db"),
            run("missing.jsonl --to sqlite:t.db"),
            run(". --to sqlite:t.db"),
            run("export.assertions.jsonl --to simplewebauthn:other.json"),
            run("export.assertions.jsonl --to sqlite:export.csv"),
            run("export.assertions.jsonl"),
            run("export.assertions.jsonl --to simplewebauthn:t.json --table x"),
        ],
    );
    let input = folder.read("export.assertions.jsonl");
    let from_input = folder.run_with_input("replay - --to sqlite:t.db --json", &input);
    assert_eq!(from_input.json()["counts"]["read"], 3);
}

#[test]
fn nothing_private_is_printed() {
    for target in TARGETS {
        let folder = imported(60, target);
        let list = made(60);
        let mut shown = String::new();
        for more in ["", "--json", "--rp-id example.org", "--require-uv"] {
            shown += &folder.run(&format!("replay export.assertions.jsonl --to {target} {more}")).shown();
        }
        for made in &list {
            for private in [
                &made.row.user_id[..],
                &made.row.external_user_id,
                &made.row.credential_id[..20],
                &made.row.public_key[..20],
            ] {
                assert!(!shown.contains(private), "{target}: {private}");
            }
        }
        assert!(folder.find(file_of(target)).is_some());
    }
}
