//! How does my own server sign a user in from the imported table, with sqlx?
//!
//! The table is the one that `keyferry import … --to sqlite:passkeys.db` makes; on PostgreSQL and MySQL it has the same
//! columns, with `greatest` in place of `max`.
#![allow(clippy::print_stdout, reason = "an example talks to its reader")]

use std::error::Error;

use keyferry_core::{
    Authority, Backup, CoseKey, CredentialId, CredentialRecord, Located, Location, Report, SignCount,
    StoredRecord, apply,
};
use keyferry_sqlx::{Access, BlockingSqliteSink};
use keyferry_testkit::records;
use keyferry_webauthn_rs::stored_to_passkey;
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use webauthn_rs::{
    WebauthnBuilder,
    prelude::{AuthenticationResult, Passkey, Url},
};

#[path = "support/browser.rs"]
mod browser;

fn main() -> Result<(), Box<dyn Error>> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(serve())
}

async fn serve() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("passkeys.db");
    let record = records::record(1);
    import(&path, &record)?;

    let mut database = SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(&path)).await?;
    let origin = Url::parse("https://example.com")?;
    let server = WebauthnBuilder::new("example.com", &origin)?.build()?;

    let passkeys = passkeys_of(&mut database, record.account.as_str()).await?;
    let (options, state) = server.start_passkey_authentication(&passkeys)?;
    let response = browser::sign(&record, serde_json::to_value(options)?)?;
    let result = server.finish_passkey_authentication(&response, &state)?;
    write_back(&mut database, &result).await?;
    println!("signed in, new sign count {}", result.counter());

    // The same answer again: the counter that was written back tells that it is a copy.
    let passkeys = passkeys_of(&mut database, record.account.as_str()).await?;
    let (_, state) = server.start_passkey_authentication(&passkeys)?;
    assert!(server.finish_passkey_authentication(&response, &state).is_err());
    Ok(())
}

/// Looks up what an account may sign in with: what is suspended or revoked may not.
async fn passkeys_of(database: &mut SqliteConnection, account: &str) -> Result<Vec<Passkey>, Box<dyn Error>> {
    type Row = (Vec<u8>, Vec<u8>, u32, Option<bool>, Option<bool>);
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT credential_id, public_key, sign_count, backup_eligible, backup_state FROM webauthn_credentials \
         WHERE account = ? AND status = 'active'",
    )
    .bind(account)
    .fetch_all(database)
    .await?;
    rows.into_iter()
        .map(|(id, key, sign_count, eligible, state)| {
            let bare =
                StoredRecord::bare(CredentialId::new(id)?, CoseKey::from_bytes(key)?, SignCount(sign_count));
            let backup =
                eligible.zip(state).and_then(|(eligible, state)| Backup::from_flags(eligible, state));
            Ok(stored_to_passkey(&StoredRecord { backup, ..bare }).map_err(|reason| reason.to_string())?)
        })
        .collect()
}

/// Keeps what the login changed. The counter never falls, even where two logins of one passkey meet.
async fn write_back(
    database: &mut SqliteConnection,
    result: &AuthenticationResult,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE webauthn_credentials SET sign_count = max(sign_count, ?), backup_state = ? \
         WHERE credential_id = ? AND status = 'active'",
    )
    .bind(result.counter())
    .bind(result.backup_state())
    .bind(result.cred_id().as_slice())
    .execute(database)
    .await
    .map(drop)
}

fn import(path: &std::path::Path, record: &CredentialRecord) -> Result<(), Box<dyn Error>> {
    let mut sink = BlockingSqliteSink::connect(path, Access::Write)?;
    let batch = [Located { location: Location { row: 1, line: 2 }, value: record.clone() }];
    apply(&mut sink, &batch, Authority::Export, &mut Report::default())?;
    Ok(())
}
