//! Random legal records.

use std::sync::LazyLock;

use keyferry_core::{
    Aaguid, AttestationFormat, AuthenticatorAttachment, Backup, CoseKey, CredentialId, CredentialRecord,
    Identifier, Item, RpId, SignCount, Status, Timestamp, Transports,
};
use keyferry_testkit::{Algorithm, TestKey, keys};
use proptest::{option, prelude::*, sample::select};

/// One key of each algorithm and one more of the most frequent; making a key takes longer than reading one.
static KEYS: LazyLock<Vec<CoseKey>> = LazyLock::new(|| {
    let seeded = Algorithm::ALL.map(|algorithm| TestKey::from_seed(algorithm, &[3; 32]).cose());
    let more =
        [TestKey::from_seed(Algorithm::Es256, &[4; 32]).cose(), keys::ed448_cose(-8), keys::ed448_cose(-53)];
    seeded.into_iter().chain(more).map(|bytes| CoseKey::from_bytes(bytes).unwrap()).collect()
});

/// Text of one line that is not one of the words for "not known".
fn word() -> impl Strategy<Value = String> {
    "[^\\p{C}]{1,20}|[ ,;\"=+@a-]{1,8}".prop_filter("null stands for nothing", |text| {
        !text.eq_ignore_ascii_case("null") && text.len() <= 128
    })
}

/// A name of a user: any text but line breaks and NUL.
fn identifier(item: Item) -> impl Strategy<Value = Identifier> {
    let text = prop_oneof![
        4 => "[a-z]{1,8}@example\\.com",
        2 => "[^\n\r\0]{1,40}",
        1 => "[,\"' ]{1,6}",
        1 => Just("x".repeat(1024)),
    ];
    text.prop_map(move |text| Identifier::new(item, text).unwrap())
}

fn credential_id() -> impl Strategy<Value = CredentialId> {
    let bytes = prop_oneof![
        6 => prop::collection::vec(any::<u8>(), 16..=64),
        1 => prop::collection::vec(any::<u8>(), 1..16),
        1 => prop::collection::vec(any::<u8>(), 1000..=1023),
    ];
    // `null` in place of three bytes of base64 means that there is no ID.
    let bytes = bytes.prop_filter("null stands for nothing", |bytes| bytes != &[0x9e, 0xe9, 0x65]);
    bytes.prop_map(|bytes| CredentialId::new(bytes).unwrap())
}

fn transports() -> impl Strategy<Value = Transports> {
    let known = select(Transports::KNOWN).prop_map(str::to_owned);
    let one = prop_oneof![6 => known, 1 => "[a-zA-Z,\"]{1,6}".prop_filter("null", |text| !text.eq_ignore_ascii_case("null"))];
    prop::collection::vec(one, 1..5).prop_map(|list| Transports::new(list.iter().map(String::as_str)))
}

fn status() -> impl Strategy<Value = Status> {
    let known = select(vec!["active", "suspended", "revoked", "pending"]).prop_map(Status::parse);
    prop_oneof![6 => known, 1 => word().prop_map(|text| Status::parse(&text))]
}

