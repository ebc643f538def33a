//! Logins with one thing wrong, each of which must fail where the genuine one succeeds.

use std::sync::LazyLock;

use keyferry_testkit::{Assertion, TestCredential};

use crate::{
    agreement::{Judge, Verdict, Word},
    cases::{self, Case, Promise},
};

/// A login that is not genuine.
struct Lie {
    what: &'static str,
    /// Whether only libraries notice that remember if a credential is backup eligible.
    is_about_eligibility: bool,
    login: (&'static Case, Assertion),
}

/// Every lie about each case; signed once, since that takes longer than to judge it.
fn all() -> &'static [Vec<Lie>] {
    static ALL: LazyLock<Vec<Vec<Lie>>> = LazyLock::new(|| {
        let cases = cases::all();
        cases.iter().zip(cases.iter().cycle().skip(1)).map(|(case, other)| about(case, other)).collect()
    });
    &ALL
}

fn about(case: &'static Case, other: &Case) -> Vec<Lie> {
    let mut lies = Vec::new();
    let mut tell = |what, assertion| {
        lies.push(Lie { what, is_about_eligibility: false, login: (case, assertion) });
    };
    tell("flipped signature", case.genuine().with_flipped_signature_bit());
    if case.credential.key.cose() != other.credential.key.cose() {
        tell("another credential's key", case.genuine().signed_with(&other.credential.key));
    }
    if case.stored_count() > 0 {
        tell("the same sign count", case.with(|login| login.sign_count = case.stored_count()));
        tell("sign count 0", case.with(|login| login.sign_count = 0));
    }
    tell(
        "backed up but not eligible",
        case.with(|login| (login.backup_eligible, login.backup_state) = (false, true)),
    );
    let changed = |change: fn(&mut Assertion)| {
        let mut login = case.genuine();
        change(&mut login);
        login
    };
    // The right key signed something else than what is sent.
    tell(
        "a sign count changed on the way",
        changed(|login| *login.authenticator_data.last_mut().unwrap() ^= 1),
    );
    tell("client data changed on the way", changed(|login| login.client_data_json.push(b' ')));
    tell("a registration", {
        let login = changed(|login| {
            let text = String::from_utf8(login.client_data_json.clone()).unwrap();
            login.client_data_json = text.replace("webauthn.get", "webauthn.create").into_bytes();
        });
        assert_ne!(login.client_data_json, case.genuine().client_data_json);
        login.signed_with(&case.credential.key)
    });
    tell("another RP ID", {
        let elsewhere = TestCredential { rp_id: "evil.example".to_owned(), ..case.credential.clone() };
        elsewhere.assert(&case.login)
    });
    tell("another challenge", case.with(|login| login.challenge = [0x5d; 32].to_vec()));
    tell("without user presence", case.with(|login| login.user_present = false));
    tell("another origin", case.with(|login| login.origin = "https://evil.example".to_owned()));
    tell("without user verification", case.with(|login| login.user_verified = false));
    let (what, flags) = match case.login.backup_eligible {
        true => ("no longer backup eligible", (false, false)),
        false => ("backup eligible all of a sudden", (true, true)),
    };
    let login = case.with(|login| (login.backup_eligible, login.backup_state) = flags);
    lies.push(Lie { what, is_about_eligibility: true, login: (case, login) });
    lies
}

/// Sees to it that whoever is promised to log in is found, and that no lie about them is believed.
pub(crate) fn must_fail(source: &str, promises: &[Promise], looks_at_eligibility: bool, judge: &Judge<'_>) {
    let lies: Vec<&Lie> = all()
        .iter()
        .zip(promises)
        .filter(|(_, promise)| promise.logs_in)
        .flat_map(|(lies, _)| lies)
        .filter(|lie| looks_at_eligibility || !lie.is_about_eligibility)
        .collect();
    assert!(!lies.is_empty(), "{source}: without a lie nothing is proven");
    let logins: Vec<_> = lies.iter().map(|lie| lie.login.clone()).collect();
    for (lie, verdict) in lies.iter().zip(judge(&logins)) {
        let (case, Verdict { word, detail, .. }) = (lie.login.0, verdict);
        assert_eq!(word, Word::Failed, "{source}: {}: {}: {detail}", lie.what, case.what);
    }
    println!("{source}: {} logins that are not genuine failed", lies.len());
}
