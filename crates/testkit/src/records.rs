//! Made-up credential records for tests, each with a genuine key.
//!
//! A record here is what a source would have given; its private key is
//! [`TestKey::from_seed`] of the same algorithm and [`key_seed`], so a test can let it log in.

use keyferry_core::{
    Aaguid, AttestationFormat, AuthenticatorAttachment, Backup, CoseKey, CredentialId, CredentialRecord,
    Identifier, Item, RpId, SignCount, Status, Timestamp, Transports, UserHandle,
};
use sha2::{Digest as _, Sha256};

use crate::{Algorithm, TestKey};

/// Returns an active record in which every item is known that exports know, of a P-256 key of its own.
///
/// The same seed always gives the same record; two seeds share no ID, key, user or account.
/// Others are made of it by struct update:
///
/// ```
/// use keyferry_core::{CredentialRecord, Status};
/// use keyferry_testkit::records::record;
///
/// let revoked = CredentialRecord { status: Status::Revoked, ..record(1) };
/// assert_eq!(revoked.credential_id, record(1).credential_id);
/// assert_ne!(record(1).public_key, record(2).public_key);
/// ```
#[must_use]
pub fn record(seed: u64) -> CredentialRecord {
    let account = identifier(&format!("00000000-0000-4000-8000-{seed:012x}"));
    CredentialRecord {
        credential_id: credential_id(&Sha256::digest(seed.to_be_bytes())[..16]),
        public_key: key(Algorithm::Es256, seed),
        sign_count: SignCount(5),
        transports: Some(Transports::new(["internal", "hybrid"])),
        uv_initialized: None,
        backup: Some(Backup::Eligible),
        aaguid: Aaguid::parse("ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4"),
        authenticator_attachment: Some(AuthenticatorAttachment::Platform),
        attestation_format: Some(AttestationFormat::new("none")),
        created_at: Some(time(1_705_314_600_123_456)),
        status: Status::Active,
        user_id: Some(identifier(&format!("usr-{seed}"))),
        user_handle: Some(user_handle(account.as_str().as_bytes())),
        external_user_id: Some(account.clone()),
        rp_id: rp_id("example.com"),
        account,
    }
}

/// Returns a record in which everything is unknown that may be: an ID, a key, a counter, a status, an account.
#[must_use]
pub fn bare_record(seed: u64) -> CredentialRecord {
    CredentialRecord {
        transports: None,
        uv_initialized: None,
        backup: None,
        aaguid: None,
        authenticator_attachment: None,
        attestation_format: None,
        created_at: None,
        user_id: None,
        external_user_id: None,
        user_handle: None,
        ..record(seed)
    }
}

/// Returns so many records for tests of size: IDs, users and counters of their own, but few keys, which take time.
#[must_use]
pub fn many_records(count: u32) -> Vec<CredentialRecord> {
    let keys: Vec<CoseKey> = (0..64).map(|seed| key(Algorithm::Es256, seed)).collect();
    (0..count)
        .zip(keys.iter().cycle())
        .map(|(number, key)| {
            let account = identifier(&format!("customer-{number}"));
            CredentialRecord {
                credential_id: credential_id(&Sha256::digest(number.to_be_bytes())[..20]),
                public_key: key.clone(),
                sign_count: SignCount(number),
                user_id: Some(identifier(&format!("usr-{number}"))),
                user_handle: Some(user_handle(account.as_str().as_bytes())),
                external_user_id: Some(account.clone()),
                account,
                ..bare_record(0)
            }
        })
        .map(|record| CredentialRecord { backup: Some(Backup::BackedUp), ..record })
        .collect()
}

/// Returns the record under another name of its user: account, external user ID and user handle.
#[must_use]
pub fn of_user(record: CredentialRecord, name: &str) -> CredentialRecord {
    CredentialRecord {
        external_user_id: Some(identifier(name)),
        user_handle: Some(user_handle(name.as_bytes())),
        account: identifier(name),
        ..record
    }
}

/// Returns the public key of [`TestKey`] with this algorithm and seed.
#[must_use]
pub fn key(algorithm: Algorithm, seed: u64) -> CoseKey {
    let key = TestKey::from_seed(algorithm, &key_seed(seed));
    CoseKey::from_bytes(key.cose()).expect("a test key is a legal key")
}

/// Returns the seed of a record's key.
#[must_use]
pub fn key_seed(seed: u64) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_be_bytes());
    bytes
}

/// Returns an ID of 1 to 1023 bytes.
#[must_use]
pub fn credential_id(bytes: &[u8]) -> CredentialId {
    CredentialId::new(bytes).expect("1 to 1023 bytes")
}

/// Returns an identifier of a text that may be one.
#[must_use]
pub fn identifier(text: &str) -> Identifier {
    Identifier::new(Item::Account, text).expect("a legal identifier")
}

/// Returns a user handle of 1 to 64 bytes.
#[must_use]
pub fn user_handle(bytes: &[u8]) -> UserHandle {
    UserHandle::new(bytes).expect("1 to 64 bytes")
}

/// Returns the RP ID of a domain.
#[must_use]
pub fn rp_id(text: &str) -> RpId {
    RpId::parse(text).expect("a domain")
}

/// Returns the time of so many microseconds since 1970.
#[must_use]
pub fn time(microseconds: i64) -> Timestamp {
    Timestamp::from_microseconds(microseconds).expect("a year from -9999 to 9999")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn seeds_share_nothing() {
        let list: Vec<_> = [0, 1, 2, 255, 256, u64::MAX].map(record).into();
        let distinct = |of: fn(&CredentialRecord) -> Vec<u8>| {
            list.iter().map(of).collect::<HashSet<_>>().len() == list.len()
        };
        assert!(distinct(|record| record.credential_id.as_bytes().to_vec()));
        assert!(distinct(|record| record.public_key.as_bytes().to_vec()));
        assert!(distinct(|record| record.account.as_str().as_bytes().to_vec()));
        assert_eq!(record(7), record(7));
    }

    #[test]
    fn many_are_distinct() {
        let list = many_records(2000);
        assert_eq!(list.iter().map(|record| &record.credential_id).collect::<HashSet<_>>().len(), 2000);
        assert_eq!(list.iter().map(|record| &record.account).collect::<HashSet<_>>().len(), 2000);
    }
}
