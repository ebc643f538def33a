//! Every step of section 7.2 fails when what it looks at is wrong, alone and by its own name.

use keyferry_assertion::{Expected, Step, verify};
use keyferry_core::{Backup, CredentialId, RpId, SignCount, UserHandle};
use keyferry_testkit::{Algorithm, AssertionOptions, TestKey};

use crate::support::{CHALLENGE, ORIGIN, Record, credential, key, options, read};

/// What fails for a login of these options and the record after a change.
fn failures(options: &AssertionOptions, change: impl FnOnce(&mut Record)) -> Vec<&'static str> {
    let key = key(Algorithm::Es256);
    let mut record = Record::of(&key);
    change(&mut record);
    record.failures(&read(&credential(&key).assert(options)))
}

/// What fails for a login whose client data is replaced and signed again.
fn with_client_data(json: &str) -> Vec<&'static str> {
    let key = key(Algorithm::Es256);
    let mut login = credential(&key).assert(&options());
    login.client_data_json = json.as_bytes().to_vec();
    Record::of(&key).failures(&read(&login.signed_with(&key)))
}

/// What fails for a login whose authenticator data is changed and signed again.
fn with_authenticator_data(change: impl FnOnce(&mut Vec<u8>)) -> Vec<&'static str> {
    let key = key(Algorithm::Es256);
    let mut login = credential(&key).assert(&options());
    change(&mut login.authenticator_data);
    Record::of(&key).failures(&read(&login.signed_with(&key)))
}

