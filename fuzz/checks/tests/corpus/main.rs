//! Replays the corpora through the checks, as they are and with random changes, without a fuzzer.
//!
//! With `KEYFERRY_UPDATE_SEEDS=1` the seeds are written anew. What else lies in a corpus, such as an input that a fuzzer
//! has found, stays. `KEYFERRY_FUZZ_ROUNDS` is how many changed inputs each target sees (300).

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "the helpers here are part of the tests")]

mod changes;
mod seeds;

use std::{
    env, fs,
    panic::catch_unwind,
    path::{Path, PathBuf},
};

use changes::Changes;
use keyferry_fuzz_checks::TARGETS;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The files of a corpus by name, so that every run sees them in the same order.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(folder().join("corpus").join(target))
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .collect();
    files.sort();
    files
}

/// Runs a check, and says which input it was that failed.
fn run(target: &str, check: fn(&[u8]), name: &str, input: &[u8]) {
    if catch_unwind(|| check(input)).is_err() {
        let path = env::temp_dir().join(format!("keyferry-{target}-{name}"));
        fs::write(&path, input).unwrap();
        panic!("{target}: see above; the input, made of {name}, is in {}", path.display());
    }
}

#[test]
fn every_corpus_has_its_seeds() {
    let seeds = seeds::all();
    let names: Vec<_> = TARGETS.iter().map(|(target, _)| *target).collect();
    assert_eq!(seeds.keys().copied().collect::<Vec<_>>(), names);
    for (target, files) in seeds {
        let folder = folder().join("corpus").join(target);
        for (name, bytes) in files {
            let path = folder.join(&name);
            if env::var_os("KEYFERRY_UPDATE_SEEDS").is_some_and(|value| value == "1") {
                fs::create_dir_all(&folder).unwrap();
                fs::write(&path, &bytes).unwrap();
            }
            let is_there = fs::read(&path).is_ok_and(|found| found == bytes);
            assert!(is_there, "{target}/{name} is another file; run with KEYFERRY_UPDATE_SEEDS=1");
        }
    }
}

#[test]
fn corpora_pass() {
    for (target, check) in TARGETS {
        for (name, input) in corpus(target) {
            run(target, check, &name, &input);
        }
    }
}

#[test]
fn changed_inputs_pass() {
    let rounds = env::var("KEYFERRY_FUZZ_ROUNDS").map_or(300, |rounds| rounds.parse().unwrap());
    for (target, check) in TARGETS {
        let corpus = corpus(target);
        let mut changes = Changes::new(target);
        for _ in 0..rounds {
            let (name, input) = changes.pick(&corpus);
            let (_, other) = changes.pick(&corpus);
            run(target, check, name, &changes.apply(input, other));
        }
    }
}

/// What is fuzzed must be what is shipped, and the workspace of the targets has a lock file of its own.
#[test]
fn the_targets_are_built_of_the_same_dependencies() {
    let packages = |path: &str| {
        let lock: toml::Table = fs::read_to_string(folder().join(path)).unwrap().parse().unwrap();
        let packages = lock["package"].as_array().unwrap();
        let text = |package: &toml::Value, key: &str| package[key].as_str().unwrap().to_owned();
        packages.iter().map(|package| (text(package, "name"), text(package, "version"))).collect::<Vec<_>>()
    };
    let ours = packages("../Cargo.lock");
    for (name, version) in packages("Cargo.lock") {
        let mut known = ours.iter().filter(|(known, _)| *known == name).peekable();
        assert!(
            known.peek().is_none() || known.any(|(_, known)| *known == version),
            "{name} {version} is not in our own lock file: copy it to fuzz/, then run cargo metadata there"
        );
    }
}

/// A check without a fuzz target would be replayed and never fuzzed.
#[test]
fn every_check_is_a_fuzz_target() {
    let manifest: toml::Table = fs::read_to_string(folder().join("Cargo.toml")).unwrap().parse().unwrap();
    let bins: Vec<_> =
        manifest["bin"].as_array().unwrap().iter().map(|bin| bin["name"].as_str().unwrap()).collect();
    assert_eq!(bins, TARGETS.map(|(target, _)| target));
    for target in bins {
        let source = fs::read_to_string(folder().join("fuzz_targets").join(format!("{target}.rs"))).unwrap();
        assert!(source.contains(&format!("keyferry_fuzz_checks::{target}::check(bytes)")), "{target}");
    }
}
