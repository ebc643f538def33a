//! Rows of our own table that hold what an import would write now: nothing of them need be made a credential.
//!
//! A second import finds nearly every row so. The comparison is by value, column by column, and says yes only where the
//! row read and compared as a credential would be found unchanged.

use keyferry_core::{Backup, CredentialRecord, Item, Status, Timestamp, Transports};

use crate::{
    Kind, Value,
    catalog::Times,
    encode,
    map::{Content, Field},
    record_view::View,
    table::{Bound, Table},
};

impl Table {
    /// Tells whether the table gives a record back item by item as it was; false also where that is not looked into.
    pub(crate) fn keeps_whole(&self, record: &CredentialRecord) -> bool {
        let mut bounded = self.bounded.iter().filter_map(|at| self.columns.get(*at));
        self.map.is_own && bounded.all(|column| keeps(column, record))
    }
}

/// Tells whether there is a legal value that a column of our own table may have no room for.
///
/// The others hold every legal value, or the table is not opened.
pub(crate) fn is_bounded(column: &Bound) -> bool {
    let Content::Item(field) = &column.content else { return false };
    match field.item {
        Item::Transports
        | Item::AuthenticatorAttachment
        | Item::AttestationFormat
        | Item::Aaguid
        | Item::Status => column.found.max_length.is_some(),
        Item::CreatedAt => true,
        Item::SignCount => column.found.range.is_some(),
        _ => false,
    }
}

/// Tells whether a column that [`is_bounded`] has room for what stands in it.
fn keeps(column: &Bound, record: &CredentialRecord) -> bool {
    let Content::Item(field) = &column.content else { return true };
    let has_room = |length: usize| {
        column.found.max_length.is_none_or(|most| u64::try_from(length).is_ok_and(|length| length <= most))
    };
    match field.item {
        Item::Transports => {
            // No letter takes more than six in JSON; an upper bound is enough.
            let each = record.transports.iter().flat_map(Transports::iter).map(|one| 6 * one.len() + 3);
            has_room(2 + each.sum::<usize>())
        }
        Item::AuthenticatorAttachment => {
            has_room(record.authenticator_attachment.as_ref().map_or(0, |value| value.as_str().len()))
        }
        Item::AttestationFormat => {
            has_room(record.attestation_format.as_ref().map_or(0, |value| value.as_str().len()))
        }
        Item::Aaguid => has_room(16),
        Item::Status => has_room(record.status.as_str().len()),
        Item::CreatedAt => record.created_at.is_none_or(|at| keeps_time(column, at)),
        Item::SignCount => column.found.range.is_none_or(|(_, most)| i64::from(u32::MAX) <= most),
        _ => true,
    }
}

fn keeps_time(column: &Bound, at: Timestamp) -> bool {
    let at = at.microseconds();
    match (column.kind, column.found.times) {
        (Kind::Text, _) => encode::has_plain_year(at),
        (Kind::Time, Times::Any) => column.found.digits >= 6,
        (Kind::Time, Times::FourDigits) => {
            column.found.digits >= 6 && (crate::profile::YEAR_1000..253_402_300_800_000_000).contains(&at)
        }
        _ => false,
    }
}

/// Tells whether a cell holds what would be written of a record that [`Table::keeps_whole`].
pub(crate) fn is_as_written(column: &Bound, cell: &Value<'_>, view: &View<'_>) -> bool {
    let Content::Item(Field { item, encoding, .. }) = &column.content else { return false };
    match item {
        Item::CredentialId => is_binary(cell, Some(view.credential_id.as_bytes())),
        Item::PublicKey => is_binary(cell, Some(view.public_key.as_bytes())),
        Item::SignCount => *cell == Value::Integer(i64::from(view.sign_count)),
        Item::Transports => {
            let written = view.transports.map(|list| encode::transports(list, encoding));
            is_text(cell, written.as_deref())
        }
        Item::UvInitialized => is_flag(cell, view.uv_initialized),
        Item::BackupEligible => is_flag(cell, view.backup.map(Backup::eligible)),
        Item::BackupState => is_flag(cell, view.backup.map(Backup::state)),
        Item::Aaguid => is_binary(cell, view.aaguid.map(|aaguid| aaguid.0.as_slice())),
        Item::AuthenticatorAttachment => is_text(cell, view.authenticator_attachment),
        Item::AttestationFormat => is_text(cell, view.attestation_format),
        Item::CreatedAt => is_time(cell, view.created_at.map(Timestamp::microseconds)),
        Item::Status => is_text(cell, view.status.map(Status::as_str)),
        Item::UserId => is_text(cell, view.user_id),
        Item::ExternalUserId => is_text(cell, view.external_user_id),
        Item::UserHandle => is_binary(cell, view.user_handle.map(|handle| handle.as_bytes())),
        Item::RpId => is_text(cell, view.rp_id),
        Item::Account => is_text(cell, view.account),
        _ => false,
    }
}

fn is_binary(cell: &Value<'_>, written: Option<&[u8]>) -> bool {
    match (cell, written) {
        (Value::Binary(bytes), Some(written)) => **bytes == *written,
        (Value::Null(_), None) => true,
        _ => false,
    }
}

fn is_text(cell: &Value<'_>, written: Option<&str>) -> bool {
    match (cell, written) {
        (Value::Text(text), Some(written)) => **text == *written,
        (Value::Null(_), None) => true,
        _ => false,
    }
}

fn is_flag(cell: &Value<'_>, written: Option<bool>) -> bool {
    match (cell, written) {
        (Value::Integer(number), Some(flag)) => *number == i64::from(flag),
        (Value::Null(_), None) => true,
        _ => false,
    }
}

/// A time is read as microseconds, or as the text that sorts as times do.
fn is_time(cell: &Value<'_>, written: Option<i64>) -> bool {
    match (cell, written) {
        (Value::Integer(at), Some(written)) => *at == written,
        (Value::Text(text), Some(written)) => {
            text.strip_suffix('Z').is_some_and(|text| text == encode::time_text(written, 'T', 6))
        }
        (Value::Null(_), None) => true,
        _ => false,
    }
}
