//! A map bound to a table that is there: what every column takes, and what is kept of a record.

mod bind;

use std::borrow::Cow;

use keyferry_core::{
    CannotLogIn, CoseAlgorithm, CredentialId, CredentialRecord, Curve, Item, Status, StoredRecord,
};

use crate::{
    Dialect, Kind, TableMap, TableName, Value,
    as_written::is_bounded,
    catalog::{FoundColumn, FoundTable, Times, is_moment},
    copy::Width,
    decode::Draft,
    encode::{self, Context},
    map::{Content, Derived, Encoding, Field, may_change},
    name::quote,
    record_view::View,
};
use bind::{bind_account, bind_columns};

/// A table of credentials that is there and takes what the map says.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) dialect: Dialect,
    pub(crate) map: TableMap,
    pub(crate) name: TableName,
    pub(crate) columns: Vec<Bound>,
    /// The column by which a credential is found.
    pub(crate) key: usize,
    pub(crate) account: Option<BoundAccount>,
    pub(crate) companions: Vec<BoundRow>,
    /// PostgreSQL: whether COPY does what INSERT does.
    takes_copy: bool,
    /// The columns that have no room for some legal value, as positions.
    pub(crate) bounded: Vec<usize>,
}

/// A column of the map and what the database says of it.
#[derive(Clone, Debug)]
pub(crate) struct Bound {
    pub(crate) content: Content,
    pub(crate) kind: Kind,
    pub(crate) found: FoundColumn,
}

/// The table of the accounts, bound.
#[derive(Clone, Debug)]
pub(crate) struct BoundAccount {
    pub(crate) table: TableName,
    pub(crate) matches: FoundColumn,
    pub(crate) id: FoundColumn,
    pub(crate) id_kind: Kind,
    /// Where a missing account is made: the columns of its row.
    pub(crate) create: Option<BoundRow>,
}

/// A row of another table.
#[derive(Clone, Debug)]
pub(crate) struct BoundRow {
    pub(crate) table: TableName,
    pub(crate) columns: Vec<Bound>,
    /// The columns by which it is found, as positions.
    pub(crate) key: Vec<usize>,
}

/// A time that every column of times takes, where it only matters that there is one.
const SOME_TIME: i64 = 1_000_000_000_000_000;

impl Table {
    /// Binds a map to what was found.
    ///
    /// # Errors
    /// - a column that is missing, of another type, or that an import cannot leave out;
    /// - no unique index that decides byte for byte which credential is which.
    pub(crate) fn bind(
        dialect: Dialect,
        map: TableMap,
        found: &FoundTable,
        accounts: Option<&FoundTable>,
        companions: &[FoundTable],
    ) -> Result<Self, String> {
        if !found.is_strict && map.is_own {
            return Err(format!(
                "{} is not a STRICT table: a text could stand beside the same bytes",
                map.table
            ));
        }
        let columns = bind_columns(dialect, &map.table, &map.columns, found, map.is_own)?;
        let key = position(&columns, &map.key.column).ok_or("the key is no column")?;
        let is_among = |names: &[String]| columns.get(key).is_some_and(|key| names.contains(&key.found.name));
        if map.key.is_unique && !is_among(&found.unique) {
            let folds = is_among(&found.unique_but_folding);
            // A digest has letters of one case, so that no collation takes two of them for one.
            let has_one_case = columns.get(key).is_some_and(|key| matches!(key.content, Content::Derived(_)));
            if !(folds && (map.key.folds_case || has_one_case)) {
                let but = if folds { "that takes bytes for bytes " } else { "" };
                return Err(format!("{} has no unique index {but}on exactly {}", map.table, map.key.column));
            }
        }
        let account = match (&map.account, accounts) {
            (Some(account), Some(found)) => Some(bind_account(dialect, account, found, &columns)?),
            _ => None,
        };
        let companions = map
            .companions
            .iter()
            .zip(companions)
            .map(|(companion, found)| {
                let columns = bind_columns(dialect, &companion.table, &companion.columns, found, false)?;
                let key = companion.key.iter().filter_map(|name| position(&columns, name)).collect();
                Ok(BoundRow { table: found.name.clone(), columns, key })
            })
            .collect::<Result<_, String>>()?;
        let (name, takes_copy) = (found.name.clone(), found.takes_copy);
        let bounded = columns.iter().enumerate().filter(|(_, column)| is_bounded(column));
        let bounded = bounded.map(|(at, _)| at).collect();
        Ok(Self { dialect, name, columns, key, account, companions, map, takes_copy, bounded })
    }

