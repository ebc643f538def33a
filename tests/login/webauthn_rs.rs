//! `webauthn-rs:` and our own tables against the real webauthn-rs: from the file, and from rows read back.

use std::collections::HashMap;

use keyferry_testkit::Assertion;
use keyferry_webauthn_rs::{
    PROFILE, WebauthnRsRecord,
    login::{verify_discoverable_login, verify_login},
};

use crate::{
    agreement::{self, Verdict, Word},
    cases::{self, Case, ORIGIN, RP_ID},
    command::Run,
    lies, rows,
};

type Records = HashMap<String, WebauthnRsRecord>;

/// The records of each source, as an application loads them.
fn sources(run: &Run) -> Vec<(String, Records)> {
    let mut sources = vec![("webauthn-rs from passkeys.json".to_owned(), from_file(run))];
    for rows in rows::of_each(run) {
        let records = rows
            .active()
            .filter_map(|row| {
                Some((row.credential_id.to_base64url(), WebauthnRsRecord::from_stored(row).ok()?))
            })
            .collect();
        sources.push((format!("webauthn-rs from {}", rows.source), records));
    }
    sources
}

fn from_file(run: &Run) -> Records {
    let text = std::fs::read_to_string(run.import("webauthn-rs", "passkeys.json")).unwrap();
    let accounts: HashMap<String, Vec<WebauthnRsRecord>> = serde_json::from_str(&text).unwrap();
    let records = accounts.into_iter().flat_map(|(account, records)| {
        assert!(records.iter().all(|record| record.user == account));
        records
    });
    records.map(|record| (keyferry_json::encode(record.passkey.cred_id()), record)).collect()
}

fn log_in(records: &Records, case: &Case, assertion: &Assertion) -> Verdict {
    let Some(record) = records.get(&case.id()) else {
        return Verdict { word: Word::NotFound, detail: String::new(), new_count: None };
    };
    assert_eq!((record.user.as_str(), record.rp_id.as_str()), (case.row.external_user_id.as_str(), RP_ID));
    let handle = record.user_handle.as_ref().map(|handle| handle.as_bytes());
    assert_eq!(handle, case.credential.user_handle.as_deref(), "{}", case.what);
    let (response, challenge) = (assertion.to_json(), &case.login.challenge);
    let known = verify_login(&record.passkey, RP_ID, ORIGIN, &response, challenge);
    let discovered = verify_discoverable_login(&record.passkey, RP_ID, ORIGIN, &response, challenge);
    assert_eq!(known.is_ok(), discovered.is_ok(), "{}: {known:?}, {discovered:?}", case.what);
    match known {
        Ok(count) => Verdict { word: Word::Ok, detail: String::new(), new_count: Some(count) },
        Err(detail) => Verdict { word: Word::Failed, detail, new_count: None },
    }
}

fn judge(records: &Records) -> impl Fn(&[(&Case, Assertion)]) -> Vec<Verdict> {
    |logins| logins.iter().map(|(case, assertion)| log_in(records, case, assertion)).collect()
}

#[test]
fn whoever_inspect_says_logs_in_and_nobody_else() {
    let run = Run::new(&cases::export());
    let (inspected, promises) = (run.promised("webauthn-rs"), cases::promises(&PROFILE));
    for (source, records) in sources(&run) {
        assert_eq!(agreement::must_be_whole(&source, &promises, &judge(&records)), inspected);
    }
}

#[test]
fn what_is_not_genuine_fails() {
    let run = Run::new(&cases::export());
    let promises = cases::promises(&PROFILE);
    for (source, records) in sources(&run) {
        lies::must_fail(&source, &promises, true, &judge(&records));
    }
}
