//! Personal data stays in the files that only their owner may read: no whole identifier, key or handle is ever printed.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};
use keyferry_testkit::ExportRow;

use crate::{
    exports::{another_row, csv, rows},
    support::{Folder, Outcome, TARGETS, file_of},
};

/// Every spelling of what is private in some rows: user IDs, credential IDs, keys and handles.
fn canaries(rows: &[ExportRow]) -> Vec<String> {
    let mut spellings = Vec::new();
    for row in rows {
        for bytes in [row.user_id.as_bytes(), row.external_user_id.as_bytes()] {
            spellings.push(String::from_utf8(bytes.to_vec()).unwrap());
            spell(bytes, &mut spellings);
        }
        let uuid: String = row.external_user_id.chars().filter(|character| *character != '-').collect();
        spellings.push(uuid);
        for cell in [&row.credential_id, &row.public_key] {
            spell(&URL_SAFE.decode(cell).unwrap(), &mut spellings);
        }
    }
    // The beginning is enough to know them by; a report may show the first 8 characters of an ID.
    spellings.iter().map(|spelling| spelling.chars().take(20).collect()).collect()
}

fn spell(bytes: &[u8], spellings: &mut Vec<String>) {
    spellings.extend([
        bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        bytes.iter().map(|byte| format!("{byte:02X}")).collect(),
        STANDARD.encode(bytes),
        STANDARD_NO_PAD.encode(bytes),
        URL_SAFE_NO_PAD.encode(bytes),
    ]);
}

fn silent(outcome: &Outcome, canaries: &[String]) {
    for canary in canaries {
        let is_told = outcome.stdout.contains(canary) || outcome.stderr.contains(canary);
        assert!(!is_told, "{canary} in\n{}", outcome.shown());
    }
}

fn everything(folder: &Folder, export: &str, canaries: &[String]) {
    for json in ["", "--json"] {
        silent(&folder.run(&format!("inspect {export} {json}")), canaries);
        for target in TARGETS {
            for verb in ["plan", "import", "verify"] {
                for handle in ["none", "user-id", "external-user-id-uuid", "user-id-uuid"] {
                    let args = format!("{verb} {export} --rp-id example.com --to {target} {json}");
                    silent(&folder.run(&format!("{args} --user-handle {handle}")), canaries);
                }
            }
        }
    }
}

#[test]
fn a_run_that_succeeds() {
    let list = rows(4);
    let folder = Folder::with("export.csv", csv(&list));
    everything(&folder, "export.csv", &canaries(&list));
    // They were looked for in the right spelling: there they are.
    assert!(folder.text("t.json").contains(&list[0].external_user_id));
}

#[test]
fn runs_with_faults() {
    let mut list = rows(12);
    list[0].credential_id.push('!');
    list[1].public_key.insert(30, '*');
    list[2].user_id.push('\0');
    list[3].external_user_id.push_str(&"y".repeat(2000));
    list[4].authenticator_sign_count = "x".to_owned();
    list[5].public_key = another_row(1).public_key;
    list[6].public_key = URL_SAFE.encode(b"not a COSE key at all, but long enough");
    list[8].user_id = list[7].user_id.clone();
    list[9].status.clear();
    list.push(ExportRow { authenticator_sign_count: "99".to_owned(), ..list[10].clone() });
    let canaries = canaries(&rows(12));
    let folder = Folder::with("held.csv", csv(&rows(6)));
    folder.write("export.csv", csv(&list));
    for target in TARGETS {
        folder.import("held.csv", target);
    }
    everything(&folder, "export.csv", &canaries);
}

#[test]
fn cells_in_the_wrong_column() {
    // A shifted or swapped column puts private data where messages quote what they found.
    let canaries = canaries(&rows(3));
    type Swap = fn(&mut ExportRow);
    let swaps: [Swap; 6] = [
        |row| std::mem::swap(&mut row.user_id, &mut row.authenticator_sign_count),
        |row| std::mem::swap(&mut row.external_user_id, &mut row.authenticator_aaguid),
        |row| std::mem::swap(&mut row.credential_id, &mut row.created),
        |row| std::mem::swap(&mut row.credential_id, &mut row.backup_state),
        |row| std::mem::swap(&mut row.user_id, &mut row.status),
        |row| std::mem::swap(&mut row.external_user_id, &mut row.attestation_format),
    ];
    for swap in swaps {
        let mut list = rows(3);
        list.iter_mut().for_each(swap);
        let folder = Folder::with("export.csv", csv(&list));
        for json in ["", "--json"] {
            silent(
                &folder.run(&format!("plan export.csv --rp-id example.com --to sqlite:t.db {json}")),
                &canaries,
            );
        }
    }
}

#[test]
fn files_that_stop_the_run() {
    let list = rows(3);
    let canaries = canaries(&list);
    let good = csv(&list);
    let outcome = |export: &str| {
        let folder = Folder::with("export.csv", export);
        let outcome = folder.run("import export.csv --rp-id example.com --to sqlite:t.db").expect_stopped();
        silent(&outcome, &canaries);
    };
    outcome(&good.replacen(",usr-", ",\"usr-", 1).replacen(&list[1].external_user_id, "\"", 1));
    outcome(good.split_once('\n').unwrap().1); // no header: the first row is taken for one
    outcome(&good.replacen(&list[0].created, "\"a\nb\"", 1));
}

#[test]
fn targets_that_hold_something_else() {
    let list = rows(3);
    let canaries = canaries(&list);
    for target in &TARGETS[1..] {
        let folder = Folder::with("export.csv", csv(&list));
        folder.import("export.csv", target);
        let whole = folder.text(file_of(target));
        let lines: Vec<_> = whole.lines().filter(|line| line.starts_with("{\"")).collect();
        let lines: Vec<_> = lines.iter().map(|line| line.trim_end_matches(',')).collect();
        let is_lines = target.ends_with('l');
        let joined =
            |records: &[&str]| if is_lines { records.join("\n") } else { format!("[{}]", records.join(",")) };
        for content in [
            joined(&[lines[0], lines[0]]),
            joined(&[&lines[0].replace(':', ";")]),
            joined(&[&lines[0].replacen("\":\"", "\":\"!", 1)]),
            whole[..whole.len() / 2].to_owned(),
            whole.replace("\"counter\":", "\"counter\":-"),
        ] {
            folder.write(file_of(target), &content);
            for verb in ["plan", "import"] {
                let args = format!("{verb} export.csv --rp-id example.com --to {target}");
                let outcome = folder.run(&args);
                assert_ne!(outcome.code, Some(0), "{}", outcome.shown());
                silent(&outcome, &canaries);
            }
        }
    }
}
