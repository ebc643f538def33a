//! Every fixture as webauthn-rs passkeys.

use keyferry_json::JsonSink;
use keyferry_testkit::snapshot;
use keyferry_webauthn_rs::WebauthnRs;

#[test]
fn fixtures() {
    let open = |folder: &std::path::Path| {
        JsonSink::<WebauthnRs>::open_for_writing(&folder.join("passkeys.json")).unwrap()
    };
    let show = |folder: &std::path::Path, _: &[keyferry_core::CredentialId]| {
        std::fs::read_to_string(folder.join("passkeys.json")).unwrap()
    };
    for (name, text) in snapshot::fixtures(open, show) {
        insta::assert_snapshot!(name, text);
    }
}
