//! `simplewebauthn:` and our own tables against the real `@simplewebauthn/server`, through the loader of
//! `examples/simplewebauthn`: from the file, and from rows read back.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use keyferry_json::{RecordFormat as _, simplewebauthn::SimpleWebAuthn};
use keyferry_testkit::Assertion;

use crate::{
    agreement::{self, Verdict},
    cases::{self, Case},
    command::{self, Run, repository},
    lies, rows,
};

fn node() -> Option<PathBuf> {
    command::tool(Path::new("node"), &repository().join("examples/simplewebauthn/node_modules"))
}

/// The file of records of each source.
fn sources(run: &Run) -> Vec<(String, PathBuf)> {
    let mut sources = Vec::new();
    for name in ["passkeys.json", "passkeys.jsonl"] {
        sources.push((format!("simplewebauthn from {name}"), run.import("simplewebauthn", name)));
    }
    for rows in rows::of_each(run) {
        let mut text = String::new();
        for record in rows.active().filter_map(|row| SimpleWebAuthn::to_record(row).ok()) {
            let _ = writeln!(text, "{}", serde_json::to_string(&record).unwrap()); // a String takes all
        }
        let path = run.path(&format!("{}.jsonl", rows.source));
        std::fs::write(&path, text).unwrap();
        sources.push((format!("simplewebauthn from {}", rows.source), path));
    }
    sources
}

fn judge(node: &Path, run: &Run, records: &Path) -> impl Fn(&[(&Case, Assertion)]) -> Vec<Verdict> {
    let script = repository().join("tests/login/node/verify.mjs");
    move |logins| command::verdicts(Command::new(node).arg(&script).arg(records), run, logins)
}

#[test]
fn whoever_inspect_says_logs_in_and_nobody_else() {
    let Some(node) = node() else { return };
    let run = Run::new(&cases::export());
    let (inspected, promises) = (run.promised("simplewebauthn"), cases::promises(&SimpleWebAuthn::PROFILE));
    for (source, records) in sources(&run) {
        let judge = judge(&node, &run, &records);
        assert_eq!(agreement::must_be_whole(&source, &promises, &judge), inspected);
    }
}

#[test]
fn what_is_not_genuine_fails() {
    let Some(node) = node() else { return };
    let run = Run::new(&cases::export());
    let promises = cases::promises(&SimpleWebAuthn::PROFILE);
    for (source, records) in sources(&run) {
        lies::must_fail(&source, &promises, false, &judge(&node, &run, &records));
    }
}
