//! The command, run as an operator runs it.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use keyferry_testkit::Assertion;
use serde_json::Value;

use crate::{
    agreement::{Verdict, Word},
    cases::Case,
};

/// A folder with an export, and the command to move it.
pub(crate) struct Run {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) export: PathBuf,
}

impl Run {
    pub(crate) fn new(export: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("export.csv");
        std::fs::write(&path, export).unwrap();
        Self { folder, export: path }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Imports into `adapter` and returns the file that was written.
    pub(crate) fn import(&self, adapter: &str, name: &str) -> PathBuf {
        let path = self.path(name);
        self.import_to(&format!("{adapter}:{}", path.display()), &[]);
        path
    }

    /// Imports into a target, sees to it that nothing is left to do, and returns how many cannot log in there.
    pub(crate) fn import_to(&self, target: &str, more: &[&str]) -> u64 {
        let rules = ["--rp-id", "example.com", "--user-handle", "external-user-id", "--to", target];
        let arguments: Vec<&str> = rules.iter().chain(more).copied().collect();
        let [plan, import, verify] = ["plan", "import", "verify"].map(|name| self.keyferry(name, &arguments));
        assert_eq!(plan["counts"], import["counts"]);
        assert_eq!(plan["cannot_log_in"], import["cannot_log_in"]);
        assert_ne!(import["counts"]["inserted"], 0);
        for report in [import.clone(), verify] {
            assert_eq!((&report["counts"]["refused"], &report["counts"]["conflict"]), (&0.into(), &0.into()));
        }
        let reasons = import["cannot_log_in"].as_array().unwrap();
        reasons.iter().map(|reason| reason["count"].as_u64().unwrap()).sum()
    }

    /// Returns how many credentials `inspect` says will log in at a target.
    pub(crate) fn promised(&self, target: &str) -> u64 {
        let report = self.keyferry("inspect", &["--user-handle", "external-user-id"]);
        let table = report.pointer("/inspect/readiness").and_then(Value::as_array).unwrap();
        let line = table.iter().find(|line| line["target"] == target).unwrap();
        line["log_in"].as_u64().unwrap()
    }

    fn keyferry(&self, command: &str, arguments: &[&str]) -> Value {
        let output = Command::new(env!("CARGO_BIN_EXE_keyferry"))
            .arg(command)
            .arg(&self.export)
            .arg("--json")
            .args(arguments)
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{command}: {errors}");
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

/// Asks a program for its verdict on each login: it takes the file of assertions as its last argument, and prints a line
/// for each.
pub(crate) fn verdicts(program: &mut Command, run: &Run, logins: &[(&Case, Assertion)]) -> Vec<Verdict> {
    let mut text = String::new();
    for (case, assertion) in logins {
        let _ = writeln!(text, "{}", case.line(assertion)); // a String takes all
    }
    let path = run.path("assertions.jsonl");
    std::fs::write(&path, text).unwrap();
    let output = program.arg(&path).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    let verdicts: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(verdicts.len(), logins.len());
    logins.iter().zip(verdicts).map(|((case, _), verdict)| read_verdict(case, &verdict)).collect()
}

fn read_verdict(case: &Case, verdict: &Value) -> Verdict {
    assert_eq!(verdict["credentialId"], case.id(), "{}: {verdict}", case.what);
    let word = match verdict["verdict"].as_str() {
        Some("ok") => Word::Ok,
        Some("failed") => Word::Failed,
        Some("not-found") => Word::NotFound,
        _ => panic!("{}: {verdict}", case.what),
    };
    let new_count = verdict["newCounter"].as_u64().map(|count| count.try_into().unwrap());
    Verdict { word, detail: verdict["detail"].as_str().unwrap().to_owned(), new_count }
}

pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Finds a tool of another language in the PATH, or where an absolute path says; its absence is a failure in CI and said
/// aloud elsewhere.
pub(crate) fn tool(name: &Path, needs: &Path) -> Option<PathBuf> {
    let found = std::env::var_os("PATH").and_then(|paths| {
        std::env::split_paths(&paths).map(|path| path.join(name)).find(|path| path.is_file())
    });
    if found.is_some() && needs.exists() {
        return found;
    }
    let [name, needs] =
        [name, needs].map(|path| path.strip_prefix(repository()).unwrap_or(path).display().to_string());
    let reason = format!("{name} or {needs} is missing; scripts/test sets them up");
    assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{reason}");
    eprintln!("SKIPPED: {reason}");
    None
}
