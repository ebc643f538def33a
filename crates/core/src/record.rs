//! The credential record, and how a draft becomes one.

use uuid::Uuid;

use crate::{
    Aaguid, AttestationFormat, AuthenticatorAttachment, Backup, CoseKey, CredentialId, Fault, FaultCode,
    Identifier, Item, Location, RowFaults, RpId, SignCount, Status, Timestamp, Transports, UserHandle,
};

/// A credential record as WebAuthn Level 3, section 4, describes it, with what a move needs beside it.
///
/// Every value is legal; what an export does not say is `None`, never a default.
///
/// # PII considerations
/// A record names a user. `Debug` shows no whole key, handle, identifier or credential ID.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CredentialRecord {
    /// The credential ID.
    pub credential_id: CredentialId,
    /// The credential public key; the algorithm that counts is the one inside it.
    pub public_key: CoseKey,
    /// The signature counter as exported.
    pub sign_count: SignCount,
    /// The transports; absent is not empty.
    pub transports: Option<Transports>,
    /// Whether the user was verified at any ceremony; no export known has it, and it is never invented.
    pub uv_initialized: Option<bool>,
    /// Backup eligibility and state.
    pub backup: Option<Backup>,
    /// The authenticator's model.
    pub aaguid: Option<Aaguid>,
    /// How the authenticator is attached.
    pub authenticator_attachment: Option<AuthenticatorAttachment>,
    /// The attestation statement format.
    pub attestation_format: Option<AttestationFormat>,
    /// When the credential was registered.
    pub created_at: Option<Timestamp>,
    /// The state of the credential at the vendor.
    pub status: Status,
    /// The vendor's name of the user.
    pub user_id: Option<Identifier>,
    /// The customer's name of the user.
    pub external_user_id: Option<Identifier>,
    /// The user handle inside the passkey, by the operator's rule.
    pub user_handle: Option<UserHandle>,
    /// The relying party.
    pub rp_id: RpId,
    /// The account in the target: one of the two identifiers, by the operator's rule.
    pub account: Identifier,
}

/// Says which identifier names the account in the target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccountRule {
    /// The customer's name of the user.
    #[default]
    ExternalUserId,
    /// The vendor's name of the user.
    UserId,
}

/// Says which user handle lies inside the passkeys; no export has it, and a wrong one locks users out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UserHandleRule {
    /// The UTF-8 bytes of the vendor's user ID.
    UserId,
    /// The UTF-8 bytes of the customer's user ID.
    ExternalUserId,
    /// The 16 bytes of the vendor's user ID, a UUID.
    UserIdUuid,
    /// The 16 bytes of the customer's user ID, a UUID.
    ExternalUserIdUuid,
    /// Not known: records carry no handle.
    #[default]
    None,
}

/// What the operator says and no export has.
///
/// ```
/// use keyferry_core::{AccountRule, RpId, Rules, UserHandleRule};
/// let rules = Rules::new(RpId::parse("example.com")?);
/// assert_eq!((rules.account, rules.user_handle), (AccountRule::ExternalUserId, UserHandleRule::None));
/// # Ok::<(), keyferry_core::RpIdError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The relying party that all credentials of the file belong to.
    pub rp_id: RpId,
    /// Which identifier names the account.
    pub account: AccountRule,
    /// Which user handle lies inside the passkeys.
    pub user_handle: UserHandleRule,
}

impl Rules {
    /// Creates rules with the defaults of the command: the account is the external user ID, the handle is not known.
    pub fn new(rp_id: RpId) -> Self {
        Self { rp_id, account: AccountRule::default(), user_handle: UserHandleRule::default() }
    }
}

/// A row of an export after its cells were decoded, before the rules between them were applied.
///
/// A source fills in what it could read and reports the rest as faults.
///
/// ```
/// use keyferry_core::{FaultCode, RecordDraft, RpId, Rules};
/// let rules = Rules::new(RpId::parse("example.com")?);
/// let faults = RecordDraft::default().into_record(&rules, Vec::new()).unwrap_err();
/// assert!(faults.iter().any(|fault| fault.code == FaultCode::MissingValue));
/// # Ok::<(), keyferry_core::RpIdError>(())
/// ```
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "the fields of CredentialRecord, each as far as it could be read")]
pub struct RecordDraft {
    pub credential_id: Option<CredentialId>,
    pub public_key: Option<CoseKey>,
    pub sign_count: Option<SignCount>,
    pub transports: Option<Transports>,
    pub uv_initialized: Option<bool>,
    pub backup_eligible: Option<bool>,
    pub backup_state: Option<bool>,
    pub aaguid: Option<Aaguid>,
    pub authenticator_attachment: Option<AuthenticatorAttachment>,
    pub attestation_format: Option<AttestationFormat>,
    pub created_at: Option<Timestamp>,
    pub status: Option<Status>,
    pub user_id: Option<Identifier>,
    pub external_user_id: Option<Identifier>,
}

