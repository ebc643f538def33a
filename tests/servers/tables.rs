//! Tables that are not as they should be, and tables that are as an application made them.

use keyferry_testkit::{ExportRow, servers::Kind};

use crate::{
    exports::{csv, rows},
    site::Site,
};

on_both!(what_is_wrong_is_named, what_is_more_is_no_obstacle);

const TABLE: &str = "ALTER TABLE webauthn_credentials";

/// What is done to our table, and what is said about it then.
fn wrong(kind: Kind) -> Vec<(String, &'static str)> {
    let alter = |what: &str| format!("{TABLE} {what}");
    match kind {
        Kind::Postgres => vec![
            (alter("DROP COLUMN attestation_format"), "has no column attestation_format"),
            (
                alter("ALTER sign_count TYPE int"),
                "column sign_count is integer NOT NULL, expected bigint NOT NULL",
            ),
            (
                alter("ALTER public_key TYPE text USING encode(public_key, 'hex')"),
                "column public_key is text",
            ),
            (
                alter("ALTER credential_id TYPE varchar(16) USING encode(credential_id, 'hex')"),
                "column credential_id is character varying(16)",
            ),
            (
                alter("ALTER created_at TYPE timestamptz(3)"),
                "column created_at is timestamp(3) with time zone",
            ),
            (alter("ALTER created_at TYPE text"), "column created_at is text"),
            (alter("ALTER aaguid SET NOT NULL"), "column aaguid is bytea NOT NULL, expected bytea NULL"),
            (alter("ALTER account TYPE varchar(64)"), "column account is character varying(64)"),
            (alter("DROP CONSTRAINT webauthn_credentials_pkey"), "no unique index on exactly credential_id"),
            (
                alter(
                    "DROP CONSTRAINT webauthn_credentials_pkey; CREATE INDEX i ON webauthn_credentials (credential_id)",
                ),
                "no unique index on exactly credential_id",
            ),
            (
                alter(
                    "DROP CONSTRAINT webauthn_credentials_pkey; \
                       CREATE UNIQUE INDEX i ON webauthn_credentials (credential_id) WHERE status = 'active'",
                ),
                "no unique index on exactly credential_id",
            ),
            (
                alter(
                    "DROP CONSTRAINT webauthn_credentials_pkey; CREATE UNIQUE INDEX i ON webauthn_credentials (md5(credential_id))",
                ),
                "no unique index on exactly credential_id",
            ),
            (
                alter(
                    "DROP CONSTRAINT webauthn_credentials_pkey; CREATE UNIQUE INDEX i ON webauthn_credentials (credential_id, rp_id)",
                ),
                "no unique index on exactly credential_id",
            ),
            (
                alter("DROP CONSTRAINT webauthn_credentials_pkey, ADD UNIQUE (credential_id) DEFERRABLE"),
                "no unique index on exactly credential_id",
            ),
            (
                alter("RENAME TO t; CREATE VIEW webauthn_credentials AS SELECT * FROM t"),
                "is no table (relkind v)",
            ),
            (alter("ADD nickname text NOT NULL"), "column nickname of its own that must not be NULL"),
            ("UPDATE keyferry_schema SET version = 2".to_owned(), "its schema has version 2"),
            ("DELETE FROM keyferry_schema".to_owned(), "keyferry_schema has no row"),
        ],
        Kind::MySql => vec![
            (alter("DROP COLUMN attestation_format"), "has no column attestation_format"),
            (
                alter("MODIFY sign_count INT NOT NULL"),
                "column sign_count is int(11) NOT NULL, expected BIGINT NOT NULL",
            ),
            (alter("MODIFY public_key VARCHAR(4096) NOT NULL"), "column public_key is varchar(4096)"),
            (alter("MODIFY credential_id VARCHAR(16) NOT NULL"), "column credential_id is varchar(16)"),
            (alter("MODIFY credential_id VARBINARY(16) NOT NULL"), "column credential_id is varbinary(16)"),
            (
                alter(
                    "MODIFY credential_id VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci NOT NULL",
                ),
                "column credential_id is varchar(255)",
            ),
            (
                alter("MODIFY credential_id VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL"),
                "column credential_id is varchar(255)",
            ),
            (alter("MODIFY created_at DATETIME"), "column created_at is datetime"),
            (alter("MODIFY account VARCHAR(64) NOT NULL"), "column account is varchar(64)"),
            (alter("DROP PRIMARY KEY"), "no unique index on exactly credential_id"),
            (
                alter("DROP PRIMARY KEY, ADD INDEX (credential_id)"),
                "no unique index on exactly credential_id",
            ),
            (
                alter("DROP PRIMARY KEY, ADD UNIQUE (credential_id(255))"),
                "no unique index on exactly credential_id",
            ),
            (
                alter("DROP PRIMARY KEY, ADD UNIQUE (credential_id, rp_id)"),
                "no unique index on exactly credential_id",
            ),
            (
                alter("DROP PRIMARY KEY, MODIFY account TEXT NOT NULL, ENGINE = MyISAM"),
                "has engine MyISAM, which keeps no transactions",
            ),
            (
                "RENAME TABLE webauthn_credentials TO t; CREATE VIEW webauthn_credentials AS SELECT * FROM t"
                    .to_owned(),
                "is no table (VIEW)",
            ),
            (alter("ADD nickname VARCHAR(9) NOT NULL"), "column nickname of its own that must not be NULL"),
            ("UPDATE keyferry_schema SET version = 2".to_owned(), "its schema has version 2"),
            ("DELETE FROM keyferry_schema".to_owned(), "keyferry_schema has no row"),
        ],
    }
}

