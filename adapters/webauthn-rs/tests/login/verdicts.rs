//! Who logs in: algorithms, backup states, sign counts, IDs and transports.

use keyferry_core::{
    Backup, CannotLogIn, CredentialId, CredentialRecord, Curve, KeyParameters, SignCount, Status, Transports,
};
use keyferry_testkit::{Algorithm, AssertionOptions, RsaSize, TestKey};
use keyferry_webauthn_rs::PROFILE;
use webauthn_rs::prelude::{
    AttestationFormat, COSEAlgorithm, COSEEC2Key, COSEKey, COSEKeyType, COSEOKPKey, COSERSAKey, Credential,
    ECDSACurve, EDDSACurve, ParsedAttestation, Passkey,
};
use webauthn_rs_core::proto::{RegisteredExtensions, UserVerificationPolicy};

use crate::support::{BACKUPS, assertion, both_flows, genuine, key, loaded, prove, record};

/// Every algorithm, and RSA in every size of the pool.
fn keys() -> Vec<TestKey> {
    let rsa = [Algorithm::Rs256, Algorithm::Rs384, Algorithm::Rs512, Algorithm::Ps256];
    let sizes = [RsaSize::Bits3072, RsaSize::Bits4096];
    let large = rsa.into_iter().flat_map(|algorithm| sizes.map(|size| (algorithm, size)));
    Algorithm::ALL
        .into_iter()
        .map(|algorithm| key(algorithm, 1))
        .chain(large.map(|(algorithm, size)| TestKey::rsa(algorithm, size, 0).unwrap()))
        .collect()
}

fn logs_in(algorithm: Algorithm) -> bool {
    matches!(
        algorithm,
        Algorithm::Es256 | Algorithm::Es384 | Algorithm::Esp256 | Algorithm::Esp384 | Algorithm::Rs256
    )
}

#[test]
fn algorithms_backup_states_and_sign_counts() {
    for key in keys() {
        for backup in BACKUPS {
            for count in [0, 1, 41, u32::MAX - 1, u32::MAX] {
                let record =
                    CredentialRecord { backup: Some(backup), sign_count: SignCount(count), ..record(&key) };
                let expected = logs_in(key.algorithm()) && count != u32::MAX;
                assert_eq!(prove(&record, &key).is_ok(), expected, "{key:?} {backup:?} {count}");
            }
        }
    }
}

#[test]
fn ids_and_transports() {
    let lists = [None, Some(&[][..]), Some(&["internal", "hybrid"]), Some(&["smart-card", "teleport"])];
    for algorithm in [Algorithm::Es256, Algorithm::Esp384, Algorithm::Rs256] {
        let key = key(algorithm, 2);
        for length in [1, 16, 64, 1023] {
            for list in lists {
                for backup in BACKUPS {
                    let record = CredentialRecord {
                        credential_id: CredentialId::new(vec![0xfb; length]).unwrap(),
                        transports: list.map(|list| Transports::new(list.iter().copied())),
                        backup: Some(backup),
                        ..record(&key)
                    };
                    prove(&record, &key).unwrap();
                }
            }
        }
    }
}

/// A signature has random numbers inside; leading zeros and high values of them must not matter.
#[test]
fn no_signature_fails_by_chance() {
    for (algorithm, keys) in [(Algorithm::Es256, 200), (Algorithm::Es384, 60), (Algorithm::Rs256, 16)] {
        for seed in 0..keys {
            let key = key(algorithm, seed);
            prove(&record(&key), &key).unwrap();
        }
    }
}

#[test]
fn the_sign_count_may_begin_at_any_login() {
    let key = key(Algorithm::Es256, 1);
    let record = record(&key);
    let options = AssertionOptions { sign_count: 7, ..genuine(&record) };
    assert_eq!(both_flows(&loaded(&record).unwrap(), &assertion(&record, &key, &options)), Ok(7));
}