impl RecordDraft {
    /// Applies the rules between the items and the operator's rules.
    ///
    /// `faults` are those that decoding found; an item that is at fault already is not reported as missing, too.
    ///
    /// # Errors
    /// All faults of the row together:
    /// - `missing-value`: no credential ID, key, sign count or status;
    /// - `backup-state-without-eligible`, `backup-incomplete`: the two flags do not make a legal state;
    /// - `account-missing`: the identifier that names the account is empty;
    /// - `user-handle-invalid`: the identifier does not make a handle of 1 to 64 bytes, or is no UUID.
    pub fn into_record(self, rules: &Rules, faults: Vec<Fault>) -> Result<CredentialRecord, Vec<Fault>> {
        self.into_record_at(Location::default(), rules, faults).map_err(|row| row.faults)
    }

    /// Applies the rules as [`RecordDraft::into_record`] does, and says of a refused row whom it names.
    ///
    /// # Errors
    /// - As [`RecordDraft::into_record`].
    pub fn into_record_at(
        self,
        location: Location,
        rules: &Rules,
        mut faults: Vec<Fault>,
    ) -> Result<CredentialRecord, RowFaults> {
        for (item, missing) in [
            (Item::CredentialId, self.credential_id.is_none()),
            (Item::PublicKey, self.public_key.is_none()),
            (Item::SignCount, self.sign_count.is_none()),
            (Item::Status, self.status.is_none()),
        ] {
            if missing && !names(&faults, item) {
                faults.push(Fault::new(item, FaultCode::MissingValue, "empty"));
            }
        }
        let backup = self.backup().unwrap_or_else(|fault| {
            if !names(&faults, Item::BackupEligible) && !names(&faults, Item::BackupState) {
                faults.push(fault);
            }
            None
        });
        let (account_item, account) = match rules.account {
            AccountRule::ExternalUserId => (Item::ExternalUserId, &self.external_user_id),
            AccountRule::UserId => (Item::UserId, &self.user_id),
        };
        if account.is_none() && !names(&faults, account_item) {
            faults.push(Fault::new(
                account_item,
                FaultCode::AccountMissing,
                "empty, but it names the account",
            ));
        }
        let user_handle = self.user_handle(rules.user_handle, &faults).unwrap_or_else(|fault| {
            faults.push(fault);
            None
        });
        let account = account.clone();
        match (self.credential_id, self.public_key, self.sign_count, self.status, account) {
            (Some(credential_id), Some(public_key), Some(sign_count), Some(status), Some(account))
                if faults.is_empty() =>
            {
                Ok(CredentialRecord {
                    credential_id,
                    public_key,
                    sign_count,
                    transports: self.transports,
                    uv_initialized: self.uv_initialized,
                    backup,
                    aaguid: self.aaguid,
                    authenticator_attachment: self.authenticator_attachment,
                    attestation_format: self.attestation_format,
                    created_at: self.created_at,
                    status,
                    user_id: self.user_id,
                    external_user_id: self.external_user_id,
                    user_handle,
                    rp_id: rules.rp_id.clone(),
                    account,
                })
            }
            (credential_id, ..) => {
                let (user_id, external_user_id) = (self.user_id, self.external_user_id);
                Err(RowFaults { location, credential_id, user_id, external_user_id, faults })
            }
        }
    }

    /// Joins the two flags. A flag is inferred only where the other one leaves a single legal value: BS of BE 0.
    fn backup(&self) -> Result<Option<Backup>, Fault> {
        match (self.backup_eligible, self.backup_state) {
            (None, None | Some(false)) => Ok(None),
            (Some(false), None | Some(false)) => Ok(Some(Backup::SingleDevice)),
            (Some(true), Some(state)) => Ok(Backup::from_flags(true, state)),
            (Some(false), Some(true)) => Err(Fault::new(
                Item::BackupState,
                FaultCode::BackupStateWithoutEligible,
                "backed up, but not backup eligible",
            )),
            (None, Some(true)) => Err(Fault::new(
                Item::BackupEligible,
                FaultCode::BackupIncomplete,
                "backed up, but backup eligibility is empty",
            )),
            (Some(true), None) => Err(Fault::new(
                Item::BackupState,
                FaultCode::BackupIncomplete,
                "backup eligible, but the backup state is empty",
            )),
        }
    }

    fn user_handle(&self, rule: UserHandleRule, faults: &[Fault]) -> Result<Option<UserHandle>, Fault> {
        let (item, identifier, as_uuid) = match rule {
            UserHandleRule::None => return Ok(None),
            UserHandleRule::UserId => (Item::UserId, &self.user_id, false),
            UserHandleRule::ExternalUserId => (Item::ExternalUserId, &self.external_user_id, false),
            UserHandleRule::UserIdUuid => (Item::UserId, &self.user_id, true),
            UserHandleRule::ExternalUserIdUuid => (Item::ExternalUserId, &self.external_user_id, true),
        };
        let fault = |message: &str| Fault::new(item, FaultCode::UserHandleInvalid, message);
        let Some(identifier) = identifier else {
            return if names(faults, item) {
                Ok(None)
            } else {
                Err(fault("empty, but the user handle is made of it"))
            };
        };
        if as_uuid {
            // Braces, `urn:uuid:` and the like would be further spellings of somebody else's handle; OneFile sees to
            // the two spellings that are left, upper and lower case.
            let text = Some(identifier.as_str()).filter(|text| text.len() == 36);
            let uuid = text.and_then(|text| Uuid::try_parse(text).ok()).ok_or_else(|| {
                fault("not a UUID with hyphens, but the user handle is made of its 16 bytes")
            })?;
            return UserHandle::new(*uuid.as_bytes()).map(Some);
        }
        UserHandle::new(identifier.as_str().as_bytes())
            .map(Some)
            .map_err(|handle| fault(&format!("makes no user handle: {}", handle.message)))
    }
}

