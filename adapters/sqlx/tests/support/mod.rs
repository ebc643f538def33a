//! Made-up records and small helpers for the tests of this folder.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "clippy.toml exempts test functions, not their helpers")]

use std::path::{Path, PathBuf};

use keyferry_core::{
    CoseAlgorithm, CoseKey, CredentialId, CredentialRecord, Curve, Identifier, Item, KeyParameters,
    RecordDraft, RpId, Rules, SignCount, SinkError, Status, StoredRecord, Transports,
};
use keyferry_sqlx::{Access, BlockingSqliteSink};
use sqlx::{AssertSqlSafe, Connection as _, Row as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;

/// A folder that goes away with the test, and a path in it.
pub(crate) struct Place {
    pub(crate) folder: TempDir,
    pub(crate) path: PathBuf,
}

pub(crate) fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("passkeys.db");
    Place { folder, path }
}

impl Place {
    /// The names of the files in the folder, sorted.
    pub(crate) fn files(&self) -> Vec<String> {
        let mut names: Vec<_> = std::fs::read_dir(self.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    pub(crate) fn writer(&self) -> BlockingSqliteSink {
        BlockingSqliteSink::connect(&self.path, Access::Write).unwrap()
    }

    /// Runs statements as another program would.
    pub(crate) fn sql(&self, statements: &str) {
        self.try_sql(statements).unwrap();
    }

    pub(crate) fn try_sql(&self, statements: &str) -> Result<(), String> {
        with_connection(&self.path, async |connection| {
            let result = sqlx::raw_sql(AssertSqlSafe(statements)).execute(connection).await;
            result.map(drop).map_err(|error| error.as_database_error().unwrap().message().to_owned())
        })
    }

    /// The last column of all rows, as text.
    pub(crate) fn ask(&self, query: &str) -> Vec<String> {
        with_connection(&self.path, async |connection| {
            let rows = sqlx::query(AssertSqlSafe(query)).fetch_all(connection).await.unwrap();
            rows.iter().map(|row| row.get::<String, _>(row.len() - 1)).collect()
        })
    }

    /// Everything in the table, as text that differs when anything differs.
    pub(crate) fn dump(&self) -> Vec<String> {
        let columns =
            keyferry_sql::COLUMNS.map(|column| format!("quote({})", column.name)).join(" || '|' || ");
        self.ask(&format!("SELECT {columns} FROM webauthn_credentials ORDER BY credential_id"))
    }
}

fn with_connection<T>(path: &Path, work: impl AsyncFnOnce(&mut SqliteConnection) -> T) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
        let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        let result = work(&mut connection).await;
        connection.close().await.unwrap();
        result
    })
}

fn hex(text: &str) -> Box<[u8]> {
    (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()).collect()
}

/// The generator of P-256, a point that anybody may use.
pub(crate) fn key() -> CoseKey {
    let x = hex("6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296");
    let y = hex("4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5");
    let numbers = KeyParameters::Ec2 { curve: Curve::P256, x, y };
    CoseKey::from_parameters(CoseAlgorithm::Es256, &numbers).unwrap()
}

/// The first test key of RFC 8032.
pub(crate) fn other_key() -> CoseKey {
    let x = hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    CoseKey::from_parameters(CoseAlgorithm::EdDsa, &KeyParameters::Okp { curve: Curve::Ed25519, x }).unwrap()
}

pub(crate) fn id(bytes: impl Into<Box<[u8]>>) -> CredentialId {
    CredentialId::new(bytes).unwrap()
}

pub(crate) fn name(text: &str) -> Identifier {
    Identifier::new(Item::Account, text).unwrap()
}

pub(crate) fn rp_id(text: &str) -> RpId {
    RpId::parse(text).unwrap()
}

pub(crate) fn record(seed: u8) -> CredentialRecord {
    RecordDraft {
        credential_id: Some(id([seed; 16])),
        public_key: Some(key()),
        sign_count: Some(SignCount(5)),
        transports: Some(Transports::new(["internal"])),
        backup_eligible: Some(true),
        backup_state: Some(true),
        status: Some(Status::Active),
        user_id: Some(name(&format!("usr-{seed}"))),
        external_user_id: Some(name(&format!("alice-{seed}"))),
        ..RecordDraft::default()
    }
    .into_record(&Rules::new(rp_id("example.com")), Vec::new())
    .unwrap()
}

pub(crate) fn stored(record: &CredentialRecord) -> StoredRecord {
    StoredRecord::from(record)
}

/// The action of an error and its cause, as the command shows them.
pub(crate) fn text(error: &SinkError) -> String {
    match &error.source {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
