//! Names of tables on the command line are names, and nothing else.

use keyferry_sql::{TableName, schema_of};
use keyferry_testkit::servers::Kind;

use crate::{
    exports::{csv, rows},
    site::Site,
    support::Outcome,
};

on_both!(hostile_names_are_refused, odd_names_are_taken_as_they_are, a_table_in_a_schema_of_its_own);

/// A run with a name that may hold spaces.
fn with_table(site: &Site, verb: &str, table: &str) -> Outcome {
    let mut command = site.folder.command();
    command.args([
        verb,
        "export.csv",
        "--rp-id",
        "example.com",
        "--to",
        &site.url,
        "--json",
        "--table",
        table,
    ]);
    Outcome::of(verb, command.output().unwrap())
}

fn hostile_names_are_refused(kind: Kind) {
    let Some(site) = Site::with(kind, csv(&rows(3))) else { return };
    site.sql("CREATE TABLE users (id INT PRIMARY KEY)");
    let before = site.catalogue();
    let long = "x".repeat(64 * 1024);
    for table in [
        "x\"; drop table users; --",
        "x`; drop table users; --",
        "x'; drop table users; --",
        "users; drop table users",
        "users --",
        "users/**/",
        "a.b.c",
        ".users",
        "users.",
        "a b",
        "",
        "\u{1b}[2J",
        "usérs",
        "\\",
        "$1",
        "?",
        &long,
        &"x".repeat(64),
    ] {
        for verb in ["plan", "import", "verify"] {
            let outcome = with_table(&site, verb, table).expect_stopped();
            assert!(outcome.stderr.len() < 1000 && !outcome.stderr.contains('\u{1b}'), "{}", outcome.stderr);
        }
        let mut command = site.folder.command();
        command.args(["schema", kind.as_str(), "--table", table]);
        Outcome::of("schema", command.output().unwrap()).expect_stopped();
    }
    assert_eq!(site.catalogue(), before);
}

fn odd_names_are_taken_as_they_are(kind: Kind) {
    let Some(site) = Site::with(kind, csv(&rows(3))) else { return };
    for table in ["order", "Select", "MixedCase", "user", "_", "a$b", &"x".repeat(63)] {
        assert_eq!(with_table(&site, "import", table).expect(0).counts(), "read 3, inserted 3", "{table}");
        assert_eq!(with_table(&site, "import", table).expect(0).counts(), "read 3, unchanged 3", "{table}");
        with_table(&site, "verify", table).expect(0);
        let quote = if site.is_postgres() { '"' } else { '`' };
        assert_eq!(site.number(&format!("SELECT count(*) FROM {quote}{table}{quote}")), 3, "{table}");
    }
    assert!(!site.catalogue().contains("webauthn_credentials\n"), "the usual table is not made beside it");
    // Another application's table under the name stays as it is.
    site.sql(
        "CREATE TABLE taken (id INT PRIMARY KEY, note VARCHAR(9)); INSERT INTO taken VALUES (1, 'mine')",
    );
    for verb in ["plan", "import"] {
        let stopped = with_table(&site, verb, "taken").expect_stopped();
        assert!(stopped.stderr.contains("taken has no column credential_id"), "{}", stopped.stderr);
    }
    assert!(site.sql("SELECT * FROM taken").contains("mine"));
}

fn a_table_in_a_schema_of_its_own(kind: Kind) {
    let Some(site) = Site::with(kind, csv(&rows(3))) else { return };
    let schema = format!("auth_{}", site.database());
    site.sql(&format!("CREATE SCHEMA {schema}"));
    let table = format!("{schema}.webauthn_credentials");
    // Printed by the command and run by the database's own client, as the README says.
    let ddl = site.folder.run(&format!("schema {} --table {table}", kind.as_str())).expect(0).stdout;
    let name: TableName = table.parse().unwrap();
    assert_eq!(ddl, schema_of(site.dialect(), &name));
    site.sql(&ddl);
    let before = site.catalogue();
    assert_eq!(with_table(&site, "import", &table).expect(0).counts(), "read 3, inserted 3");
    assert_eq!(with_table(&site, "import", &table).expect(0).counts(), "read 3, unchanged 3");
    with_table(&site, "verify", &table).expect(0);
    assert_eq!(site.number(&format!("SELECT count(*) FROM {table}")), 3);
    assert_eq!(site.catalogue(), before, "nothing is made anywhere else");
    // A table of the same name in the usual place is another table.
    assert_eq!(site.import().counts(), "read 3, inserted 3");
    // In a schema that is missing, nothing is made either.
    let stopped = with_table(&site, "import", &format!("{schema}_x.webauthn_credentials")).expect_stopped();
    assert!(stopped.stderr.contains(&format!("{schema}_x")), "{}", stopped.stderr);
}
