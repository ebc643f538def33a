//! What the rows of a file say about each other, found out by comparing every one with every other.

use keyferry_core::{CredentialRecord, Identifier, Located, Location, OneFile, RowFaults, Standing};

pub(crate) type Row = Result<Located<CredentialRecord>, RowFaults>;

/// Holds a gate's answer for each row that was accepted against the plain comparison.
pub(crate) fn check(rows: &[Row], one_file: &OneFile) {
    for row in rows.iter().flatten() {
        let found = one_file.standing(row.location, &row.value);
        let others = || rows.iter().filter(|other| location(other) != row.location);
        if others().any(|other| contradicts(&row.value, other)) {
            assert!(
                matches!(found, Standing::Conflict(_)),
                "{}: {found:?}, but others contradict",
                row.location
            );
            continue;
        }
        let is_first = !others().flatten().any(|other| {
            other.location.row < row.location.row && other.value.credential_id == row.value.credential_id
        });
        let expected = if is_first { Standing::First } else { Standing::Duplicate };
        assert_eq!(found, expected, "{}", row.location);
    }
}

fn contradicts(record: &CredentialRecord, other: &Row) -> bool {
    let (user_id, external_user_id) = match other {
        Ok(other) => (&other.value.user_id, &other.value.external_user_id),
        Err(other) => (&other.user_id, &other.external_user_id),
    };
    let is_other_user = |one: &Option<Identifier>, theirs: &Option<Identifier>, its, their| {
        one.is_some() && one == theirs && matches!((its, their), (Some(its), Some(their)) if its != their)
    };
    if is_other_user(&record.user_id, user_id, record.external_user_id.as_ref(), external_user_id.as_ref())
        || is_other_user(
            &record.external_user_id,
            external_user_id,
            record.user_id.as_ref(),
            user_id.as_ref(),
        )
    {
        return true;
    }
    match other {
        Err(other) => other.credential_id.as_ref() == Some(&record.credential_id),
        Ok(Located { value: other, .. }) => {
            let is_handle_shared = record.user_handle.is_some()
                && record.user_handle == other.user_handle
                && record.account != other.account;
            is_handle_shared || (record.credential_id == other.credential_id && record != other)
        }
    }
}

fn location(row: &Row) -> Location {
    match row {
        Ok(located) => located.location,
        Err(faults) => faults.location,
    }
}
