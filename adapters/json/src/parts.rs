//! What the records of several libraries have in common.

use std::borrow::Cow;

use keyferry_core::{
    Backup, CannotLogIn, CoseKey, CredentialId, CredentialRecord, Curve, Fault, Identifier, Item,
    KeyParameters, Profile, SignCount, StoredRecord, Transports, UserHandle, Verdict,
};

use crate::{RecordFormat, decode};

/// The profile of a library whose records keep no status.
pub(crate) const fn profile<F: RecordFormat>(
    name: &'static str,
    library: &'static str,
    verifies: fn(&CredentialRecord) -> Result<(), CannotLogIn>,
) -> Profile {
    Profile {
        name,
        library: Cow::Borrowed(library),
        keeps_status: false,
        represent: Verdict::Fixed(represent::<F>),
        verifies: Verdict::Fixed(verifies),
    }
}

fn represent<F: RecordFormat>(record: &CredentialRecord) -> Result<StoredRecord, CannotLogIn> {
    let written = F::to_record(&StoredRecord::from(record))?;
    // What was written here a moment ago reads back; if not, it is as good as not written.
    F::to_stored(&written).map_err(|_| CannotLogIn::Algorithm(record.public_key.algorithm()))
}

// ---- writing

/// The account's text.
pub(crate) fn account_text(view: &StoredRecord) -> String {
    view.account.as_ref().map(|account| account.as_str().to_owned()).unwrap_or_default()
}

/// The transports as they are known.
pub(crate) fn transport_texts(view: &StoredRecord) -> Option<Vec<String>> {
    view.transports.as_ref().map(|list| list.iter().map(str::to_owned).collect())
}

// ---- reading: a message names the field and shows nothing of it

/// Says in which field a fault is.
pub(crate) fn told(field: &'static str) -> impl Fn(Fault) -> String {
    move |fault| format!("`{field}`: {}", fault.message)
}

pub(crate) fn account(field: &'static str, text: &str) -> Result<Option<Identifier>, String> {
    Identifier::new(Item::Account, text).map(Some).map_err(told(field))
}

/// Reads a credential ID in base64url.
pub(crate) fn credential_id(field: &'static str, text: &str) -> Result<CredentialId, String> {
    CredentialId::new(decode(field, text)?).map_err(told(field))
}

/// Reads the bytes of a COSE key in base64url.
pub(crate) fn public_key(field: &'static str, text: &str) -> Result<CoseKey, String> {
    CoseKey::from_bytes(decode(field, text)?).map_err(told(field))
}

/// Reads a user handle in base64url.
pub(crate) fn user_handle(field: &'static str, text: &str) -> Result<UserHandle, String> {
    UserHandle::new(decode(field, text)?).map_err(told(field))
}

pub(crate) fn transports(texts: &Option<Vec<String>>) -> Option<Transports> {
    texts.as_ref().map(|list| Transports::new(list.iter().map(String::as_str)))
}

/// Reads the two backup flags, each with the name of its field: both are there or neither is.
pub(crate) fn backup(
    (eligible_field, eligible): (&str, Option<bool>),
    (state_field, state): (&str, Option<bool>),
) -> Result<Option<Backup>, String> {
    match (eligible, state) {
        (None, None) => Ok(None),
        (Some(eligible), Some(state)) => match Backup::from_flags(eligible, state) {
            Some(backup) => Ok(Some(backup)),
            None => Err(format!("`{state_field}` is true, which `{eligible_field}` does not allow")),
        },
        _ => Err(format!("`{eligible_field}` and `{state_field}` belong together")),
    }
}

// ---- what logs in

/// A library that asks for a higher count at each login can never get one after the highest.
pub(crate) fn can_count_on(record: &CredentialRecord) -> Result<(), CannotLogIn> {
    match record.sign_count == SignCount(u32::MAX) {
        true => Err(CannotLogIn::SignCountExhausted),
        false => Ok(()),
    }
}

/// Java and OpenSSL alike: above a modulus of 3,072 bits they take no exponent of more than 64 bits.
pub(crate) fn has_short_exponent(record: &CredentialRecord) -> Result<(), CannotLogIn> {
    match record.public_key.parameters() {
        // Neither has leading zeros.
        KeyParameters::Rsa { n, e } if n.len() > 384 && e.len() > 8 => Err(CannotLogIn::RsaExponent),
        _ => Ok(()),
    }
}

pub(crate) fn is_ed448(key: &CoseKey) -> bool {
    matches!(key.parameters(), KeyParameters::Okp { curve: Curve::Ed448, .. })
}

#[cfg(test)]
mod tests {
    use keyferry_testkit::records::record;

    use super::*;
    use crate::java_key::tests::rsa;

    #[test]
    fn backup_flags_are_both_there_and_legal() {
        let read = |eligible, state| backup(("be", eligible), ("bs", state));
        assert_eq!(read(None, None), Ok(None));
        for known in [Backup::SingleDevice, Backup::Eligible, Backup::BackedUp] {
            assert_eq!(read(Some(known.eligible()), Some(known.state())), Ok(Some(known)));
        }
        for (eligible, state) in [(Some(false), Some(true)), (Some(true), None), (None, Some(false))] {
            let message = read(eligible, state).unwrap_err();
            assert!(message.contains("`be`") && message.contains("`bs`"), "{message}");
        }
    }

    #[test]
    fn a_large_exponent_is_too_large_for_a_large_modulus() {
        let (short, long) = ([0xff; 8], [1; 9]);
        for (words, e, is_short) in
            [(48, &short[..], true), (48, &long, true), (49, &short, true), (49, &long, false)]
        {
            let record = CredentialRecord { public_key: rsa(words, e), ..record(1) };
            assert_eq!(has_short_exponent(&record).is_ok(), is_short, "{words} {}", e.len());
        }
    }

    #[test]
    fn after_the_highest_count_there_is_none() {
        for (count, verdict) in [(u32::MAX - 1, Ok(())), (u32::MAX, Err(CannotLogIn::SignCountExhausted))] {
            assert_eq!(
                can_count_on(&CredentialRecord { sign_count: SignCount(count), ..record(1) }),
                verdict
            );
        }
    }
}
