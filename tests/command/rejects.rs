//! The file of rejected rows: the rows as they were, to be mended and fed in again.

use std::{collections::HashMap, os::unix::fs::PermissionsExt as _};

use keyferry_testkit::ExportRow;

use crate::{
    exports::{another_row, csv, rows},
    support::{Folder, TARGETS, file_of, snapshot},
};

/// Twelve rows, five of them wrong by themselves or with each other, and one that contradicts [`held`].
fn faulty() -> Vec<ExportRow> {
    let mut list = rows(12);
    list[1].authenticator_sign_count = "12abc".to_owned();
    list[1].created = "=cmd()".to_owned();
    list[4].backup_state = "-x, \"quoted\"".to_owned();
    list[8].status.clear();
    list[10].public_key = another_row(0).public_key;
    let mut twice = list[6].clone();
    twice.status = "suspended".to_owned();
    list.push(twice);
    list.push(list[0].clone());
    list
}

/// The rows of [`faulty`] that are rejected, counted from 1.
const REJECTED: [usize; 6] = [2, 5, 7, 9, 11, 13];

/// What stood in the target before: row 11 with its right key.
fn held() -> String {
    csv(&rows(11)[10..])
}

fn read(text: &str) -> (Vec<String>, Vec<Vec<String>>) {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let cells = |record: &csv::StringRecord| record.iter().map(str::to_owned).collect::<Vec<_>>();
    let header = cells(reader.headers().unwrap());
    (header, reader.records().map(|record| cells(&record.unwrap())).collect())
}

#[test]
fn rejected_rows_stand_there_as_they_were() {
    let folder = Folder::with("export.csv", csv(&faulty()));
    folder.write("held.csv", held());
    folder.import("held.csv", "sqlite:t.db");
    let planned = folder.carry("plan", "export.csv", "sqlite:t.db", "--rejects planned.csv").expect(1);
    let import = folder.carry("import", "export.csv", "sqlite:t.db", "--rejects rejects.csv").expect(1);
    assert_eq!(import.counts(), "read 14, inserted 7, duplicate 1, conflict 3, refused 3");
    assert_eq!(planned.counts(), import.counts());
    assert_eq!(folder.read("planned.csv"), folder.read("rejects.csv"));
    assert_eq!(folder.path("rejects.csv").metadata().unwrap().permissions().mode() & 0o777, 0o600);

    let (header, rejected) = read(&folder.text("rejects.csv"));
    let own = ["keyferry_row", "keyferry_line", "keyferry_column", "keyferry_code", "keyferry_reason"];
    assert_eq!(header[..5], own);
    assert_eq!(header[5..], keyferry_testkit::HEADER);
    let all = faulty();
    assert_eq!(rejected.len(), REJECTED.len());
    for (row, number) in rejected.iter().zip(REJECTED) {
        assert_eq!(row[..2], [number.to_string(), (number + 1).to_string()]);
        assert!(row[2..5].iter().all(|cell| !cell.is_empty()), "{row:?}");
        assert_eq!(row[5..], all[number - 1].fields());
    }
    assert_eq!(rejected[0][2], "authenticatorSignCount; created");
    assert_eq!(rejected[0][3], "sign-count-invalid; timestamp-invalid");
    assert_eq!(rejected[4][3], "key-changed");
    let reasons: Vec<_> = rejected.iter().map(|row| format!("{}: {}", row[3], row[4])).collect();
    insta::with_settings!({prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!("rejects-reasons", reasons.join("\n"));
    });
}

#[test]
fn fed_in_unmended_they_are_rejected_the_same_way() {
    for target in TARGETS {
        let folder = Folder::with("export.csv", csv(&faulty()));
        folder.write("held.csv", held());
        folder.import("held.csv", target);
        folder.carry("import", "export.csv", target, "--rejects rejects.csv").expect(1);
        let before = folder.read(file_of(target));
        let again = folder.carry("import", "rejects.csv", target, "--rejects again.csv").expect(1);
        assert_eq!(again.counts(), "read 6, conflict 3, refused 3", "{target}");
        assert!(!again.stderr.contains("not read"), "its own columns are nothing unusual: {}", again.stderr);
        assert_eq!(folder.read(file_of(target)), before);
        // The same rows and codes, with our columns made anew: rows are now counted in the rejects file.
        let ((header, first), (same_header, second)) =
            (read(&folder.text("rejects.csv")), read(&folder.text("again.csv")));
        assert_eq!(header, same_header);
        for (number, (one, other)) in first.iter().zip(&second).enumerate() {
            assert_eq!(other[0], (number + 1).to_string());
            assert_eq!((&one[2..4], &one[5..]), (&other[2..4], &other[5..]));
        }
    }
}

