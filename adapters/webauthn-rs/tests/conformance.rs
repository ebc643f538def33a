//! The rules that every sink keeps.

use keyferry_json::JsonSink;
use keyferry_webauthn_rs::WebauthnRs;

mod by_account {
    use super::*;
    keyferry_testkit::conformance!(|folder: &std::path::Path| {
        JsonSink::<WebauthnRs>::open_for_writing(&folder.join("passkeys.json")).unwrap()
    });
}

mod lines {
    use super::*;
    keyferry_testkit::conformance!(|folder: &std::path::Path| {
        JsonSink::<WebauthnRs>::open_for_writing(&folder.join("passkeys.jsonl")).unwrap()
    });
}
