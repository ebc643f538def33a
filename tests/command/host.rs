//! The folder around the target: links, permissions, and places that cannot be written to.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::{
    exports::{csv, rows},
    support::{Folder, Outcome, TARGETS, file_of, snapshot},
};

fn import(folder: &Folder, target: &str) -> Outcome {
    folder.run(&format!("import export.csv --rp-id example.com --to {target}"))
}

/// Gives the target of the same adapter with another file.
fn with_file(target: &str, file: &str) -> String {
    format!("{}:{file}", target.split_once(':').unwrap().0)
}

#[test]
fn places_that_cannot_be_written_to() {
    let folder = Folder::with("export.csv", csv(&rows(3)));
    folder.write("file", "x");
    fs::create_dir(folder.path("folder.json")).unwrap();
    let mut outcomes = Vec::new();
    for target in ["sqlite:t.db", "simplewebauthn:t.json"] {
        for file in ["missing/t", "file/t", "folder.json"] {
            outcomes.push(import(&folder, &with_file(target, file)).expect_stopped());
        }
    }
    snapshot("unwritable-places", &outcomes);
    assert_eq!(folder.files(), ["export.csv", "file", "folder.json"]);
    assert_eq!(fs::read_dir(folder.path("folder.json")).unwrap().count(), 0);
}

#[test]
fn a_folder_without_write_permission() {
    let folder = Folder::with("export.csv", csv(&rows(3)));
    if folder.path("export.csv").metadata().unwrap().uid() == 0 {
        return read_only_for_root(&folder); // permission bits do not bind root
    }
    fs::create_dir(folder.path("closed")).unwrap();
    fs::set_permissions(folder.path("closed"), Permissions::from_mode(0o500)).unwrap();
    for target in TARGETS {
        let outcome =
            import(&folder, &with_file(target, &format!("closed/{}", file_of(target)))).expect_stopped();
        assert!(outcome.stderr.contains("Permission denied"), "{}", outcome.stderr);
    }
    assert_eq!(fs::read_dir(folder.path("closed")).unwrap().count(), 0);
}

/// The same with a file system that is mounted read-only, in a mount namespace that ends with the command.
fn read_only_for_root(folder: &Folder) {
    fs::create_dir(folder.path("closed")).unwrap();
    for target in TARGETS {
        let target = with_file(target, &format!("closed/{}", file_of(target)));
        let outcome = std::process::Command::new("unshare")
            .args(["-m", "sh", "-c", "mount -t tmpfs -o ro none closed || exit 77; exec \"$0\" \"$@\""])
            .arg(env!("CARGO_BIN_EXE_keyferry"))
            .args(["import", "export.csv", "--rp-id", "example.com", "--to", &target])
            .current_dir(folder.path("closed").parent().unwrap())
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&outcome.stderr);
        assert_eq!(outcome.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains("Read-only file system"), "{stderr}");
    }
}

#[test]
fn a_folder_that_everybody_may_write_to() {
    let folder = Folder::with("export.csv", csv(&rows(3)));
    fs::create_dir(folder.path("open")).unwrap();
    let set = |mode| fs::set_permissions(folder.path("open"), Permissions::from_mode(mode)).unwrap();
    set(0o777);
    for target in TARGETS {
        let target = with_file(target, &format!("open/{}", file_of(target)));
        let refused = import(&folder, &target).expect_stopped();
        assert!(refused.stderr.contains("everybody may write to its folder"), "{}", refused.stderr);
        assert_eq!(fs::read_dir(folder.path("open")).unwrap().count(), 0);
    }
    set(0o1777); // the sticky bit keeps others from exchanging the file, as in /tmp
    for target in TARGETS {
        import(&folder, &with_file(target, &format!("open/{}", file_of(target)))).expect(0);
    }
}

#[test]
fn a_symbolic_link_is_refused_and_its_victim_stays() {
    for target in TARGETS {
        let file = file_of(target);
        let folder = Folder::with("export.csv", csv(&rows(3)));
        folder.write("fewer.csv", csv(&rows(1)));
        // A victim that is a good target itself: nothing but the link speaks against it.
        let victim = format!("victim-{file}");
        folder.carry("import", "fewer.csv", &with_file(target, &victim), "").expect(0);
        let before = folder.read(&victim);
        symlink(&victim, folder.path(file)).unwrap();
        let refused = import(&folder, target).expect_stopped();
        assert!(refused.stderr.contains("symbolic link"), "{}", refused.stderr);
        assert_eq!(folder.read(&victim), before);
        assert!(folder.path(file).is_symlink());
        // One that points nowhere makes no file there.
        fs::remove_file(folder.path(&victim)).unwrap();
        import(&folder, target).expect_stopped();
        assert!(!folder.path(&victim).exists());
    }
}