#[test]
fn mended_and_fed_in_again_they_are_imported() {
    for target in TARGETS {
        let folder = Folder::with("export.csv", csv(&faulty()));
        folder.write("held.csv", held());
        folder.import("held.csv", target);
        folder.carry("import", "export.csv", target, "--rejects rejects.csv").expect(1);

        // Mend: each row gets its right cells; of the two that contradicted each other, one goes.
        let right: HashMap<usize, ExportRow> = (1..=12).zip(rows(12)).collect();
        let (header, rejected) = read(&folder.text("rejects.csv"));
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(&header).unwrap();
        for row in rejected.iter().filter(|row| row[0] != "13") {
            let mended = &right[&row[0].parse().unwrap()];
            let own = row[..5].iter().map(String::as_str);
            writer.write_record(own.chain(mended.fields())).unwrap();
        }
        folder.write("mended.csv", writer.into_inner().unwrap());

        let import = folder.carry("import", "mended.csv", target, "--rejects rejects.csv").expect(0);
        assert_eq!(import.counts(), "read 5, inserted 4, unchanged 1", "{target}");
        assert_eq!(read(&folder.text("rejects.csv")).1.len(), 0, "nothing is left to mend");
        folder.write("whole.csv", csv(&rows(12)));
        let verify = folder.carry("verify", "whole.csv", target, "").expect(0);
        assert_eq!(verify.counts(), "read 12, unchanged 12", "{target}");
    }
}

#[test]
fn rows_with_too_many_or_too_few_cells_are_mended_too() {
    let good = csv(&rows(3));
    let lines: Vec<_> = good.lines().collect();
    let short = lines[2].rsplit_once(',').unwrap().0;
    let folder = Folder::with("export.csv", format!("{}\n{}\n{short}\n{},,\n", lines[0], lines[1], lines[3]));
    let import = folder.carry("import", "export.csv", "sqlite:t.db", "--rejects rejects.csv").expect(1);
    assert_eq!(import.faults(), ["2 column-count", "3 column-count"]);
    let rejects = folder.text("rejects.csv");
    let rejected: Vec<_> = rejects.lines().collect();
    assert!(rejected[1].ends_with(short) && rejected[2].ends_with(&format!("{},,", lines[3])), "{rejects}");
    folder.write(
        "mended.csv",
        format!("{}\n{},active\n{}\n", rejected[0], rejected[1], &rejected[2][..rejected[2].len() - 2]),
    );
    folder.carry("import", "mended.csv", "sqlite:t.db", "").expect(0);
    folder.write("whole.csv", good);
    folder.carry("verify", "whole.csv", "sqlite:t.db", "").expect(0);
}

#[test]
fn it_is_never_written_over_what_is_needed() {
    let export = csv(&faulty());
    for target in TARGETS {
        let file = file_of(target);
        let folder = Folder::with("export.csv", &export);
        folder.write("held.csv", held());
        folder.import("held.csv", target);
        std::os::unix::fs::symlink("export.csv", folder.path("link.csv")).unwrap();
        let before = folder.read(file);
        for rejects in ["export.csv", "./export.csv", "link.csv", file] {
            for verb in ["plan", "import", "verify"] {
                folder.carry(verb, "export.csv", target, &format!("--rejects {rejects}")).expect_stopped();
            }
        }
        assert_eq!((folder.text("export.csv"), folder.read(file)), (export.clone(), before), "{target}");
    }
    let folder = Folder::with("export.csv", &export);
    folder.write("held.csv", held());
    folder.import("held.csv", "simplewebauthn:t.json");
    let import = "import export.csv --rp-id example.com --to simplewebauthn:t.json --rejects";
    let stopped =
        ["export.csv", "t.json"].map(|path| folder.run(&format!("{import} {path}")).expect_stopped());
    snapshot("rejects-over-something", &stopped);
}

#[test]
fn it_is_never_written_over_the_export_by_inspect() {
    let folder = Folder::with("export.csv", csv(&faulty()));
    folder.run("inspect export.csv --rejects export.csv").expect_stopped();
    assert_eq!(folder.text("export.csv"), csv(&faulty()));
}

#[test]
fn it_is_never_written_over_a_target_that_the_import_makes() {
    for target in TARGETS {
        let folder = Folder::with("export.csv", csv(&faulty()));
        let rejects = format!("--rejects {}", file_of(target));
        folder.carry("import", "export.csv", target, &rejects).expect_stopped();
        assert_eq!(folder.files(), ["export.csv"], "{target}");
    }
}

#[test]
fn a_place_that_cannot_be_written_stops_the_import_before_it_writes() {
    let folder = Folder::with("export.csv", csv(&faulty()));
    let import = "import export.csv --rp-id example.com --to sqlite:t.db --rejects missing/rejects.csv";
    snapshot("rejects-nowhere", &[folder.run(import).expect_stopped()]);
    assert_eq!(folder.files(), ["export.csv"]);
}

#[test]
fn the_faults_of_a_verification_can_be_written_too() {
    let folder = Folder::with("export.csv", csv(&rows(3)));
    folder.write("two.csv", csv(&rows(2)));
    folder.import("two.csv", "sqlite:t.db");
    let verify = folder.carry("verify", "export.csv", "sqlite:t.db", "--rejects missing.csv").expect(1);
    assert_eq!(verify.faults(), ["3 missing-in-target"]);
    let import = folder.carry("import", "missing.csv", "sqlite:t.db", "").expect(0);
    assert_eq!(import.counts(), "read 1, inserted 1");
    folder.carry("verify", "export.csv", "sqlite:t.db", "").expect(0);
}
