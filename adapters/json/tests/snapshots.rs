//! Every fixture as SimpleWebAuthn's records.

use keyferry_json::{JsonSink, simplewebauthn::SimpleWebAuthn};
use keyferry_testkit::snapshot;

#[test]
fn fixtures() {
    let open = |folder: &std::path::Path| {
        JsonSink::<SimpleWebAuthn>::open_for_writing(&folder.join("passkeys.json")).unwrap()
    };
    let show = |folder: &std::path::Path, _: &[keyferry_core::CredentialId]| {
        std::fs::read_to_string(folder.join("passkeys.json")).unwrap()
    };
    for (name, text) in snapshot::fixtures(open, show) {
        insta::assert_snapshot!(name, text);
    }
}

mod webauthn4j {
    use keyferry_json::{JsonSink, webauthn4j::WebAuthn4j};
    use keyferry_testkit::snapshot;
    use serde_json::Value;

    #[test]
    fn fixtures() {
        let fixtures_in = |file: &'static str| {
            let open = |folder: &std::path::Path| {
                JsonSink::<WebAuthn4j>::open_for_writing(&folder.join(file)).unwrap()
            };
            let show = |folder: &std::path::Path, _: &[keyferry_core::CredentialId]| {
                std::fs::read_to_string(folder.join(file)).unwrap()
            };
            snapshot::fixtures(open, show)
        };
        let lines = fixtures_in("passkeys.jsonl");
        for ((name, text), (_, lines)) in fixtures_in("passkeys.json").into_iter().zip(lines) {
            // The counts stand before the file.
            let (counts, array) = text.split_once("\n\n").unwrap();
            let (same_counts, lines) = lines.split_once("\n\n").unwrap();
            let array: Vec<Value> = serde_json::from_str(array).unwrap();
            let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            assert_eq!((counts, &array), (same_counts, &lines), "{name}");
            insta::assert_snapshot!(name, text);
        }
    }
}

mod yubico {
    use keyferry_core::{RpId, Rules, UserHandleRule};
    use keyferry_json::{JsonSink, yubico::Yubico};
    use keyferry_testkit::snapshot;
    use serde_json::Value;

    #[test]
    fn fixtures() {
        let fixtures_in = |file: &'static str| {
            let open =
                |folder: &std::path::Path| JsonSink::<Yubico>::open_for_writing(&folder.join(file)).unwrap();
            let show = |folder: &std::path::Path, _: &[keyferry_core::CredentialId]| {
                std::fs::read_to_string(folder.join(file)).unwrap()
            };
            // A record of this library cannot be without user handle.
            let rules = Rules::new(RpId::parse("example.com").unwrap());
            let rules = Rules { user_handle: UserHandleRule::ExternalUserId, ..rules };
            snapshot::fixtures_with(&rules, open, show)
        };
        let lines = fixtures_in("passkeys.jsonl");
        for ((name, text), (_, lines)) in fixtures_in("passkeys.json").into_iter().zip(lines) {
            // The counts stand before the file.
            let (counts, array) = text.split_once("\n\n").unwrap();
            let (same_counts, lines) = lines.split_once("\n\n").unwrap();
            let array: Vec<Value> = serde_json::from_str(array).unwrap();
            let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            assert_eq!((counts, &array), (same_counts, &lines), "{name}");
            insta::assert_snapshot!(name, text);
        }
    }
}

mod py_webauthn {
    use keyferry_json::{JsonSink, py_webauthn::PyWebauthn};
    use keyferry_testkit::snapshot;
    use serde_json::Value;

    #[allow(clippy::unwrap_used, reason = "a test helper: a failure is a failed test")]
    fn fixtures_in(name: &str) -> Vec<(String, String)> {
        let open =
            |folder: &std::path::Path| JsonSink::<PyWebauthn>::open_for_writing(&folder.join(name)).unwrap();
        let show = |folder: &std::path::Path, _: &[keyferry_core::CredentialId]| {
            std::fs::read_to_string(folder.join(name)).unwrap()
        };
        snapshot::fixtures(open, show)
    }

