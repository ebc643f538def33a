//! What is written is what is read, in every item.
#![allow(clippy::unwrap_used, reason = "clippy.toml exempts test functions, not their helpers")]

mod support;

use keyferry_core::{
    Aaguid, AttestationFormat, AuthenticatorAttachment, Authority, Backup, Comparison, CredentialId,
    CredentialRecord, Held, SignCount, Sink as _, Status, Timestamp, Transports, UserHandle, Write, Written,
    compare,
};
use support::{id, name, other_key, place, record, stored};

fn time(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap().0
}

fn nothing_known() -> CredentialRecord {
    CredentialRecord {
        transports: None,
        uv_initialized: None,
        backup: None,
        aaguid: None,
        authenticator_attachment: None,
        attestation_format: None,
        created_at: None,
        user_id: None,
        external_user_id: None,
        user_handle: None,
        ..record(0)
    }
}

fn everything_known() -> CredentialRecord {
    CredentialRecord {
        credential_id: id([0xff; 1023]),
        public_key: other_key(),
        sign_count: SignCount(u32::MAX),
        transports: Some(Transports::new(["z-unknown", "usb", "a\"b\\c", "José", ""])),
        uv_initialized: Some(true),
        backup: Some(Backup::Eligible),
        aaguid: Some(Aaguid([0xea; 16])),
        authenticator_attachment: Some(AuthenticatorAttachment::parse("Platform?")),
        attestation_format: Some(AttestationFormat::new("")),
        created_at: Some(time("2024-01-15T10:30:00.123456Z")),
        status: Status::parse("frozen"),
        user_id: Some(name("=cmd('x')--")),
        external_user_id: Some(name("Jos\u{e9} Jose\u{301} 🔑 ")),
        user_handle: Some(UserHandle::new([0; 64]).unwrap()),
        rp_id: support::rp_id("xn--bcher-kva.example"),
        account: name(&"é".repeat(512)),
    }
}

/// Each of these differs from a plain record in one item.
fn variants() -> Vec<CredentialRecord> {
    let plain = record(1);
    let mut variants = vec![nothing_known(), everything_known(), plain.clone()];
    for bytes in [vec![7], b"AbCdEf".to_vec(), b"abcdef".to_vec(), b"abcdeg".to_vec(), b"abcdef\0".to_vec()] {
        variants.push(CredentialRecord { credential_id: id(bytes), ..plain.clone() });
    }
    for count in [0, 1, 0x7fff_ffff, 0x8000_0000, u32::MAX] {
        variants.push(CredentialRecord { sign_count: SignCount(count), ..plain.clone() });
    }
    for transports in [None, Some(Transports::new([])), Some(Transports::new(["nfc", "ble", "internal"]))] {
        variants.push(CredentialRecord { transports, ..plain.clone() });
    }
    for backup in [None, Some(Backup::SingleDevice), Some(Backup::Eligible), Some(Backup::BackedUp)] {
        variants.push(CredentialRecord { backup, ..plain.clone() });
    }
    for uv_initialized in [None, Some(false), Some(true)] {
        variants.push(CredentialRecord { uv_initialized, ..plain.clone() });
    }
    for text in ["0000-01-01T00:00:00Z", "1969-12-31T23:59:59.999999Z", "9999-12-30T21:59:59.999999Z"] {
        variants.push(CredentialRecord { created_at: Some(time(text)), ..plain.clone() });
    }
    for status in [Status::Active, Status::Suspended, Status::Revoked, Status::Pending, Status::parse("")] {
        variants.push(CredentialRecord { status, ..plain.clone() });
    }
    // One credential ID each, so that all can stand in one table; those with one of their own keep it.
    for (seed, variant) in (100_u8..).zip(&mut variants) {
        if variant.credential_id == plain.credential_id {
            variant.credential_id = id([seed; 16]);
        }
    }
    variants
}

