//! One import at a time.

use std::{io::Write as _, process::Stdio, thread, time::Duration};

use keyferry_json::FileLock;

use crate::{
    exports::{csv, rows},
    support::{Folder, Outcome, TARGETS, file_of, snapshot},
};

#[test]
fn a_second_import_is_told_at_once() {
    for target in TARGETS {
        let folder = Folder::with("export.csv", csv(&rows(3)));
        let args = format!("import - --rp-id example.com --to {target} --json");
        let mut command = folder.command();
        let mut first = command.args(args.split_whitespace()).stdin(Stdio::piped()).spawn().unwrap();
        // It waits for its export, and says in the lock who it is.
        let lock = format!(".{}.keyferry-lock", file_of(target));
        while folder.find(&lock) != Some(first.id().to_string().into_bytes()) {
            assert!(first.try_wait().unwrap().is_none(), "it ended without its export");
            thread::sleep(Duration::from_millis(5));
        }
        let second =
            folder.run(&format!("import export.csv --rp-id example.com --to {target}")).expect_stopped();
        assert!(second.stderr.contains(&format!("process {}", first.id())), "{}", second.stderr);
        assert_eq!(folder.find(file_of(target)), None, "the second one wrote to {target}");
        // Looking is allowed.
        folder.carry("plan", "export.csv", target, "").expect(0);
        if target.starts_with("sqlite:") {
            snapshot("busy", &[second]);
        }
        first.stdin.take().unwrap().write_all(csv(&rows(9)).as_bytes()).unwrap();
        let first = Outcome::of(&args, first.wait_with_output().unwrap()).expect(0);
        assert_eq!(first.counts(), "read 9, inserted 9");
        assert_eq!(folder.files(), ["export.csv", file_of(target)]);
        assert_eq!(folder.import("export.csv", target).counts(), "read 3, unchanged 3");
    }
}

#[test]
fn the_lock_of_a_library_user_counts_too() {
    for target in TARGETS {
        let folder = Folder::with("export.csv", csv(&rows(3)));
        let held = FileLock::acquire(&folder.path(file_of(target))).unwrap();
        folder.carry("import", "export.csv", target, "").expect_stopped();
        // By another way to the same file, too.
        let roundabout = target.replacen(':', ":./", 1);
        folder.carry("import", "export.csv", &roundabout, "").expect_stopped();
        drop(held);
        folder.import("export.csv", target);
    }
}

#[test]
fn the_lock_of_a_run_that_was_killed_bars_nobody() {
    for target in TARGETS {
        let folder = Folder::with("export.csv", csv(&rows(3)));
        let lock = format!(".{}.keyferry-lock", file_of(target));
        folder.write(&lock, "1");
        folder.import("export.csv", target);
        assert_eq!(folder.files(), ["export.csv", file_of(target)]);
    }
}

#[test]
fn of_many_at_once_each_ends_right() {
    for target in ["sqlite:t.db", "simplewebauthn:t.jsonl"] {
        let folder = Folder::with("export.csv", csv(&rows(50)));
        let args = format!("import export.csv --rp-id example.com --to {target} --json");
        let started: Vec<_> =
            (0..6).map(|_| folder.command().args(args.split_whitespace()).spawn().unwrap()).collect();
        let outcomes: Vec<_> =
            started.into_iter().map(|child| Outcome::of(&args, child.wait_with_output().unwrap())).collect();
        let finished: Vec<_> = outcomes.iter().filter(|outcome| outcome.code == Some(0)).collect();
        let inserted: u64 = finished.iter().map(|outcome| outcome.count("inserted")).sum();
        assert_eq!(inserted, 50, "{outcomes:?}");
        assert!(outcomes.iter().all(|outcome| matches!(outcome.code, Some(0 | 2))), "{outcomes:?}");
        folder.carry("verify", "export.csv", target, "").expect(0);
        assert_eq!(folder.files(), ["export.csv", file_of(target)]);
    }
}
