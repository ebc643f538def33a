//! Killed at any moment and run again, an import ends as one that nobody disturbed.

use std::{fs, process::Stdio, thread, time::Duration};

use crate::{
    database,
    exports::{csv, rows},
    flood::{BATCH, content, finishes, folder, row_count, undisturbed},
    random::Random,
    support::{Folder, file_of},
};

/// Starts an import and kills it when `is_time` says so, unless it has ended before.
fn killed(folder: &Folder, target: &str, mut is_time: impl FnMut() -> bool) {
    let args = format!("import export.csv --rp-id example.com --to {target}");
    let mut command = folder.command();
    let mut child =
        command.args(args.split_whitespace()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while child.try_wait().unwrap().is_none() && !is_time() {
        thread::sleep(Duration::from_micros(500));
    }
    let _ = child.kill(); // SIGKILL; fails if it has just ended
    child.wait().unwrap();
}

/// A file of records is as before or complete; a database stands at the end of a batch.
fn stands_whole(folder: &Folder, target: &'static str) {
    if !folder.path(file_of(target)).exists() {
        return;
    }
    match target.split_once(':') {
        Some(("sqlite", file)) => {
            let is_made = database::ask(
                &folder.path(file),
                "SELECT name FROM sqlite_schema ORDER BY name = 'webauthn_credentials' DESC",
            );
            let rows = match is_made.first().map(String::as_str) {
                Some("webauthn_credentials") => database::dump(&folder.path(file)).len(),
                _ => 0,
            };
            assert!([0, BATCH, row_count()].contains(&rows), "{rows} rows are no end of a batch");
        }
        _ => assert!(content(folder, target) == undisturbed(target).content, "a file that is not whole"),
    }
}

fn at_random_moments(target: &'static str) {
    let took = undisturbed(target).took;
    let mut random = Random::new(target);
    let folder = folder();
    for _ in 0..3 {
        let moment = random.moment_before(took);
        let started = std::time::Instant::now();
        killed(&folder, target, || started.elapsed() >= moment);
        stands_whole(&folder, target);
    }
    finishes(&folder, target);
    // And once more: everything is there.
    assert_eq!(folder.carry("plan", "export.csv", target, "").expect(0).count("inserted"), 0);
}

/// Kills an import as soon as one of its files of passage has grown to a size.
fn while_it_writes(target: &'static str, passage: &str, size: u64) {
    let folder = folder();
    let path = folder.path(passage);
    killed(&folder, target, || fs::metadata(&path).is_ok_and(|metadata| metadata.len() >= size));
    stands_whole(&folder, target);
    finishes(&folder, target);
}

#[test]
fn sqlite_at_random_moments() {
    at_random_moments("sqlite:t.db");
}

#[test]
fn json_at_random_moments() {
    at_random_moments("simplewebauthn:t.json");
}

#[test]
fn json_lines_at_random_moments() {
    at_random_moments("webauthn-rs:w.jsonl");
}

#[test]
fn while_the_file_is_written() {
    // The new file lies beside the old one until it is renamed over it.
    while_it_writes("simplewebauthn:t.json", ".t.json.keyferry-tmp", 1);
}

#[test]
fn while_a_transaction_is_open() {
    while_it_writes("sqlite:t.db", "t.db-journal", 1);
}

#[test]
fn a_file_that_was_there_stays_until_the_new_one_is_whole() {
    let target = "simplewebauthn:t.json";
    let folder = folder();
    folder.write("few.csv", csv(&rows(3)));
    folder.import("few.csv", target);
    let before = folder.read("t.json");
    let path = folder.path(".t.json.keyferry-tmp");
    killed(&folder, target, || path.exists());
    let after = folder.text("t.json");
    // Killed before the rename it is the old file, killed after it the new one: never anything between.
    assert!(after.as_bytes() == before || after.starts_with("[\n{") && after.ends_with("}\n]\n"));
    folder.import("export.csv", target);
    folder.carry("verify", "export.csv", target, "").expect(0);
    folder.carry("verify", "few.csv", target, "").expect(0);
    assert_eq!(folder.files(), ["export.csv", "few.csv", "t.json"]);
}
