//! The table map `django-otp-webauthn` against the real package, from the tables of its own migrations.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    command::{Run, repository},
    framework::Framework,
    rows::Database,
};

fn folder() -> PathBuf {
    repository().join("tests/login/django")
}

fn framework() -> Framework {
    Framework {
        map: "django-otp-webauthn",
        tool: (folder().join(".venv/bin/python"), folder().join(".venv/made-from")),
        make_users,
        verifier: |python, database| script(python, &[], database),
        looks_at_eligibility: false,
    }
}

fn script(python: &Path, action: &[&str], database: &Database) -> Command {
    let mut program = Command::new(python);
    program.arg(folder().join("verify.py")).args(action).arg(database.target());
    program
}

fn make_users(python: &Path, run: &Run, database: &Database, names: &BTreeSet<&str>) {
    let file = run.path("users.txt");
    std::fs::write(&file, names.iter().map(|name| format!("{name}\n")).collect::<String>()).unwrap();
    let output = script(python, &["--users"], database).arg(&file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn whoever_is_promised_logs_in_and_nobody_else() {
    framework().whoever_is_promised_logs_in();
}

#[test]
fn what_is_not_genuine_fails() {
    framework().what_is_not_genuine_fails();
}