/// Any legal record, under the rules of all tests.
pub(crate) fn record() -> impl Strategy<Value = CredentialRecord> {
    let ids = (credential_id(), option::of(identifier(Item::UserId)), identifier(Item::ExternalUserId));
    let key = (select(KEYS.clone()), prop_oneof![Just(0), Just(u32::MAX), any::<u32>()]);
    let authenticator = (
        option::of(transports()),
        option::of(select(vec![Backup::SingleDevice, Backup::Eligible, Backup::BackedUp])),
        option::of(any::<[u8; 16]>()),
        option::of(prop_oneof![Just("platform".to_owned()), Just("cross-platform".to_owned()), word()]),
        option::of(word()),
    );
    // The years 0 to 9999, to the microsecond.
    let time = option::of(-62_167_219_200_000_000..253_402_300_799_000_000_i64);
    (ids, key, authenticator, time, status()).prop_map(|(ids, key, authenticator, time, status)| {
        let (credential_id, user_id, account) = ids;
        let (public_key, sign_count) = key;
        let (transports, backup, aaguid, attachment, format) = authenticator;
        CredentialRecord {
            credential_id,
            public_key,
            sign_count: SignCount(sign_count),
            transports,
            uv_initialized: None,
            backup,
            aaguid: aaguid.map(Aaguid),
            authenticator_attachment: attachment.as_deref().map(AuthenticatorAttachment::parse),
            attestation_format: format.map(AttestationFormat::new),
            created_at: time.map(|time| Timestamp::from_microseconds(time).unwrap()),
            status,
            user_id,
            external_user_id: Some(account.clone()),
            user_handle: None,
            rp_id: RpId::parse("example.com").unwrap(),
            account,
        }
    })
}

/// Records of few people with few credentials, so that they meet and contradict each other.
pub(crate) fn crowded() -> impl Strategy<Value = CredentialRecord> {
    (0_u8..6, option::weighted(0.9, 0_u8..6), 0_u8..6, 0_u32..2, any::<bool>()).prop_map(
        |(id, user, external, count, is_pair)| {
            let name =
                |item, kind: &str, number: u8| Identifier::new(item, format!("{kind}-{number}")).unwrap();
            // Mostly one person a credential, else everything is in conflict with everything.
            let (user, external) = if is_pair { (user.map(|_| id), id) } else { (user, external) };
            let account = name(Item::ExternalUserId, "name", external);
            CredentialRecord {
                credential_id: CredentialId::new(vec![id; 16]).unwrap(),
                public_key: KEYS[0].clone(),
                sign_count: SignCount(count),
                transports: None,
                uv_initialized: None,
                backup: None,
                aaguid: None,
                authenticator_attachment: None,
                attestation_format: None,
                created_at: None,
                status: Status::Active,
                user_id: user.map(|number| name(Item::UserId, "usr", number)),
                external_user_id: Some(account.clone()),
                user_handle: None,
                rp_id: RpId::parse("example.com").unwrap(),
                account,
            }
        },
    )
}

/// Returns what tells crowded records apart.
pub(crate) fn content(record: &CredentialRecord) -> (Vec<u8>, Option<String>, String, u32) {
    let user = record.user_id.as_ref().map(|id| id.as_str().to_owned());
    (record.credential_id.as_bytes().to_vec(), user, record.account.as_str().to_owned(), record.sign_count.0)
}

/// Names the first item in which two records differ.
pub(crate) fn difference(found: &CredentialRecord, expected: &CredentialRecord) -> Option<String> {
    let (a, b) = (found, expected);
    let text = |id: &Option<Identifier>| id.as_ref().map(|id| id.as_str().to_owned());
    let time = |record: &CredentialRecord| record.created_at.map(|time| time.to_string());
    [
        ("credential ID", a.credential_id == b.credential_id, String::new()),
        ("public key", a.public_key == b.public_key, String::new()),
        ("sign count", a.sign_count == b.sign_count, format!("{}, {}", a.sign_count, b.sign_count)),
        ("transports", a.transports == b.transports, format!("{:?}, {:?}", a.transports, b.transports)),
        ("backup", a.backup == b.backup, format!("{:?}, {:?}", a.backup, b.backup)),
        ("created", a.created_at == b.created_at, format!("{:?}, {:?}", time(a), time(b))),
        ("status", a.status == b.status, format!("{:?}, {:?}", a.status, b.status)),
        ("user", a.user_id == b.user_id, format!("{:?}, {:?}", text(&a.user_id), text(&b.user_id))),
        ("account", a.account == b.account, format!("{:?}, {:?}", a.account.as_str(), b.account.as_str())),
    ]
    .into_iter()
    .find(|(_, same, _)| !same)
    .map(|(name, _, values)| format!("{name}: {values}"))
}
