//! What a map must say so that a login is possible.

use keyferry_core::{Item, Shown};

use super::{Column, Companion, Content, Derived, MapError, TableMap, file::content};

/// Sees to it that a login is possible from what the map keeps, and that nothing is written twice.
pub(super) fn check(map: &TableMap) -> Result<(), MapError> {
    for item in [Item::CredentialId, Item::PublicKey, Item::SignCount, Item::Account] {
        if !map.holds(item) {
            return Err(content(&format!("no column holds the {item}, without which nobody can log in")));
        }
    }
    if map.field(Item::BackupEligible).is_some() != map.field(Item::BackupState).is_some() {
        return Err(content(
            "backup_eligible and backup_state go together: one says nothing without the other",
        ));
    }
    if map.account.is_some() && map.field(Item::Account).is_some() {
        return Err(content("the account stands in [account] and in [columns]; one of the two must go"));
    }
    see_to_names(&map.columns)?;
    let Some(key) = map.columns.iter().find(|column| column.name == map.key.column) else {
        return Err(content(&format!(
            "[key] names {}, which is no column of the map",
            Shown(&map.key.column)
        )));
    };
    if !is_of_the_id(&key.content) {
        return Err(content(
            "[key] must name a column that holds the credential_id or what is derived of it",
        ));
    }
    if let Some(account) = &map.account {
        see_to_names(&account.create)?;
    }
    for companion in &map.companions {
        see_to_companion(companion, map.account.is_some())?;
    }
    Ok(())
}

fn see_to_names(columns: &[Column]) -> Result<(), MapError> {
    for (number, column) in columns.iter().enumerate() {
        if columns.iter().skip(number + 1).any(|other| other.name == column.name) {
            return Err(content(&format!("the column {} stands there twice", column.name)));
        }
    }
    Ok(())
}

fn see_to_companion(companion: &Companion, has_accounts: bool) -> Result<(), MapError> {
    see_to_names(&companion.columns)?;
    let find = |name: &String| companion.columns.iter().find(|column| column.name == *name);
    let key: Option<Vec<_>> = companion.key.iter().map(find).collect();
    let Some(key) = key.filter(|key| !key.is_empty()) else {
        return Err(content("the key of a companion names columns that the companion has not"));
    };
    let changing: Vec<_> =
        key.iter().filter(|column| !matches!(column.content, Content::Constant(_))).collect();
    if !matches!(changing[..], [column] if is_of_the_id(&column.content)) {
        return Err(content(
            "the key of a companion has one column of the credential_id, and else constants only",
        ));
    }
    let is_bound = companion.columns.iter().any(|column| matches!(column.content, Content::AccountId));
    match is_bound && !has_accounts {
        true => Err(content("a companion names an account, but there is no [account]")),
        false => Ok(()),
    }
}

/// Tells whether a column says which credential it is, by itself.
fn is_of_the_id(of: &Content) -> bool {
    matches!(of, Content::Derived(Derived::CredentialIdSha256 | Derived::CredentialIdUuid))
        || is_item(of, Item::CredentialId)
}

pub(super) fn is_item(content: &Content, item: Item) -> bool {
    matches!(content, Content::Item(field) if field.item == item)
}
