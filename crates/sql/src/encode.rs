//! Items to the values of a row; pure.

use std::borrow::Cow;

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use keyferry_core::{Backup, CoseKey, CredentialId, Item, Status, Timestamp, Transports};
use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};

use crate::{
    Kind, Value, attestation_object,
    map::{Constant, Content, Derived, Encoding, Field, Member, Needs},
    record_view::View,
};

/// What a batch knows beside its records.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    /// The time of the import, in microseconds since 1970.
    pub(crate) now: i64,
    /// The account's own value.
    pub(crate) account: Option<&'a Value<'a>>,
    /// What the library needs of the keys.
    pub(crate) needs: &'a Needs,
    /// How the application writes a time where the database has no type for it, as the map says of `created_at`.
    pub(crate) times: Option<&'a Encoding>,
}

/// Returns what stands in a column, in its natural kind; NULL where the item is not known.
pub(crate) fn content<'a>(content: &'a Content, view: &View<'a>, context: Context<'a>) -> Value<'a> {
    match content {
        Content::Item(of) | Content::Copy(of) => field(of, view, context),
        Content::Constant(of) => constant(of, context),
        Content::Derived(of) => derived(*of, view, context),
        Content::AccountId => match context.account {
            Some(value) => value.borrowed(),
            None => Value::Null(Kind::Text),
        },
        Content::Document(members) => Value::Text(Cow::Owned(document(members, view, context).to_string())),
    }
}

fn field<'a>(field: &'a Field, view: &View<'a>, context: Context<'a>) -> Value<'a> {
    let value = item(field.item, &field.encoding, view, context);
    match (value, &field.otherwise) {
        (Value::Null(_), Some(Constant::Now)) => time(context.now, &field.encoding),
        (Value::Null(_), Some(Constant::Json(Json::Array(list)))) if field.encoding == Encoding::Array => {
            let list = Transports::new(list.iter().filter_map(Json::as_str));
            Value::Text(Cow::Owned(transports(&list, &Encoding::Array).into_owned()))
        }
        (Value::Null(_), Some(otherwise)) => constant(otherwise, context),
        (value, _) => value,
    }
}

/// Returns an item in its natural kind.
fn item<'a>(item: Item, encoding: &'a Encoding, view: &View<'a>, context: Context<'_>) -> Value<'a> {
    let known = match item {
        Item::CredentialId => Some(bytes(Cow::Borrowed(view.credential_id.as_bytes()), encoding)),
        Item::PublicKey => {
            let key = match public_key(view.public_key, context.needs) {
                Cow::Borrowed(key) => Cow::Borrowed(key.as_bytes()),
                Cow::Owned(key) => Cow::Owned(key.as_bytes().to_vec()),
            };
            Some(bytes(key, encoding))
        }
        Item::SignCount => Some(Value::Integer(i64::from(view.sign_count))),
        Item::Transports => {
            // An application that splits an empty text finds one transport without a name in it.
            let list = view.transports.filter(|list| !is_joined(encoding) || !list.is_empty());
            list.map(|list| Value::Text(transports(list, encoding)))
        }
        Item::UvInitialized => view.uv_initialized.map(|known| flag(known, encoding)),
        Item::BackupEligible => view.backup.map(|backup| flag(Backup::eligible(backup), encoding)),
        Item::BackupState => view.backup.map(|backup| flag(Backup::state(backup), encoding)),
        Item::Aaguid => view.aaguid.map(|aaguid| match encoding {
            Encoding::Uuid => Value::Text(Cow::Owned(aaguid.to_string())),
            _ => bytes(Cow::Borrowed(&aaguid.0), encoding),
        }),
        Item::CreatedAt => {
            let at = view.created_at.map(Timestamp::microseconds);
            at.filter(|at| !is_text(encoding) || has_plain_year(*at)).map(|at| time(at, encoding))
        }
        Item::Status if *encoding != Encoding::Text => {
            view.status.map(|status| flag(status.is_active(), encoding))
        }
        Item::Status => view.status.map(|status| Value::text(Status::as_str(status))),
        Item::UserHandle => view.user_handle.map(|handle| bytes(Cow::Borrowed(handle.as_bytes()), encoding)),
        Item::AuthenticatorAttachment => view.authenticator_attachment.map(Value::text),
        Item::AttestationFormat => view.attestation_format.map(Value::text),
        Item::UserId => view.user_id.map(Value::text),
        Item::ExternalUserId => view.external_user_id.map(Value::text),
        Item::RpId => view.rp_id.map(Value::text),
        Item::Account => view.account.map(Value::text),
        _ => None,
    };
    known.unwrap_or(Value::Null(natural(encoding)))
}

