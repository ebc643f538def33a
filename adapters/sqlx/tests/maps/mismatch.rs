//! Tables that are not what the map says: a clear word before anything is written.

use keyferry_sqlx::{Access, Dialect};
use keyferry_testkit::records::record;

use crate::{
    database::{Database, dialects},
    frameworks::framework,
};

/// The error of a map on a framework's tables after these changes.
fn error(name: &str, dialect: Dialect, changes: &str) -> String {
    let database = framework(name).database(dialect, &[record(1)]).unwrap();
    database.sql(changes);
    let map = keyferry_sql::SHIPPED.iter().find(|(known, _)| *known == name).unwrap().1;
    database.with_map(map).err().unwrap_or_else(|| panic!("{name}, {dialect:?} opens after {changes}"))
}

#[test]
fn a_missing_column_is_named() {
    for dialect in dialects() {
        for (name, changes, expected) in [
            (
                "spring-security",
                "ALTER TABLE user_credentials DROP COLUMN attestation_object",
                "user_credentials has no column attestation_object",
            ),
            (
                "spring-security",
                "ALTER TABLE user_entities DROP COLUMN display_name",
                "user_entities has no column display_name",
            ),
            (
                "authjs",
                "ALTER TABLE authenticator DROP COLUMN counter",
                "authenticator has no column counter",
            ),
            ("authjs", "ALTER TABLE account DROP COLUMN type", "account has no column type"),
        ] {
            let found = error(name, dialect, changes);
            assert!(found.contains(expected), "{dialect:?}: {found}");
        }
    }
}

#[test]
fn another_type_is_named_with_the_one_that_is_expected() {
    for (dialect, changes, expected) in [
        (
            Dialect::Sqlite,
            "ALTER TABLE passkey DROP COLUMN counter; ALTER TABLE passkey ADD COLUMN counter text",
            "passkey: column counter is TEXT NULL, expected INTEGER",
        ),
        (
            Dialect::Postgres,
            "ALTER TABLE passkey ALTER COLUMN counter TYPE text",
            "passkey: column counter is text NOT NULL, expected bigint",
        ),
        (
            Dialect::MySql,
            "ALTER TABLE passkey MODIFY counter text NOT NULL",
            "passkey: column counter is text NOT NULL, expected BIGINT",
        ),
    ] {
        if dialects().contains(&dialect) {
            let found = error("better-auth", dialect, changes);
            assert!(found.contains(expected), "{found}");
        }
    }
}

#[test]
fn a_column_that_an_import_cannot_leave_out_is_named() {
    for dialect in dialects() {
        let default = if dialect == Dialect::Sqlite { " DEFAULT 'x'" } else { "" };
        let add = format!("ALTER TABLE passkey ADD COLUMN tenant varchar(9) NOT NULL{default}");
        if dialect == Dialect::Sqlite {
            let database = framework("better-auth").database(dialect, &[]).unwrap();
            database.sql(&add);
            database.target("better-auth"); // it has a default
        } else {
            let found = error("better-auth", dialect, &add);
            assert!(found.contains("has a column tenant") && found.contains("[constants]"), "{found}");
        }
    }
}

#[test]
fn a_missing_table_is_named() {
    for dialect in dialects() {
        for (name, expected) in [
            ("spring-security", "there is no table user_credentials"),
            ("aspnet-identity", "there is no table AspNetUserPasskeys"),
        ] {
            let database = Database::new(dialect);
            if dialect == Dialect::Sqlite {
                database.sql("CREATE TABLE something (x)");
            }
            let map = keyferry_sqlx::TableMap::shipped(name, dialect).unwrap().unwrap();
            let error = database.open(map, Access::Write).err().unwrap();
            assert!(error.source.unwrap().to_string().contains(expected), "{dialect:?}");
        }
        let found = error("authjs", dialect, "DROP TABLE account");
        assert!(found.contains("account, which the map names"), "{found}");
    }
}

#[test]
fn without_a_unique_index_that_decides_nothing_is_written() {
    for dialect in dialects() {
        let drop = match dialect {
            Dialect::Sqlite => "DROP INDEX \"authenticator_credentialID_unique\"",
            Dialect::Postgres => {
                "ALTER TABLE authenticator DROP CONSTRAINT \"authenticator_credentialID_unique\""
            }
            Dialect::MySql => "ALTER TABLE authenticator DROP INDEX \"authenticator_credentialID_unique\"",
        };
        let found = error("authjs", dialect, drop);
        assert!(found.contains("authenticator has no unique index on exactly credentialID"), "{found}");
    }
    // A map that does not say so is not given to a collation that takes two IDs for one.
    if dialects().contains(&Dialect::MySql) {
        let database = framework("authjs").database(Dialect::MySql, &[]).unwrap();
        let map = keyferry_sql::SHIPPED.iter().find(|(known, _)| *known == "authjs").unwrap().1;
        let found = database.with_map(&map.replace("folds-case = true", "folds-case = false")).err().unwrap();
        assert!(found.contains("no unique index that takes bytes for bytes"), "{found}");
        let warned = database.with_map(map).unwrap().warnings();
        assert!(warned.contains("differ in case only"), "{warned}");
    }
}

#[test]
fn a_table_that_holds_an_id_as_another_type_is_refused() {
    let database = framework("authjs").database(Dialect::Sqlite, &[record(1)]).unwrap();
    let user = record(1).account;
    database.sql(&format!(
        "INSERT INTO authenticator VALUES (x'00', '{0}', 'x', 'x', 0, 'x', 0, NULL)",
        user.as_str()
    ));
    let map = keyferry_sql::SHIPPED.iter().find(|(known, _)| *known == "authjs").unwrap().1;
    let found = database.with_map(map).err().unwrap();
    assert!(found.contains("column credentialID holds values that are no text"), "{found}");
}
