//! `webauthn-rs:` and `sqlite:` against the real webauthn-rs: from the file, and from rows read back.

use std::collections::HashMap;

use keyferry_core::{CredentialId, Sink as _};
use keyferry_sqlx::{Access, BlockingSqliteSink};
use keyferry_testkit::Assertion;
use keyferry_webauthn_rs::{
    PROFILE, WebauthnRsRecord,
    login::{verify_discoverable_login, verify_login},
};

use crate::{
    cases::{self, Case, ORIGIN, RP_ID},
    command::Run,
};

type Records = HashMap<String, WebauthnRsRecord>;

/// The records of the file, as an application loads them.
fn from_file(run: &Run) -> Records {
    let text = std::fs::read_to_string(run.import("webauthn-rs", "passkeys.json")).unwrap();
    let accounts: HashMap<String, Vec<WebauthnRsRecord>> = serde_json::from_str(&text).unwrap();
    let records = accounts.into_iter().flat_map(|(account, records)| {
        assert!(records.iter().all(|record| record.user == account));
        records
    });
    records.map(|record| (keyferry_json::encode(record.passkey.cred_id()), record)).collect()
}

/// The rows of the table, read back and made passkeys, as an application with its own database does.
fn from_rows(run: &Run, cases: &[Case]) -> Records {
    let path = run.import("sqlite", "passkeys.db");
    let mut sink = BlockingSqliteSink::connect(&path, Access::Read).unwrap();
    let ids: Vec<_> =
        cases.iter().map(|case| CredentialId::new(case.credential.credential_id.clone()).unwrap()).collect();
    let rows = sink.fetch(&ids.iter().collect::<Vec<_>>()).unwrap();
    assert_eq!(rows.len(), cases.len(), "a table keeps every credential, whatever its status");
    rows.into_iter()
        .filter(|row| row.status.as_ref().is_some_and(|status| status.is_active()))
        .filter_map(|row| Some((row.credential_id.to_base64url(), WebauthnRsRecord::from_stored(&row).ok()?)))
        .collect()
}

fn log_in(records: &Records, case: &Case, assertion: &Assertion) -> Result<u32, String> {
    let record = records.get(&case.id()).ok_or("not found")?;
    assert_eq!((record.user.as_str(), record.rp_id.as_str()), (case.row.external_user_id.as_str(), RP_ID));
    let handle = record.user_handle.as_ref().map(|handle| handle.as_bytes());
    assert_eq!(handle, case.credential.user_handle.as_deref(), "{}", case.what);
    let (response, challenge) = (assertion.to_json(), &case.login.challenge);
    let known = verify_login(&record.passkey, RP_ID, ORIGIN, &response, challenge);
    let discovered = verify_discoverable_login(&record.passkey, RP_ID, ORIGIN, &response, challenge);
    assert_eq!(known.is_ok(), discovered.is_ok(), "{}: {known:?}, {discovered:?}", case.what);
    known
}

#[test]
fn whoever_inspect_says_logs_in_and_nobody_else() {
    let cases = cases::all();
    let run = Run::new(&cases::export(&cases));
    let promises = cases::promises(&cases, &PROFILE);
    for (name, records) in [("passkeys.json", from_file(&run)), ("passkeys.db", from_rows(&run, &cases))] {
        let mut table = [[0; 2]; 2];
        for (case, promised) in cases.iter().zip(&promises) {
            let verdict = log_in(&records, case, &case.genuine());
            table[usize::from(*promised)][usize::from(verdict.is_ok())] += 1;
            assert_eq!(verdict.is_ok(), *promised, "{}: promised {promised}, verdict {verdict:?}", case.what);
            if let Ok(count) = verdict {
                assert_eq!(count, case.login.sign_count);
            }
        }
        println!(
            "webauthn-rs from {name}: promised and logged in {}, neither {}, promised only {}, logged in only {}",
            table[1][1], table[0][0], table[1][0], table[0][1]
        );
        assert_eq!(run.promised("webauthn-rs"), table[1][1]);
        assert!(table[0][0] > 0, "a table without a refusal proves nothing");
    }
}

#[test]
fn what_is_not_genuine_fails() {
    let cases = cases::all();
    let run = Run::new(&cases::export(&cases));
    let promises = cases::promises(&cases, &PROFILE);
    let good: Vec<&Case> =
        cases.iter().zip(promises).filter(|(_, promised)| *promised).map(|(case, _)| case).collect();
    for records in [from_file(&run), from_rows(&run, &cases)] {
        for (case, other) in good.iter().zip(good.iter().cycle().skip(1)) {
            let refused = |what: &str, assertion: Assertion| {
                let verdict = log_in(&records, case, &assertion);
                assert!(verdict.is_err(), "{what}: {}", case.what);
            };
            refused("flipped signature", case.genuine().with_flipped_signature_bit());
            if case.credential.key.cose() != other.credential.key.cose() {
                refused("another credential's key", case.genuine().signed_with(&other.credential.key));
            }
            if case.stored_count() > 0 {
                refused("the same sign count", case.with(|login| login.sign_count = case.stored_count()));
                refused("sign count 0", case.with(|login| login.sign_count = 0));
            }
            let eligible = case.login.backup_eligible;
            if eligible {
                refused(
                    "no longer backup eligible",
                    case.with(|login| (login.backup_eligible, login.backup_state) = (false, false)),
                );
            } else {
                refused(
                    "backup eligible all of a sudden",
                    case.with(|login| (login.backup_eligible, login.backup_state) = (true, true)),
                );
            }
            refused("another origin", case.with(|login| login.origin = "https://evil.example".to_owned()));
            refused("without user verification", case.with(|login| login.user_verified = false));
        }
    }
}
