//! Many rows of our own table in one value (SQLite).
//!
//! A driver that hands rows over one by one, each with a copy of every cell, takes longer for a row than SQLite takes to
//! find it. So the rows of a look-up come as one value, which is compared with what would be written; only a row that
//! holds something else is read cell by cell.

use keyferry_core::{Backup, CredentialRecord, Item, Status, Timestamp, Transports};
use memchr::memchr2;

use crate::{
    Dialect, Kind, encode,
    map::{Content, Encoding},
    record_view::View,
    table::{Bound, Table},
    text,
};

/// Which rows are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Those of these many keys; binds: the keys.
    Keys(usize),
    /// All from one key to another; binds: both.
    Range,
}

/// The query for these rows: all of them in one value.
pub(crate) fn select(table: &Table, asked: Asked) -> String {
    let dialect = Dialect::Sqlite;
    format!(
        "SELECT CAST(group_concat({}, '') AS BLOB) FROM {} AS t WHERE {}",
        row(table),
        table.name.quoted(dialect),
        match (table.columns.get(table.key), asked) {
            (Some(key), Asked::Keys(keys)) => text::in_list(dialect, key, "t", keys),
            (Some(key), Asked::Range) => format!("t.{} BETWEEN ? AND ?", key.quoted(dialect)),
            (None, _) => String::new(),
        },
    )
}

/// The query for so many of the next rows as they lie in the file: the number of the last one, and all of them in one
/// value; bind: the number of the last row before.
///
/// SQLite prepares a statement anew for each value that is bound to its LIMIT, so none is.
pub(crate) fn page(table: &Table, rows: u32) -> String {
    format!(
        "SELECT max(number), CAST(group_concat(packed, '') AS BLOB) FROM \
         (SELECT t.rowid AS number, {} AS packed FROM {} AS t WHERE t.rowid > ? ORDER BY t.rowid LIMIT {rows})",
        row(table),
        table.name.quoted(Dialect::Sqlite),
    )
}

/// What is made of a row: a JSON array of its columns, with the lengths of those that are bytes, and then the bytes.
///
/// An array says itself where it ends and which of its texts is which, whatever they hold. The length of a text would be
/// that of another thing than its bytes, and texts can stand among bytes in a file that nobody guarded: of these, and of
/// keys that are too long for any, no length is given, and nobody takes the row for what it is not.
fn row(table: &Table) -> String {
    let (mut cells, mut bytes) = (Vec::new(), String::new());
    for column in text::read_columns(table) {
        let name = format!("t.{}", column.quoted(Dialect::Sqlite));
        if column.kind != Kind::Binary {
            cells.push(name);
        } else if is_public_key(column) {
            // All bytes come after all texts.
            let is_key = format!("{name} >= x'' AND length({name}) <= {LONGEST_KEY}");
            cells.push(format!("CASE WHEN {is_key} THEN length({name}) ELSE '' END"));
            bytes.push_str(&format!(" || CASE WHEN {is_key} THEN {name} ELSE '' END"));
        } else {
            cells.push(format!(
                "CASE WHEN {name} >= x'' THEN length({name}) WHEN {name} IS NOT NULL THEN '' END"
            ));
            bytes.push_str(&match column.found.is_nullable {
                true => format!(" || ifnull({name}, '')"),
                false => format!(" || {name}"),
            });
        }
    }
    format!("json_array({}){bytes}", cells.join(", "))
}

/// No legal key is as long as this.
const LONGEST_KEY: usize = 1 << 16;

fn is_public_key(column: &Bound) -> bool {
    matches!(&column.content, Content::Item(field) if field.item == Item::PublicKey)
}

/// The query for how many rows there are from one key to another; binds: both keys, and where counting ends.
pub(crate) fn count(table: &Table) -> String {
    let key = table.columns.get(table.key).map(|key| key.quoted(Dialect::Sqlite)).unwrap_or_default();
    let name = table.name.quoted(Dialect::Sqlite);
    format!("SELECT count(*) FROM (SELECT 1 FROM {name} WHERE {key} BETWEEN ? AND ? LIMIT ?)")
}

/// The first row of a value.
pub(crate) struct First<'a> {
    pub(crate) credential_id: &'a [u8],
    /// All of the row.
    pub(crate) bytes: &'a [u8],
    /// What comes after it.
    pub(crate) rest: &'a [u8],
}

/// Takes the first row off a value.
///
/// `None` where it is no such value, as in a database that keeps texts as UTF-16.
pub(crate) fn first<'a>(table: &Table, value: &'a [u8]) -> Option<First<'a>> {
    let mut array = value.strip_prefix(b"[")?;
    let (mut id_length, mut length) = (None, 0_usize);
    for (number, column) in text::read_columns(table).enumerate() {
        if number > 0 {
            array = array.strip_prefix(b",")?;
        }
        let (cell, rest) = cell(array)?;
        array = rest;
        if column.kind == Kind::Binary {
            let this = match cell {
                b"null" => 0,
                digits => length_of(digits)?,
            };
            // The credential ID is the first column.
            id_length.get_or_insert(this);
            length = length.checked_add(this)?;
        }
    }
    let bytes = array.strip_prefix(b"]")?;
    let (row, rest) = value.split_at_checked(value.len() - bytes.len() + length)?;
    Some(First { credential_id: bytes.get(..id_length?)?, bytes: row, rest })
}

