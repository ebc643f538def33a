//! The statements for SQLite.
//!
//! Values are always binds, written `?`, in the order that each function or constant names.
//! `OR ABORT` stands in every write because a table may say `UNIQUE ON CONFLICT REPLACE` for a column of its own, which
//! would delete another user's row without an error; the statement's own word overrides the table's.

use crate::{COLUMNS, Kind};

/// The most binds that a statement takes, unless SQLite was built with another limit.
pub const MAX_BINDS: usize = 32_766;

/// Returns the type by which a column is declared in the STRICT table.
pub fn type_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Binary => "BLOB",
        Kind::Text | Kind::Time => "TEXT",
        Kind::Integer | Kind::Boolean => "INTEGER",
    }
}

/// Returns the statement that reads the credentials of `ids` credential IDs: every column, in order.
pub fn select(ids: usize) -> String {
    format!("SELECT {} FROM webauthn_credentials WHERE credential_id IN ({})", names(), list("?", ids))
}

/// Returns the statement that adds `rows` credentials: every column of the first row, then of the second, and so on.
///
/// A credential that is there already is passed over, so fewer affected rows than were sent mean that one was.
/// A collision with any other unique constraint is an error.
pub fn insert(rows: usize) -> String {
    let row = format!("({})", list("?", COLUMNS.len()));
    format!(
        "INSERT OR ABORT INTO webauthn_credentials ({}) VALUES {} ON CONFLICT (credential_id) DO NOTHING",
        names(),
        list(&row, rows)
    )
}

/// Returns how many rows one insert can have.
pub const fn max_rows_per_insert() -> usize {
    MAX_BINDS / COLUMNS.len()
}

/// Changes one credential that still is what was read; otherwise no row is affected.
///
/// Binds: `sign_count`, `transports`, `backup_eligible`, `backup_state`, `status` and `user_handle` as they shall be, then
/// as they were read: `credential_id`, `public_key`, `account`, `rp_id`, `backup_eligible`, `status`, `user_id`,
/// `external_user_id`, `user_handle`.
///
/// The sign count is not part of the guard, or a live target would always be stale: it meets the stored one at the
/// higher of the two. Backup eligibility and user handle are only ever filled in where they were not known.
pub const UPDATE: &str = "\
UPDATE OR ABORT webauthn_credentials SET sign_count = max(sign_count, ?), transports = ?, \
backup_eligible = coalesce(backup_eligible, ?), backup_state = ?, status = ?, user_handle = coalesce(user_handle, ?) \
WHERE credential_id = ? AND public_key = ? AND account IS ? COLLATE BINARY AND rp_id IS ? COLLATE BINARY \
AND backup_eligible IS ? AND status IS ? COLLATE BINARY AND user_id IS ? COLLATE BINARY \
AND external_user_id IS ? COLLATE BINARY AND user_handle IS ?";

/// Removes one credential that still is what was read; otherwise no row is affected.
///
/// Binds as they were read: `credential_id`, `public_key`, `account`, `rp_id`, `backup_eligible`, `status`, `user_id`,
/// `external_user_id`, `user_handle`.
pub const DELETE: &str = "\
DELETE FROM webauthn_credentials \
WHERE credential_id = ? AND public_key = ? AND account IS ? COLLATE BINARY AND rp_id IS ? COLLATE BINARY \
AND backup_eligible IS ? AND status IS ? COLLATE BINARY AND user_id IS ? COLLATE BINARY \
AND external_user_id IS ? COLLATE BINARY AND user_handle IS ?";

/// Begins a transaction that may write at once, so that two writers never both read first and then wait for each other.
pub const BEGIN: &str = "BEGIN IMMEDIATE";

/// Changes nothing, but fails where the database may only be read; [`BEGIN`] alone does not.
pub const WRITE_NOTHING: &str = "UPDATE webauthn_credentials SET status = status WHERE false";

/// Finds out what stands under the name of a table; bind: the name. Columns: `type`, `strict`.
pub const FIND_TABLE: &str =
    "SELECT type, strict FROM pragma_table_list WHERE schema = 'main' AND name = ? COLLATE NOCASE";

/// Reads the columns of the table. Columns: `name`, `type`, `notnull`, `has_default`; generated and hidden ones too.
pub const TABLE_COLUMNS: &str = "\
SELECT name, type, \"notnull\" OR pk > 0, dflt_value IS NOT NULL OR hidden > 0 \
FROM pragma_table_xinfo('webauthn_credentials')";

/// Counts the unique indexes over exactly `credential_id`: whole, not partial, compared byte for byte.
pub const COUNT_UNIQUE_INDEXES: &str = "\
SELECT count(*) FROM pragma_index_list('webauthn_credentials') AS i WHERE i.\"unique\" = 1 AND i.partial = 0 \
AND (SELECT group_concat(lower(coalesce(x.name, '?')) || ' ' || x.coll, ',') \
FROM pragma_index_xinfo(i.name) AS x WHERE x.key = 1) = 'credential_id BINARY'";

/// Reads the recorded version of the schema.
pub const READ_VERSION: &str = "SELECT version FROM keyferry_schema LIMIT 2";

fn names() -> String {
    COLUMNS.map(|column| column.name).join(", ")
}

fn list(item: &str, times: usize) -> String {
    vec![item; times].join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        let names = "credential_id, public_key, cose_algorithm, sign_count, transports, uv_initialized, \
            backup_eligible, backup_state, aaguid, authenticator_attachment, attestation_format, created_at, status, \
            user_id, external_user_id, user_handle, rp_id, account";
        let row = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
        assert_eq!(
            select(3),
            format!("SELECT {names} FROM webauthn_credentials WHERE credential_id IN (?, ?, ?)")
        );
        assert_eq!(
            insert(2),
            format!(
                "INSERT OR ABORT INTO webauthn_credentials ({names}) VALUES {row}, {row} \
                 ON CONFLICT (credential_id) DO NOTHING"
            )
        );
        assert_eq!(UPDATE.matches('?').count(), 15);
        assert_eq!(DELETE.matches('?').count(), 9);
        assert_eq!(UPDATE.split_once(" WHERE ").unwrap().1, DELETE.split_once(" WHERE ").unwrap().1);
    }

    #[test]
    fn the_largest_insert_stays_within_the_binds() {
        assert_eq!(max_rows_per_insert(), 1820);
        assert!(insert(max_rows_per_insert()).matches('?').count() <= MAX_BINDS);
    }

    #[test]
    fn no_statement_replaces_or_ignores() {
        for text in [select(1), insert(2), UPDATE.to_owned(), DELETE.to_owned()] {
            for word in ["REPLACE", "IGNORE", "DUPLICATE", "DO UPDATE"] {
                assert!(!text.contains(word), "{text}");
            }
        }
    }
}