    /// Returns the record as the table would give it back.
    pub(crate) fn represent(&self, record: &CredentialRecord) -> Result<StoredRecord, CannotLogIn> {
        let view = View::from(record);
        let key = encode::public_key(&record.public_key, &self.map.needs).into_owned();
        let mut kept = StoredRecord::bare(record.credential_id.clone(), key, record.sign_count);
        for column in &self.columns {
            self.keep(&column.content, Some(&column.found), &view, record, &mut kept)?;
        }
        // What stands in further tables must have room there too; an account that is there already needs none.
        let made = self.account.iter().filter_map(|account| account.create.as_ref());
        for column in self.companions.iter().chain(made).flat_map(|row| &row.columns) {
            if let Content::Item(field) | Content::Copy(field) = &column.content {
                match self.see_to_room(field, &column.found, &view) {
                    Err(CannotLogIn::Missing(_)) | Ok(()) => {}
                    does_not_fit => does_not_fit?,
                }
            }
        }
        if self.map.account.is_some() {
            kept.account = Some(record.account.clone());
        }
        Ok(kept)
    }

    fn keep(
        &self,
        content: &Content,
        found: Option<&FoundColumn>,
        view: &View<'_>,
        record: &CredentialRecord,
        kept: &mut StoredRecord,
    ) -> Result<(), CannotLogIn> {
        let field = match content {
            Content::Item(field) => field,
            Content::Copy(field) => {
                return found.map_or(Ok(()), |found| self.see_to_room(field, found, view));
            }
            Content::Document(members) => {
                return members
                    .iter()
                    .try_for_each(|member| self.keep(&member.content, None, view, record, kept));
            }
            // An ID that is looked up by what is derived of it must fit there; digests always do.
            Content::Constant(_) | Content::Derived(_) | Content::AccountId => return Ok(()),
        };
        if let Some(found) = found {
            self.see_to_room(field, found, view)?;
        }
        if field.is_required
            && matches!(encode::content(content, view, self.context(SOME_TIME)), Value::Null(_))
        {
            return Err(CannotLogIn::Missing(field.item));
        }
        match field.item {
            Item::CredentialId | Item::PublicKey | Item::SignCount => {}
            Item::Transports if field.encoding == Encoding::Array => {
                // Written as the database's literal, read as JSON.
                let as_read = Field { encoding: Encoding::JsonList, ..field.clone() };
                kept.transports = self.there_and_back(&Content::Item(as_read), None, view).transports;
            }
            Item::Transports => kept.transports = self.there_and_back(content, found, view).transports,
            Item::UvInitialized => kept.uv_initialized = record.uv_initialized,
            Item::BackupEligible | Item::BackupState => kept.backup = record.backup,
            Item::Aaguid => kept.aaguid = record.aaguid,
            Item::AuthenticatorAttachment => {
                kept.authenticator_attachment.clone_from(&record.authenticator_attachment);
            }
            Item::AttestationFormat => kept.attestation_format.clone_from(&record.attestation_format),
            Item::CreatedAt => {
                // The time of the import is none that the record has.
                let as_known = Content::Item(Field { otherwise: None, ..field.clone() });
                kept.created_at = self.there_and_back(&as_known, found, view).created_at;
            }
            Item::Status if field.encoding == Encoding::Text => kept.status = Some(record.status.clone()),
            // One word for off: a credential that never was active would look like one that was barred.
            Item::Status if record.status == Status::Pending => {
                return Err(CannotLogIn::Status(Status::Pending));
            }
            Item::Status => {
                let is_active = record.status.is_active();
                kept.status = Some(if is_active { Status::Active } else { Status::Suspended });
            }
            Item::UserId => kept.user_id.clone_from(&record.user_id),
            Item::ExternalUserId => kept.external_user_id.clone_from(&record.external_user_id),
            Item::UserHandle => kept.user_handle.clone_from(&record.user_handle),
            Item::RpId => kept.rp_id = Some(record.rp_id.clone()),
            Item::Account => kept.account = Some(record.account.clone()),
            _ => {}
        }
        Ok(())
    }

