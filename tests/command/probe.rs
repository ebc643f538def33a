//! One real login against an export: what fits, what does not, and what to import with.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use keyferry_testkit::{AssertionOptions, ExportRow, GeneratedCredential, Generator, UserHandleRule};
use serde_json::{Value, json};

use crate::{
    exports::csv,
    support::{Folder, Outcome, snapshot},
};

/// Generated credentials.
fn made(rule: UserHandleRule) -> Vec<GeneratedCredential> {
    Generator::new(40, 7, "example.com").with_handle_rule(rule).credentials().collect()
}

/// The first active credential that counts, or one that does not.
fn active(made: &[GeneratedCredential], counts: bool) -> &GeneratedCredential {
    let is_wanted =
        |made: &&GeneratedCredential| made.row.status == "active" && (made.login.sign_count > 0) == counts;
    made.iter().find(is_wanted).unwrap()
}

fn export(made: &[GeneratedCredential]) -> String {
    csv(made.iter().map(|made| &made.row))
}

/// A folder with an export and one login.
fn folder(made: &[GeneratedCredential], login: &Value) -> Folder {
    let folder = Folder::with("export.csv", export(made));
    folder.write("login.json", login.to_string());
    folder
}

fn probe(folder: &Folder, more: &str) -> Outcome {
    folder.run(&format!("probe export.csv --assertion login.json {more}"))
}

/// The reasons of the checks with this outcome.
fn reasons(outcome: &Outcome, which: &str) -> Vec<String> {
    let object = outcome.json();
    let checks = object["checks"].as_array().unwrap().iter();
    checks
        .filter(|check| check["outcome"] == which)
        .map(|check| check["reason"].as_str().unwrap().to_owned())
        .collect()
}

fn arguments(outcome: &Outcome) -> String {
    outcome.json()["arguments"].as_str().unwrap_or("none").to_owned()
}

#[test]
fn a_login_that_fits() {
    let made = made(UserHandleRule::ExternalUserId);
    let login = active(&made, true);
    let folder = folder(&made, &login.assertion().to_json());
    let challenge = URL_SAFE_NO_PAD.encode(&login.login.challenge);
    let outcomes = [
        probe(&folder, "").expect(0),
        probe(&folder, &format!("--rp-id example.com --origin https://example.com --challenge={challenge}"))
            .expect(0),
        probe(&folder, "--json").expect(0),
    ];
    assert_eq!(folder.files(), ["export.csv", "login.json"]);
    assert!(!outcomes[1].stdout.contains("open"), "{}", outcomes[1].stdout);
    assert_eq!(reasons(&outcomes[2], "open"), ["challenge-not-ours"]);
    snapshot("probe-fits", &outcomes);
}

#[test]
fn every_rule_of_the_user_handle_is_told() {
    for (rule, flag) in [
        (UserHandleRule::ExternalUserId, "external-user-id"),
        (UserHandleRule::UserId, "user-id"),
        (UserHandleRule::ExternalUserIdUuid, "external-user-id-uuid"),
    ] {
        let made = made(rule);
        let folder = folder(&made, &active(&made, false).assertion().to_json());
        let outcome = probe(&folder, "--json").expect(0);
        assert_eq!(arguments(&outcome), format!("--rp-id example.com --user-handle {flag}"));
        // What the probe says is what an import stores.
        let import = format!("import export.csv --to simplewebauthn:t.json {}", arguments(&outcome));
        folder.run(&import).expect(0);
        let handle = active(&made, false).credential.user_handle.clone().unwrap();
        assert!(folder.text("t.json").contains(&URL_SAFE_NO_PAD.encode(handle)));
    }
}

#[test]
fn a_user_handle_in_a_text_form() {
    let made = made(UserHandleRule::UserId);
    let login = active(&made, false);
    let text = login.row.user_id.as_bytes();
    let with = |handle: Vec<u8>| {
        let mut json = login.assertion().to_json();
        json["response"]["userHandle"] = URL_SAFE_NO_PAD.encode(handle).into();
        json
    };
    let once = URL_SAFE_NO_PAD.encode(text).into_bytes();
    let mut outcomes = Vec::new();
    for (handle, encodings) in [
        (once.clone(), json!(["base64url"])),
        (STANDARD.encode(text).into_bytes(), json!(["base64"])),
        (URL_SAFE_NO_PAD.encode(&once).into_bytes(), json!(["base64url", "base64url"])),
    ] {
        let folder = folder(&made, &with(handle));
        let outcome = probe(&folder, "--json").expect(1);
        assert_eq!(reasons(&outcome, "failed"), ["user-handle-encoded"]);
        let told = outcome.json()["user_handle"].clone();
        assert_eq!(told, json!({"present": true, "rules": ["user-id"], "encoding": encodings}));
        assert_eq!(arguments(&outcome), "--rp-id example.com --user-handle none");
        outcomes.push(probe(&folder, "").expect(1));
    }
    let unknown = probe(&folder(&made, &with(b"somebody else".to_vec())), "").expect(1);
    let mut absent = login.assertion().to_json();
    absent["response"].as_object_mut().unwrap().remove("userHandle");
    let absent = probe(&folder(&made, &absent), "").expect(0);
    outcomes.extend([unknown, absent]);
    snapshot("probe-user-handles", &outcomes);
}

