//! The rules that every sink keeps, in two tables of an application's own: one that finds a credential by a digest and has
//! most items in a document, one whose key is a text and whose flags are words.

use std::{fs, path::Path};

use keyferry_core::Sink;
use keyferry_sqlx::{Dialect, TableMap};
use keyferry_testkit::conformance::{Harness, RULES};

const DOCUMENT: &str = r#"
name = "document"
library = "none"
table = "documents"
[columns]
credential_id = { column = "data.id", also = ["data.again"], as = "base64" }
public_key = { column = "data.key", as = "hex-upper" }
sign_count = "data.count"
transports = "data.transports"
uv_initialized = "data.verified"
backup_eligible = "data.eligible"
backup_state = "data.saved"
aaguid = { column = "data.aaguid", as = "hex" }
authenticator_attachment = "data.attachment"
attestation_format = "data.format"
created_at = { column = "data.made", as = "iso-8601-offset" }
status = "status"
user_id = "data.user"
external_user_id = "data.customer"
user_handle = { column = "data.handle", as = "base64url" }
rp_id = "data.rp"
account = "owner"
[constants]
"data.version" = 1
[derived]
hash = "credential-id-sha256"
[key]
column = "hash"
"#;

const WORDS: &str = r#"
name = "words"
library = "none"
table = "words"
[columns]
credential_id = { column = "id", as = "base64url" }
public_key = { column = "key", as = "base64" }
sign_count = "count"
transports = { column = "transports", as = "json-list" }
uv_initialized = { column = "verified", words = ["no", "yes"] }
backup_eligible = { column = "eligible", words = ["single", "multi"] }
backup_state = { column = "saved", words = ["no", "yes"] }
aaguid = { column = "aaguid", as = "uuid" }
created_at = { column = "made", as = "epoch-milliseconds" }
user_handle = { column = "handle", as = "hex" }
account = "owner"
[derived]
number = "cose-algorithm"
object = "attestation-object"
also_made = "created-at-or-now"
[postgres.columns]
transports = { column = "transports", as = "array" }
"#;

fn tables(dialect: Dialect) -> String {
    let (json, bytes, list, exact) = match dialect {
        Dialect::Sqlite => ("text", "blob", "text", ""),
        Dialect::Postgres => ("jsonb", "bytea", "text[]", ""),
        Dialect::MySql => ("json", "blob", "text", " CHARACTER SET ascii COLLATE ascii_bin"),
    };
    format!(
        "CREATE TABLE documents (hash varchar(64){exact} PRIMARY KEY, data {json} NOT NULL, status varchar(255) NOT NULL, \
         owner text NOT NULL);
         CREATE TABLE words (id varchar(1400){exact} NOT NULL UNIQUE, {key} text NOT NULL, count bigint NOT NULL, \
         transports {list}, verified varchar(9), eligible varchar(9), saved varchar(9), aaguid varchar(36), made bigint, \
         handle varchar(200), owner text NOT NULL, number bigint NOT NULL, object {bytes} NOT NULL, \
         also_made bigint NOT NULL);",
        key = if dialect == Dialect::MySql { "`key`" } else { "key" },
    )
}

/// Makes the tables in a folder's or a server's database when it is first asked for.
fn first(folder: &Path, make: impl FnOnce()) {
    let mark = folder.join("made");
    if !mark.exists() {
        make();
        fs::write(mark, "").unwrap();
    }
}

/// The rules that take each statement once: the others open a server's table dozens of times, and take minutes.
const OF_STATEMENTS: [&str; 9] = [
    "a_representation_is_honest",
    "an_id_asked_for_twice_is_answered_once",
    "an_update_is_made",
    "a_login_between_reading_and_writing_survives",
    "a_missing_credential_is_neither_updated_nor_removed",
    "a_mixed_batch_is_answered_in_order",
    "a_race_for_an_id_ends_in_a_conflict",
    "what_was_unknown_is_not_overwritten",
    "a_failed_batch_leaves_no_trace",
];

/// Runs those rules, each with a database of its own.
fn run<S: Sink + 'static>(open: impl Fn(&Path) -> S + Clone + 'static) {
    for name in OF_STATEMENTS {
        let (_, rule) = RULES.iter().find(|(known, _)| *known == name).unwrap();
        rule(&mut Harness::new(open.clone()));
    }
}

fn map(text: &str, dialect: Dialect) -> TableMap {
    TableMap::parse(text, dialect).unwrap()
}

mod sqlite {
    use std::path::Path;

    use keyferry_sqlx::{BlockingSink, BlockingSqliteSink, Dialect, open_sqlite};

    fn open(folder: &Path, text: &str) -> BlockingSqliteSink {
        let path = folder.join("app.db");
        super::first(folder, || {
            crate::database::sqlite(path.to_str().unwrap(), &super::tables(Dialect::Sqlite));
        });
        BlockingSink::open(|| open_sqlite(&path, super::map(text, Dialect::Sqlite))).unwrap()
    }

    mod document {
        keyferry_testkit::conformance!(|folder: &std::path::Path| super::open(
            folder,
            super::super::DOCUMENT
        ));
    }

    mod words {
        keyferry_testkit::conformance!(|folder: &std::path::Path| super::open(folder, super::super::WORDS));
    }
}

/// Opens a table of a server, whose database is the folder's own.
macro_rules! server {
    ($name:ident, $dialect:expr, $kind:expr, $database:ty, $open:path) => {
        mod $name {
            use std::path::Path;

            use keyferry_sqlx::{Access, BlockingSink};
            use keyferry_testkit::{databases::url, servers::shared};

            fn open(folder: &Path, text: &str) -> BlockingSink<$database> {
                let url = url($kind, folder);
                super::first(folder, || {
                    shared($kind).unwrap().sql(&url, &super::tables($dialect)).unwrap();
                });
                let address = url.parse().unwrap();
                BlockingSink::open(|| $open(&address, super::map(text, $dialect), Access::Write)).unwrap()
            }

            #[test]
            fn document() {
                if shared($kind).is_some() {
                    super::run(|folder: &Path| open(folder, super::DOCUMENT));
                }
            }

            #[test]
            fn words() {
                if shared($kind).is_some() {
                    super::run(|folder: &Path| open(folder, super::WORDS));
                }
            }
        }
    };
}

server!(
    postgres,
    keyferry_sqlx::Dialect::Postgres,
    keyferry_testkit::servers::Kind::Postgres,
    keyferry_sqlx::PgDatabase,
    keyferry_sqlx::open_postgres
);
server!(
    mysql,
    keyferry_sqlx::Dialect::MySql,
    keyferry_testkit::servers::Kind::MySql,
    keyferry_sqlx::MySqlDatabase,
    keyferry_sqlx::open_mysql
);