/// Returns the kind that an encoding makes by itself.
pub(crate) fn natural(encoding: &Encoding) -> Kind {
    match encoding {
        Encoding::Bytes => Kind::Binary,
        Encoding::Integer | Encoding::EpochSeconds | Encoding::EpochMilliseconds => Kind::Integer,
        Encoding::Boolean => Kind::Boolean,
        Encoding::Time => Kind::Time,
        _ => Kind::Text,
    }
}

fn bytes<'a>(bytes: Cow<'a, [u8]>, encoding: &Encoding) -> Value<'a> {
    match encoding {
        Encoding::Base64Url => Value::Text(Cow::Owned(URL_SAFE_NO_PAD.encode(&bytes))),
        Encoding::Base64 => Value::Text(Cow::Owned(STANDARD.encode(&bytes))),
        Encoding::Hex => Value::Text(Cow::Owned(hex(&bytes))),
        Encoding::HexUpper => Value::Text(Cow::Owned(hex(&bytes).to_ascii_uppercase())),
        _ => Value::Binary(bytes),
    }
}

/// Returns the key as the application's library takes it: the same numbers, perhaps in other bytes.
pub(crate) fn public_key<'a>(key: &'a CoseKey, needs: &Needs) -> Cow<'a, CoseKey> {
    if needs.polymorphic_keys && key.algorithm() != key.algorithm().polymorphic() {
        return Cow::Owned(key.to_polymorphic()); // which is canonical
    }
    let canonical = needs.canonical_keys.then(|| CoseKey::from_parameters(key.algorithm(), key.parameters()));
    canonical.and_then(Result::ok).map_or(Cow::Borrowed(key), Cow::Owned)
}

/// Returns the value by which a credential is found, in its natural kind.
pub(crate) fn key(content: &Content, id: &CredentialId) -> Value<'static> {
    let digest = || Sha256::digest(id.as_bytes());
    match content {
        Content::Derived(Derived::CredentialIdSha256) => Value::Text(Cow::Owned(hex(&digest()))),
        Content::Derived(Derived::CredentialIdUuid) => Value::Text(Cow::Owned(uuid(&digest()))),
        Content::Item(field) => bytes(Cow::Borrowed(id.as_bytes()), &field.encoding).into_owned(),
        _ => Value::Null(Kind::Binary),
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn flag<'a>(known: bool, encoding: &'a Encoding) -> Value<'a> {
    match encoding {
        Encoding::Words(_, yes) if known => Value::text(yes),
        Encoding::Words(no, _) => Value::text(no),
        _ => Value::Boolean(known),
    }
}

pub(crate) fn transports<'a>(list: &'a Transports, encoding: &Encoding) -> Cow<'a, str> {
    if *encoding == Encoding::JsonList && list.iter().all(is_plain) {
        let mut text = String::with_capacity(64);
        for value in list.iter() {
            text.push_str(if text.is_empty() { "[\"" } else { "\",\"" });
            text.push_str(value);
        }
        text.push_str(if text.is_empty() { "[]" } else { "\"]" });
        return Cow::Owned(text);
    }
    let values: Vec<&str> = list.iter().collect();
    Cow::Owned(match encoding {
        _ if is_joined(encoding) => values.join(","),
        // The literal of a PostgreSQL array; each text in quotes, so that none is taken for NULL or a brace.
        Encoding::Array => {
            let quoted: Vec<_> = values
                .iter()
                .map(|value| format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"")))
                .collect();
            format!("{{{}}}", quoted.join(","))
        }
        // A JSON array keeps the order and any text.
        _ => serde_json::to_string(&values).unwrap_or_default(), // texts are always JSON
    })
}

/// Tells whether JSON writes a text as it is, between quotes.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

fn is_joined(encoding: &Encoding) -> bool {
    matches!(encoding, Encoding::TextList | Encoding::TextSet)
}

fn is_text(encoding: &Encoding) -> bool {
    matches!(encoding, Encoding::Iso(_) | Encoding::SqlText(_) | Encoding::Offset(_))
}

/// Writes a time, cut (never rounded) to what the encoding keeps.
pub(crate) fn time(microseconds: i64, encoding: &Encoding) -> Value<'static> {
    match encoding {
        Encoding::Iso(digits) => Value::Text(Cow::Owned(time_text(microseconds, 'T', *digits) + "Z")),
        Encoding::SqlText(digits) => Value::Text(Cow::Owned(time_text(microseconds, ' ', *digits))),
        Encoding::Offset(between) => {
            let text = time_text(microseconds, *between, 6);
            let text = text.trim_end_matches('0').trim_end_matches('.');
            Value::Text(Cow::Owned(format!("{text}+00:00")))
        }
        Encoding::EpochSeconds => Value::Integer(microseconds.div_euclid(1_000_000)),
        Encoding::EpochMilliseconds => Value::Integer(microseconds.div_euclid(1_000)),
        _ => Value::Time(microseconds),
    }
}