/// Reads the length of something that is in memory.
fn length_of(digits: &[u8]) -> Option<usize> {
    let is_short = (1..=9).contains(&digits.len()); // no overflow
    let mut digits = is_short.then_some(digits)?.iter();
    digits
        .try_fold(0, |length, digit| digit.is_ascii_digit().then(|| 10 * length + usize::from(digit - b'0')))
}

/// Takes the first cell off an array: a text in quotes, a number or null.
fn cell(array: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = if array.first() == Some(&b'"') {
        let mut at = 1;
        loop {
            at += memchr2(b'"', b'\\', array.get(at..)?)?;
            if array.get(at) == Some(&b'"') {
                break at + 1;
            }
            at += 2; // whatever stands behind a backslash is no end
        }
    } else {
        array.iter().position(|byte| matches!(byte, b',' | b']'))?
    };
    array.split_at_checked(length)
}

/// Writes the row of a record that the table keeps whole, just as [`select`] gives it.
pub(crate) fn write(record: &CredentialRecord, row: &mut Vec<u8>) {
    row.clear();
    let view = View::from(record);
    let flag = |known: Option<bool>| known.map(u64::from);
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
    transports(row, view.transports);
    number(row, flag(view.uv_initialized));
    number(row, flag(view.backup.map(Backup::eligible)));
    number(row, flag(view.backup.map(Backup::state)));
    number(row, aaguid);
    string(row, view.authenticator_attachment);
    string(row, view.attestation_format);
    time(row, view.created_at.map(Timestamp::microseconds));
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
    // Nearly all are below 100.
    match value.map(u8::try_from) {
        Some(Ok(value)) if value < 10 => row.push(b'0' + value),
        Some(Ok(value)) if value < 100 => row.extend_from_slice(&[b'0' + value / 10, b'0' + value % 10]),
        _ => {
            let _ = serde_json::to_writer(&mut *row, &value); // memory takes it
        }
    }
    row.push(b',');
}

fn time(row: &mut Vec<u8>, value: Option<i64>) {
    match value {
        Some(microseconds) if encode::has_plain_year(microseconds) => {
            row.push(b'"');
            row.extend_from_slice(&encode::plain_time(microseconds, b'T'));
            row.extend_from_slice(b"Z\",");
        }
        Some(microseconds) => string(row, Some(&(encode::time_text(microseconds, 'T', 6) + "Z"))),
        None => string(row, None),
    }
}

/// A list in a text, so that all its quotes are escaped.
fn transports(row: &mut Vec<u8>, list: Option<&Transports>) {
    let Some(known) = list.filter(|list| list.are_known()) else {
        return string(row, list.map(|list| encode::transports(list, &Encoding::JsonList)).as_deref());
    };
    row.extend_from_slice(b"\"[");
    for (number, value) in known.iter().enumerate() {
        row.extend_from_slice(if number > 0 { b",\\\"" } else { b"\\\"" });
        row.extend_from_slice(value.as_bytes());
        row.extend_from_slice(b"\\\"");
    }
    row.extend_from_slice(b"]\",");
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

#[cfg(test)]
mod tests {
    use super::*;

    /// All cells of an array, and what comes after it.
    fn cells(mut array: &[u8]) -> Option<(Vec<&[u8]>, &[u8])> {
        let mut found = Vec::new();
        for separator in std::iter::once(b"[").chain(std::iter::repeat(b",")) {
            let Some(rest) = array.strip_prefix(separator) else { break };
            let (this, rest) = cell(rest)?;
            found.push(this);
            array = rest;
        }
        Some((found, array.strip_prefix(b"]")?))
    }

    #[test]
    fn cells_end_where_json_says() {
        for texts in [
            vec![r#""""#, "null", "17", r#""a,b]""#],
            vec![r#""a \" , ] quoted""#, r#""ends with \\""#, r#""\\\" both""#, "-1"],
            vec![r#""é \u0000 [""#],
        ] {
            let array = format!("[{}]rest\"of it", texts.join(","));
            let (found, rest) = cells(array.as_bytes()).unwrap();
            assert_eq!(found, texts.iter().map(|text| text.as_bytes()).collect::<Vec<_>>());
            assert_eq!(rest, b"rest\"of it");
            serde_json::from_str::<Vec<serde_json::Value>>(&array[..array.len() - 10]).unwrap();
        }
    }

    #[test]
    fn lengths_are_digits_and_few() {
        for (digits, length) in
            [("0", Some(0)), ("16", Some(16)), ("999999999", Some(999_999_999)), ("1000000000", None)]
        {
            assert_eq!(length_of(digits.as_bytes()), length);
        }
        for other in ["", "-1", "+1", "1.0", "\"\"", "1e3"] {
            assert_eq!(length_of(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn what_is_cut_off_is_no_array() {
        let array = br#"[1,"a\"b\\",null]"#;
        assert!(cells(array).is_some());
        for length in 0..array.len() {
            assert_eq!(cells(&array[..length]), None, "{length} bytes");
        }
    }
}
