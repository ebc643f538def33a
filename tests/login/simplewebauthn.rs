//! `simplewebauthn:` against the real `@simplewebauthn/server`, through the loader of `examples/simplewebauthn`.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use keyferry_json::{RecordFormat as _, simplewebauthn::SimpleWebAuthn};
use keyferry_testkit::Assertion;
use serde_json::Value;

use crate::{
    cases::{self, Case},
    command::{Run, tool},
};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Asks the library for its verdict on each assertion.
fn judge(node: &Path, run: &Run, records: &Path, assertions: &[(&Case, Assertion)]) -> Vec<String> {
    let mut text = String::new();
    for (case, assertion) in assertions {
        let _ = writeln!(text, "{}", case.line(assertion));
    }
    let path = run.path("assertions.jsonl");
    std::fs::write(&path, text).unwrap();
    let script = repository().join("tests/login/node/verify.mjs");
    let output = Command::new(node).arg(script).arg(records).arg(&path).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let verdicts: Vec<String> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["verdict"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(verdicts.len(), assertions.len());
    verdicts
}

fn node() -> Option<PathBuf> {
    tool("node", &repository().join("examples/simplewebauthn/node_modules"))
}

#[test]
fn whoever_inspect_says_logs_in_and_nobody_else() {
    let Some(node) = node() else { return };
    let cases = cases::all();
    let run = Run::new(&cases::export(&cases));
    let promises = cases::promises(&cases, &SimpleWebAuthn::PROFILE);
    let assertions: Vec<_> = cases.iter().map(|case| (case, case.genuine())).collect();
    for name in ["passkeys.json", "passkeys.jsonl"] {
        let records = run.import("simplewebauthn", name);
        let verdicts = judge(&node, &run, &records, &assertions);
        let mut table = [[0; 2]; 2];
        for ((case, promised), verdict) in cases.iter().zip(&promises).zip(&verdicts) {
            let logged_in = verdict == "ok";
            table[usize::from(*promised)][usize::from(logged_in)] += 1;
            assert_eq!(logged_in, *promised, "{}: promised {promised}, verdict {verdict}", case.what);
            let expected: &[&str] = match (promised, case.row.status.as_str()) {
                (true, _) => &["ok"],
                (false, "active") => &["failed"],
                (false, _) => &["not-found"],
            };
            assert!(expected.contains(&verdict.as_str()), "{}: {verdict}", case.what);
        }
        println!(
            "simplewebauthn {name}: promised and logged in {}, neither {}, promised only {}, logged in only {}",
            table[1][1], table[0][0], table[1][0], table[0][1]
        );
        assert_eq!(run.promised("simplewebauthn"), table[1][1]);
        assert!(table[0][0] > 0, "a table without a refusal proves nothing");
    }
}

#[test]
fn what_is_not_genuine_fails() {
    let Some(node) = node() else { return };
    let cases = cases::all();
    let run = Run::new(&cases::export(&cases));
    let promises = cases::promises(&cases, &SimpleWebAuthn::PROFILE);
    let records = run.import("simplewebauthn", "passkeys.json");
    let good: Vec<&Case> =
        cases.iter().zip(promises).filter(|(_, promised)| *promised).map(|(case, _)| case).collect();
    let mut wrong = Vec::new();
    for (case, other) in good.iter().zip(good.iter().cycle().skip(1)) {
        wrong.push(("flipped signature", *case, case.genuine().with_flipped_signature_bit()));
        if case.credential.key.cose() != other.credential.key.cose() {
            wrong.push((
                "another credential's key",
                *case,
                case.genuine().signed_with(&other.credential.key),
            ));
        }
        if case.stored_count() > 0 {
            wrong.push((
                "the same sign count",
                *case,
                case.with(|login| login.sign_count = case.stored_count()),
            ));
            wrong.push(("sign count 0", *case, case.with(|login| login.sign_count = 0)));
        }
        wrong.push((
            "backed up but not eligible",
            *case,
            case.with(|login| (login.backup_eligible, login.backup_state) = (false, true)),
        ));
        wrong.push((
            "another origin",
            *case,
            case.with(|login| login.origin = "https://evil.example".to_owned()),
        ));
        wrong.push(("without user verification", *case, case.with(|login| login.user_verified = false)));
    }
    let assertions: Vec<_> = wrong.iter().map(|(_, case, assertion)| (*case, assertion.clone())).collect();
    for ((what, case, _), verdict) in wrong.iter().zip(judge(&node, &run, &records, &assertions)) {
        assert_eq!(verdict, "failed", "{what}: {}", case.what);
    }
}
