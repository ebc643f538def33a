//! Files that cannot be trusted: the command stops with exit code 2, says why and what to do, and writes nothing.

use crate::{
    exports::{changed, csv, gzip, rows},
    support::{Folder, Outcome, TARGETS, file_of, snapshot},
};

/// Demands that every command stops at this export, and that no target is made or changed; gives the import's answer.
fn refused(name: &str, export: &[u8], more: &str) -> Outcome {
    let folder = Folder::with("held.csv", csv(&rows(2)));
    folder.write(name, export);
    let mut answer = None;
    for target in TARGETS {
        let import = format!("import {name} --rp-id example.com --to {target} {more}");
        answer = Some(folder.run(&import).expect_stopped());
        assert_eq!(folder.find(file_of(target)), None, "{target} was made");
        folder.import("held.csv", target);
        let before = folder.read(file_of(target));
        folder.run(&import).expect_stopped();
        assert_eq!(folder.read(file_of(target)), before, "{target} was changed");
    }
    let files = folder.files();
    folder.run(&format!("inspect {name} {more}")).expect_stopped();
    for verb in ["plan", "verify"] {
        folder.run(&format!("{verb} {name} --rp-id example.com --to sqlite:new.db {more}")).expect_stopped();
    }
    assert_eq!(folder.files(), files, "something was left over");
    answer.unwrap()
}

/// Demands that each answer says what to do.
fn hinted(outcomes: &[Outcome]) {
    for outcome in outcomes {
        assert!(outcome.stderr.contains("\nhint: "), "no hint in\n{}", outcome.shown());
    }
}

#[test]
fn the_wrong_checksum() {
    let plain = csv(&rows(20));
    let wrong = "--checksum 5yuiJSxKKnU=";
    let outcomes = [
        refused("export.csv.gz", &gzip(&plain), wrong),
        refused("export.csv", plain.as_bytes(), wrong),
        // The checksum comes first: whether the rest makes sense is not even asked.
        refused("export.csv", b"garbage", wrong),
    ];
    assert!(outcomes[1].stderr.contains("unpacked already"), "{}", outcomes[1].stderr);
    let lines: Vec<_> = outcomes.iter().map(|outcome| outcome.stderr.lines().count()).collect();
    assert_eq!(lines, [3, 3, 3]);
    // The packed file's own checksum varies with the compressor, so the snapshot has the two others.
    let [_, plain, garbage] = outcomes;
    snapshot("wrong-checksum", &[plain, garbage]);
}

#[test]
fn damaged_gzip() {
    let whole = gzip(csv(&rows(20)));
    let length = whole.len();
    let mut flipped = whole.clone();
    flipped[length - 6] ^= 1; // in the CRC-32 at the end
    let trailing = [&whole[..], b"junk"].concat();
    let name = "export.csv.gz";
    let outcomes =
        [refused(name, &whole[..length / 2], ""), refused(name, &trailing, ""), refused(name, &flipped, "")];
    snapshot("damaged-gzip", &outcomes);
    hinted(&outcomes);
    for cut in [3, 9, 10, 11, length - 9, length - 8, length - 4, length - 1] {
        refused(name, &whole[..cut], "");
    }
}

#[test]
fn damaged_csv() {
    let good = csv(&rows(3));
    let unclosed = changed(3, 2, |row| row.transports = "OPEN".to_owned()).replace("OPEN", "\"usb");
    let without = good.replacen(",created,", ",", 1);
    let doubled = good.replacen("externalUserId", "userId", 1);
    let header = csv([]);
    let name = "export.csv";
    let outcomes = [
        refused(name, unclosed.as_bytes(), ""),
        refused(name, without.as_bytes(), ""),
        refused(name, doubled.as_bytes(), ""),
        refused(name, good.replacen("userId", "userid", 1).as_bytes(), ""),
        refused(name, good.replace(',', ";").as_bytes(), ""),
        refused(name, b"", ""),
        refused(name, header.as_bytes(), ""),
        refused(name, b"\xff\xfe\x00\x01", ""),
        refused(name, b"PK\x03\x04 a zip archive", ""),
    ];
    snapshot("damaged-csv", &outcomes);
    hinted(&outcomes);
    refused("export.csv.gz", &gzip(header), "");
    refused("export.csv.gz", &gzip(""), "");
}

#[test]
fn another_number_of_rows() {
    let three = csv(&rows(3));
    let outcomes = [
        refused("2026-01-15-4.csv", three.as_bytes(), ""),
        refused("2026-01-15-2.csv", three.as_bytes(), ""),
        refused("2026-01-15-3.csv", three.as_bytes(), "--rows 4"),
        refused("export.csv", three.as_bytes(), "--rows 0"),
    ];
    snapshot("another-number-of-rows", &outcomes);
    hinted(&outcomes);
    refused("2026-01-15-4.csv.gz", &gzip(&three), "");
    // Cut behind a row, a file that is not compressed looks whole: only its name or --rows tell.
    let cut: String = three.lines().take(3).map(|line| format!("{line}\n")).collect();
    refused("2026-01-15-3.csv", cut.as_bytes(), "");
    let folder = Folder::with("2026-01-15-4.csv", three);
    folder.carry("import", "2026-01-15-4.csv", "sqlite:t.db", "--rows 3").expect(0);
}

#[test]
fn no_file_at_all() {
    let folder = Folder::new();
    let outcomes = ["missing.csv", "missing/export.csv", "."].map(|export| {
        folder.run(&format!("import {export} --rp-id example.com --to sqlite:t.db")).expect_stopped()
    });
    snapshot("no-export", &outcomes);
    let empty = folder.run_with_input("import - --rp-id example.com --to sqlite:t.db", b"").expect_stopped();
    snapshot("empty-standard-input", &[empty]);
    assert_eq!(folder.files(), [""; 0]);
}

#[test]
fn a_gzip_bomb() {
    // 100 MiB of zeros in 100 KiB: far beyond what an export packs to, far below the limit of unpacked bytes.
    let bomb = gzip(vec![b'0'; 100 << 20]);
    let folder = Folder::with("bomb.csv.gz", &bomb);
    let import = "import bomb.csv.gz --rp-id example.com --to sqlite:t.db";
    // With a header and rows that are just not too long, so that no other limit is met before.
    let row = format!("{},0,0,0,0,0,0,0,0,0,0,0,0\n", "0".repeat(4_000_000));
    folder.write("rows.csv.gz", gzip(csv([]) + &row.repeat(25)));
    let outcomes = [
        folder.run(import).expect_stopped(),
        folder.run("inspect rows.csv.gz --max-unpacked 1").expect_stopped(),
        folder.run("plan rows.csv.gz --rp-id example.com --to sqlite:t.db").expect_stopped(),
    ];
    snapshot("gzip-bomb", &outcomes);
    // --max-unpacked is about the size: it does not help against what is too dense.
    assert!(outcomes.iter().all(|outcome| !outcome.stderr.contains("--max-unpacked")), "{outcomes:?}");
    assert_eq!(folder.files(), ["bomb.csv.gz", "rows.csv.gz"]);
}