#[test]
fn an_exhausted_sign_count_never_logs_in() {
    let key = key(Algorithm::Es256, 1);
    let record = CredentialRecord { sign_count: SignCount(u32::MAX), ..record(&key) };
    assert_eq!(PROFILE.log_in(&record), Err(CannotLogIn::SignCountExhausted));
    for sign_count in [0, 1, u32::MAX - 1, u32::MAX] {
        let options = AssertionOptions { sign_count, ..genuine(&record) };
        both_flows(&loaded(&record).unwrap(), &assertion(&record, &key, &options)).unwrap_err();
    }
}

#[test]
fn reasons() {
    let reason = |record: &CredentialRecord| PROFILE.log_in(record).unwrap_err().to_string();
    let es256 = record(&key(Algorithm::Es256, 1));
    assert_eq!(reason(&CredentialRecord { backup: None, ..es256.clone() }), "backup-eligible-unknown");
    assert_eq!(reason(&CredentialRecord { status: Status::Revoked, ..es256 }), "status-revoked");
    assert_eq!(reason(&record(&key(Algorithm::Ed25519, 1))), "algorithm-ed25519");
    let es512 = record(&key(Algorithm::Es512, 1));
    assert_eq!(reason(&es512), "algorithm-es512");
    assert!(PROFILE.represent(&es512).is_ok(), "the library registers such keys itself");
}

/// What keyferry does not write, put into the structs by hand: it does not log in either, so nobody is left out.
#[test]
fn what_is_not_written_would_not_log_in() {
    for key in keys() {
        let record = record(&key);
        if PROFILE.represent(&record).is_ok() {
            continue;
        }
        let number = i128::from(record.public_key.to_polymorphic().algorithm().number());
        let Ok(type_) = COSEAlgorithm::try_from(number) else {
            assert_eq!(
                key.algorithm(),
                Algorithm::Es256k,
                "the only algorithm that the library has no name for"
            );
            continue;
        };
        let passkey = by_hand(&record, COSEKey { type_, key: numbers(record.public_key.parameters()) });
        both_flows(&passkey, &assertion(&record, &key, &genuine(&record))).unwrap_err();
    }
}

#[test]
fn by_hand_is_what_keyferry_writes() {
    let record = record(&key(Algorithm::Es256, 1));
    let cred = COSEKey { type_: COSEAlgorithm::ES256, key: numbers(record.public_key.parameters()) };
    assert_eq!(by_hand(&record, cred), loaded(&record).unwrap());
}

fn by_hand(record: &CredentialRecord, cred: COSEKey) -> Passkey {
    let backup = record.backup.unwrap_or(Backup::SingleDevice);
    Passkey::from(Credential {
        cred_id: record.credential_id.as_bytes().to_vec(),
        cred,
        counter: record.sign_count.0,
        transports: None,
        user_verified: true,
        backup_eligible: backup.eligible(),
        backup_state: backup.state(),
        registration_policy: UserVerificationPolicy::Required,
        extensions: RegisteredExtensions::none(),
        attestation: ParsedAttestation::default(),
        attestation_format: AttestationFormat::None,
    })
}

fn numbers(parameters: &KeyParameters) -> COSEKeyType {
    match parameters {
        KeyParameters::Ec2 { curve, x, y } => {
            let curve = match curve {
                Curve::P384 => ECDSACurve::SECP384R1,
                Curve::P521 => ECDSACurve::SECP521R1,
                _ => ECDSACurve::SECP256R1,
            };
            COSEKeyType::EC_EC2(COSEEC2Key { curve, x: x.to_vec(), y: y.to_vec() })
        }
        KeyParameters::Okp { x, .. } => {
            COSEKeyType::EC_OKP(COSEOKPKey { curve: EDDSACurve::ED25519, x: x.to_vec() })
        }
        KeyParameters::Rsa { n, e } => {
            COSEKeyType::RSA(COSERSAKey { n: n.to_vec(), e: e.to_vec().try_into().unwrap() })
        }
    }
}