#[test]
fn the_rp_id_is_found_by_its_hash() {
    let made: Vec<_> = Generator::new(40, 7, "accounts.example.com").credentials().collect();
    let login = active(&made, false);
    let at = |origin: &str| {
        let options = AssertionOptions { origin: origin.to_owned(), ..login.login.clone() };
        login.credential.assert(&options).to_json()
    };
    let below = folder(&made, &at("https://login.eu.accounts.example.com:8443"));
    let told = |outcome: &Outcome| outcome.json()["rp_id"].as_str().map(str::to_owned);
    let outcome = probe(&below, "--json").expect(0);
    assert_eq!(told(&outcome).as_deref(), Some("accounts.example.com"));
    let wrong = probe(&below, "--rp-id example.com --json").expect(1);
    assert_eq!(reasons(&wrong, "failed"), ["rp-id-differs"]);
    assert_eq!(told(&wrong).as_deref(), Some("accounts.example.com"));
    assert!(arguments(&wrong).starts_with("--rp-id accounts.example.com "));
    // An origin that is not below it: only the operator can name it.
    let related = folder(&made, &at("https://example.net"));
    let unknown = probe(&related, "--json").expect(1);
    assert_eq!((told(&unknown), arguments(&unknown).as_str()), (None, "none"));
    assert_eq!(reasons(&unknown, "failed"), ["rp-id-unknown"]);
    let named = probe(&related, "--rp-id accounts.example.com --origin https://example.net --json").expect(0);
    assert_eq!(told(&named).as_deref(), Some("accounts.example.com"));
    let app = folder(&made, &at("android:apk-key-hash:R9SWr0oD9ZYWTmN2lZGkV3QTVx6mY3J0nrjE8p4wXhY"));
    let app = probe(&app, "--rp-id accounts.example.com --json").expect(0);
    assert!(reasons(&app, "open").contains(&"origin-of-app".to_owned()));
    snapshot(
        "probe-rp-ids",
        &[
            probe(&below, ""),
            probe(&below, "--rp-id example.com"),
            probe(&related, ""),
            probe(&related, "--rp-id example.org"),
        ],
    );
}

#[test]
fn logins_that_do_not_fit() {
    let made = made(UserHandleRule::ExternalUserId);
    let login = active(&made, true);
    let with = |change: fn(&mut AssertionOptions)| {
        let mut options = login.login.clone();
        change(&mut options);
        login.credential.assert(&options)
    };
    let other = made.iter().find(|other| other.credential.key.cose() != login.credential.key.cose()).unwrap();
    for (json, expected) in [
        (login.assertion().with_flipped_signature_bit(), vec!["signature-wrong"]),
        (with(|options| options.sign_count = 1), vec!["sign-count-not-greater"]),
        (with(|options| options.user_present = false), vec!["user-not-present"]),
        (
            with(|options| {
                options.backup_eligible = !options.backup_eligible;
                options.backup_state = false;
            }),
            vec!["backup-eligible-changed"],
        ),
    ] {
        let folder = folder(&made, &json.to_json());
        let outcome = probe(&folder, "--json").expect(1);
        assert_eq!(reasons(&outcome, "failed"), expected);
        assert!(!outcome.json()["fits"].as_bool().unwrap());
    }
    let folder = folder(&made, &login.assertion().signed_with(&other.credential.key).to_json());
    let outcome = probe(&folder, "--json").expect(1);
    assert!(reasons(&outcome, "failed")[0].starts_with("signature-"));
    assert_eq!(arguments(&outcome), "none");
    snapshot("probe-does-not-fit", &[probe(&folder, "--rp-id example.com --challenge AAAA")]);
}

