//! What it means that a target holds a record.

use crate::{
    Authority, Backup, CredentialRecord, Fault, FaultCode, Item, Profile, Report, Shown, Status, StoredRecord,
};

/// Finds what the target holds otherwise than an import would have written it.
///
/// What never changes was compared before: a contradiction there is a conflict.
pub(crate) fn difference(
    stored: &StoredRecord,
    record: &CredentialRecord,
    profile: &Profile,
    authority: Authority,
    report: &mut Report,
) -> Option<Fault> {
    let wanted = match profile.represent(record) {
        Ok(wanted) => wanted,
        Err(reason) => {
            let message = format!("the target cannot hold it ({reason}), but something stands there");
            return Some(Fault::new(Item::CredentialId, FaultCode::DiffersInTarget, message));
        }
    };
    if stored.sign_count > wanted.sign_count {
        report.stale_sign_counts += 1;
    }
    if authority == Authority::Target {
        return None;
    }
    // Pending comes before active: that export is older than what the target knows.
    if record.status.stage() > Status::Active.stage() && stored.status.as_ref().is_none_or(Status::is_active)
    {
        let message =
            format!("{} in the export, but it can log in at the target", Shown(record.status.as_str()));
        return Some(Fault::new(Item::Status, FaultCode::ActiveInTarget, message));
    }
    let mut items = stored.differences(&wanted);
    items.retain(|item| is_difference(*item, stored, &wanted, report));
    let first = *items.first()?;
    let names: Vec<_> = items.iter().map(|item| item.name()).collect();
    Some(Fault::new(
        first,
        FaultCode::DiffersInTarget,
        format!("the target holds another {}", names.join(", ")),
    ))
}

/// Tells what an import would mend, or a corruption, from what is the target's own affair.
fn is_difference(item: Item, stored: &StoredRecord, wanted: &StoredRecord, report: &mut Report) -> bool {
    match item {
        Item::SignCount => stored.sign_count < wanted.sign_count,
        Item::BackupState if stored.backup.map(Backup::eligible) == wanted.backup.map(Backup::eligible) => {
            report.moved_backup_states += 1; // a login changes it
            false
        }
        // What the export does not know erases nothing: it was learned from an earlier export, or at the target.
        Item::Transports => wanted.transports.is_some(),
        Item::BackupEligible | Item::BackupState => wanted.backup.is_some(),
        Item::UserHandle => wanted.user_handle.is_some(),
        // Less access than the export gives is the target's own decision; a credential that is active there although
        // the export bars it was found before.
        Item::Status => stored.status.as_ref().map(Status::stage) < wanted.status.as_ref().map(Status::stage),
        // Written once, with the first import: a later export that knows more or less does not change them.
        Item::UvInitialized => both(&stored.uv_initialized, &wanted.uv_initialized, item, report),
        Item::Aaguid => both(&stored.aaguid, &wanted.aaguid, item, report),
        Item::AuthenticatorAttachment => {
            both(&stored.authenticator_attachment, &wanted.authenticator_attachment, item, report)
        }
        Item::AttestationFormat => both(&stored.attestation_format, &wanted.attestation_format, item, report),
        Item::CreatedAt => both(&stored.created_at, &wanted.created_at, item, report),
        Item::UserId => both(&stored.user_id, &wanted.user_id, item, report),
        Item::ExternalUserId => both(&stored.external_user_id, &wanted.external_user_id, item, report),
        _ => true,
    }
}

/// Tells whether both sides know the item; what the target alone lacks is counted as not kept.
fn both<T>(stored: &Option<T>, wanted: &Option<T>, item: Item, report: &mut Report) -> bool {
    if stored.is_none() {
        *report.not_kept.entry(item).or_default() += 1;
    }
    stored.is_some() && wanted.is_some()
}