/// Writes a time in UTC with always the same number of digits, so that text order is time order.
pub(crate) fn time_text(microseconds: i64, between: char, digits: u8) -> String {
    if has_plain_year(microseconds) {
        let text = plain_time(microseconds, u8::try_from(between).unwrap_or(b'?'));
        let length = if digits == 0 { 19 } else { 20 + usize::from(digits.min(6)) };
        return text.iter().take(length).copied().map(char::from).collect();
    }
    let fraction = microseconds.rem_euclid(1_000_000);
    let whole = Timestamp::from_microseconds(microseconds - fraction).map(|time| time.to_string());
    let text = whole.unwrap_or_default().trim_end_matches('Z').replace('T', &between.to_string());
    match usize::from(digits) {
        0 => text,
        digits => format!("{text}.{}", &format!("{fraction:06}")[..digits.min(6)]),
    }
}

/// Returns a time with a year of four digits, to the microsecond: there is one for every row, so it is made without a detour.
pub(crate) fn plain_time(microseconds: i64, between: u8) -> [u8; 26] {
    let (second, fraction) = (microseconds.div_euclid(1_000_000), microseconds.rem_euclid(1_000_000));
    let (day, second) = (second.div_euclid(86_400), second.rem_euclid(86_400));
    // Years begin in March here, so that the leap day is the last of its year; a period of 400 of them has 146,097 days.
    let day = day + 719_468;
    let (period, day) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + 400 * period + i64::from(month <= 2);
    let mut text = *b"0000-00-00T00:00:00.000000";
    text[10] = between;
    for (at, number) in [
        (0, year / 100),
        (2, year % 100),
        (5, month),
        (8, day),
        (11, second / 3_600),
        (14, second / 60 % 60),
        (17, second % 60),
        (20, fraction / 10_000),
        (22, fraction / 100 % 100),
        (24, fraction % 100),
    ] {
        let digit = |number| u8::try_from(number).map_or(b'?', |digit| b'0' + digit);
        if let Some(pair) = text[at..].first_chunk_mut() {
            *pair = [digit(number / 10), digit(number % 10)];
        }
    }
    text
}

/// Tells whether a time has a year of four digits, as every text form of a time needs.
pub(crate) fn has_plain_year(microseconds: i64) -> bool {
    (YEAR_0..YEAR_10000).contains(&microseconds)
}

const YEAR_0: i64 = -62_167_219_200_000_000;
const YEAR_10000: i64 = 253_402_300_800_000_000;

fn constant<'a>(constant: &'a Constant, context: Context<'_>) -> Value<'a> {
    match constant {
        Constant::Text(text) => Value::text(text),
        Constant::Integer(number) => Value::Integer(*number),
        Constant::Boolean(flag) => Value::Boolean(*flag),
        Constant::Now => Value::Time(context.now),
        Constant::Json(json) => Value::Text(Cow::Owned(json.to_string())),
    }
}

fn derived<'a>(derived: Derived, view: &View<'a>, context: Context<'_>) -> Value<'a> {
    let digest = || Sha256::digest(view.credential_id.as_bytes());
    match derived {
        Derived::CoseAlgorithm => {
            Value::Integer(public_key(view.public_key, context.needs).algorithm().number())
        }
        Derived::CredentialIdSha256 => Value::Text(Cow::Owned(hex(&digest()))),
        Derived::CredentialIdUuid => Value::Text(Cow::Owned(uuid(&digest()))),
        Derived::AttestationObject => {
            let key = public_key(view.public_key, context.needs);
            Value::Binary(Cow::Owned(attestation_object::of(view, key.as_bytes())))
        }
        Derived::CreatedAtOrNow => {
            let created = view.created_at.map(Timestamp::microseconds).filter(|at| has_plain_year(*at));
            Value::Time(created.unwrap_or(context.now))
        }
    }
}

/// Makes a UUID of the version for own schemes (RFC 9562, section 5.8) out of a digest.
fn uuid(digest: &[u8]) -> String {
    let mut text = hex(digest.get(..16).unwrap_or_default());
    text.replace_range(12..13, "8");
    text.replace_range(16..17, "8");
    for at in [20, 16, 12, 8] {
        text.insert(at, '-');
    }
    text
}

