//! A login at the real library with a challenge that the caller chose: for proofs only.
//!
//! A server must never choose a challenge or let one be chosen, since a login could then be replayed. A proof needs it:
//! its assertions were signed before, by an authenticator that is not at hand, or are compared with those of other
//! libraries. So this module stands behind the feature `login-proof`, which an application leaves off.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize as _, Serialize, de::DeserializeOwned};
use serde_json::Value;
use webauthn_rs::prelude::{Passkey, PublicKeyCredential, Url, Webauthn, WebauthnBuilder, WebauthnError};

/// Verifies an assertion as a server does that knows the user before, and returns the new sign count.
///
/// `response` is the `AuthenticationResponseJSON` of a browser, and `challenge` the one that it answers.
///
/// # Errors
/// - `origin` is no URL, or `rp_id` is not a suffix of its host;
/// - `response` is not of that form;
/// - the library refuses the login; the text then is the error's name and message.
pub fn verify_login(
    passkey: &Passkey,
    rp_id: &str,
    origin: &str,
    response: &Value,
    challenge: &[u8],
) -> Result<u32, String> {
    let (server, response) = prepare(rp_id, origin, response)?;
    let (_, state) = server.start_passkey_authentication(std::slice::from_ref(passkey)).map_err(refused)?;
    let state = with_challenge(&state, challenge)?;
    let result = server.finish_passkey_authentication(&response, &state).map_err(refused)?;
    Ok(result.counter())
}

/// Verifies an assertion as a server does that learns from it who the user is, and returns the new sign count.
///
/// The record is found by its credential ID, which works with user handles of any length;
/// `identify_discoverable_authentication` takes only those of 16 bytes.
///
/// # Errors
/// - as [`verify_login`];
/// - the response names another credential than the passkey.
pub fn verify_discoverable_login(
    passkey: &Passkey,
    rp_id: &str,
    origin: &str,
    response: &Value,
    challenge: &[u8],
) -> Result<u32, String> {
    let (server, response) = prepare(rp_id, origin, response)?;
    let (_, state) = server.start_discoverable_authentication().map_err(refused)?;
    let state = with_challenge(&state, challenge)?;
    if response.get_credential_id() != passkey.cred_id().as_slice() {
        return Err("no record has this credential ID".to_owned());
    }
    let result = server.finish_discoverable_authentication_v2(&response, state, passkey).map_err(refused)?;
    Ok(result.counter())
}

fn prepare(rp_id: &str, origin: &str, response: &Value) -> Result<(Webauthn, PublicKeyCredential), String> {
    let origin = Url::parse(origin).map_err(|error| format!("not an origin: {error}"))?;
    let server = WebauthnBuilder::new(rp_id, &origin).and_then(WebauthnBuilder::build).map_err(refused)?;
    let response = PublicKeyCredential::deserialize(response)
        .map_err(|error| format!("not an AuthenticationResponseJSON: {error}"))?;
    Ok((server, response))
}

/// Returns the state of a login with another challenge in it, by way of its JSON.
fn with_challenge<S: Serialize + DeserializeOwned>(state: &S, challenge: &[u8]) -> Result<S, String> {
    let failed = |error: serde_json::Error| format!("the state of the login: {error}");
    let mut json = serde_json::to_value(state).map_err(failed)?;
    let place = json.pointer_mut("/ast/challenge").ok_or("the state of the login has no challenge")?;
    *place = Value::String(URL_SAFE_NO_PAD.encode(challenge));
    serde_json::from_value(json).map_err(failed)
}

fn refused(error: WebauthnError) -> String {
    format!("{error:?}: {error}")
}
