//! Many rows of our own table in one value (SQLite).
//!
//! A driver that hands rows over one by one, each with a copy of every cell, takes longer for a row than SQLite takes to
//! find it. So the rows of a look-up come as one value, which is compared with what would be written; only a row that
//! holds something else is read cell by cell.

use std::io::Write as _;

use keyferry_core::{Backup, CredentialRecord, Status, Timestamp};
use serde_json::Value as Json;

use crate::{Dialect, Kind, encode, map::Encoding, record_view::View, table::Table, text};

/// Which rows are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Those of these many keys; binds: the keys.
    Keys(usize),
    /// All from one key to another; binds: both.
    Range,
}

/// The query for these rows: of each a JSON array of its columns, with the lengths of those that are bytes, and then the
/// bytes.
///
/// An array says itself where it ends and which of its texts is which, whatever they hold.
pub(crate) fn select(table: &Table, asked: Asked) -> String {
    let dialect = Dialect::Sqlite;
    let (mut cells, mut bytes) = (Vec::new(), String::new());
    for column in text::read_columns(table) {
        let name = format!("t.{}", column.quoted(dialect));
        if column.kind == Kind::Binary {
            bytes.push_str(&match column.found.is_nullable {
                true => format!(" || ifnull({name}, '')"),
                false => format!(" || {name}"),
            });
            cells.push(format!("length({name})"));
        } else {
            cells.push(name);
        }
    }
    format!(
        "SELECT CAST(group_concat(json_array({}){bytes}, '') AS BLOB) FROM {} AS t WHERE {}",
        cells.join(", "),
        table.name.quoted(dialect),
        match (table.columns.get(table.key), asked) {
            (Some(key), Asked::Keys(keys)) => text::in_list(dialect, key, "t", keys),
            (Some(key), Asked::Range) => format!("t.{} BETWEEN ? AND ?", key.quoted(dialect)),
            (None, _) => String::new(),
        },
    )
}

/// The query for how many rows there are from one key to another; binds: both keys, and where counting ends.
pub(crate) fn count(table: &Table) -> String {
    let key = table.columns.get(table.key).map(|key| key.quoted(Dialect::Sqlite)).unwrap_or_default();
    let name = table.name.quoted(Dialect::Sqlite);
    format!("SELECT count(*) FROM (SELECT 1 FROM {name} WHERE {key} BETWEEN ? AND ? LIMIT ?)")
}

/// Takes the first row off the value: its credential ID, and what comes after the row.
///
/// `None` where it is no such value, as in a database that keeps texts as UTF-16.
pub(crate) fn first<'a>(table: &Table, value: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
    let mut array = serde_json::Deserializer::from_slice(value).into_iter::<Vec<Json>>();
    let cells = array.next()?.ok()?;
    let bytes = value.get(array.byte_offset()..)?;
    let columns = text::read_columns(table);
    let lengths =
        columns.zip(&cells).filter(|(column, _)| column.kind == Kind::Binary).map(|(_, cell)| match cell {
            Json::Null => Some(0),
            cell => cell.as_u64().and_then(|length| usize::try_from(length).ok()),
        });
    let mut id = None;
    let mut length = 0_usize;
    for this in lengths {
        // The credential ID is the first column.
        id = id.or_else(|| bytes.get(..this?));
        length = length.checked_add(this?)?;
    }
    Some((id?, bytes.get(length..)?))
}

/// Writes the row of a record that the table keeps whole, just as [`select`] gives it.
pub(crate) fn write(record: &CredentialRecord, row: &mut Vec<u8>) {
    row.clear();
    let view = View::from(record);
    let flag = |known: Option<bool>| known.map(u64::from);
    let transports = view.transports.map(|list| encode::transports(list, &Encoding::JsonList));
    let created = view.created_at.map(|at| encode::time_text(Timestamp::microseconds(at), 'T', 6) + "Z");
    let bytes = [
        Some(view.credential_id.as_bytes()),
        Some(view.public_key.as_bytes()),
        view.aaguid.map(|aaguid| aaguid.0.as_slice()),
        view.user_handle.map(|handle| handle.as_bytes()),
    ];
    let [id, key, aaguid, handle] =
        bytes.map(|bytes| bytes.and_then(|bytes| u64::try_from(bytes.len()).ok()));
    // In the order of the table's columns.
    row.push(b'[');
    number(row, id);
    number(row, key);
    number(row, Some(u64::from(view.sign_count)));
    string(row, transports.as_deref());
    number(row, flag(view.uv_initialized));
    number(row, flag(view.backup.map(Backup::eligible)));
    number(row, flag(view.backup.map(Backup::state)));
    number(row, aaguid);
    string(row, view.authenticator_attachment);
    string(row, view.attestation_format);
    string(row, created.as_deref());
    string(row, view.status.map(Status::as_str));
    string(row, view.user_id);
    string(row, view.external_user_id);
    number(row, handle);
    string(row, view.rp_id);
    string(row, view.account);
    if let Some(last) = row.last_mut() {
        *last = b']';
    }
    bytes.into_iter().flatten().for_each(|bytes| row.extend_from_slice(bytes));
}

fn number(row: &mut Vec<u8>, value: Option<u64>) {
    let _ = match value {
        Some(value) => write!(row, "{value},"),
        None => write!(row, "null,"),
    }; // memory takes it
}

/// Tells whether JSON writes a text as it is, between quotes; looks at every byte, which takes less time than to stop.
fn is_plain(text: &str) -> bool {
    text.bytes().fold(true, |is_plain, byte| is_plain & (byte >= b' ') & (byte != b'"') & (byte != b'\\'))
}

/// A text that SQLite spells otherwise than this makes its row one that is read cell by cell.
fn string(row: &mut Vec<u8>, value: Option<&str>) {
    match value {
        None => row.extend_from_slice(b"null"),
        Some(text) if is_plain(text) => {
            row.push(b'"');
            row.extend_from_slice(text.as_bytes());
            row.push(b'"');
        }
        Some(text) => {
            let _ = serde_json::to_writer(&mut *row, text); // memory takes it
        }
    }
    row.push(b',');
}
