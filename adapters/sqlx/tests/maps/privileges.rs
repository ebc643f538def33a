//! What a user of the database must be allowed, and that a missing right shows before anything is written.

use keyferry_sqlx::{Access, Dialect, TableMap};
use keyferry_testkit::records::record;

use crate::{
    database::{Database, dialects},
    frameworks::framework,
};

/// Makes a database where a user of that name has these rights and no others, and returns it as that user sees it.
///
/// `{}` in a right stands for the words with which the dialect names what is granted to whom.
fn as_user(name: &str, dialect: Dialect, user: &str, rights: &[&str]) -> Option<(Database, Database)> {
    let all = framework(name).database(dialect, &[record(1), record(2)])?;
    let (create, to) = match dialect {
        Dialect::Sqlite => return None,
        Dialect::Postgres => (format!("CREATE ROLE {user} LOGIN PASSWORD 'secret'; "), user.to_owned()),
        Dialect::MySql => (format!("CREATE USER {user}@'%' IDENTIFIED BY 'secret'; "), format!("{user}@'%'")),
    };
    let grants: Vec<_> = rights.iter().map(|right| format!("GRANT {right} TO {to};")).collect();
    all.sql(&(create + &grants.join(" ")));
    let restricted = all.for_user(user, "secret");
    Some((all, restricted))
}

#[test]
fn these_rights_are_enough() {
    for dialect in dialects() {
        let rights: &[&str] = match dialect {
            Dialect::Postgres => &[
                "SELECT (id, email) ON users",
                "SELECT, INSERT, UPDATE, DELETE ON webauthn_credentials",
                "USAGE ON SEQUENCE webauthn_credentials_id_seq",
            ],
            _ => &["SELECT (id, email) ON users", "SELECT, INSERT, UPDATE, DELETE ON webauthn_credentials"],
        };
        let Some((_all, database)) = as_user("devise-webauthn", dialect, "few_rights", rights) else {
            continue;
        };
        let mut target = database.target("devise-webauthn");
        target.insert(&[record(1), record(2)]);
        assert!(target.verify(&[record(1), record(2)]).is_clean(), "{dialect:?}");
    }
}

#[test]
fn reading_needs_no_right_to_write() {
    for dialect in dialects() {
        let rights = ["SELECT ON \"user\"", "SELECT ON authenticator", "SELECT ON account"];
        let Some((_all, database)) = as_user("authjs", dialect, "reader", &rights) else { continue };
        let map = TableMap::shipped("authjs", dialect).unwrap().unwrap();
        let report = database.open(map, Access::Read).unwrap().plan(&[record(1)]);
        assert_eq!(report.counts.inserted, 1, "{dialect:?}: {report:?}");
    }
}

#[test]
fn a_missing_right_shows_before_the_first_write() {
    let enough = [
        "SELECT ON \"user\"",
        "SELECT, INSERT, UPDATE, DELETE ON authenticator",
        "SELECT, INSERT, DELETE ON account",
    ];
    for (number, (place, less)) in [
        (1, "SELECT, INSERT, UPDATE ON authenticator"),
        (1, "SELECT, UPDATE, DELETE ON authenticator"),
        (1, "SELECT, INSERT, DELETE ON authenticator"),
        (2, "SELECT, INSERT ON account"),
        (2, "SELECT, DELETE ON account"),
    ]
    .into_iter()
    .enumerate()
    {
        for dialect in dialects() {
            let mut rights = enough;
            rights[place] = less;
            let user = format!("lacking_{number}");
            let Some((_all, database)) = as_user("authjs", dialect, &user, &rights) else { continue };
            let map = TableMap::shipped("authjs", dialect).unwrap().unwrap();
            let error =
                database.open(map, Access::Write).err().unwrap_or_else(|| panic!("{dialect:?}: {less}"));
            assert_eq!(error.kind, keyferry_core::SinkErrorKind::Refused, "{dialect:?}: {less}: {error:?}");
        }
    }
}