#[test]
fn planted_files_of_our_own_names_lead_nowhere() {
    for target in &TARGETS[1..] {
        let file = file_of(target);
        let folder = Folder::with("export.csv", csv(&rows(3)));
        folder.write("victim", "keep");
        symlink("victim", folder.path(&format!(".{file}.keyferry-tmp"))).unwrap();
        folder.import("export.csv", target);
        assert_eq!(folder.text("victim"), "keep");
        let mut files = ["export.csv", file, "victim"];
        files.sort_unstable();
        assert_eq!(folder.files(), files);
    }
    for target in TARGETS {
        let folder = Folder::with("export.csv", csv(&rows(3)));
        folder.write("victim", "keep");
        symlink("victim", folder.path(&format!(".{}.keyferry-lock", file_of(target)))).unwrap();
        import(&folder, target).expect_stopped();
        assert_eq!(folder.text("victim"), "keep");
        assert_eq!(folder.find(file_of(target)), None);
    }
}

#[test]
fn a_named_pipe_is_refused_at_once() {
    for target in TARGETS {
        let folder = Folder::with("export.csv", csv(&rows(3)));
        let made = Command::new("mkfifo").arg(folder.path(file_of(target))).status();
        assert!(made.unwrap().success());
        for verb in ["import", "plan", "verify"] {
            let mut command = folder.command();
            let args = format!("{verb} export.csv --rp-id example.com --to {target}");
            command.args(args.split_whitespace()).stdout(Stdio::null()).stderr(Stdio::null());
            let mut child = command.spawn().unwrap();
            // Whoever opens a pipe that nobody writes to waits for ever.
            let patience = Instant::now() + Duration::from_secs(8);
            let status = loop {
                if let Some(status) = child.try_wait().unwrap() {
                    break status.code();
                }
                if Instant::now() > patience {
                    child.kill().unwrap();
                    child.wait().unwrap();
                    panic!("{verb} waits for a named pipe as {target}");
                }
                std::thread::sleep(Duration::from_millis(5));
            };
            assert_eq!(status, Some(2), "{verb} {target}");
        }
    }
}

#[test]
fn new_files_are_for_their_owner_alone() {
    for target in TARGETS {
        let folder = Folder::with("export.csv", csv(&rows(3)));
        let binary = env!("CARGO_BIN_EXE_keyferry");
        let args = format!("import export.csv --rp-id example.com --to {target} --rejects rejects.csv");
        let output = Command::new("sh")
            .args(["-c", "umask 000; exec \"$@\"", "sh", binary])
            .args(args.split_whitespace())
            .current_dir(folder.path(""))
            .output()
            .unwrap();
        Outcome::of(&args, output).expect(0);
        for file in [file_of(target), "rejects.csv"] {
            let mode = folder.path(file).metadata().unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{file} has mode {mode:o}");
        }
    }
}

#[test]
fn a_target_that_is_there_keeps_its_mode() {
    for target in TARGETS {
        let folder = Folder::with("export.csv", csv(&rows(3)));
        folder.import("export.csv", target);
        let path = folder.path(file_of(target));
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        folder.write("more.csv", csv(&rows(5)));
        folder.import("more.csv", target);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o640, "{target}");
    }
}

#[test]
fn a_hard_link_of_a_file_target_is_cut_and_not_written_through() {
    for target in &TARGETS[1..] {
        let folder = Folder::with("export.csv", csv(&rows(3)));
        folder.write("fewer.csv", csv(&rows(1)));
        folder.import("fewer.csv", target);
        fs::hard_link(folder.path(file_of(target)), folder.path("backup")).unwrap();
        let before = folder.read("backup");
        folder.import("export.csv", target);
        assert_eq!(folder.read("backup"), before);
        assert_ne!(folder.read(file_of(target)), before);
    }
}