#[test]
fn the_row_itself() {
    let all = made(UserHandleRule::ExternalUserId);
    let login = active(&all, false);
    let json = login.assertion().to_json();
    let others: Vec<_> =
        all.iter().filter(|made| made.row.credential_id != login.row.credential_id).cloned().collect();
    let row = |change: fn(&mut ExportRow)| {
        let mut row = login.row.clone();
        change(&mut row);
        row
    };
    let probe_rows = |rows: Vec<ExportRow>, more: &str| {
        let folder = Folder::with("export.csv", csv(others.iter().map(|made| &made.row).chain(&rows)));
        folder.write("login.json", json.to_string());
        probe(&folder, more)
    };
    let outcomes = [
        probe_rows(vec![], "").expect(1),
        probe_rows(vec![row(|row| row.status = "suspended".to_owned())], "").expect(1),
        probe_rows(vec![login.row.clone(), login.row.clone()], "").expect(0),
        probe_rows(vec![login.row.clone(), row(|row| row.user_id = "usr-1".to_owned())], "").expect(1),
        probe_rows(vec![row(|row| row.external_user_id.clear())], "").expect(1),
        probe_rows(vec![row(|row| row.external_user_id.clear())], "--account user-id --json").expect(1),
        probe_rows(vec![row(|row| row.public_key = "AAAA".to_owned())], "--rp-id example.org").expect(1),
    ];
    snapshot("probe-rows", &outcomes);
}

#[test]
fn files_that_are_no_login() {
    let made = made(UserHandleRule::ExternalUserId);
    let login = active(&made, false).assertion().to_json();
    let folder = Folder::with("export.csv", export(&made));
    let mut outcomes = Vec::new();
    let whole = login.to_string();
    for text in [
        String::new(),
        "\u{1b}[31mred\u{1b}]52;c;cm0=\u{7}".to_owned(),
        whole[..whole.len() / 2].to_owned(),
        format!("{whole}\n{whole}\n"),
        whole.replacen("{\"", "{\"id\":\"\u{1b}[2J\",\"", 1),
        json!({"id": 7}).to_string(),
        json!({"id": "\u{1b}[31m", "rawId": "x"}).to_string(),
        "[".repeat(100_000),
    ] {
        folder.write("login.json", text);
        outcomes.push(probe(&folder, "").expect_stopped());
    }
    outcomes.push(folder.run("probe export.csv --assertion missing.json").expect_stopped());
    outcomes.push(folder.run("probe export.csv --assertion .").expect_stopped());
    outcomes.push(folder.run("probe - --assertion -").expect_stopped());
    outcomes.push(folder.run("probe export.csv").expect_stopped());
    outcomes.push(folder.run("probe export.csv --assertion login.json --challenge AB==").expect_stopped());
    assert!(outcomes.iter().all(|outcome| !outcome.stderr.contains('\u{1b}')));
    snapshot("probe-no-login", &outcomes);
    // From standard input, either of the two.
    let from_input = folder.run_with_input("probe export.csv --assertion -", whole.as_bytes()).expect(0);
    folder.write("login.json", &whole);
    let reversed =
        folder.run_with_input("probe - --assertion login.json", export(&made).as_bytes()).expect(0);
    assert_eq!(from_input.stdout.lines().last(), reversed.stdout.lines().last());
}

/// An origin or a type can hold anything: nothing of it is printed.
#[test]
fn what_the_login_says_is_not_repeated() {
    let made = made(UserHandleRule::ExternalUserId);
    let login = active(&made, false);
    for text in ["\u{1b}[31m", "https://\u{202e}example.com", "victim@example.com", "=cmd()"] {
        let options = AssertionOptions { origin: text.to_owned(), ..login.login.clone() };
        let folder = folder(&made, &login.credential.assert(&options).to_json());
        for more in ["", "--json", "--rp-id example.com"] {
            let outcome = probe(&folder, more).expect(1);
            assert!(!outcome.shown().contains(text), "{}", outcome.shown());
        }
    }
}

#[test]
fn nothing_private_is_printed() {
    for rule in [UserHandleRule::ExternalUserId, UserHandleRule::UserId, UserHandleRule::ExternalUserIdUuid] {
        let made = made(rule);
        let login = active(&made, false);
        let private = [
            login.row.user_id.clone(),
            login.row.external_user_id.clone(),
            login.row.credential_id[..20].to_owned(),
            login.row.public_key[..20].to_owned(),
            URL_SAFE_NO_PAD.encode(login.credential.user_handle.as_ref().unwrap())[..16].to_owned(),
            URL_SAFE_NO_PAD.encode(&login.assertion().signature)[..20].to_owned(),
        ];
        let folder = folder(&made, &login.assertion().to_json());
        for more in ["", "--json", "--rp-id example.org", "--account user-id --json"] {
            let shown = probe(&folder, more).shown();
            let told = private.iter().find(|private| shown.contains(private.as_str()));
            assert_eq!(told, None, "{shown}");
        }
    }
}