/// What is told of a row without making a credential of it is what the credential would have told.
#[test]
fn a_row_is_as_written_only_where_the_rules_find_it_unchanged() {
    let place = place();
    let mut sink = place.writer();
    let variants = variants();
    let writes: Vec<_> = variants.iter().map(Write::Insert).collect();
    assert_eq!(sink.upsert(&writes).unwrap(), vec![Written::Done; writes.len()]);
    let mut as_written = 0;
    for stored in &variants {
        let id = &stored.credential_id;
        let fetched = sink.fetch(&[id]).unwrap().remove(0);
        // Beside others, so that each answer must find its place.
        let asked: Vec<_> = variants
            .iter()
            .map(|other| CredentialRecord { credential_id: id.clone(), ..other.clone() })
            .collect();
        for asked in &asked {
            let missing = CredentialRecord { credential_id: support::id([9, 9, 9]), ..asked.clone() };
            let held = sink.held(&[&missing, asked]).unwrap();
            let [Held::Nothing, held] = &held[..] else { panic!("{held:?}") };
            let represented = sink.profile().represent(asked).unwrap();
            if *held != Held::AsWritten {
                assert_eq!(*held, Held::Record(Box::new(fetched.clone())));
                assert_ne!(represented, fetched);
                continue;
            }
            as_written += 1;
            assert_eq!(represented, fetched);
            for authority in [Authority::Export, Authority::Target] {
                let comparison = compare(Some(&fetched), asked, sink.profile(), authority);
                let is_unchanged = comparison == Comparison::Unchanged { stale_sign_count: false };
                assert!(is_unchanged || !asked.status.is_active(), "{comparison:?}");
            }
        }
    }
    assert!(as_written >= variants.len());
}

#[test]
fn every_item_round_trips() {
    let place = place();
    let records = variants();
    let writes: Vec<_> = records.iter().map(Write::Insert).collect();
    let mut sink = place.writer();
    assert_eq!(sink.upsert(&writes).unwrap(), vec![Written::Done; records.len()]);
    for record in &records {
        let read = sink.fetch(&[&record.credential_id]).unwrap();
        assert_eq!(read, [stored(record)]);
        assert_eq!(read[0].public_key.as_bytes(), record.public_key.as_bytes());
    }
    let ids: Vec<&CredentialId> = records.iter().map(|record| &record.credential_id).collect();
    assert_eq!(sink.fetch(&ids).unwrap().len(), records.len());
}

#[test]
fn only_the_ids_that_are_there_come_back() {
    let place = place();
    let mut sink = place.writer();
    sink.upsert(&[Write::Insert(&CredentialRecord { credential_id: id(*b"AbC"), ..record(1) })]).unwrap();
    for absent in [&b"abc"[..], b"AbC\0", b"Ab", b"AbB"] {
        assert!(sink.fetch(&[&id(absent)]).unwrap().is_empty(), "{absent:?}");
    }
    assert!(sink.fetch(&[]).unwrap().is_empty());
    assert!(sink.upsert(&[]).unwrap().is_empty());
}

#[test]
fn a_batch_of_many_chunks() {
    let place = place();
    let with = |seed: u32| CredentialRecord { credential_id: id(seed.to_be_bytes()), ..record(1) };
    // Backwards, so that the order of the answers is not the order of the writing.
    let records: Vec<_> = (0..10_000).rev().map(with).collect();
    let writes: Vec<_> = records.iter().map(Write::Insert).collect();
    let mut sink = place.writer();
    assert_eq!(sink.upsert(&writes).unwrap(), vec![Written::Done; records.len()]);
    let ids: Vec<_> = records.iter().map(|record| &record.credential_id).collect();
    let mut read = sink.fetch(&ids).unwrap();
    read.sort_by(|one, other| other.credential_id.cmp(&one.credential_id));
    assert!(read.iter().eq(records.iter().map(stored).collect::<Vec<_>>().iter()));
}

#[test]
fn a_time_before_the_year_zero_is_not_kept_and_the_profile_says_so() {
    let place = place();
    let record = CredentialRecord { created_at: Some(time("0000-01-01T00:30:00+02:00")), ..record(1) };
    let mut sink = place.writer();
    sink.upsert(&[Write::Insert(&record)]).unwrap();
    let expected = sink.profile().represent(&record).unwrap();
    assert_eq!(expected.created_at, None);
    assert_eq!(sink.fetch(&[&record.credential_id]).unwrap(), [expected]);
}

#[test]
fn a_row_that_is_no_credential_stops_the_reading() {
    let place = place();
    let mut sink = place.writer();
    sink.upsert(&[Write::Insert(&record(1))]).unwrap();
    place.sql("UPDATE webauthn_credentials SET public_key = x'a0'");
    let error = sink.fetch(&[&record(1).credential_id]).unwrap_err();
    assert_eq!(error.kind, keyferry_core::SinkErrorKind::SchemaMismatch);
    let shown = support::text(&error);
    assert!(shown.starts_with("reading passkeys.db: credential AQEBAQEB…, column public_key: "), "{shown}");
}
