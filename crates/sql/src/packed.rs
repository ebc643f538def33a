//! Many rows of our own table in one value (SQLite).
//!
//! A driver that hands rows over one by one, each with a copy of every cell, takes longer for a row than SQLite takes to
//! find it. So the rows of a look-up come as one value, which is compared with what would be written; only a row that
//! holds something else is read cell by cell.

use std::io::Write as _;

use keyferry_core::{Backup, CredentialRecord, Status, Timestamp};

use crate::{Dialect, Kind, encode, map::Encoding, record_view::View, table::Table, text};

/// Which rows are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Those of these many keys; binds: the keys.
    Keys(usize),
    /// All from one key to another; binds: both.
    Range,
}

/// Of each row first the numbers (`-` for NULL), and the lengths of the other columns (-1 for NULL), then their bytes.
pub(crate) fn select(table: &Table, asked: Asked) -> String {
    let dialect = Dialect::Sqlite;
    let (mut head, mut arguments, mut body) = (Vec::new(), Vec::new(), String::new());
    for column in text::read_columns(table) {
        let name = format!("t.{}", column.quoted(dialect));
        head.push("%s");
        arguments.push(match column.kind {
            Kind::Binary => format!("ifnull(length({name}), -1)"),
            Kind::Text => format!("ifnull(length(CAST({name} AS BLOB)), -1)"),
            _ => format!("ifnull({name}, '-')"),
        });
        if matches!(column.kind, Kind::Binary | Kind::Text) {
            body.push_str(&format!(" || ifnull({name}, '')"));
        }
    }
    format!(
        "SELECT CAST(group_concat(printf('{};', {}){body}, '') AS BLOB) FROM {} AS t WHERE {}",
        head.join(","),
        arguments.join(", "),
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

/// One row of the value.
pub(crate) struct Row<'a> {
    pub(crate) credential_id: &'a [u8],
    bytes: &'a [u8],
}

/// Takes the value apart; `None` where it is no such value, as in a database that keeps texts as UTF-16.
pub(crate) fn rows<'a>(table: &Table, mut value: &'a [u8]) -> Option<Vec<Row<'a>>> {
    let is_long: Vec<bool> =
        text::read_columns(table).map(|column| matches!(column.kind, Kind::Binary | Kind::Text)).collect();
    let mut rows = Vec::new();
    while !value.is_empty() {
        let end = value.iter().position(|byte| *byte == b';')?;
        let (head, body) = value.split_at_checked(end + 1)?;
        let head = str::from_utf8(head.strip_suffix(b";")?).ok()?;
        let mut length = 0_usize;
        let mut id = None;
        let mut numbers = head.split(',');
        for is_long in &is_long {
            let number = numbers.next()?;
            if *is_long {
                let number: i64 = number.parse().ok()?;
                let this = usize::try_from(number.max(0)).ok()?;
                // The credential ID is the first column.
                id = id.or_else(|| body.get(..this));
                length = length.checked_add(this)?;
            }
        }
        if numbers.next().is_some() {
            return None;
        }
        let length = length.checked_add(end + 1)?;
        let (bytes, rest) = value.split_at_checked(length)?;
        rows.push(Row { credential_id: id?, bytes });
        value = rest;
    }
    Some(rows)
}

impl Row<'_> {
    /// Tells whether the row holds what would be written of this record; `scratch` is memory to use again.
    pub(crate) fn is(&self, record: &CredentialRecord, scratch: &mut Scratch) -> bool {
        let Scratch { head, body } = scratch;
        head.clear();
        body.clear();
        let view = View::from(record);
        let mut long = |value: Option<&[u8]>| {
            body.extend_from_slice(value.unwrap_or_default());
            Some(value.map_or(-1, |value| i64::try_from(value.len()).unwrap_or(i64::MAX)))
        };
        let flag = |known: Option<bool>| known.map(i64::from);
        let transports = view.transports.map(|list| encode::transports(list, &Encoding::JsonList));
        let created = view.created_at.map(|at| encode::time_text(Timestamp::microseconds(at), 'T', 6) + "Z");
        // In the order of the table's columns.
        let numbers = [
            long(Some(view.credential_id.as_bytes())),
            long(Some(view.public_key.as_bytes())),
            Some(i64::from(view.sign_count)),
            long(transports.as_deref().map(str::as_bytes)),
            flag(view.uv_initialized),
            flag(view.backup.map(Backup::eligible)),
            flag(view.backup.map(Backup::state)),
            long(view.aaguid.map(|aaguid| aaguid.0.as_slice())),
            long(view.authenticator_attachment.map(str::as_bytes)),
            long(view.attestation_format.map(str::as_bytes)),
            long(created.as_deref().map(str::as_bytes)),
            long(view.status.map(Status::as_str).map(str::as_bytes)),
            long(view.user_id.map(str::as_bytes)),
            long(view.external_user_id.map(str::as_bytes)),
            long(view.user_handle.map(|handle| handle.as_bytes())),
            long(view.rp_id.map(str::as_bytes)),
            long(view.account.map(str::as_bytes)),
        ];
        for (at, number) in numbers.into_iter().enumerate() {
            let between = if at == 0 { "" } else { "," };
            let _ = match number {
                Some(number) => write!(head, "{between}{number}"),
                None => write!(head, "{between}-"),
            }; // memory takes it
        }
        head.push(b';');
        self.bytes.strip_prefix(head.as_slice()) == Some(body.as_slice())
    }
}

/// Memory that is used for one row after the other.
#[derive(Default)]
pub(crate) struct Scratch {
    head: Vec<u8>,
    body: Vec<u8>,
}
