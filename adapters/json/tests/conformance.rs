//! The rules that every sink keeps.

use keyferry_json::{JsonSink, simplewebauthn::SimpleWebAuthn};

mod array {
    use super::*;
    keyferry_testkit::conformance!(|folder: &std::path::Path| {
        JsonSink::<SimpleWebAuthn>::open_for_writing(&folder.join("passkeys.json")).unwrap()
    });
}

mod lines {
    use super::*;
    keyferry_testkit::conformance!(|folder: &std::path::Path| {
        JsonSink::<SimpleWebAuthn>::open_for_writing(&folder.join("passkeys.jsonl")).unwrap()
    });
}
