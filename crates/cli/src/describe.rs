//! A report as text for a person.

use keyferry_core::{Report, RowFault, Shown};
use keyferry_sources::{Note, corbado};
use std::{collections::BTreeMap, fmt::Write as _};

use crate::{
    export::{Checked, Export},
    json::hex,
    output::{self, columns, number},
};

/// The most faults that are shown one by one; the rejects file and the JSON have all of them.
const SHOWN_FAULTS: usize = 20;

/// Describes the file itself.
pub(crate) fn source(export: &Export, checked: &Checked) -> String {
    let Checked { digests, gate, .. } = checked;
    let compared = match export.is_checksum_known() {
        true => "matches the vendor's value, a transport check only",
        false => "not compared, no --checksum was given",
    };
    format!(
        "export  {}\n  {} rows, {} bytes\n  CRC64NVME {}  ({compared})\n  SHA-256 {}\n",
        Shown(export.file().name()),
        number(gate.rows),
        number(digests.length),
        digests.crc64nvme,
        hex(&digests.sha256),
    )
}

/// Describes what became of the rows.
pub(crate) fn counts(report: &Report) -> String {
    columns(&report.counts.named().map(|(name, count)| (name.to_owned(), count)))
}

/// Describes how what was read back compares with the export.
pub(crate) fn comparison(report: &Report) -> String {
    let counts = report.counts;
    columns(
        &[
            ("read", counts.read),
            ("the same", counts.unchanged),
            ("different", counts.conflict),
            ("left out on purpose", counts.skipped),
            ("duplicate", counts.duplicate),
            ("refused", counts.refused),
        ]
        .map(|(name, count)| (name.to_owned(), count)),
    )
}

/// Describes who cannot log in, what is not kept, and what moved since.
pub(crate) fn limits(report: &Report) -> String {
    let mut text = String::new();
    let mut list = |title: &str, rows: Vec<(String, u64)>| {
        if !rows.is_empty() {
            let _ = write!(text, "\n{title}\n{}", columns(&rows)); // writing to a String cannot fail
        }
    };
    let reasons = report.cannot_log_in.iter().map(|(reason, count)| (reason.to_string(), *count)).collect();
    list("cannot log in at the target", reasons);
    let items = report.not_kept.iter().map(|(item, count)| (item.to_string(), *count)).collect();
    list("not kept by the target", items);
    let moved = [
        ("sign count higher in the target".to_owned(), report.stale_sign_counts),
        ("backup state changed in the target".to_owned(), report.moved_backup_states),
    ];
    list("moved since by logins", moved.into_iter().filter(|(_, count)| *count > 0).collect());
    text
}

/// Describes the first faults, each with its place, and what to do about each kind.
pub(crate) fn faults(report: &Report) -> String {
    if report.faults.is_empty() {
        return String::new();
    }
    let mut text = String::from("\nfaults\n");
    for RowFault { location, fault } in report.faults.iter().take(SHOWN_FAULTS) {
        let column = corbado::column(fault.item);
        let column = if column.is_empty() { String::new() } else { format!("{column}: ") };
        let _ = writeln!(text, "  {location}: {column}{} [{}]", fault.message, fault.code);
    }
    let all = u64::try_from(report.faults.len()).unwrap_or(u64::MAX) + report.faults_left_out;
    let hidden = all.saturating_sub(u64::try_from(SHOWN_FAULTS).unwrap_or_default());
    if hidden > 0 {
        let _ = writeln!(text, "  … and {} more; --rejects FILE and --json have them", number(hidden));
    }
    let mut kinds: BTreeMap<_, u64> = BTreeMap::new();
    for entry in &report.faults {
        *kinds.entry(entry.fault.code).or_default() += 1;
    }
    text.push_str("\nwhat to do\n");
    for (code, count) in kinds {
        let _ = writeln!(text, "  {code} ({}): {}", number(count), code.advice());
    }
    text
}

/// Tells the operator on standard error what is unusual but harms no login.
pub(crate) fn notes(export: &Export, notes: &BTreeMap<Note, u64>) {
    let extra = export.corbado.extra_columns();
    if !extra.is_empty() {
        let names: Vec<_> = extra.iter().map(|name| Shown(name).to_string()).collect();
        output::say(&format!("warning: columns that are not read: {}", names.join(", ")));
    }
    for (note, count) in notes {
        let cells = if *count == 1 { "cell" } else { "cells" };
        output::say(&format!("warning: {} {cells}: {} [{}]", number(*count), note.message(), note.as_str()));
    }
}
