//! What the records of several libraries have in common.

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use keyferry_core::{
    Aaguid, Backup, CannotLogIn, CoseKey, CredentialId, CredentialRecord, Curve, Fault, Identifier, Item,
    Profile, RpId, SignCount, StoredRecord, Transports, UserHandle, Verdict,
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

/// The same for a library whose records keep everything but some items; where `keeps` says so, the conversion gives the
/// record back but for these.
pub(crate) const fn profile_without<F: RecordFormat>(
    name: &'static str,
    library: &'static str,
    verifies: fn(&CredentialRecord) -> Result<(), CannotLogIn>,
    without: &'static [Item],
    keeps: fn(&CredentialRecord) -> bool,
) -> Profile {
    Profile {
        name,
        library: Cow::Borrowed(library),
        keeps_status: false,
        represent: Verdict::Part { without, keeps, otherwise: represent::<F> },
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

/// The key under the algorithm identifier that older libraries know.
pub(crate) fn polymorphic(key: &CoseKey) -> Cow<'_, CoseKey> {
    match key.algorithm() == key.algorithm().polymorphic() {
        true => Cow::Borrowed(key),
        false => Cow::Owned(key.to_polymorphic()),
    }
}

/// The RP ID's text.
pub(crate) fn rp_id_text(view: &StoredRecord) -> String {
    view.rp_id.as_ref().map(|rp_id| rp_id.as_str().to_owned()).unwrap_or_default()
}

/// Base64 with padding, as Go and .NET write bytes.
pub(crate) fn encode_padded(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// The transports as they are known.
pub(crate) fn transport_texts(view: &StoredRecord) -> Option<Vec<String>> {
    view.transports.as_ref().map(|list| list.iter().map(str::to_owned).collect())
}

/// Writes the transports as a JSON array.
pub(crate) fn write_transports(list: &Transports, text: &mut Vec<u8>) -> serde_json::Result<()> {
    text.push(b'[');
    for (number, value) in list.iter().enumerate() {
        if number > 0 {
            text.push(b',');
        }
        match list.are_known() {
            // Nothing in these needs to be escaped.
            true => {
                text.push(b'"');
                text.extend_from_slice(value.as_bytes());
                text.push(b'"');
            }
            false => serde_json::to_writer(&mut *text, value)?,
        }
    }
    text.push(b']');
    Ok(())
}

// ---- reading: a message names the field and shows nothing of it

/// Says in which field a fault is.
pub(crate) fn told(field: &'static str) -> impl Fn(Fault) -> String {
    move |fault| format!("`{field}`: {}", fault.message)
}

pub(crate) fn account(field: &'static str, text: &str) -> Result<Option<Identifier>, String> {
    Identifier::new(Item::Account, text).map(Some).map_err(told(field))
}

pub(crate) fn rp_id(field: &'static str, text: &str) -> Result<Option<RpId>, String> {
    RpId::parse(text).map(Some).map_err(|error| format!("`{field}`: {error}"))
}

/// Reads an AAGUID in the text form of a UUID.
pub(crate) fn aaguid(field: &'static str, text: &Option<String>) -> Result<Option<Aaguid>, String> {
    let parse = |text: &String| Aaguid::parse(text).ok_or_else(|| format!("`{field}` is not a UUID"));
    text.as_ref().map(parse).transpose()
}

/// Decodes base64 with padding; the message names the field and shows nothing of it.
pub(crate) fn decode_padded(field: &str, text: &str) -> Result<Vec<u8>, String> {
    STANDARD.decode(text).map_err(|_| format!("`{field}` is not base64 with padding"))
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

pub(crate) fn padded_credential_id(field: &'static str, text: &str) -> Result<CredentialId, String> {
    CredentialId::new(decode_padded(field, text)?).map_err(told(field))
}

pub(crate) fn padded_public_key(field: &'static str, text: &str) -> Result<CoseKey, String> {
    CoseKey::from_bytes(decode_padded(field, text)?).map_err(told(field))
}

pub(crate) fn padded_user_handle(field: &'static str, text: &str) -> Result<UserHandle, String> {
    UserHandle::new(decode_padded(field, text)?).map_err(told(field))
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

// ---- what logs in: asked often, so a look at algorithm, curve and sizes must be enough

/// A library that asks for a higher count at each login can never get one after the highest.
pub(crate) fn can_count_on(record: &CredentialRecord) -> Result<(), CannotLogIn> {
    match record.sign_count == SignCount(u32::MAX) {
        true => Err(CannotLogIn::SignCountExhausted),
        false => Ok(()),
    }
}

/// Java and OpenSSL alike: above a modulus of 3,072 bits they take no exponent of more than 64 bits.
pub(crate) fn has_short_exponent(record: &CredentialRecord) -> Result<(), CannotLogIn> {
    let key = &record.public_key;
    // An exponent has no leading zeros.
    let is_long = key.rsa_exponent().is_some_and(|e| e.len() > 8);
    match is_long && key.rsa_bits() > Some(3072) {
        true => Err(CannotLogIn::RsaExponent),
        false => Ok(()),
    }
}

pub(crate) fn is_ed448(key: &CoseKey) -> bool {
    key.curve() == Some(Curve::Ed448)
}

#[cfg(test)]
pub(crate) mod tests {
    use keyferry_testkit::{
        Algorithm,
        keys::ed448_cose,
        records::{key, record},
    };
    use serde_json::Value;

    use super::*;
    use crate::java_key::tests::rsa;

    pub(crate) fn written<F: RecordFormat>(record: &CredentialRecord) -> Value {
        serde_json::to_value(F::to_record(&StoredRecord::from(record)).unwrap()).unwrap()
    }

    pub(crate) fn read<F: RecordFormat>(value: Value) -> Result<StoredRecord, String> {
        F::to_stored(&serde_json::from_value(value).unwrap())
    }

    /// Each value, put into a good record, is refused with the name of its member.
    pub(crate) fn damage_is_named<F: RecordFormat>(good: &Value, damages: &[(&str, Value)]) {
        for (place, value) in damages {
            let mut bad = good.clone();
            *bad.pointer_mut(place).unwrap() = value.clone();
            let message = read::<F>(bad).unwrap_err();
            assert!(message.contains(place.rsplit('/').next().unwrap()), "{place}: {message}");
        }
    }

    /// These algorithms do not log in and all others do; nor does a long RSA exponent or a count that cannot go up.
    pub(crate) fn refused_are<F: RecordFormat>(algorithms: &[Algorithm]) {
        let with = |public_key| CredentialRecord { public_key, ..record(7) };
        for algorithm in Algorithm::ALL {
            let record = with(key(algorithm, 7));
            let refused = algorithms
                .contains(&algorithm)
                .then(|| CannotLogIn::Algorithm(record.public_key.algorithm()));
            assert_eq!(F::PROFILE.verifies(&record).err(), refused, "{algorithm:?}");
        }
        assert_eq!(F::PROFILE.verifies(&with(rsa(64, &[1; 9]))), Err(CannotLogIn::RsaExponent));
        for (count, verdict) in [(u32::MAX - 1, Ok(())), (u32::MAX, Err(CannotLogIn::SignCountExhausted))] {
            let record = CredentialRecord { sign_count: SignCount(count), ..record(7) };
            assert_eq!(F::PROFILE.verifies(&record), verdict, "{count}");
        }
    }

    /// Ed448 does not log in under either of its algorithm identifiers.
    pub(crate) fn ed448_is_refused<F: RecordFormat>() {
        for (algorithm, name) in [(-8, "algorithm-eddsa"), (-53, "algorithm-ed448")] {
            let public_key = CoseKey::from_bytes(ed448_cose(algorithm)).unwrap();
            let refused = F::PROFILE.verifies(&CredentialRecord { public_key, ..record(7) });
            assert_eq!(refused.unwrap_err().to_string(), name);
        }
    }

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
