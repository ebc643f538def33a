//! A credential as a target holds it.

use crate::{
    Aaguid, AttestationFormat, AuthenticatorAttachment, Backup, CoseKey, CredentialId, CredentialRecord,
    Identifier, Item, RpId, SignCount, Status, Timestamp, Transports, UserHandle,
};

/// A credential as a target holds it, or would hold it.
///
/// What the target has no place for is `None`. An adapter gives the same view of a record that it would write and of
/// one that it reads, so the two can be compared item by item, and what a target cannot keep shows by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields of CredentialRecord, each as far as the target keeps it")]
pub struct StoredRecord {
    pub credential_id: CredentialId,
    pub public_key: CoseKey,
    pub sign_count: SignCount,
    pub transports: Option<Transports>,
    pub uv_initialized: Option<bool>,
    pub backup: Option<Backup>,
    pub aaguid: Option<Aaguid>,
    pub authenticator_attachment: Option<AuthenticatorAttachment>,
    pub attestation_format: Option<AttestationFormat>,
    pub created_at: Option<Timestamp>,
    /// `None` where the target has no status: what stands there can log in.
    pub status: Option<Status>,
    pub user_id: Option<Identifier>,
    pub external_user_id: Option<Identifier>,
    pub user_handle: Option<UserHandle>,
    pub rp_id: Option<RpId>,
    pub account: Option<Identifier>,
}

impl From<&CredentialRecord> for StoredRecord {
    /// Returns the view of a target that keeps everything.
    fn from(record: &CredentialRecord) -> Self {
        Self {
            credential_id: record.credential_id.clone(),
            public_key: record.public_key.clone(),
            sign_count: record.sign_count,
            transports: record.transports.clone(),
            uv_initialized: record.uv_initialized,
            backup: record.backup,
            aaguid: record.aaguid,
            authenticator_attachment: record.authenticator_attachment.clone(),
            attestation_format: record.attestation_format.clone(),
            created_at: record.created_at,
            status: Some(record.status.clone()),
            user_id: record.user_id.clone(),
            external_user_id: record.external_user_id.clone(),
            user_handle: record.user_handle.clone(),
            rp_id: Some(record.rp_id.clone()),
            account: Some(record.account.clone()),
        }
    }
}

impl StoredRecord {
    /// Creates the view of a target that keeps nothing but ID, key and counter; fill in what it keeps beside them.
    pub fn bare(credential_id: CredentialId, public_key: CoseKey, sign_count: SignCount) -> Self {
        Self {
            credential_id,
            public_key,
            sign_count,
            transports: None,
            uv_initialized: None,
            backup: None,
            aaguid: None,
            authenticator_attachment: None,
            attestation_format: None,
            created_at: None,
            status: None,
            user_id: None,
            external_user_id: None,
            user_handle: None,
            rp_id: None,
            account: None,
        }
    }

    /// Takes an item out that a target has no place for.
    pub(crate) fn forget(&mut self, item: Item) {
        match item {
            Item::Transports => self.transports = None,
            Item::UvInitialized => self.uv_initialized = None,
            Item::BackupEligible | Item::BackupState => self.backup = None,
            Item::Aaguid => self.aaguid = None,
            Item::AuthenticatorAttachment => self.authenticator_attachment = None,
            Item::AttestationFormat => self.attestation_format = None,
            Item::CreatedAt => self.created_at = None,
            Item::Status => self.status = None,
            Item::UserId => self.user_id = None,
            Item::ExternalUserId => self.external_user_id = None,
            Item::UserHandle => self.user_handle = None,
            Item::RpId => self.rp_id = None,
            Item::Account => self.account = None,
            // Every target has them.
            Item::CredentialId | Item::PublicKey | Item::SignCount | Item::Row => {}
        }
    }

    /// Tells whether this view is still the one that was read, in everything that no login moves: user, key, RP ID, user
    /// handle, backup eligibility and status. Sign count, transports and backup state may differ.
    pub fn is_as_read(&self, read: &Self) -> bool {
        self.public_key.is_same_key(&read.public_key)
            && self.account == read.account
            && self.user_id == read.user_id
            && self.external_user_id == read.external_user_id
            && self.user_handle == read.user_handle
            && self.rp_id == read.rp_id
            && self.backup.map(Backup::eligible) == read.backup.map(Backup::eligible)
            && self.status == read.status
    }

    /// Returns the items in which two views differ; keys are compared as parsed.
    pub fn differences(&self, other: &Self) -> Vec<Item> {
        let eligible = |backup: Option<Backup>| backup.map(Backup::eligible);
        let state = |backup: Option<Backup>| backup.map(Backup::state);
        [
            (Item::CredentialId, self.credential_id == other.credential_id),
            (Item::PublicKey, self.public_key.is_same_key(&other.public_key)),
            (Item::SignCount, self.sign_count == other.sign_count),
            (Item::Transports, self.transports == other.transports),
            (Item::UvInitialized, self.uv_initialized == other.uv_initialized),
            (Item::BackupEligible, eligible(self.backup) == eligible(other.backup)),
            (Item::BackupState, state(self.backup) == state(other.backup)),
            (Item::Aaguid, self.aaguid == other.aaguid),
            (Item::AuthenticatorAttachment, self.authenticator_attachment == other.authenticator_attachment),
            (Item::AttestationFormat, self.attestation_format == other.attestation_format),
            (Item::CreatedAt, self.created_at == other.created_at),
            (Item::Status, self.status == other.status),
            (Item::UserId, self.user_id == other.user_id),
            (Item::ExternalUserId, self.external_user_id == other.external_user_id),
            (Item::UserHandle, self.user_handle == other.user_handle),
            (Item::RpId, self.rp_id == other.rp_id),
            (Item::Account, self.account == other.account),
        ]
        .into_iter()
        .filter_map(|(item, same)| (!same).then_some(item))
        .collect()
    }
}
