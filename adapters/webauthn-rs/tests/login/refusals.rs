//! What must fail: the proof would be worth nothing if a login that should fail passed.

use keyferry_core::{Backup, CredentialRecord, SignCount};
use keyferry_testkit::{Algorithm, Assertion, AssertionOptions, TestKey};
use keyferry_webauthn_rs::login::{verify_discoverable_login, verify_login};

use crate::support::{
    BACKUPS, CHALLENGE, ORIGIN, RP_ID, assertion, both_flows, genuine, key, loaded, record,
};

const ALGORITHMS: [Algorithm; 5] =
    [Algorithm::Es256, Algorithm::Es384, Algorithm::Esp256, Algorithm::Esp384, Algorithm::Rs256];

/// A key, its record, and the honest answer, which does log in.
fn honest(algorithm: Algorithm) -> (TestKey, CredentialRecord, Assertion) {
    let key = key(algorithm, 3);
    let record = record(&key);
    let honest = assertion(&record, &key, &genuine(&record));
    both_flows(&loaded(&record).unwrap(), &honest).unwrap();
    (key, record, honest)
}

/// Answers with a lie; a prefix of the error is compared, so that it fails for the reason it should.
fn refused(record: &CredentialRecord, key: &TestKey, lie: &AssertionOptions, error: &str) {
    let outcome = both_flows(&loaded(record).unwrap(), &assertion(record, key, lie));
    assert!(outcome.as_ref().is_err_and(|text| text.starts_with(error)), "{outcome:?}, expected {error}");
}

#[test]
fn signatures() {
    for algorithm in ALGORITHMS {
        let (key, record, honest) = honest(algorithm);
        let passkey = loaded(&record).unwrap();
        both_flows(&passkey, &honest.clone().with_flipped_signature_bit()).unwrap_err();
        both_flows(&passkey, &honest.clone().signed_with(&self::key(algorithm, 4))).unwrap_err();
        let mut truncated = honest.clone();
        truncated.signature.pop();
        both_flows(&passkey, &truncated).unwrap_err();
        let mut other_count = honest.clone();
        other_count.authenticator_data[36] ^= 1;
        both_flows(&passkey, &other_count).unwrap_err();
        assert_eq!(both_flows(&passkey, &other_count.signed_with(&key)), Ok(1));
    }
}

#[test]
fn another_credentials_id() {
    let (key, record, mut honest) = honest(Algorithm::Es256);
    honest.credential_id[0] ^= 1;
    both_flows(&loaded(&record).unwrap(), &honest.signed_with(&key)).unwrap_err();
}

#[test]
fn another_challenge() {
    let (_, record, honest) = honest(Algorithm::Es256);
    let (passkey, json) = (loaded(&record).unwrap(), honest.to_json());
    verify_login(&passkey, RP_ID, ORIGIN, &json, &[0x5a; 32]).unwrap_err();
    verify_discoverable_login(&passkey, RP_ID, ORIGIN, &json, &[0x5a; 32]).unwrap_err();
    verify_login(&passkey, RP_ID, ORIGIN, &json, &CHALLENGE).unwrap();
}

#[test]
fn sign_counts_that_do_not_rise() {
    let (key, record, _) = honest(Algorithm::Es256);
    for (stored, presented) in [(5, 5), (5, 4), (5, 0), (1, 0), (1, 1)] {
        let record = CredentialRecord { sign_count: SignCount(stored), ..record.clone() };
        let lie = AssertionOptions { sign_count: presented, ..genuine(&record) };
        refused(&record, &key, &lie, "CredentialPossibleCompromise");
    }
}

#[test]
fn flipped_backup_flags() {
    let (key, record, _) = honest(Algorithm::Es256);
    for stored in BACKUPS {
        for presented in BACKUPS {
            let record = CredentialRecord { backup: Some(stored), ..record.clone() };
            let passkey = loaded(&record).unwrap();
            let options = AssertionOptions {
                backup_eligible: presented.eligible(),
                backup_state: presented.state(),
                ..genuine(&record)
            };
            let json = assertion(&record, &key, &options).to_json();
            let known = verify_login(&passkey, RP_ID, ORIGIN, &json, &CHALLENGE);
            let discoverable = verify_discoverable_login(&passkey, RP_ID, ORIGIN, &json, &CHALLENGE);
            // The backup state may change; eligibility may not, but for one upgrade that one of the flows allows.
            let upgrade = (stored, presented) == (Backup::SingleDevice, Backup::Eligible);
            let same = stored.eligible() == presented.eligible();
            assert_eq!(known.is_ok(), same || upgrade, "{stored:?} {presented:?} {known:?}");
            assert_eq!(discoverable.is_ok(), same, "{stored:?} {presented:?} {discoverable:?}");
        }
    }
}

#[test]
fn backed_up_without_eligible() {
    let (key, record, _) = honest(Algorithm::Es256);
    for stored in BACKUPS {
        let record = CredentialRecord { backup: Some(stored), ..record.clone() };
        let lie = AssertionOptions { backup_eligible: false, backup_state: true, ..genuine(&record) };
        refused(&record, &key, &lie, "");
    }
}

#[test]
fn another_rp_id() {
    let (_, record, honest) = honest(Algorithm::Es256);
    let (passkey, json) = (loaded(&record).unwrap(), honest.to_json());
    // The same origin, but the server was built with the subdomain as its RP ID.
    for verify in [verify_login, verify_discoverable_login] {
        let outcome = verify(&passkey, "login.example.com", ORIGIN, &json, &CHALLENGE);
        assert!(outcome.as_ref().is_err_and(|text| text.starts_with("InvalidRPIDHash")), "{outcome:?}");
    }
}

#[test]
fn another_origin() {
    let (key, record, _) = honest(Algorithm::Es256);
    for origin in [
        "https://example.com",
        "https://login.example.com:8443",
        "http://login.example.com",
        "https://evil.example",
    ] {
        let lie = AssertionOptions { origin: origin.to_owned(), ..genuine(&record) };
        refused(&record, &key, &lie, "InvalidRPOrigin");
    }
}

#[test]
fn user_not_verified_or_not_present() {
    let (key, record, _) = honest(Algorithm::Es256);
    let lie = AssertionOptions { user_verified: false, ..genuine(&record) };
    refused(&record, &key, &lie, "UserNotVerified");
    let lie = AssertionOptions { user_present: false, ..genuine(&record) };
    refused(&record, &key, &lie, "UserNotPresent");
}
