//! Text of unknown origin, which may try to steer the terminal or whoever reads the report.

use std::fs;

use keyferry_testkit::ExportRow;

use crate::{
    exports::{another_row, csv, rows},
    support::{Folder, Outcome, TARGETS, file_of},
};

/// What terminals, browsers and spreadsheets act upon.
const PAYLOADS: [&str; 14] = [
    "\u{1b}[31mred\u{1b}[2J",
    "\u{1b}]52;c;cm0gLXJmIC8=\u{7}",
    "\u{1b}]8;;http://evil.example\u{1b}\\click\u{1b}]8;;\u{1b}\\",
    "\u{9b}31m",
    "\u{7f}\u{8}\u{8}\u{8}",
    "\u{85}\u{90}\u{9f}",
    "\u{202e}gnp.exe",
    "\u{202a}\u{202b}\u{202c}\u{202d}",
    "\u{2066}\u{2067}\u{2068}\u{2069}",
    "nul\0nul",
    "tab\tbell\u{7}vertical\u{b}",
    "=cmd()|' /C calc'!A0",
    "<script>alert(1)</script>",
    "{\"json\": [1], \"x\": \"\\u001b\"}",
];

/// Demands that nothing in an output steers the one who reads it.
fn harmless(outcome: &Outcome) {
    for (stream, text) in [("stdout", &outcome.stdout), ("stderr", &outcome.stderr)] {
        for character in text.chars() {
            let steers = matches!(character,
                '\0'..='\u{9}' | '\u{b}'..='\u{1f}' | '\u{7f}'..='\u{9f}'
                | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            assert!(!steers, "{character:?} on {stream} of\n{}", outcome.shown().escape_debug());
        }
        assert!(text.len() < 2_000_000, "{} bytes on {stream}", text.len());
    }
}

/// Runs everything over an export, as text and as JSON.
fn everything(folder: &Folder, export: &str) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    let mut run = |args: &str| {
        for json in ["", "--json"] {
            let outcome = folder.run(&format!("{args} {json}"));
            assert!(matches!(outcome.code, Some(0..=2)), "{}", outcome.shown());
            harmless(&outcome);
            outcomes.push(outcome);
        }
    };
    run(&format!("inspect {export} --rejects rejects.csv"));
    for target in TARGETS {
        for verb in ["plan", "import", "verify"] {
            run(&format!("{verb} {export} --rp-id example.com --to {target}"));
        }
    }
    if folder.path("rejects.csv").exists() {
        run("inspect rejects.csv");
    }
    outcomes
}

fn cells(row: &mut ExportRow) -> [&mut String; 13] {
    [
        &mut row.user_id,
        &mut row.external_user_id,
        &mut row.credential_id,
        &mut row.public_key,
        &mut row.authenticator_sign_count,
        &mut row.authenticator_aaguid,
        &mut row.authenticator_attachment,
        &mut row.backup_eligible,
        &mut row.backup_state,
        &mut row.transports,
        &mut row.attestation_format,
        &mut row.created,
        &mut row.status,
    ]
}

#[test]
fn payloads_in_every_cell() {
    let mut list = Vec::new();
    for (number, payload) in PAYLOADS.into_iter().chain(["x".repeat(300_000).as_str()]).enumerate() {
        for column in 0..13 {
            let mut row = rows(100)[(number * 13 + column) % 100].clone();
            // Users and IDs of their own, so that each row stands for itself.
            row.user_id = format!("usr-{number}-{column}");
            row.external_user_id = format!("user-{number}-{column}");
            *cells(&mut row)[column] = payload.to_owned();
            list.push(row);
        }
    }
    list.push(another_row(5));
    for outcome in everything(&Folder::with("export.csv", csv(&list)), "export.csv") {
        // The good rows are taken, the others named.
        assert_eq!(outcome.code, Some(1), "{}", outcome.shown());
    }
}

#[test]
fn payloads_in_user_identifiers_that_are_legal_text() {
    // Accepted rows: what they hold is written to the target and must still not reach the terminal.
    let mut list = rows(PAYLOADS.len());
    for (row, payload) in list.iter_mut().zip(PAYLOADS) {
        row.transports = format!("usb;{}", payload.replace(['\0', ';'], ""));
        row.attestation_format = payload.replace('\0', "");
        row.authenticator_attachment = payload.replace('\0', "");
        row.external_user_id = format!("{}-{}", row.external_user_id, payload.replace('\0', "\r\n"));
    }
    everything(&Folder::with("export.csv", csv(&list)), "export.csv");
}

#[test]
fn payloads_in_the_header() {
    for payload in PAYLOADS {
        let quoted = format!("\"{}\"", payload.replace('"', "\"\""));
        let more: String = csv(&rows(2)).lines().map(|line| format!("{line},{quoted}\n")).collect();
        everything(&Folder::with("export.csv", more), "export.csv");
        let doubled = csv(&rows(2)).replacen("userId", &quoted, 1);
        everything(&Folder::with("export.csv", doubled), "export.csv");
    }
}

#[test]
fn payloads_in_names_of_files() {
    for name in ["\u{1b}[31mred.csv", "\u{202e}vsc.exe", "\u{9b}31m.csv", "\u{7f}.csv", "line\nbreak.csv"] {
        let folder = Folder::with(name, csv(&rows(2)));
        let target = format!("simplewebauthn:{name}.json");
        for verb in ["inspect", "plan", "import", "verify", "checksum"] {
            for (export, json) in [(name, false), (name, true), ("missing\u{1b}[31m\u{202e}.csv", false)] {
                let mut command = folder.command();
                command.args([verb, export]);
                if !["inspect", "checksum"].contains(&verb) {
                    command.args(["--rp-id", "example.com", "--to", &target]);
                }
                if json && verb != "checksum" {
                    command.arg("--json");
                }
                let outcome = Outcome::of(verb, command.output().unwrap());
                harmless(&outcome);
                assert_eq!(outcome.code, Some(if export == name { 0 } else { 2 }), "{}", outcome.shown());
            }
        }
    }
}

#[test]
fn payloads_in_a_target() {
    for target in &TARGETS[1..] {
        for payload in PAYLOADS {
            let folder = Folder::with("export.csv", csv(&rows(2)));
            for content in [
                payload.to_owned(),
                format!("[{payload}"),
                format!("[{{\"{payload}\": 1}}]"),
                format!("[{{\"id\": {}}}]", serde_json::to_string(payload).unwrap()),
                format!("[{{\"id\": \"AAAA\", \"publicKey\": {}}}]", serde_json::to_string(payload).unwrap()),
            ] {
                folder.write(file_of(target), content);
                for verb in ["plan", "import"] {
                    let outcome = folder.run(&format!("{verb} export.csv --rp-id example.com --to {target}"));
                    harmless(&outcome.expect_stopped());
                }
            }
        }
    }
}

#[test]
fn no_path_comes_from_the_file() {
    let mut list = rows(2);
    list[0].external_user_id = "../../escaped".to_owned();
    list[1].user_id = "/tmp/escaped".to_owned();
    // A gzip member may name the file that it was made from.
    let mut packed =
        flate2::GzBuilder::new().filename("../escaped").write(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, csv(&list).as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    for target in TARGETS {
        let folder = Folder::new();
        fs::create_dir(folder.path("inner")).unwrap();
        folder.write("inner/export.csv.gz", &packed);
        folder.import("inner/export.csv.gz", &target.replacen(':', ":inner/", 1));
        assert_eq!(folder.files(), ["inner"]);
        assert_eq!(fs::read_dir(folder.path("inner")).unwrap().count(), 2);
    }
}