/// Makes the JSON object of a document.
pub(crate) fn document(members: &[Member], view: &View<'_>, context: Context<'_>) -> Json {
    let object = members.iter().map(|member| (member.name.clone(), json(&member.content, view, context)));
    Json::Object(object.collect())
}

/// Returns what stands in a member of a document.
pub(crate) fn json(of: &Content, view: &View<'_>, context: Context<'_>) -> Json {
    if let Content::Constant(Constant::Json(json)) = of {
        return json.clone();
    }
    let is_list = matches!(of, Content::Item(Field { encoding: Encoding::JsonList, .. }));
    let value = match (content(of, view, context), context.times) {
        (Value::Time(at), Some(encoding)) => time(at, encoding),
        (value, _) => value,
    };
    match value {
        Value::Text(text) if is_list => serde_json::from_str(&text).unwrap_or(Json::Null),
        Value::Text(text) => Json::String(text.into_owned()),
        Value::Integer(number) => Json::from(number),
        Value::Boolean(flag) => Json::Bool(flag),
        Value::Binary(bytes) => Json::String(STANDARD.encode(bytes)),
        Value::Time(time) => Json::String(time_text(time, 'T', 6) + "Z"),
        Value::Null(_) | Value::Binaries(_) | Value::Texts(_) => Json::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_always_the_same_digits_and_sort_as_text() {
        let texts = [
            "0000-01-01T00:00:00.000000Z",
            "1969-12-31T23:59:59.999999Z",
            "1970-01-01T00:00:00.000000Z",
            "2024-01-15T10:30:00.000000Z",
            "2024-01-15T10:30:00.000001Z",
            "2024-01-15T10:30:00.500000Z",
            "9999-12-30T21:59:59.999999Z",
        ];
        for text in texts {
            let micros = Timestamp::parse(text).unwrap().0.microseconds();
            assert!(has_plain_year(micros), "{text}");
            assert_eq!(time_text(micros, 'T', 6) + "Z", text);
        }
        assert!(texts.is_sorted());
        let micros = Timestamp::parse("2024-01-15T10:30:00.987654Z").unwrap().0.microseconds();
        assert_eq!(time_text(micros, ' ', 0), "2024-01-15 10:30:00");
        assert_eq!(time_text(micros, 'T', 3), "2024-01-15T10:30:00.987");
        for (micros, expected) in [
            (micros, "2024-01-15T10:30:00.987654+00:00"),
            (micros - 7_654, "2024-01-15T10:30:00.98+00:00"),
            (micros - 987_654, "2024-01-15T10:30:00+00:00"),
        ] {
            assert_eq!(time(micros, &Encoding::Offset('T')), Value::text(expected));
        }
        let early = Timestamp::parse("0000-01-01T00:30:00+02:00").unwrap().0.microseconds();
        assert!(!has_plain_year(early));
    }

    #[test]
    fn every_day_has_the_text_of_the_calendar() {
        for (number, micros) in (YEAR_0..YEAR_10000).step_by(86_399_000_000).enumerate() {
            let micros = micros + i64::try_from(number % 1_000_000).unwrap();
            let Some(time) = Timestamp::from_microseconds(micros) else { continue };
            let text = time_text(micros, 'T', 6) + "Z";
            assert_eq!(Timestamp::parse(&text), Some((time, true)), "{text}");
            assert_eq!(text.len(), 27);
        }
        for micros in [YEAR_0 - 1, YEAR_10000] {
            assert!(!has_plain_year(micros));
        }
    }

    #[test]
    fn transports_in_every_form() {
        let list = Transports::new(["usb", "a\"b\\", "x,y"]);
        assert_eq!(transports(&list, &Encoding::JsonList), r#"["usb","a\"b\\","x,y"]"#);
        assert_eq!(transports(&list, &Encoding::Array), r#"{"usb","a\"b\\","x,y"}"#);
        for list in [&["usb", "smart-card", "x1"][..], &["hybrid"], &[""], &[], &["a/b", "\u{7f}", "é"]] {
            let json = serde_json::to_string(list).unwrap();
            assert_eq!(transports(&Transports::new(list.iter().copied()), &Encoding::JsonList), json);
        }
        assert_eq!(transports(&Transports::new(["usb", "nfc"]), &Encoding::TextList), "usb,nfc");
    }

    #[test]
    fn a_uuid_of_an_id_is_one_and_always_the_same() {
        let made = uuid(&Sha256::digest(b"id"));
        assert_eq!(made.len(), 36);
        assert_eq!(made, uuid(&Sha256::digest(b"id")));
        assert_eq!(&made[14..15], "8");
        assert_ne!(made, uuid(&Sha256::digest(b"other")));
    }
}
