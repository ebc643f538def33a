//! The steps of WebAuthn Level 3, section 7.2.

use sha2::{Digest as _, Sha256};

use crate::{
    Assertion, AuthenticatorData, ClientData, Expected, Findings, Held, Origin, Outcome, Reason, Step,
    Verdict, decode_base64url, verify_signature,
};

/// Follows the steps of section 7.2 for a login that happened already.
///
/// Every step is done, also after one that failed, unless it needs what could not be read. Steps 1 to 5 are the server's
/// own (it asks for the login), 8 and 20 only prepare others, 23 and 24 change what is stored.
pub fn verify(assertion: &Assertion, held: &Held<'_>, expected: &Expected<'_>) -> Findings {
    let mut findings = Findings::default();
    identity(&mut findings, assertion, held);
    let data = AuthenticatorData::parse(&assertion.authenticator_data);
    findings.check(Step::AuthenticatorData, data.is_some(), Reason::AuthenticatorDataMalformed);
    match ClientData::parse(&assertion.client_data) {
        Ok(client) => {
            findings.add(Step::ClientData, Outcome::Passed);
            client_data(&mut findings, &client, expected);
        }
        Err(_) => findings.add(Step::ClientData, Outcome::Failed(Reason::ClientDataMalformed)),
    }
    if let Some(data) = data {
        authenticator_data(&mut findings, &data, held, expected);
    }
    signature(&mut findings, assertion, held);
    findings.in_order()
}

fn identity(findings: &mut Findings, assertion: &Assertion, held: &Held<'_>) {
    let is_same = assertion.credential_id == *held.credential_id;
    findings.check(Step::CredentialId, is_same, Reason::CredentialIdDiffers);
    let outcome = match (&assertion.user_handle, held.user_handle) {
        (None, _) => Outcome::Open(Reason::UserHandleAbsent),
        (Some(_), None) => Outcome::Open(Reason::UserHandleUnknown),
        (Some(handle), Some(held)) if handle == held.as_bytes() => Outcome::Passed,
        (Some(_), Some(_)) => Outcome::Failed(Reason::UserHandleDiffers),
    };
    findings.add(Step::UserHandle, outcome);
}

fn client_data(findings: &mut Findings, client: &ClientData, expected: &Expected<'_>) {
    findings.check(Step::Type, client.r#type == "webauthn.get", Reason::TypeDiffers);
    let challenge = decode_base64url(&client.challenge);
    match (challenge, expected.challenge) {
        (Some(found), Some(expected)) if found == expected => findings.add(Step::Challenge, Outcome::Passed),
        (Some(_), None) => findings.add(Step::Challenge, Outcome::Open(Reason::ChallengeNotOurs)),
        _ => findings.add(Step::Challenge, Outcome::Failed(Reason::ChallengeDiffers)),
    }
    findings.add(Step::Origin, origin(&client.origin, expected));
    findings.add(
        Step::CrossOrigin,
        if client.cross_origin { Outcome::Open(Reason::InsideFrame) } else { Outcome::Passed },
    );
    findings.add(
        Step::TopOrigin,
        if client.top_origin.is_some() { Outcome::Open(Reason::TopOriginGiven) } else { Outcome::Passed },
    );
}

fn origin(text: &str, expected: &Expected<'_>) -> Outcome {
    // Before its form is looked at: apps and extensions have origins that no web page has.
    if let Some(expected) = expected.origin {
        return match text == expected {
            true => Outcome::Passed,
            false => Outcome::Failed(Reason::OriginDiffers),
        };
    }
    let Some(origin) = Origin::parse(text) else { return Outcome::Failed(Reason::OriginMalformed) };
    match (&origin, expected.rp_id) {
        (Origin::Insecure, _) => Outcome::Failed(Reason::OriginInsecure),
        (Origin::App, _) => Outcome::Open(Reason::OriginOfApp),
        (Origin::Web(_), None) => Outcome::Open(Reason::OriginUnknown),
        (Origin::Web(_), Some(rp_id)) if origin.is_within(rp_id) => Outcome::Passed,
        (Origin::Web(_), Some(_)) => Outcome::Failed(Reason::OriginOutsideRpId),
    }
}

fn authenticator_data(
    findings: &mut Findings,
    data: &AuthenticatorData,
    held: &Held<'_>,
    expected: &Expected<'_>,
) {
    let flags = data.flags;
    match expected.rp_id {
        None => findings.add(Step::RpId, Outcome::Open(Reason::RpIdUnknown)),
        Some(rp_id) => {
            findings.check(Step::RpId, data.is_for(rp_id), Reason::RpIdDiffers);
        }
    }
    findings.check(Step::UserPresent, flags.user_present(), Reason::UserNotPresent);
    let verified = match (flags.user_verified(), expected.require_user_verification) {
        (true, _) => Outcome::Passed,
        (false, false) => Outcome::Open(Reason::UserNotVerified),
        (false, true) => Outcome::Failed(Reason::UserNotVerified),
    };
    findings.add(Step::UserVerified, verified);
    let is_legal = flags.backup_eligible() || !flags.backup_state();
    findings.check(Step::BackupState, is_legal, Reason::BackupStateWithoutEligible);
    let eligible = match held.backup {
        None => Outcome::Open(Reason::BackupUnknown),
        Some(backup) if backup.eligible() == flags.backup_eligible() => Outcome::Passed,
        Some(_) => Outcome::Failed(Reason::BackupEligibleChanged),
    };
    findings.add(Step::BackupEligible, eligible);
    let neither_counts = data.sign_count == 0 && held.sign_count.0 == 0;
    let goes_up = neither_counts || data.sign_count > held.sign_count.0;
    findings.check(Step::SignCount, goes_up, Reason::SignCountNotGreater);
}

fn signature(findings: &mut Findings, assertion: &Assertion, held: &Held<'_>) {
    let mut message = assertion.authenticator_data.clone();
    message.extend_from_slice(&Sha256::digest(&assertion.client_data));
    let outcome = match verify_signature(held.public_key, &message, &assertion.signature) {
        Verdict::Valid => Outcome::Passed,
        Verdict::Invalid => Outcome::Failed(Reason::SignatureWrong),
        Verdict::Malformed => Outcome::Failed(Reason::SignatureMalformed),
        Verdict::Uncheckable => Outcome::Open(Reason::SignatureUncheckable),
    };
    findings.add(Step::Signature, outcome);
}
