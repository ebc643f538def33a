//! Writes records as an export in a random form: what a vendor, a script or a proxy may make of the same rows.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};
use keyferry_core::{CredentialRecord, Timestamp};
use keyferry_testkit::HEADER;
use proptest::{prelude::*, sample::select};

use crate::support::{Row, Sheet, gzip};

/// How an export is written; the default is the documented form.
#[derive(Clone, Debug, Default)]
pub(crate) struct Form {
    /// Which column stands where; empty for the documented order. Extra columns have the numbers after those.
    order: Vec<usize>,
    pub(crate) extra_columns: Vec<String>,
    line_end: Option<&'static str>,
    bom: bool,
    quote_all: bool,
    no_final_line_end: bool,
    /// Where a second gzip member begins, for a packed file.
    pack: Option<prop::sample::Index>,
    base64: usize,
    boolean: usize,
    time: usize,
    null: bool,
}

/// Any form.
pub(crate) fn form() -> impl Strategy<Value = Form> {
    // A set: two columns of one name stop the file, whether they are read or not.
    let columns = prop::collection::btree_set("(note|credential id|x)?[a-z,\"\n]{0,3}", 0..3)
        .prop_map(|extra| extra.into_iter().collect::<Vec<_>>())
        .prop_flat_map(|extra| {
            let order: Vec<_> = (0..HEADER.len() + extra.len()).collect();
            (Just(extra), Just(order).prop_shuffle())
        });
    let file = (
        select(vec!["\n", "\r\n", "\r"]),
        any::<[bool; 3]>(),
        prop::option::of(any::<prop::sample::Index>()),
    );
    (columns, file, 0_usize..4, 0_usize..4, 0_usize..4, any::<bool>()).prop_map(
        |((extra_columns, order), (line_end, flags, pack), base64, boolean, time, null)| {
            let [bom, quote_all, no_final_line_end] = flags;
            let line_end = Some(line_end);
            Form {
                order,
                extra_columns,
                line_end,
                bom,
                quote_all,
                no_final_line_end,
                pack,
                base64,
                boolean,
                time,
                null,
            }
        },
    )
}

/// Writes the file.
pub(crate) fn encode(records: &[CredentialRecord], form: &Form) -> Vec<u8> {
    let mut sheet = Sheet::new(records.iter().map(|record| row(record, form)));
    sheet.header.extend(form.extra_columns.iter().cloned());
    if !form.order.is_empty() {
        sheet = sheet.reordered(&form.order);
    }
    sheet.bom = form.bom;
    sheet.quote_all = form.quote_all;
    sheet.line_end = form.line_end.unwrap_or("\n");
    let mut bytes = sheet.to_bytes();
    if form.no_final_line_end {
        bytes.truncate(bytes.len() - sheet.line_end.len());
    }
    match &form.pack {
        None => bytes,
        Some(index) => {
            let (start, end) = bytes.split_at(index.index(bytes.len()));
            [gzip(start), gzip(end)].concat()
        }
    }
}

fn row(record: &CredentialRecord, form: &Form) -> Row {
    let base64 = [URL_SAFE, URL_SAFE_NO_PAD, STANDARD, STANDARD_NO_PAD][form.base64].clone();
    let nothing = || if form.null { "null" } else { "" }.to_owned();
    let boolean = |value: Option<bool>| {
        let words = [["false", "true"], ["FALSE", "TRUE"], ["0", "1"], ["False", "True"]][form.boolean];
        value.map_or_else(nothing, |value| words[usize::from(value)].to_owned())
    };
    let cells = [
        record.user_id.as_ref().map_or_else(String::new, |id| id.as_str().to_owned()),
        record.account.as_str().to_owned(),
        base64.encode(record.credential_id.as_bytes()),
        base64.encode(record.public_key.as_bytes()),
        record.sign_count.to_string(),
        record.aaguid.map_or_else(nothing, |aaguid| aaguid.to_string()),
        record.authenticator_attachment.as_ref().map_or_else(nothing, |text| text.as_str().to_owned()),
        boolean(record.backup.map(|backup| backup.eligible())),
        boolean(record.backup.map(|backup| backup.state())),
        record.transports.as_ref().map_or_else(nothing, |list| list.iter().collect::<Vec<_>>().join(";")),
        record.attestation_format.as_ref().map_or_else(nothing, |text| text.as_str().to_owned()),
        record.created_at.map_or_else(nothing, |time| created(time, form.time)),
        record.status.as_str().to_owned(),
    ];
    let extra = form.extra_columns.iter().map(|name| format!("\n{name}\""));
    Row(cells.into_iter().chain(extra).map(String::into_bytes).collect())
}

/// Writes a time with `Z`, with an offset of none, without a zone, or with a space.
fn created(time: Timestamp, form: usize) -> String {
    let text = time.to_string();
    match form {
        0 => text,
        1 => text.replace('Z', "+00:00"),
        2 => text.replace('Z', ""),
        _ => text.replace('T', " "),
    }
}