fn what_is_wrong_is_named(kind: Kind) {
    let Some(site) = Site::with(kind, csv(&rows(3))) else { return };
    for (change, expected) in wrong(kind) {
        site.make_table();
        site.sql(&change);
        let before = site.catalogue();
        let [plan, import] =
            ["plan", "import"].map(|verb| site.carry(verb, "export.csv", "").expect_stopped());
        for outcome in [&plan, &import] {
            assert!(outcome.stderr.contains(expected), "{change}\n{}", outcome.stderr);
        }
        // Both say why in the same words.
        let because = |told: &str| told.split_once("because: ").map(|(_, why)| why.to_owned());
        assert_eq!(because(&plan.stderr), because(&import.stderr));
        assert_eq!((site.catalogue(), site.rows()), (before, 0), "{change}");
        let _ = site.server.sql(&site.url, "DROP VIEW webauthn_credentials; DROP TABLE t");
        site.sql("DROP TABLE IF EXISTS webauthn_credentials; DROP TABLE keyferry_schema");
    }
}

fn what_is_more_is_no_obstacle(kind: Kind) {
    let mut list = rows(40);
    let twin = ExportRow { external_user_id: "taken@example.com".to_owned(), ..list[20].clone() };
    list[20] = twin;
    let Some(site) = Site::with(kind, csv(&list)) else { return };
    site.make_table();
    site.sql(&format!(
        "{TABLE} ADD nickname VARCHAR(64), ADD used INT NOT NULL DEFAULT 0, ADD is_odd BOOLEAN; \
         CREATE UNIQUE INDEX one_each ON webauthn_credentials (account, rp_id); \
         CREATE UNIQUE INDEX nicknames ON webauthn_credentials (nickname)"
    ));
    // A row of the application's own, which the twin collides with by its account.
    let id = if site.is_postgres() { "'\\x0102'::bytea" } else { "x'0102'" };
    site.sql(&format!(
        "INSERT INTO webauthn_credentials (credential_id, public_key, cose_algorithm, sign_count, status, rp_id, account, \
         nickname, used) VALUES ({id}, {id}, -7, 3, 'active', 'example.com', 'taken@example.com', 'my key', 5)"
    ));
    let own =
        || site.sql(&format!("SELECT nickname, used FROM webauthn_credentials WHERE credential_id = {id}"));
    let (before, line) = (own(), site.dump());
    let import = site.carry("import", "export.csv", "--rejects rejects.csv").expect(1);
    assert_eq!(import.counts(), "read 40, inserted 39, conflict 1");
    assert_eq!(import.faults(), ["21 refused-by-target"]);
    let told = import.json()["faults"][0]["message"].as_str().unwrap().to_owned();
    assert!(told.contains("one_each") && !told.contains("taken"), "{told}");
    assert_eq!(own(), before);
    assert!(site.dump().lines().any(|there| there == line), "the application's own row changed");
    assert_eq!(site.rows(), 40);
    // What is the application's own survives an update, too.
    site.sql(
        "UPDATE webauthn_credentials SET nickname = concat('key of ', account), used = 7 WHERE used = 0",
    );
    let mut later: Vec<_> =
        list.iter().filter(|row| row.external_user_id != "taken@example.com").cloned().collect();
    later.iter_mut().for_each(|row| row.authenticator_sign_count = "4000000000".to_owned());
    site.folder.write("later.csv", csv(&later));
    assert_eq!(site.carry("import", "later.csv", "").expect(0).counts(), "read 39, updated 39");
    let kept = site.number(
        "SELECT count(*) FROM webauthn_credentials WHERE nickname = concat('key of ', account) AND used = 7 \
         AND sign_count = 4000000000",
    );
    assert_eq!(kept, 39);
}