    /// Returns what reading makes of what is written.
    fn there_and_back(
        &self,
        content: &Content,
        found: Option<&FoundColumn>,
        view: &View<'_>,
    ) -> Draft<'static> {
        let value = encode::content(content, view, self.context(SOME_TIME));
        let value = match found {
            Some(found) => self.adapt(value, content, found),
            None => value,
        };
        let mut draft = Draft::default();
        let _ = draft.read("", content, &value); // what was written a moment ago reads back, or is as good as not kept
        draft
    }

    fn see_to_room(&self, field: &Field, found: &FoundColumn, view: &View<'_>) -> Result<(), CannotLogIn> {
        let is_plain = found.max_length.is_none() && found.range.is_none() && found.is_nullable;
        if is_plain {
            return Ok(());
        }
        let content = Content::Item(field.clone());
        let value = self.adapt(encode::content(&content, view, self.context(SOME_TIME)), &content, found);
        match value {
            Value::Null(_) if !found.is_nullable => Err(CannotLogIn::Missing(field.item)),
            value if fits(&value, found) => Ok(()),
            _ => Err(CannotLogIn::DoesNotFit(field.item)),
        }
    }

    /// Tells whether the application's library takes an active record.
    pub(crate) fn verifies(&self, record: &CredentialRecord) -> Result<(), CannotLogIn> {
        let needs = &self.map.needs;
        let algorithm = record.public_key.algorithm();
        let named = if needs.polymorphic_keys { algorithm.polymorphic() } else { algorithm };
        // EdDSA names two curves, of which libraries know the one.
        let is_ed448 = record.public_key.curve() == Some(Curve::Ed448);
        let named = if is_ed448 { CoseAlgorithm::Ed448 } else { named };
        if needs.algorithms.as_ref().is_some_and(|known| !known.contains(&named)) {
            return Err(CannotLogIn::Algorithm(algorithm));
        }
        if needs.rsa_exponent.is_some_and(|limit| !limit.allows(&record.public_key)) {
            return Err(CannotLogIn::RsaExponent);
        }
        if needs.backup && record.backup.is_none() {
            return Err(CannotLogIn::BackupUnknown);
        }
        if needs.handle_is_account {
            let handle = record.user_handle.as_ref().ok_or(CannotLogIn::Missing(Item::UserHandle))?;
            if handle.as_bytes() != record.account.as_str().as_bytes() {
                return Err(CannotLogIn::UserHandleDiffers);
            }
        }
        if needs.rising_sign_count && record.sign_count.0 == u32::MAX {
            return Err(CannotLogIn::SignCountExhausted);
        }
        if self.keeps_whole(record) {
            return Ok(());
        }
        self.represent(record).map(drop)
    }

    pub(crate) fn context(&self, now: i64) -> Context<'_> {
        Context { now, account: None, needs: &self.map.needs, times: self.times() }
    }

    /// Returns how the application writes a time where its database has no type for it.
    fn times(&self) -> Option<&Encoding> {
        let encoding = self.map.field(Item::CreatedAt).map(|field| &field.encoding);
        encoding.filter(|encoding| **encoding != Encoding::Time)
    }

    /// Returns the value that is written into a column.
    pub(crate) fn value<'a>(&self, column: &'a Bound, view: &View<'a>, context: Context<'a>) -> Value<'a> {
        self.adapt(encode::content(&column.content, view, context), &column.content, &column.found)
    }

    /// Turns a value of an encoding's kind into one of the column's.
    #[inline] // a value that goes through memory on its way takes longer than its encoding
    fn adapt<'a>(&self, value: Value<'a>, content: &Content, found: &FoundColumn) -> Value<'a> {
        let kind = found.kind.unwrap_or(Kind::Text);
        match (value, kind) {
            (Value::Null(_), kind) => Value::Null(self.wire(kind)),
            (Value::Boolean(flag), Kind::Integer) => Value::Integer(i64::from(flag)),
            (Value::Text(text), Kind::Binary) if is_uuid(content) => {
                let bytes: Vec<u8> =
                    keyferry_core::Aaguid::parse(&text).map(|uuid| uuid.0.into()).unwrap_or_default();
                Value::Binary(Cow::Owned(bytes))
            }
            (Value::Time(time), kind) => self.time(time, kind, found),
            // A list that its application keeps as an array of the database's.
            (value, _) => value,
        }
    }

    fn time(&self, time: i64, kind: Kind, found: &FoundColumn) -> Value<'static> {
        let is_in_range = match found.times {
            Times::Any => true,
            Times::FourDigits => (crate::profile::YEAR_1000..253_402_300_800_000_000).contains(&time),
            Times::Unix => (1_000_000..2_147_483_647_000_000).contains(&time),
        };
        if !is_in_range {
            return Value::Null(self.wire(kind));
        }
        // Cut, not rounded, so that what is read back can be told from what was written.
        let unit = 10_i64.pow(6 - u32::from(found.digits.min(6)));
        let time = time - time.rem_euclid(unit);
        match (self.dialect, kind) {
            (Dialect::Postgres, Kind::Time) => Value::Time(time),
            (Dialect::MySql, Kind::Time) => Value::Text(Cow::Owned(encode::time_text(time, ' ', 6))),
            (_, kind) if self.times().is_some_and(|times| encode::natural(times) == kind) => {
                self.times().map_or(Value::Null(kind), |times| encode::time(time, times))
            }
            (_, Kind::Integer) => Value::Integer(time.div_euclid(1_000)),
            (Dialect::Sqlite, _) if is_moment(&found.declared) => {
                Value::Text(Cow::Owned(encode::time_text(time, ' ', 6)))
            }
            _ => Value::Text(Cow::Owned(encode::time_text(time, 'T', 6) + "Z")),
        }
    }

    /// Returns the kind that a value has on its way into a column of this kind.
    pub(crate) fn wire(&self, kind: Kind) -> Kind {
        match (self.dialect, kind) {
            (Dialect::Postgres, kind) => kind,
            (_, Kind::Boolean) => Kind::Integer,
            (_, Kind::Time) => Kind::Text,
            (_, kind) => kind,
        }
    }

    /// Returns the kind that a value has when a column of this kind is read.
    pub(crate) fn read_kind(&self, kind: Kind) -> Kind {
        match (self.dialect, kind) {
            (_, Kind::Boolean) => Kind::Integer,
            (Dialect::Postgres, Kind::Time) => Kind::Integer,
            (_, Kind::Time) => Kind::Text,
            (_, kind) => kind,
        }
    }

    /// Returns the value by which a credential is found.
    pub(crate) fn key_of(&self, id: &CredentialId) -> Value<'static> {
        match self.columns.get(self.key) {
            Some(column) => self.adapt(encode::key(&column.content, id), &column.content, &column.found),
            None => Value::Null(Kind::Binary),
        }
    }

    /// Returns the widths of the columns' numbers in COPY's binary form; `None` where a value needs a cast on its way.
    pub(crate) fn copy_widths(&self) -> Option<Vec<Width>> {
        self.columns.iter().map(Width::of).collect::<Option<_>>().filter(|_| self.takes_copy)
    }

    /// Returns what is true of this table as a target.
    pub(crate) fn keeps_status(&self) -> bool {
        self.map.field(Item::Status).is_some()
    }
}

