//! Databases of a server, one for each folder of a test, as the [conformance suite](mod@crate::conformance) asks for them.

#![allow(clippy::expect_used, reason = "a test helper: a failure is a failed test")]

use std::{fs, path::Path};

use keyferry_core::CredentialId;

use crate::servers::{Kind, Server, shared};

/// Returns the URL of the folder's own database on the server that this process shares, made when it is first asked for.
///
/// # Panics
/// - there is no such server, or it makes no database.
#[must_use]
pub fn url(kind: Kind, folder: &Path) -> String {
    let file = folder.join("url");
    if let Ok(url) = fs::read_to_string(&file) {
        return url;
    }
    let url = server(kind).database();
    fs::write(file, &url).expect("a file in the folder");
    url
}

/// Runs statements in the folder's own database and returns what they print.
///
/// # Panics
/// - a statement fails.
pub fn sql(kind: Kind, folder: &Path, statements: &str) -> String {
    server(kind).sql(&url(kind, folder), statements).expect("statements that run")
}

/// Makes our table in the folder's database refuse every write of one credential, as an application's trigger may.
///
/// # Panics
/// - there is no such table.
pub fn refuse(kind: Kind, folder: &Path, id: &CredentialId) {
    let trigger = refusal(kind, id);
    sql(kind, folder, &trigger);
}

fn refusal(kind: Kind, id: &CredentialId) -> String {
    let id: String = id.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    match kind {
        Kind::Postgres => format!(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             IF NEW.credential_id = '\\x{id}'::bytea THEN RAISE EXCEPTION 'not this one'; END IF; RETURN NEW; END $$; \
             CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON webauthn_credentials FOR EACH ROW EXECUTE FUNCTION refuse();"
        ),
        Kind::MySql => format!(
            "DELIMITER //\nCREATE TRIGGER refuse BEFORE INSERT ON webauthn_credentials FOR EACH ROW BEGIN \
             IF NEW.credential_id = x'{id}' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not this one'; END IF; END//\n"
        ),
    }
}

/// The trigger that makes our table in a SQLite file refuse every write of one credential.
#[must_use]
pub fn refusal_in_sqlite(id: &CredentialId) -> String {
    let id: String = id.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!(
        "CREATE TRIGGER refuse BEFORE INSERT ON webauthn_credentials WHEN NEW.credential_id = x'{id}' \
         BEGIN SELECT RAISE(ABORT, 'not this one'); END"
    )
}

fn server(kind: Kind) -> &'static Server {
    shared(kind).expect("a server, since the test asked before")
}
