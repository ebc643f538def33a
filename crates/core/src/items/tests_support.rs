//! Made-up records for the tests of this crate.

use crate::{
    CoseAlgorithm, CoseKey, CredentialId, CredentialRecord, Curve, Identifier, Item, KeyParameters,
    RecordDraft, RpId, Rules, SignCount, Status, Transports,
};

pub(crate) fn rules() -> Rules {
    Rules::new(RpId::parse("example.com").unwrap())
}

/// A key that belongs to `seed` alone; nobody signs with it here.
pub(crate) fn key(seed: u8) -> CoseKey {
    let point = p256::SecretKey::from_slice(&[seed; 32]).unwrap().public_key().to_sec1_bytes();
    let (x, y) = point[1..].split_at(32);
    let numbers = KeyParameters::Ec2 { curve: Curve::P256, x: x.into(), y: y.into() };
    CoseKey::from_parameters(CoseAlgorithm::Es256, &numbers).unwrap()
}

pub(crate) fn draft(seed: u8) -> RecordDraft {
    RecordDraft {
        credential_id: Some(CredentialId::new([seed; 16]).unwrap()),
        public_key: Some(key(seed)),
        sign_count: Some(SignCount(5)),
        transports: Some(Transports::new(["internal"])),
        backup_eligible: Some(true),
        backup_state: Some(true),
        status: Some(Status::Active),
        user_id: Some(Identifier::new(Item::UserId, format!("usr-{seed}")).unwrap()),
        external_user_id: Some(
            Identifier::new(Item::ExternalUserId, format!("00000000-0000-4000-8000-{seed:012}")).unwrap(),
        ),
        ..RecordDraft::default()
    }
}

pub(crate) fn record(seed: u8) -> CredentialRecord {
    draft(seed).into_record(&rules(), Vec::new()).unwrap()
}

/// Returns 2^2203 - 1, a Mersenne prime, as an RSA modulus: odd, long enough, no small factor.
pub(crate) fn prime() -> Vec<u8> {
    let mut bytes = vec![0xff; 276];
    bytes[0] = 0x07;
    bytes
}
