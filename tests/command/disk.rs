//! A full disk: a file of records stays as it was, a database stands at the end of a batch, and a later run finishes.

use std::{fs, path::Path, process::Command};

use keyferry_testkit::Generator;

use crate::{
    database::dump,
    exports::{csv, rows},
    flood::{BATCH, Content, folder, is_large, undisturbed},
    support::{Folder, Outcome},
};

/// Mounts a small file system on `disk`, runs the import on it, makes it larger, runs the import again.
///
/// All in one shell, because what is mounted in a namespace of its own goes away with it; the results are copied out.
const SCRIPT: &str = r#"
mount -t tmpfs -o "size=$1" none disk || exit 77
for old in old/*; do [ ! -e "$old" ] || cp -p "$old" disk/; done
shift
"$@" >full.out 2>full.err; echo $? >full.code
ls -A disk >full.files; cp -pr disk full
mount -o remount,size=64m disk || exit 78
"$@" >room.out 2>room.err; echo $? >room.code
ls -A disk >room.files; cp -pr disk room
umount disk
"#;

/// Runs the script as root of a user namespace, or as root; `None`, with a reason shown, where neither is allowed.
fn on_a_small_disk(folder: &Folder, size: &str, import: &str) -> Option<()> {
    fs::create_dir(folder.path("disk")).unwrap();
    for shell in [&["unshare", "-rm", "sh"][..], &["sh"]] {
        let output = Command::new(shell[0])
            .args(&shell[1..])
            .args(["-c", SCRIPT, "sh", size, env!("CARGO_BIN_EXE_keyferry")])
            .args(import.split_whitespace())
            .current_dir(folder.path(""))
            .output();
        match output {
            Ok(output) if output.status.success() => return Some(()),
            Ok(output) => eprintln!("{shell:?}: {}", String::from_utf8_lossy(&output.stderr)),
            Err(error) => eprintln!("{shell:?}: {error}"),
        }
    }
    assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "a full disk must be tried there");
    eprintln!("left out: no file system can be mounted here");
    None
}

/// What one of the two runs said.
fn outcome(folder: &Folder, run: &str) -> (Option<i32>, String, String) {
    let text = |what: &str| folder.text(&format!("{run}.{what}"));
    (text("code").trim().parse().ok(), text("out"), text("err"))
}

fn names(folder: &Folder, run: &str) -> Vec<String> {
    folder.text(&format!("{run}.files")).lines().map(str::to_owned).collect()
}

/// Demands that the first run stopped because the disk was full, and that the second one finished.
fn stopped_then_finished(folder: &Folder) {
    let (code, stdout, stderr) = outcome(folder, "full");
    assert_eq!((code, stdout.as_str()), (Some(2), ""), "{stderr}");
    assert!(stderr.contains("full") || stderr.contains("No space left"), "{stderr}");
    let (code, stdout, stderr) = outcome(folder, "room");
    assert_eq!(code, Some(0), "{stdout}{stderr}");
}

#[test]
fn a_file_of_records_stays_as_it_was() {
    // Once there is no room for the journal of changes, once there is, but none for the new file beside it.
    for (target, file, sizes) in
        [("simplewebauthn", "t.json", ["100k", "400k"]), ("webauthn-rs", "w.jsonl", ["100k", "900k"])]
    {
        let folder = Folder::with("few.csv", csv(&rows(3)));
        let generator = Generator::new(1000, 3, "example.com").with_assertions(false);
        generator.write(&folder.path("export.csv")).unwrap();
        for path in ["old", "whole"] {
            fs::create_dir(folder.path(path)).unwrap();
            folder.import("few.csv", &format!("{target}:{path}/{file}"));
        }
        folder.import("export.csv", &format!("{target}:whole/{file}"));
        let import = format!("import export.csv --rp-id example.com --to {target}:disk/{file}");
        for size in sizes {
            if on_a_small_disk(&folder, size, &import).is_none() {
                return;
            }
            stopped_then_finished(&folder);
            for (run, expected) in [("full", "old"), ("room", "whole")] {
                let found = fs::read(folder.path(run).join(file)).unwrap();
                assert!(found == folder.read(&format!("{expected}/{file}")), "{run} {size}");
                assert_eq!(names(&folder, run), [file], "{run} {size}: something was left over");
            }
            for made in ["full", "room", "disk"] {
                fs::remove_dir_all(folder.path(made)).unwrap();
            }
        }
    }
}

#[test]
fn a_database_stands_at_the_end_of_a_batch() {
    let folder = folder();
    let import = "import export.csv --rp-id example.com --to sqlite:disk/t.db";
    // Room for the first of two batches and not for the second, or for less than the only one.
    let (size, expected, told) =
        if is_large() { ("14000k", BATCH, "24,576 inserted") } else { ("500k", 0, " 0 inserted") };
    if on_a_small_disk(&folder, size, import).is_none() {
        return;
    }
    stopped_then_finished(&folder);
    let (_, _, stderr) = outcome(&folder, "full");
    let rows = dump(&folder.path("full").join("t.db")).len();
    assert_eq!(rows, expected, "{stderr}");
    assert!(stderr.contains(told) && stderr.contains("run it again to finish"), "{stderr}");
    assert_eq!(names(&folder, "room"), ["t.db"]);
    let Content::Rows(expected) = undisturbed("sqlite:t.db").content else { unreachable!() };
    assert!(dump(&folder.path("room").join("t.db")) == expected, "it ends otherwise");
}

#[test]
fn an_answer_that_cannot_be_written_is_no_success() {
    // A device that is always full, where there is one.
    if !Path::new("/dev/full").exists() {
        eprintln!("left out: there is no /dev/full");
        return;
    }
    let folder = Folder::with("export.csv", csv(&rows(3)));
    let mut command = folder.command();
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let output = command.args(["inspect", "export.csv"]).stdout(full).output().unwrap();
    // An answer that nobody got is no success.
    let stopped = Outcome::of("inspect export.csv", output).expect(2);
    assert!(stopped.stderr.contains("No space left"), "{}", stopped.stderr);
}
