//! One view of a record that is to be written, whether it is new or stands there already.

use keyferry_core::{
    Aaguid, Backup, CoseKey, CredentialId, CredentialRecord, Identifier, Status, StoredRecord, Timestamp,
    Transports, UserHandle,
};

/// The items of a record, borrowed.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) credential_id: &'a CredentialId,
    pub(crate) public_key: &'a CoseKey,
    pub(crate) sign_count: u32,
    pub(crate) transports: Option<&'a Transports>,
    pub(crate) uv_initialized: Option<bool>,
    pub(crate) backup: Option<Backup>,
    pub(crate) aaguid: Option<&'a Aaguid>,
    pub(crate) authenticator_attachment: Option<&'a str>,
    pub(crate) attestation_format: Option<&'a str>,
    pub(crate) created_at: Option<Timestamp>,
    pub(crate) status: Option<&'a Status>,
    pub(crate) user_id: Option<&'a str>,
    pub(crate) external_user_id: Option<&'a str>,
    pub(crate) user_handle: Option<&'a UserHandle>,
    pub(crate) rp_id: Option<&'a str>,
    pub(crate) account: Option<&'a str>,
}

impl<'a> From<&'a CredentialRecord> for View<'a> {
    fn from(record: &'a CredentialRecord) -> Self {
        Self {
            credential_id: &record.credential_id,
            public_key: &record.public_key,
            sign_count: record.sign_count.0,
            transports: record.transports.as_ref(),
            uv_initialized: record.uv_initialized,
            backup: record.backup,
            aaguid: record.aaguid.as_ref(),
            authenticator_attachment: record.authenticator_attachment.as_ref().map(|value| value.as_str()),
            attestation_format: record.attestation_format.as_ref().map(|value| value.as_str()),
            created_at: record.created_at,
            status: Some(&record.status),
            user_id: record.user_id.as_ref().map(Identifier::as_str),
            external_user_id: record.external_user_id.as_ref().map(Identifier::as_str),
            user_handle: record.user_handle.as_ref(),
            rp_id: Some(record.rp_id.as_str()),
            account: Some(record.account.as_str()),
        }
    }
}

impl<'a> From<&'a StoredRecord> for View<'a> {
    fn from(record: &'a StoredRecord) -> Self {
        Self {
            credential_id: &record.credential_id,
            public_key: &record.public_key,
            sign_count: record.sign_count.0,
            transports: record.transports.as_ref(),
            uv_initialized: record.uv_initialized,
            backup: record.backup,
            aaguid: record.aaguid.as_ref(),
            authenticator_attachment: record.authenticator_attachment.as_ref().map(|value| value.as_str()),
            attestation_format: record.attestation_format.as_ref().map(|value| value.as_str()),
            created_at: record.created_at,
            status: record.status.as_ref(),
            user_id: record.user_id.as_ref().map(Identifier::as_str),
            external_user_id: record.external_user_id.as_ref().map(Identifier::as_str),
            user_handle: record.user_handle.as_ref(),
            rp_id: record.rp_id.as_ref().map(|rp_id| rp_id.as_str()),
            account: record.account.as_ref().map(Identifier::as_str),
        }
    }
}