fn names(faults: &[Fault], item: Item) -> bool {
    faults.iter().any(|fault| fault.item == item)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::items::tests_support::{draft, rules};

    fn codes(draft: RecordDraft, rules: &Rules) -> Vec<FaultCode> {
        draft.into_record(rules, Vec::new()).unwrap_err().into_iter().map(|fault| fault.code).collect()
    }

    #[test]
    fn backup_flags_in_all_nine_states() {
        let backup = |eligible, state| {
            let draft = RecordDraft { backup_eligible: eligible, backup_state: state, ..draft(1) };
            draft
                .into_record(&rules(), Vec::new())
                .map(|record| record.backup)
                .map_err(|faults| faults[0].code)
        };
        assert_eq!(backup(None, None), Ok(None));
        assert_eq!(backup(None, Some(false)), Ok(None));
        assert_eq!(backup(Some(false), None), Ok(Some(Backup::SingleDevice)));
        assert_eq!(backup(Some(false), Some(false)), Ok(Some(Backup::SingleDevice)));
        assert_eq!(backup(Some(true), Some(false)), Ok(Some(Backup::Eligible)));
        assert_eq!(backup(Some(true), Some(true)), Ok(Some(Backup::BackedUp)));
        assert_eq!(backup(Some(false), Some(true)), Err(FaultCode::BackupStateWithoutEligible));
        assert_eq!(backup(None, Some(true)), Err(FaultCode::BackupIncomplete));
        assert_eq!(backup(Some(true), None), Err(FaultCode::BackupIncomplete));
    }

    #[test]
    fn an_empty_identifier_is_a_fault_only_where_it_is_needed() {
        let empty = RecordDraft { external_user_id: None, ..draft(1) };
        assert_eq!(codes(empty.clone(), &rules()), [FaultCode::AccountMissing]);
        let by_user_id = Rules { account: AccountRule::UserId, ..rules() };
        assert_eq!(empty.clone().into_record(&by_user_id, vec![]).unwrap().account.as_str(), "usr-1");
        let with_handle = Rules { user_handle: UserHandleRule::ExternalUserId, ..by_user_id };
        assert_eq!(codes(empty, &with_handle), [FaultCode::UserHandleInvalid]);
    }

    #[test]
    fn user_handle_rules() {
        let handle = |rule| {
            let rules = Rules { user_handle: rule, ..rules() };
            draft(1)
                .into_record(&rules, vec![])
                .map(|record| record.user_handle.map(|h| h.as_bytes().to_vec()))
        };
        assert_eq!(handle(UserHandleRule::None), Ok(None));
        assert_eq!(handle(UserHandleRule::UserId), Ok(Some(b"usr-1".to_vec())));
        let text = "00000000-0000-4000-8000-000000000001";
        assert_eq!(handle(UserHandleRule::ExternalUserId), Ok(Some(text.as_bytes().to_vec())));
        let bytes = Uuid::try_parse(text).unwrap().into_bytes().to_vec();
        assert_eq!(handle(UserHandleRule::ExternalUserIdUuid), Ok(Some(bytes)));
        assert_eq!(handle(UserHandleRule::UserIdUuid).unwrap_err()[0].code, FaultCode::UserHandleInvalid);
        let long =
            RecordDraft { user_id: Some(Identifier::new(Item::UserId, "x".repeat(65)).unwrap()), ..draft(1) };
        let rules = Rules { user_handle: UserHandleRule::UserId, ..rules() };
        assert_eq!(codes(long, &rules), [FaultCode::UserHandleInvalid]);
    }

    #[test]
    fn all_faults_come_together_and_none_twice() {
        let known = vec![Fault::new(Item::PublicKey, FaultCode::KeyNotCbor, "x")];
        let faults = RecordDraft::default().into_record(&rules(), known).unwrap_err();
        let list: Vec<_> = faults.iter().map(|fault| (fault.item, fault.code)).collect();
        assert_eq!(
            list,
            [
                (Item::PublicKey, FaultCode::KeyNotCbor),
                (Item::CredentialId, FaultCode::MissingValue),
                (Item::SignCount, FaultCode::MissingValue),
                (Item::Status, FaultCode::MissingValue),
                (Item::ExternalUserId, FaultCode::AccountMissing),
            ]
        );
    }
}
