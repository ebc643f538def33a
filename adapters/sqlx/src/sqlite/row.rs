//! A row as the driver gives it.

use keyferry_core::{CredentialId, StoredRecord};
use keyferry_sql::COLUMNS;
use sqlx::{Decode, Row as _, Sqlite, Type, sqlite::SqliteRow};

use crate::convert::{Row, Unreadable};

/// Reads a row of [`keyferry_sql::sqlite::select`].
///
/// # Errors
/// - a value that no credential record can have; the message says in which column of which credential.
pub(super) fn read_row(row: &SqliteRow) -> Result<StoredRecord, String> {
    let mut cells = Cells { row, next: 0 };
    cells.read().and_then(|row| row.to_stored()).map_err(|unreadable| {
        let id = row.try_get::<&[u8], _>(0).ok().and_then(|bytes| CredentialId::new(bytes).ok());
        match id {
            Some(id) => format!("credential {}, {unreadable}", id.hint()),
            None => unreadable.to_string(),
        }
    })
}

/// The cells of a row, one after the other.
struct Cells<'r> {
    row: &'r SqliteRow,
    next: usize,
}

impl<'r> Cells<'r> {
    fn read(&mut self) -> Result<Row<'r>, Unreadable> {
        Ok(Row {
            credential_id: self.cell()?,
            public_key: self.cell()?,
            cose_algorithm: self.cell()?,
            sign_count: self.cell()?,
            transports: self.cell()?,
            uv_initialized: self.flag()?,
            backup_eligible: self.flag()?,
            backup_state: self.flag()?,
            aaguid: self.cell()?,
            authenticator_attachment: self.cell()?,
            attestation_format: self.cell()?,
            created_at: self.cell()?,
            status: self.cell()?,
            user_id: self.cell()?,
            external_user_id: self.cell()?,
            user_handle: self.cell()?,
            rp_id: self.cell()?,
            account: self.cell()?,
        })
    }

    fn cell<T: Decode<'r, Sqlite> + Type<Sqlite>>(&mut self) -> Result<T, Unreadable> {
        let index = self.next;
        self.next += 1;
        let unreadable = || Unreadable::new(name(index), "a value of another type");
        self.row.try_get(index).map_err(|_| unreadable())
    }

    /// Reads 0, 1 or NULL; another number is not taken for true.
    fn flag(&mut self) -> Result<Option<bool>, Unreadable> {
        let index = self.next;
        match self.cell::<Option<i64>>()? {
            None => Ok(None),
            Some(0) => Ok(Some(false)),
            Some(1) => Ok(Some(true)),
            Some(_) => Err(Unreadable::new(name(index), "neither 0 nor 1")),
        }
    }
}

fn name(index: usize) -> &'static str {
    COLUMNS.get(index).map_or("?", |column| column.name)
}
