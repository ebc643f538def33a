//! The table map `spring-security` against the real Spring Security, from the framework's own tables.

use std::{collections::BTreeSet, path::PathBuf, process::Command};

use keyferry_testkit::servers::Kind;

use crate::{command::repository, framework::Framework, rows::Database};

fn folder() -> PathBuf {
    repository().join("tests/login/spring-security")
}

fn framework() -> Framework {
    Framework {
        map: "spring-security",
        tool: ("java".into(), folder().join("target/built")),
        make_users: |_, _, database, names| database.execute(&users(names)),
        verifier: |java, database| {
            let mut program = Command::new(java);
            program.current_dir(folder()).env("DB_PASSWORD", "").args(["-cp", "target/classes:target/lib/*"]);
            program.args(["Verify", &address(database), "keyferry"]);
            program
        },
        looks_at_eligibility: true,
    }
}

/// Whom the framework looks up by name once the passkey has told who it is.
fn users(names: &BTreeSet<&str>) -> String {
    let rows = |row: fn(&str) -> String| names.iter().map(|name| row(name)).collect::<Vec<_>>().join(", ");
    let users = rows(|name| format!("('{name}', '{{noop}}none', true)"));
    let authorities = rows(|name| format!("('{name}', 'ROLE_USER')"));
    format!("INSERT INTO users VALUES {users}; INSERT INTO authorities VALUES {authorities};")
}

fn address(database: &Database) -> String {
    let (name, place) = match database {
        Database::Sqlite(path) => return format!("jdbc:sqlite:{}", path.display()),
        Database::Server(Kind::Postgres, url) => ("postgresql", url),
        Database::Server(Kind::MySql, url) => ("mariadb", url),
    };
    format!("jdbc:{name}://{}", place.split_once('@').unwrap().1)
}

#[test]
fn whoever_is_promised_logs_in_and_nobody_else() {
    framework().whoever_is_promised_logs_in();
}

#[test]
fn what_is_not_genuine_fails() {
    framework().what_is_not_genuine_fails();
}
