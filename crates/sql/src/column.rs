//! The columns of the table, for statements and for checking a table that is there already.

use crate::Kind;

/// A column of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// The name, the same in every database.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether it may be NULL: not known.
    pub is_nullable: bool,
}

/// The columns in the order of the table and of every statement.
pub const COLUMNS: [Column; 18] = [
    required("credential_id", Kind::Binary),
    required("public_key", Kind::Binary),
    required("cose_algorithm", Kind::Integer),
    required("sign_count", Kind::Integer),
    nullable("transports", Kind::Text),
    nullable("uv_initialized", Kind::Boolean),
    nullable("backup_eligible", Kind::Boolean),
    nullable("backup_state", Kind::Boolean),
    nullable("aaguid", Kind::Binary),
    nullable("authenticator_attachment", Kind::Text),
    nullable("attestation_format", Kind::Text),
    nullable("created_at", Kind::Time),
    required("status", Kind::Text),
    nullable("user_id", Kind::Text),
    nullable("external_user_id", Kind::Text),
    nullable("user_handle", Kind::Binary),
    required("rp_id", Kind::Text),
    required("account", Kind::Text),
];

const fn required(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, is_nullable: false }
}

const fn nullable(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, is_nullable: true }
}