fn client_data(r#type: &str, challenge: &str, origin: &str, more: &str) -> String {
    format!(r#"{{"type":"{type}","challenge":"{challenge}","origin":"{origin}"{more}}}"#)
}

const TEXT: &str = "CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk";

#[test]
fn the_record() {
    let none: [&str; 0] = [];
    assert_eq!(failures(&options(), |_| {}), none);
    let other_id = CredentialId::new([2; 16]).unwrap();
    assert_eq!(failures(&options(), |record| record.credential_id = other_id), ["credential-id-differs"]);
    let handle = UserHandle::new(*b"bob").unwrap();
    assert_eq!(failures(&options(), |record| record.user_handle = Some(handle)), ["user-handle-differs"]);
    let other_key = Record::of(&TestKey::from_seed(Algorithm::Es256, &[2; 32])).public_key;
    assert_eq!(failures(&options(), |record| record.public_key = other_key), ["signature-wrong"]);
    let other_kind = Record::of(&key(Algorithm::Ed25519)).public_key;
    assert_eq!(failures(&options(), |record| record.public_key = other_kind), ["signature-malformed"]);
    let rp_id = RpId::parse("login.example.com").unwrap();
    assert_eq!(failures(&options(), |record| record.rp_id = rp_id), ["rp-id-differs"]);
    let rp_id = RpId::parse("example.org").unwrap();
    let both = ["origin-outside-rp-id", "rp-id-differs"];
    assert_eq!(failures(&options(), |record| record.rp_id = rp_id), both);
}

#[test]
fn the_client_data() {
    let good = client_data("webauthn.get", TEXT, ORIGIN, "");
    let none: [&str; 0] = [];
    assert_eq!(with_client_data(&good), none);
    assert_eq!(with_client_data(&format!("\u{feff}{good}")), none, "a byte order mark is taken off");
    for malformed in [
        "",
        "[]",
        "null",
        "{}",
        &good[1..],
        &good.replace('}', ",}"),
        &good.replace("\"type\"", "\"Type\""),
        &good.replace("\"origin\"", "\"type\":\"webauthn.get\",\"origin\""),
        &good.replace(&format!("\"{TEXT}\""), "7"),
        &client_data("webauthn.get", TEXT, ORIGIN, ",\"crossOrigin\":\"true\""),
    ] {
        assert_eq!(with_client_data(malformed), ["client-data-malformed"], "{malformed}");
    }
    for other in ["webauthn.create", "payment.get", "", "WEBAUTHN.GET"] {
        assert_eq!(with_client_data(&client_data(other, TEXT, ORIGIN, "")), ["type-differs"]);
    }
    for other in ["", "AAAA", "!", &format!("{TEXT}="), &TEXT.to_lowercase()] {
        assert_eq!(
            with_client_data(&client_data("webauthn.get", other, ORIGIN, "")),
            ["challenge-differs"],
            "{other}"
        );
    }
    for (origin, expected) in [
        ("https://example.com.evil.example", "origin-outside-rp-id"),
        ("https://notexample.com", "origin-outside-rp-id"),
        ("http://example.com", "origin-insecure"),
        ("https://example.com/", "origin-malformed"),
        ("null", "origin-malformed"),
    ] {
        assert_eq!(with_client_data(&client_data("webauthn.get", TEXT, origin, "")), [expected], "{origin}");
    }
}

#[test]
fn the_authenticator_data() {
    let none: [&str; 0] = [];
    assert_eq!(with_authenticator_data(|_| {}), none);
    // What comes after the counter is there exactly when a flag says so.
    assert_eq!(
        with_authenticator_data(|data| {
            data[32] |= 0x80;
            data.extend([0xa1, 0x63, b'e', b'x', b't', 0xf5]);
        }),
        none
    );
    type Change = fn(&mut Vec<u8>);
    let malformed: [Change; 7] = [
        |data| data.truncate(36),
        |data| data.push(0),
        |data| data[32] |= 0x80,
        |data| data[32] |= 0x40,
        |data| {
            // Attested credential data, well-formed: AAGUID, an ID of one byte, a map.
            data[32] |= 0x40;
            data.extend([[0; 16].as_slice(), &[0, 1, 7], &[0xa0]].concat());
        },
        |data| {
            data[32] |= 0x80;
            data.push(0x01); // CBOR, but no map
        },
        |data| {
            data[32] |= 0x80;
            data.extend([0xa0, 0xa0]);
        },
    ];
    for change in malformed {
        assert_eq!(with_authenticator_data(change), ["authenticator-data-malformed"]);
    }
    assert_eq!(with_authenticator_data(|data| data[0] ^= 1), ["rp-id-differs"]);
    let odd = |change: fn(&mut AssertionOptions)| {
        let mut options = options();
        change(&mut options);
        failures(&options, |_| {})
    };
    assert_eq!(odd(|options| options.user_present = false), ["user-not-present"]);
    assert_eq!(odd(|options| options.user_verified = false), ["user-not-verified"]);
    assert_eq!(odd(|options| options.backup_eligible = false), ["backup-eligible-changed"]);
    assert_eq!(
        odd(|options| (options.backup_eligible, options.backup_state) = (false, true)),
        ["backup-state-without-eligible", "backup-eligible-changed"]
    );
}

#[test]
fn the_sign_count() {
    for (held, asserted, goes_up) in [
        (0, 0, true),
        (0, 1, true),
        (1, 0, false),
        (5, 5, false),
        (5, 4, false),
        (5, 6, true),
        (u32::MAX - 1, u32::MAX, true),
        (u32::MAX, u32::MAX, false),
        (u32::MAX, 0, false),
    ] {
        let options = AssertionOptions { sign_count: asserted, ..options() };
        let failed = failures(&options, |record| record.sign_count = SignCount(held));
        assert_eq!(failed.is_empty(), goes_up, "{held} to {asserted}: {failed:?}");
        assert!(goes_up || failed == ["sign-count-not-greater"]);
    }
}

#[test]
fn all_reasons_come_together() {
    let options = AssertionOptions {
        user_present: false,
        sign_count: 1,
        backup_eligible: false,
        ..AssertionOptions::new("https://example.org", [1])
    };
    let found = failures(&options, |record| record.user_handle = UserHandle::new(*b"bob").ok());
    let expected = [
        "user-handle-differs",
        "challenge-differs",
        "origin-outside-rp-id",
        "user-not-present",
        "backup-eligible-changed",
        "sign-count-not-greater",
    ];
    assert_eq!(found, expected);
}

/// What only a server can decide is neither a success of its step nor a failure of the login.
#[test]
fn what_is_not_known_stays_open() {
    let key = key(Algorithm::Es256);
    let mut credential = credential(&key);
    credential.user_handle = None;
    let options = AssertionOptions { user_verified: false, ..options() };
    let assertion = read(&credential.assert(&options));
    let record = Record { backup: None, ..Record::of(&key) };
    let findings = verify(&assertion, &record.held(), &Expected::default());
    let open: Vec<_> = findings.open().map(|reason| reason.code()).collect();
    let expected = [
        "user-handle-absent",
        "challenge-not-ours",
        "origin-unknown",
        "rp-id-unknown",
        "user-not-verified",
        "backup-unknown",
    ];
    assert_eq!(open, expected);
    assert!(findings.would_succeed());
    let framed = client_data(
        "webauthn.get",
        TEXT,
        ORIGIN,
        ",\"crossOrigin\":true,\"topOrigin\":\"https://example.net\",\"tokenBinding\":{\"status\":\"present\",\"id\":\"x\"},\
         \"other_keys_can_be_added_here\":[1]",
    );
    let mut login = credential.assert(&options);
    login.client_data_json = framed.into_bytes();
    let findings = record.verify(&read(&login.signed_with(&key)));
    assert_eq!(findings.outcome(Step::CrossOrigin).unwrap().code(), "inside-frame");
    assert_eq!(findings.outcome(Step::TopOrigin).unwrap().code(), "top-origin-given");
    let failed: Vec<_> = findings.failures().map(|reason| reason.code()).collect();
    assert_eq!(failed, ["user-not-verified"], "what only the server can decide fails nothing");
}

#[test]
fn an_origin_that_was_given_is_the_only_one() {
    let key = key(Algorithm::Es256);
    let record = Record::of(&key);
    let app = "android:apk-key-hash:R9SWr0oD9ZYWTmN2lZGkV3QTVx6mY3J0nrjE8p4wXhY";
    for (used, given, code) in [
        (ORIGIN, None, "passed"),
        (ORIGIN, Some(ORIGIN), "passed"),
        (ORIGIN, Some("https://example.com"), "origin-differs"),
        (app, None, "origin-of-app"),
        (app, Some(app), "passed"),
        ("https://related.example", Some("https://related.example"), "passed"),
        ("chrome-extension://abcdefghijklmnop", Some("chrome-extension://abcdefghijklmnop"), "passed"),
        ("chrome-extension://abcdefghijklmnop", None, "origin-malformed"),
        ("null", Some(ORIGIN), "origin-differs"),
        (ORIGIN, Some("https://login.example.com/"), "origin-differs"),
    ] {
        let options = AssertionOptions { origin: used.to_owned(), ..options() };
        let expected = Expected {
            rp_id: Some(&record.rp_id),
            origin: given,
            challenge: Some(&CHALLENGE),
            ..Expected::default()
        };
        let findings = verify(&read(&credential(&key).assert(&options)), &record.held(), &expected);
        assert_eq!(findings.outcome(Step::Origin).unwrap().code(), code, "{used} for {given:?}");
    }
}

/// A backup state that moved is no reason to refuse; eligibility is.
#[test]
fn backup_states() {
    for held in [Backup::SingleDevice, Backup::Eligible, Backup::BackedUp] {
        for (eligible, state) in [(false, false), (true, false), (true, true)] {
            let options = AssertionOptions { backup_eligible: eligible, backup_state: state, ..options() };
            let failed = failures(&options, |record| record.backup = Some(held));
            assert_eq!(failed.is_empty(), held.eligible() == eligible, "{held:?}: BE {eligible}, BS {state}");
        }
    }
}
