//! One credential on both sides: the record that is moved, and the authenticator that has the private key.

use keyferry_core::{
    Backup, CoseKey, CredentialId, CredentialRecord, Identifier, Item, RecordDraft, RpId, Rules, SignCount,
    Status, UserHandle,
};
use keyferry_testkit::{Algorithm, Assertion, AssertionOptions, TestCredential, TestKey};
use keyferry_webauthn_rs::{
    PROFILE, WebauthnRsRecord,
    login::{verify_discoverable_login, verify_login},
};
use webauthn_rs::prelude::{Passkey, Uuid};

pub(crate) const RP_ID: &str = "example.com";
pub(crate) const ORIGIN: &str = "https://login.example.com";
pub(crate) const CHALLENGE: [u8; 32] = [0xa5; 32];

pub(crate) const BACKUPS: [Backup; 3] = [Backup::SingleDevice, Backup::Eligible, Backup::BackedUp];

pub(crate) fn key(algorithm: Algorithm, seed: u8) -> TestKey {
    TestKey::from_seed(algorithm, &[seed; 32])
}

/// An active record of this key: 16 bytes of ID, one device, sign count 0, no transports, no handle.
pub(crate) fn record(key: &TestKey) -> CredentialRecord {
    record_of(&key.cose())
}

pub(crate) fn record_of(cose: &[u8]) -> CredentialRecord {
    let draft = RecordDraft {
        credential_id: Some(CredentialId::new([0x3e; 16]).unwrap()),
        public_key: Some(CoseKey::from_bytes(cose).unwrap()),
        sign_count: Some(SignCount(0)),
        backup_eligible: Some(false),
        status: Some(Status::Active),
        external_user_id: Some(Identifier::new(Item::ExternalUserId, "alice").unwrap()),
        ..RecordDraft::default()
    };
    draft.into_record(&Rules::new(RpId::parse(RP_ID).unwrap()), Vec::new()).unwrap()
}

/// What a genuine authenticator of this record says: the flags of the record, and the next sign count.
pub(crate) fn genuine(record: &CredentialRecord) -> AssertionOptions {
    let backup = record.backup.unwrap_or(Backup::SingleDevice);
    AssertionOptions {
        backup_eligible: backup.eligible(),
        backup_state: backup.state(),
        sign_count: match record.sign_count.0 {
            0 => 0,
            count => count.saturating_add(1),
        },
        ..AssertionOptions::new(ORIGIN, CHALLENGE)
    }
}

/// Answers a login with this key.
pub(crate) fn assertion(record: &CredentialRecord, key: &TestKey, options: &AssertionOptions) -> Assertion {
    let authenticator = TestCredential {
        credential_id: record.credential_id.as_bytes().to_vec(),
        key: key.clone(),
        user_handle: record.user_handle.as_ref().map(UserHandle::as_bytes).map(<[u8]>::to_vec),
        rp_id: RP_ID.to_owned(),
        aaguid: Uuid::nil(),
        attachment: None,
    };
    authenticator.assert(options)
}

/// The passkey that a server loads from the text of the file.
pub(crate) fn loaded(record: &CredentialRecord) -> Result<Passkey, String> {
    let written = WebauthnRsRecord::from_record(record).map_err(|reason| reason.to_string())?;
    let text = serde_json::to_string(&written).unwrap();
    let loaded: WebauthnRsRecord = serde_json::from_str(&text).unwrap();
    assert_eq!(loaded, written);
    assert_eq!(loaded.to_stored(), Ok(PROFILE.represent(record).unwrap()));
    Ok(loaded.passkey)
}

/// Logs in both ways, known user and discoverable, which must agree.
pub(crate) fn both_flows(passkey: &Passkey, assertion: &Assertion) -> Result<u32, String> {
    let json = assertion.to_json();
    let known = verify_login(passkey, RP_ID, ORIGIN, &json, &CHALLENGE);
    let discoverable = verify_discoverable_login(passkey, RP_ID, ORIGIN, &json, &CHALLENGE);
    assert_eq!(known.as_ref().ok(), discoverable.as_ref().ok(), "{known:?} against {discoverable:?}");
    known
}

/// Moves a record, logs in at the library, and compares what happens with the verdict of the profile.
pub(crate) fn prove(record: &CredentialRecord, key: &TestKey) -> Result<(), String> {
    let options = genuine(record);
    prove_assertion(record, &assertion(record, key, &options), options.sign_count)
}

pub(crate) fn prove_assertion(
    record: &CredentialRecord,
    assertion: &Assertion,
    count: u32,
) -> Result<(), String> {
    let outcome = loaded(record).and_then(|passkey| both_flows(&passkey, assertion));
    let verdict = PROFILE.log_in(record);
    assert_eq!(outcome.is_ok(), verdict.is_ok(), "{outcome:?} against {verdict:?} for {record:?}");
    if let Ok(counted) = &outcome {
        assert_eq!(*counted, count);
    }
    outcome.map(drop)
}
