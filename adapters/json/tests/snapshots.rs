//! Every fixture as the records of each library.
#![allow(clippy::unwrap_used, reason = "clippy.toml exempts test functions, not their helpers")]

use keyferry_core::{CredentialId, RpId, Rules, UserHandleRule};
use keyferry_json::{JsonSink, RecordFormat, simplewebauthn::SimpleWebAuthn};
use keyferry_testkit::snapshot;
use serde_json::Value;

/// What each fixture becomes as an array, which the lines of a `.jsonl` file have to be, too.
fn fixtures<F: RecordFormat + 'static>(user_handle: UserHandleRule) -> Vec<(String, String)> {
    let rules = Rules { user_handle, ..Rules::new(RpId::parse("example.com").unwrap()) };
    let fixtures_in = |file: &'static str| {
        let open = |folder: &std::path::Path| JsonSink::<F>::open_for_writing(&folder.join(file)).unwrap();
        let show = |folder: &std::path::Path, _: &[CredentialId]| {
            std::fs::read_to_string(folder.join(file)).unwrap()
        };
        snapshot::fixtures_with(&rules, open, show)
    };
    let (arrays, lines) = (fixtures_in("passkeys.json"), fixtures_in("passkeys.jsonl"));
    assert_eq!(arrays.len(), lines.len());
    for ((name, array), (_, lines)) in arrays.iter().zip(&lines) {
        // The counts stand before the file.
        let (counts, array) = array.split_once("\n\n").unwrap();
        let (same_counts, lines) = lines.split_once("\n\n").unwrap();
        let array: Vec<Value> = serde_json::from_str(array).unwrap();
        let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!((counts, array), (same_counts, lines), "{name}");
    }
    arrays
}

#[test]
fn simplewebauthn() {
    for (name, text) in fixtures::<SimpleWebAuthn>(UserHandleRule::None) {
        insta::assert_snapshot!(name, text);
    }
}

// A module each, so that the names of the snapshots do not collide.
macro_rules! libraries {
    ($($library:ident: $format:ident, $user_handle:ident;)+) => {$(
        mod $library {
            #[test]
            fn fixtures() {
                use keyferry_json::$library::$format;
                let rule = keyferry_core::UserHandleRule::$user_handle;
                for (name, text) in crate::fixtures::<$format>(rule) {
                    insta::assert_snapshot!(name, text);
                }
            }
        }
    )+};
}

libraries! {
    fido2_net_lib: Fido2NetLib, None;
    go_webauthn: GoWebauthn, None;
    lbuchs: Lbuchs, None;
    py_webauthn: PyWebauthn, None;
    webauthn4j: WebAuthn4j, None;
    // Its records cannot be without user handle.
    yubico: Yubico, ExternalUserId;
}
