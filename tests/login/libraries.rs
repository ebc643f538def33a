//! The files of records for libraries of other languages, against the real libraries, each through the loader of its
//! folder in `examples/`.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use keyferry_core::Profile;
use keyferry_json::{
    RecordFormat as _, fido2_net_lib::Fido2NetLib, go_webauthn::GoWebauthn, lbuchs::Lbuchs,
    py_webauthn::PyWebauthn, webauthn4j::WebAuthn4j, yubico::Yubico,
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

/// Packages of .NET and PHP are not to be had everywhere: there the proof says so, in CI too.
fn where_packages_can_be_had(name: &str, needs: &str) -> Option<(PathBuf, PathBuf)> {
    let needs = repository().join(needs);
    let found = std::env::var_os("PATH").and_then(|paths| {
        std::env::split_paths(&paths).map(|path| path.join(name)).find(|path| path.is_file())
    });
    let program = found.filter(|_| needs.exists());
    if program.is_none() {
        eprintln!(
            "SKIPPED: {name} or its packages are not there; fixtures/login has what the proof needs elsewhere"
        );
    }
    program.map(|program| (program, needs))
}

fn dotnet() -> Option<Command> {
    let (program, verify) = where_packages_can_be_had("dotnet", "tests/login/dotnet/out/verify.dll")?;
    let mut command = Command::new(program);
    command.arg(verify);
    Some(command)
}

fn php() -> Option<Command> {
    let (program, _) = where_packages_can_be_had("php", "examples/lbuchs/vendor/autoload.php")?;
    let mut command = Command::new(program);
    command.arg(repository().join("tests/login/php/verify.php"));
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

#[test]
fn fido2_net_lib() {
    prove(&Library { profile: Fido2NetLib::PROFILE, looks_at_eligibility: false, program: dotnet });
}

#[test]
fn lbuchs() {
    prove(&Library { profile: Lbuchs::PROFILE, looks_at_eligibility: false, program: php });
}

/// What the proofs of .NET and PHP read is kept, so that they can be run where the packages are; it is what the command
/// writes today.
#[test]
fn the_kept_inputs_are_what_the_command_writes() {
    let run = Run::new(&cases::export());
    let folder = repository().join("fixtures/login");
    let logins: String =
        cases::logins().iter().map(|(case, assertion)| case.line(assertion) + "\n").collect();
    let mut files = vec![("assertions.jsonl".to_owned(), logins)];
    for profile in [Fido2NetLib::PROFILE, Lbuchs::PROFILE] {
        let records =
            std::fs::read_to_string(run.import(profile.name, &format!("{}.json", profile.name))).unwrap();
        let expected: String = cases::promises(&profile)
            .iter()
            .map(|promise| match (promise.logs_in, promise.is_stored) {
                (true, _) => "ok\n",
                (false, true) => "failed\n",
                (false, false) => "not-found\n",
            })
            .collect();
        files.push((format!("{}.json", profile.name), records));
        files.push((format!("{}.expected.txt", profile.name), expected));
    }
    for (name, text) in files {
        let path = folder.join(&name);
        if std::env::var_os("KEYFERRY_UPDATE_FIXTURES").is_some() {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&path, &text).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap();
        assert!(kept == text, "fixtures/login/{name} is old: KEYFERRY_UPDATE_FIXTURES=1 makes it anew");
    }
}