impl Bound {
    /// Tells whether an import may change the column of a row that is there.
    pub(crate) fn is_changeable(&self) -> bool {
        fn may(content: &Content) -> bool {
            match content {
                Content::Item(field) => may_change(field.item),
                Content::Document(members) => members.iter().any(|member| may(&member.content)),
                Content::Copy(_) | Content::Constant(_) | Content::Derived(_) | Content::AccountId => false,
            }
        }
        may(&self.content)
    }

    /// Tells whether a change is valid only while the column is as it was read.
    pub(crate) fn is_guard(&self) -> bool {
        match &self.content {
            Content::Item(field) => matches!(
                field.item,
                Item::PublicKey
                    | Item::BackupEligible
                    | Item::Status
                    | Item::UserId
                    | Item::ExternalUserId
                    | Item::UserHandle
                    | Item::RpId
                    | Item::Account
            ),
            // A document is replaced whole, so it must be whole as it was read: a login may have written to it.
            Content::Document(_) | Content::AccountId => true,
            Content::Copy(_) | Content::Constant(_) | Content::Derived(_) => false,
        }
    }

    pub(crate) fn is_sign_count(&self) -> bool {
        matches!(&self.content, Content::Item(field) if field.item == Item::SignCount)
    }

    /// Returns whether the column is read back at all.
    pub(crate) fn is_read(&self) -> bool {
        !matches!(self.content, Content::Copy(_) | Content::Constant(_) | Content::Derived(_))
    }

    pub(crate) fn quoted(&self, dialect: Dialect) -> String {
        quote(dialect, &self.found.name)
    }
}

impl Width {
    /// Returns the width of a column's numbers; `None` where a value is cast on its way to the column or from it.
    pub(crate) fn of(column: &Bound) -> Option<Self> {
        match (column.kind, column.found.declared.as_str()) {
            (Kind::Integer, "smallint") => Some(Self::Two),
            (Kind::Integer, "integer") => Some(Self::Four),
            (Kind::Integer, "bigint")
            | (Kind::Binary, "bytea")
            | (Kind::Text, "text")
            | (Kind::Boolean, "boolean")
            | (Kind::Time, "timestamp with time zone") => Some(Self::Eight),
            _ => None,
        }
    }
}

fn position(columns: &[Bound], name: &str) -> Option<usize> {
    columns.iter().position(|column| column.found.name.eq_ignore_ascii_case(name))
}

fn is_uuid(content: &Content) -> bool {
    matches!(
        content,
        Content::Item(Field { encoding: Encoding::Uuid, .. })
            | Content::Copy(Field { encoding: Encoding::Uuid, .. })
            | Content::Derived(Derived::CredentialIdUuid)
    )
}

/// Tells whether a value has room in a column.
fn fits(value: &Value<'_>, found: &FoundColumn) -> bool {
    let has_room = |length: usize| {
        found.max_length.is_none_or(|most| u64::try_from(length).is_ok_and(|length| length <= most))
    };
    match value {
        Value::Binary(bytes) => has_room(bytes.len()),
        Value::Text(_) if found.kind != Some(Kind::Text) => true,
        Value::Text(text) => has_room(text.chars().count()),
        Value::Integer(number) => found.range.is_none_or(|(least, most)| (least..=most).contains(number)),
        _ => true,
    }
}
