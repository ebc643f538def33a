//! The files of records for libraries of other languages, against the real libraries, each through the loader of its
//! folder in `examples/`.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use keyferry_core::Profile;
use keyferry_json::{
    RecordFormat as _, go_webauthn::GoWebauthn, py_webauthn::PyWebauthn, webauthn4j::WebAuthn4j,
    yubico::Yubico,
};

use crate::{
    agreement, cases,
    command::{self, Run, repository, tool},
    lies,
};

/// A library, and the program that asks it.
struct Library {
    profile: Profile,
    /// Whether it remembers backup eligibility and refuses another one.
    looks_at_eligibility: bool,
    /// The program with what stands before the file of records.
    program: fn() -> Option<Command>,
}

fn python() -> Option<Command> {
    let folder = repository().join("tests/login/python");
    let mut command = Command::new(tool(&folder.join(".venv/bin/python"), &folder.join(".venv/made-from"))?);
    command.arg(folder.join("verify.py"));
    Some(command)
}

fn go() -> Option<Command> {
    let program = repository().join("tests/login/go/bin/verify");
    tool(&program, &program).map(Command::new)
}

fn java(library: &str) -> Option<Command> {
    let folder = repository().join("tests/login/java/target");
    let mut command = Command::new(tool(Path::new("java"), &folder.join("built"))?);
    let path = format!("{0}/classes:{0}/lib/*", folder.display());
    command.args(["-cp", &path, "Verify", library]);
    Some(command)
}

/// Sees to it that what `inspect` says is what the library does, from both forms of the file, and that no lie is believed.
fn prove(library: &Library) {
    if (library.program)().is_none() {
        return;
    }
    let run = Run::new(&cases::export());
    let name = library.profile.name;
    let (inspected, promises) = (run.promised(name), cases::promises(&library.profile));
    for file in ["passkeys.json", "passkeys.jsonl"] {
        let records: PathBuf = run.import(name, file);
        let judge = |logins: &[(&cases::Case, keyferry_testkit::Assertion)]| match (library.program)() {
            Some(mut program) => command::verdicts(program.arg(&records), &run, logins),
            None => Vec::new(),
        };
        let source = format!("{name} from {file}");
        assert_eq!(agreement::must_be_whole(&source, &promises, &judge), inspected);
        lies::must_fail(&source, &promises, library.looks_at_eligibility, &judge);
    }
}

#[test]
fn py_webauthn() {
    prove(&Library { profile: PyWebauthn::PROFILE, looks_at_eligibility: false, program: python });
}

#[test]
fn go_webauthn() {
    prove(&Library { profile: GoWebauthn::PROFILE, looks_at_eligibility: true, program: go });
}

#[test]
fn webauthn4j() {
    prove(&Library {
        profile: WebAuthn4j::PROFILE,
        looks_at_eligibility: true,
        program: || java("webauthn4j"),
    });
}

#[test]
fn yubico() {
    prove(&Library { profile: Yubico::PROFILE, looks_at_eligibility: true, program: || java("yubico") });
}
