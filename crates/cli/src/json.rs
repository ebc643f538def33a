//! The JSON object of a run; scripts depend on its names.

use keyferry_core::Report;
use keyferry_sources::corbado;
use serde_json::{Map, Value, json};

use crate::export::{Checked, Export};

/// Builds the object that every command with a report prints.
pub(crate) fn object(
    command: &str,
    export: &Export,
    checked: &Checked,
    target: Option<&str>,
    report: &Report,
    seconds: f64,
) -> Map<String, Value> {
    let counts: Map<String, Value> =
        report.counts.named().into_iter().map(|(name, count)| (name.to_owned(), count.into())).collect();
    let cannot_log_in: Vec<Value> = report
        .cannot_log_in
        .iter()
        .map(|(reason, count)| json!({"reason": reason.to_string(), "count": count}))
        .collect();
    let not_kept: Vec<Value> =
        report.not_kept.iter().map(|(item, count)| json!({"item": item.name(), "count": count})).collect();
    let faults: Vec<Value> = report
        .faults
        .iter()
        .map(|entry| {
            json!({
                "row": entry.location.row,
                "line": entry.location.line,
                "column": corbado::column(entry.fault.item),
                "code": entry.fault.code.as_str(),
                "message": entry.fault.message,
            })
        })
        .collect();
    let mut object = Map::new();
    object.insert("command".to_owned(), command.into());
    object.insert(
        "source".to_owned(),
        json!({
            "file": export.file().name(),
            "rows": report.counts.read,
            "crc64nvme": checked.digests.crc64nvme.to_string(),
            "sha256": hex(&checked.digests.sha256),
        }),
    );
    object.insert("target".to_owned(), target.into());
    object.insert("counts".to_owned(), counts.into());
    object.insert("cannot_log_in".to_owned(), cannot_log_in.into());
    object.insert("not_kept".to_owned(), not_kept.into());
    object.insert("faults".to_owned(), faults.into());
    object.insert("seconds".to_owned(), ((seconds * 1000.0).round() / 1000.0).into());
    object
}

/// Writes bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
