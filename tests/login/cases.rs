//! The credentials of the proofs: every algorithm, backup state, counter, length of ID, with and without transports.

use std::{fmt::Write as _, sync::LazyLock};

use base64::{
    Engine as _,
    engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD},
};
use keyferry_core::{CredentialRecord, Profile, RpId, Rules, UserHandleRule};
use keyferry_sources::{ExportFile, Limits, corbado::Corbado};
use keyferry_testkit::{
    Algorithm, Assertion, AssertionOptions, ExportRow, Generator, HEADER, RsaSize, TestCredential, TestKey,
};
use serde_json::json;

pub(crate) const RP_ID: &str = "example.com";
pub(crate) const ORIGIN: &str = "https://example.com";

/// A row of an export and the authenticator that its credential lives in.
pub(crate) struct Case {
    pub(crate) what: String,
    pub(crate) row: ExportRow,
    pub(crate) credential: TestCredential,
    /// The next genuine login.
    pub(crate) login: AssertionOptions,
}

impl Case {
    pub(crate) fn id(&self) -> String {
        URL_SAFE_NO_PAD.encode(&self.credential.credential_id)
    }

    pub(crate) fn stored_count(&self) -> u32 {
        self.row.authenticator_sign_count.parse().unwrap()
    }

    pub(crate) fn genuine(&self) -> Assertion {
        self.credential.assert(&self.login)
    }

    pub(crate) fn with(&self, change: impl FnOnce(&mut AssertionOptions)) -> Assertion {
        let mut options = self.login.clone();
        change(&mut options);
        self.credential.assert(&options)
    }

    /// The line of an assertions file.
    pub(crate) fn line(&self, assertion: &Assertion) -> String {
        json!({
            "credentialId": self.id(),
            "user": self.row.external_user_id,
            "rpId": RP_ID,
            "origin": ORIGIN,
            "challenge": URL_SAFE_NO_PAD.encode(&self.login.challenge),
            "response": assertion.to_json(),
        })
        .to_string()
    }
}

/// Every kind of key in every form, and the mix of a real export; made once, since many proofs are about them.
pub(crate) fn all() -> &'static [Case] {
    static ALL: LazyLock<Vec<Case>> = LazyLock::new(make_all);
    &ALL
}

fn make_all() -> Vec<Case> {
    let mut cases = every_kind();
    let generator = Generator::new(300, 11, RP_ID);
    cases.extend(generator.credentials().map(|made| Case {
        what: format!("generated {} {}", made.row.status, made.credential.key.algorithm().cose()),
        row: made.row,
        credential: made.credential,
        login: made.login,
    }));
    cases
}

fn every_kind() -> Vec<Case> {
    let mut keys: Vec<(String, TestKey)> = Vec::new();
    for (seed, algorithm) in (1_u8..).zip(Algorithm::ALL) {
        if algorithm.is_rsa() {
            for size in [RsaSize::Bits2048, RsaSize::Bits3072, RsaSize::Bits4096] {
                keys.push((
                    format!("{algorithm:?} {size:?}"),
                    TestKey::rsa(algorithm, size, seed.into()).unwrap(),
                ));
            }
        } else {
            keys.push((format!("{algorithm:?}"), TestKey::from_seed(algorithm, &[seed; 32])));
        }
    }
    let mut cases = Vec::new();
    for (number, (name, key)) in keys.into_iter().enumerate() {
        for (form, (eligible, state)) in [(false, false), (true, false), (true, true)].into_iter().enumerate()
        {
            let count = [0, 41, u32::MAX - 1][(number + form) % 3];
            let length = [16, 64, 1023][(number + 2 * form) % 3];
            cases.push(case(&name, key.clone(), number * 3 + form, (eligible, state), count, length));
        }
    }
    cases
}

fn case(
    name: &str,
    key: TestKey,
    number: usize,
    (eligible, state): (bool, bool),
    count: u32,
    length: usize,
) -> Case {
    let mut credential_id = vec![0xa7; length];
    credential_id[..8].copy_from_slice(&number.to_be_bytes());
    let user = format!("00000000-0000-4000-9000-{number:012}");
    let transports = if number.is_multiple_of(2) { "internal;hybrid;teleport" } else { "" };
    let row = ExportRow {
        user_id: format!("usr-9{number:06}"),
        external_user_id: user.clone(),
        credential_id: URL_SAFE.encode(&credential_id),
        public_key: URL_SAFE.encode(key.cose()),
        authenticator_sign_count: count.to_string(),
        authenticator_aaguid: String::new(),
        authenticator_attachment: String::new(),
        backup_eligible: eligible.to_string(),
        backup_state: state.to_string(),
        transports: transports.to_owned(),
        attestation_format: "none".to_owned(),
        created: "2025-06-01T12:00:00Z".to_owned(),
        status: "active".to_owned(),
    };
    let credential = TestCredential {
        credential_id,
        key,
        user_handle: Some(user.into_bytes()),
        rp_id: RP_ID.to_owned(),
        aaguid: Default::default(),
        attachment: None,
    };
    let login = AssertionOptions {
        backup_eligible: eligible,
        backup_state: state,
        sign_count: if count == 0 { 0 } else { count + 1 },
        ..AssertionOptions::new(ORIGIN, challenge(number))
    };
    let what = format!("{name}, BE {eligible}, BS {state}, count {count}, {length} bytes of ID");
    Case { what, row, credential, login }
}

/// As long as any library asks for.
fn challenge(number: usize) -> [u8; 32] {
    let mut challenge = [0x5c; 32];
    challenge[..8].copy_from_slice(&number.to_be_bytes());
    challenge
}

/// Writes the rows as an export.
pub(crate) fn export() -> String {
    let mut text = HEADER.join(",");
    for case in all() {
        let _ = write!(text, "\n{}", case.row.fields().join(",")); // no cell of a case needs a quote
    }
    text + "\n"
}

/// The next genuine login of each.
pub(crate) fn logins() -> &'static [(&'static Case, Assertion)] {
    static LOGINS: LazyLock<Vec<(&Case, Assertion)>> =
        LazyLock::new(|| all().iter().map(|case| (case, case.genuine())).collect());
    &LOGINS
}

/// What keyferry says of a case before the move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Promise {
    /// It logs in: the verdict that `inspect` counts, and a plan or an import under `cannot_log_in`.
    pub(crate) logs_in: bool,
    /// It is written into the target, though it may not log in.
    pub(crate) is_stored: bool,
}

/// Returns what keyferry promises for each case.
pub(crate) fn promises(profile: &Profile) -> Vec<Promise> {
    let text = export();
    let file = ExportFile::from_stream(text.as_bytes(), "export.csv", Limits::default()).unwrap();
    let rules =
        Rules { user_handle: UserHandleRule::ExternalUserId, ..Rules::new(RpId::parse(RP_ID).unwrap()) };
    let records: Vec<CredentialRecord> =
        Corbado::open(file).unwrap().rows(&rules).unwrap().map(|row| row.unwrap().value).collect();
    assert_eq!(records.len(), all().len());
    let promise = |record| Promise {
        logs_in: profile.log_in(record).is_ok(),
        is_stored: profile.represent(record).is_ok() && (profile.keeps_status || record.status.is_active()),
    };
    records.iter().map(promise).collect()
}
