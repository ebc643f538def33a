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

mod webauthn4j {
    use keyferry_json::{JsonSink, webauthn4j::WebAuthn4j};

    mod array {
        use super::*;
        keyferry_testkit::conformance!(|folder: &std::path::Path| {
            JsonSink::<WebAuthn4j>::open_for_writing(&folder.join("passkeys.json")).unwrap()
        });
    }

    mod lines {
        use super::*;
        keyferry_testkit::conformance!(|folder: &std::path::Path| {
            JsonSink::<WebAuthn4j>::open_for_writing(&folder.join("passkeys.jsonl")).unwrap()
        });
    }
}

mod yubico {
    use keyferry_json::{JsonSink, yubico::Yubico};

    mod array {
        use super::*;
        keyferry_testkit::conformance!(|folder: &std::path::Path| {
            JsonSink::<Yubico>::open_for_writing(&folder.join("passkeys.json")).unwrap()
        });
    }

    mod lines {
        use super::*;
        keyferry_testkit::conformance!(|folder: &std::path::Path| {
            JsonSink::<Yubico>::open_for_writing(&folder.join("passkeys.jsonl")).unwrap()
        });
    }
}

mod py_webauthn {
    use keyferry_json::{JsonSink, py_webauthn::PyWebauthn};

    mod array {
        use super::*;
        keyferry_testkit::conformance!(|folder: &std::path::Path| {
            JsonSink::<PyWebauthn>::open_for_writing(&folder.join("passkeys.json")).unwrap()
        });
    }

    mod lines {
        use super::*;
        keyferry_testkit::conformance!(|folder: &std::path::Path| {
            JsonSink::<PyWebauthn>::open_for_writing(&folder.join("passkeys.jsonl")).unwrap()
        });
    }
}

mod go_webauthn {
    use keyferry_json::{JsonSink, go_webauthn::GoWebauthn};

    mod array {
        use super::*;
        keyferry_testkit::conformance!(|folder: &std::path::Path| {
            JsonSink::<GoWebauthn>::open_for_writing(&folder.join("passkeys.json")).unwrap()
        });
    }

    mod lines {
        use super::*;
        keyferry_testkit::conformance!(|folder: &std::path::Path| {
            JsonSink::<GoWebauthn>::open_for_writing(&folder.join("passkeys.jsonl")).unwrap()
        });
    }
}

mod fido2_net_lib {
    use keyferry_json::{JsonSink, fido2_net_lib::Fido2NetLib};

    mod array {
        use super::*;
        keyferry_testkit::conformance!(|folder: &std::path::Path| {
            JsonSink::<Fido2NetLib>::open_for_writing(&folder.join("passkeys.json")).unwrap()
        });
    }

    mod lines {
        use super::*;
        keyferry_testkit::conformance!(|folder: &std::path::Path| {
            JsonSink::<Fido2NetLib>::open_for_writing(&folder.join("passkeys.jsonl")).unwrap()
        });
    }
}

mod lbuchs {
    use keyferry_json::{JsonSink, lbuchs::Lbuchs};

    mod array {
        use super::*;
        keyferry_testkit::conformance!(|folder: &std::path::Path| {
            JsonSink::<Lbuchs>::open_for_writing(&folder.join("passkeys.json")).unwrap()
        });
    }

    mod lines {
        use super::*;
        keyferry_testkit::conformance!(|folder: &std::path::Path| {
            JsonSink::<Lbuchs>::open_for_writing(&folder.join("passkeys.jsonl")).unwrap()
        });
    }
}
