//! How does my own server sign a user in from the imported table, with diesel?
//!
//! The table is the one that `keyferry import … --to sqlite:passkeys.db` makes; on PostgreSQL and MySQL it has the same
//! columns, with `Timestamptz` and the like as their types.
#![allow(clippy::print_stdout, reason = "an example talks to its reader")]
#![allow(missing_docs, reason = "diesel's macro makes items without")]

use std::error::Error;

use diesel::prelude::*;
use keyferry_core::{
    Authority, Backup, CoseKey, CredentialId, CredentialRecord, Located, Location, Report, SignCount,
    StoredRecord, apply,
};
use keyferry_diesel::{Access, Dialect, TableMap, TableName, open_sqlite};
use keyferry_testkit::records;
use keyferry_webauthn_rs::stored_to_passkey;
use webauthn_rs::{
    WebauthnBuilder,
    prelude::{AuthenticationResult, Passkey, Url},
};

#[path = "support/browser.rs"]
mod browser;

diesel::table! {
    // The columns that a sign-in needs; the table has more.
    webauthn_credentials (credential_id) {
        credential_id -> Binary,
        public_key -> Binary,
        sign_count -> BigInt,
        backup_eligible -> Nullable<Bool>,
        backup_state -> Nullable<Bool>,
        status -> Text,
        account -> Text,
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = webauthn_credentials)]
struct Row {
    credential_id: Vec<u8>,
    public_key: Vec<u8>,
    sign_count: i64,
    backup_eligible: Option<bool>,
    backup_state: Option<bool>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("passkeys.db");
    let record = records::record(1);
    import(&path, &record)?;

    let mut database = SqliteConnection::establish(path.to_str().ok_or("an odd path")?)?;
    let origin = Url::parse("https://example.com")?;
    let server = WebauthnBuilder::new("example.com", &origin)?.build()?;

    let passkeys = passkeys_of(&mut database, record.account.as_str())?;
    let (options, state) = server.start_passkey_authentication(&passkeys)?;
    let response = browser::sign(&record, serde_json::to_value(options)?)?;
    let result = server.finish_passkey_authentication(&response, &state)?;
    write_back(&mut database, &result)?;
    println!("signed in, new sign count {}", result.counter());

    // The same answer again: the counter that was written back tells that it is a copy.
    let passkeys = passkeys_of(&mut database, record.account.as_str())?;
    let (_, state) = server.start_passkey_authentication(&passkeys)?;
    assert!(server.finish_passkey_authentication(&response, &state).is_err());
    Ok(())
}

/// Looks up what an account may sign in with: what is suspended or revoked may not.
fn passkeys_of(database: &mut SqliteConnection, account: &str) -> Result<Vec<Passkey>, Box<dyn Error>> {
    let rows = webauthn_credentials::table
        .filter(webauthn_credentials::account.eq(account))
        .filter(webauthn_credentials::status.eq("active"))
        .select(Row::as_select())
        .load(database)?;
    rows.into_iter()
        .map(|row| {
            let bare = StoredRecord::bare(
                CredentialId::new(row.credential_id)?,
                CoseKey::from_bytes(row.public_key)?,
                SignCount(row.sign_count.try_into()?),
            );
            let flags = row.backup_eligible.zip(row.backup_state);
            let backup = flags.and_then(|(eligible, state)| Backup::from_flags(eligible, state));
            Ok(stored_to_passkey(&StoredRecord { backup, ..bare }).map_err(|reason| reason.to_string())?)
        })
        .collect()
}

/// Keeps what the login changed. The counter never falls: where another login of the same passkey came first, with a
/// higher one, nothing is written.
fn write_back(database: &mut SqliteConnection, result: &AuthenticationResult) -> QueryResult<usize> {
    let count = i64::from(result.counter());
    diesel::update(webauthn_credentials::table)
        .filter(webauthn_credentials::credential_id.eq(result.cred_id().as_slice()))
        .filter(webauthn_credentials::status.eq("active"))
        .filter(webauthn_credentials::sign_count.le(count))
        .set((
            webauthn_credentials::sign_count.eq(count),
            webauthn_credentials::backup_state.eq(result.backup_state()),
        ))
        .execute(database)
}

fn import(path: &std::path::Path, record: &CredentialRecord) -> Result<(), Box<dyn Error>> {
    let map = TableMap::own(Dialect::Sqlite, TableName::own());
    let mut sink = open_sqlite(path, map, Access::Write)?;
    let batch = [Located { location: Location { row: 1, line: 2 }, value: record.clone() }];
    apply(&mut sink, &batch, Authority::Export, &mut Report::default())?;
    Ok(())
}
