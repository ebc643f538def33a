//! The rules that every sink keeps, for each library and both forms of a file.
#![allow(clippy::unwrap_used, reason = "clippy.toml exempts test functions, not their helpers")]

use keyferry_json::{JsonSink, RecordFormat};

fn open<F: RecordFormat>(folder: &std::path::Path, name: &str) -> JsonSink<F> {
    JsonSink::open_for_writing(&folder.join(name)).unwrap()
}

macro_rules! libraries {
    ($($library:ident: $format:ident,)+) => {$(
        mod $library {
            mod array {
                use keyferry_json::$library::$format;
                keyferry_testkit::conformance!(
                    |folder: &std::path::Path| crate::open::<$format>(folder, "passkeys.json")
                );
            }

            mod lines {
                use keyferry_json::$library::$format;
                keyferry_testkit::conformance!(
                    |folder: &std::path::Path| crate::open::<$format>(folder, "passkeys.jsonl")
                );
            }
        }
    )+};
}

libraries! {
    fido2_net_lib: Fido2NetLib,
    go_webauthn: GoWebauthn,
    lbuchs: Lbuchs,
    py_webauthn: PyWebauthn,
    simplewebauthn: SimpleWebAuthn,
    webauthn4j: WebAuthn4j,
    yubico: Yubico,
}
