//! What a login is compared with: the record, and what the server expects.

use keyferry_core::{
    Backup, CoseKey, CredentialId, CredentialRecord, RpId, SignCount, StoredRecord, UserHandle,
};

/// What a credential record holds that a login depends on.
#[derive(Clone, Copy, Debug)]
pub struct Held<'a> {
    /// The credential ID.
    pub credential_id: &'a CredentialId,
    /// The key that signatures are verified with.
    pub public_key: &'a CoseKey,
    /// The highest sign count seen so far.
    pub sign_count: SignCount,
    /// Backup eligibility and state; `None` where the record does not say it.
    pub backup: Option<Backup>,
    /// The user handle; `None` where the record has none.
    pub user_handle: Option<&'a UserHandle>,
}

impl<'a> From<&'a CredentialRecord> for Held<'a> {
    fn from(record: &'a CredentialRecord) -> Self {
        Self {
            credential_id: &record.credential_id,
            public_key: &record.public_key,
            sign_count: record.sign_count,
            backup: record.backup,
            user_handle: record.user_handle.as_ref(),
        }
    }
}

impl<'a> From<&'a StoredRecord> for Held<'a> {
    fn from(record: &'a StoredRecord) -> Self {
        Self {
            credential_id: &record.credential_id,
            public_key: &record.public_key,
            sign_count: record.sign_count,
            backup: record.backup,
            user_handle: record.user_handle.as_ref(),
        }
    }
}

/// What the server expects of a login; what is `None` is not known and its step stays open.
#[derive(Clone, Copy, Debug, Default)]
pub struct Expected<'a> {
    /// The RP ID.
    pub rp_id: Option<&'a RpId>,
    /// The one origin; without it, every web origin within the RP ID is expected.
    pub origin: Option<&'a str>,
    /// The challenge that the server had chosen; without it, the one in the client data is taken.
    pub challenge: Option<&'a [u8]>,
    /// Whether the user must have been verified.
    pub require_user_verification: bool,
}
