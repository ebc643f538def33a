//! A made-up record for the tests of this crate.

use keyferry_core::{
    Aaguid, AttestationFormat, AuthenticatorAttachment, CoseKey, CredentialId, CredentialRecord, Identifier,
    Item, RecordDraft, RpId, Rules, SignCount, Status, Timestamp, Transports,
};
use keyferry_testkit::{Algorithm, TestKey};

/// A synced ES256 passkey of `alice` that says everything an export can say.
pub(crate) fn record() -> CredentialRecord {
    let identifier = |item, text: &str| Some(Identifier::new(item, text).unwrap());
    let draft = RecordDraft {
        credential_id: Some(CredentialId::new([0xfb, 0xff, 0x01, 0x02]).unwrap()),
        public_key: Some(CoseKey::from_bytes(TestKey::from_seed(Algorithm::Es256, &[1; 32]).cose()).unwrap()),
        sign_count: Some(SignCount(0)),
        transports: Some(Transports::new(["internal", "hybrid"])),
        uv_initialized: Some(true),
        backup_eligible: Some(true),
        backup_state: Some(true),
        aaguid: Some(Aaguid::parse("ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4").unwrap()),
        authenticator_attachment: Some(AuthenticatorAttachment::Platform),
        attestation_format: Some(AttestationFormat::new("packed")),
        created_at: Timestamp::from_microseconds(1_704_164_645_000_000),
        status: Some(Status::Active),
        user_id: identifier(Item::UserId, "usr-1"),
        external_user_id: identifier(Item::ExternalUserId, "alice"),
    };
    draft.into_record(&Rules::new(RpId::parse("example.com").unwrap()), Vec::new()).unwrap()
}