    #[test]
    fn fixtures() {
        let lines = fixtures_in("passkeys.jsonl");
        for ((name, text), (_, lines)) in fixtures_in("passkeys.json").into_iter().zip(lines) {
            // The counts stand before the file.
            let (counts, array) = text.split_once("\n\n").unwrap();
            let (same_counts, lines) = lines.split_once("\n\n").unwrap();
            let array: Vec<Value> = serde_json::from_str(array).unwrap();
            let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            assert_eq!((counts, &array), (same_counts, &lines), "{name}");
            insta::assert_snapshot!(name, text);
        }
    }
}

mod go_webauthn {
    use keyferry_json::{JsonSink, go_webauthn::GoWebauthn};
    use keyferry_testkit::snapshot;
    use serde_json::Value;

    #[allow(clippy::unwrap_used, reason = "a test helper: a failure is a failed test")]
    fn fixtures_in(name: &str) -> Vec<(String, String)> {
        let open =
            |folder: &std::path::Path| JsonSink::<GoWebauthn>::open_for_writing(&folder.join(name)).unwrap();
        let show = |folder: &std::path::Path, _: &[keyferry_core::CredentialId]| {
            std::fs::read_to_string(folder.join(name)).unwrap()
        };
        snapshot::fixtures(open, show)
    }

    #[test]
    fn fixtures() {
        let lines = fixtures_in("passkeys.jsonl");
        for ((name, text), (_, lines)) in fixtures_in("passkeys.json").into_iter().zip(lines) {
            // The counts stand before the file.
            let (counts, array) = text.split_once("\n\n").unwrap();
            let (same_counts, lines) = lines.split_once("\n\n").unwrap();
            let array: Vec<Value> = serde_json::from_str(array).unwrap();
            let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            assert_eq!((counts, &array), (same_counts, &lines), "{name}");
            insta::assert_snapshot!(name, text);
        }
    }
}

mod fido2_net_lib {
    use keyferry_json::{JsonSink, fido2_net_lib::Fido2NetLib};
    use keyferry_testkit::snapshot;
    use serde_json::Value;

    #[allow(clippy::unwrap_used, reason = "a test helper: a failure is a failed test")]
    fn fixtures_in(name: &str) -> Vec<(String, String)> {
        let open =
            |folder: &std::path::Path| JsonSink::<Fido2NetLib>::open_for_writing(&folder.join(name)).unwrap();
        let show = |folder: &std::path::Path, _: &[keyferry_core::CredentialId]| {
            std::fs::read_to_string(folder.join(name)).unwrap()
        };
        snapshot::fixtures(open, show)
    }

    #[test]
    fn fixtures() {
        let lines = fixtures_in("passkeys.jsonl");
        for ((name, text), (_, lines)) in fixtures_in("passkeys.json").into_iter().zip(lines) {
            // The counts stand before the file.
            let (counts, array) = text.split_once("\n\n").unwrap();
            let (same_counts, lines) = lines.split_once("\n\n").unwrap();
            let array: Vec<Value> = serde_json::from_str(array).unwrap();
            let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            assert_eq!((counts, &array), (same_counts, &lines), "{name}");
            insta::assert_snapshot!(name, text);
        }
    }
}

mod lbuchs {
    use keyferry_json::{JsonSink, lbuchs::Lbuchs};
    use keyferry_testkit::snapshot;
    use serde_json::Value;

    #[allow(clippy::unwrap_used, reason = "a test helper: a failure is a failed test")]
    fn fixtures_in(name: &str) -> Vec<(String, String)> {
        let open =
            |folder: &std::path::Path| JsonSink::<Lbuchs>::open_for_writing(&folder.join(name)).unwrap();
        let show = |folder: &std::path::Path, _: &[keyferry_core::CredentialId]| {
            std::fs::read_to_string(folder.join(name)).unwrap()
        };
        snapshot::fixtures(open, show)
    }

    #[test]
    fn fixtures() {
        let lines = fixtures_in("passkeys.jsonl");
        for ((name, text), (_, lines)) in fixtures_in("passkeys.json").into_iter().zip(lines) {
            // The counts stand before the file.
            let (counts, array) = text.split_once("\n\n").unwrap();
            let (same_counts, lines) = lines.split_once("\n\n").unwrap();
            let array: Vec<Value> = serde_json::from_str(array).unwrap();
            let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            assert_eq!((counts, &array), (same_counts, &lines), "{name}");
            insta::assert_snapshot!(name, text);
        }
    }
}
