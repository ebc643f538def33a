//! The JSON lines beside an export: one object a row for its private key, one for its next login.

use std::io;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use super::GeneratedCredential;
use crate::authenticator::Assertion;

/// A line of `.keys.jsonl`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KeyLine<'a> {
    credential_id: &'a str,
    algorithm: i64,
    private_key_pkcs8: String,
    notice: &'static str,
}

/// A line of `.assertions.jsonl`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AssertionLine<'a> {
    credential_id: &'a str,
    user: &'a str,
    algorithm: i64,
    status: &'a str,
    rp_id: &'a str,
    origin: &'a str,
    challenge: String,
    response: Assertion,
}

/// Appends one line to each of the two files.
pub(super) fn append(
    generated: &GeneratedCredential,
    keys: &mut Vec<u8>,
    assertions: &mut Vec<u8>,
) -> io::Result<()> {
    let GeneratedCredential { row, credential, login } = generated;
    let credential_id = &URL_SAFE_NO_PAD.encode(&credential.credential_id);
    let algorithm = credential.key.algorithm().cose();
    let key = KeyLine {
        credential_id,
        algorithm,
        private_key_pkcs8: credential.key.to_pkcs8_pem(),
        notice: "test key",
    };
    let assertion = AssertionLine {
        credential_id,
        user: &row.external_user_id,
        algorithm,
        status: &row.status,
        rp_id: &credential.rp_id,
        origin: &login.origin,
        challenge: URL_SAFE_NO_PAD.encode(&login.challenge),
        response: generated.assertion(),
    };
    line(keys, &key)?;
    line(assertions, &assertion)
}

fn line(out: &mut Vec<u8>, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.push(b'\n');
    Ok(())
}
