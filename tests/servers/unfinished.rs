//! PostgreSQL: a new table whose indexes are made after its rows, what somebody else does meanwhile, and an import that
//! is killed before it has made them.

use std::process::Child;

use base64::{Engine as _, engine::general_purpose::URL_SAFE};
use keyferry_testkit::servers::Kind;

use crate::{
    flood::{LONG, export, finishes, row, undisturbed},
    kill::start,
    site::{Rights, Site, hex, until},
    support::Outcome,
};

/// What the import waits for, once, with a row of its own in the table.
const GATE: &str = "SELECT pg_advisory_lock(7)";

/// Makes the import wait within a batch of a table that it has made itself: before it adds the row of this account.
fn stop_before(site: &Site, account: &str) {
    site.sql(&format!(
        "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN PERFORM pg_advisory_xact_lock(7); RETURN NEW; END $$; \
         CREATE FUNCTION add_wait() RETURNS event_trigger LANGUAGE plpgsql AS \
         $$ BEGIN IF to_regclass('webauthn_credentials') IS NOT NULL AND NOT EXISTS (SELECT FROM pg_trigger \
         WHERE tgname = 'waits') THEN CREATE TRIGGER waits BEFORE INSERT ON webauthn_credentials FOR EACH ROW \
         WHEN (NEW.account = '{account}') EXECUTE FUNCTION public.wait(); END IF; END $$; \
         CREATE EVENT TRIGGER adds_wait ON ddl_command_end WHEN TAG IN ('CREATE TABLE') \
         EXECUTE FUNCTION add_wait()"
    ));
}

fn until_it_waits(site: &Site, child: &mut Child) {
    until(|| {
        assert!(child.try_wait().unwrap().is_none(), "it did not wait");
        site.number("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 7 AND NOT granted")
            > 0
    });
}

fn indexes_of_the_schema() -> String {
    let site = Site::new(Kind::Postgres).unwrap();
    site.make_table();
    site.indexes()
}

#[test]
fn a_new_table_ends_as_the_schema_says() {
    let Some(undisturbed) = undisturbed(Kind::Postgres, LONG) else { return };
    let site = Site::with(Kind::Postgres, export(LONG)).unwrap();
    site.import();
    assert_eq!(site.indexes(), indexes_of_the_schema());
    assert!(site.dump() == undisturbed.dump);
    // In a schema, under a name of its own, which is no word of SQL only within quotes.
    site.sql("CREATE SCHEMA auth");
    let more = "--table auth.order";
    site.carry("import", "export.csv", more).expect(0);
    let named = "SELECT count(*) FROM pg_indexes WHERE schemaname = 'auth' AND tablename = 'order'";
    assert_eq!(site.number(named), 3);
    site.carry("verify", "export.csv", more).expect(0);
    // Under the name of another one that comes first on the path, whose indexes have the same names and stay.
    let more = "--table auth.webauthn_credentials";
    site.carry("import", "export.csv", more).expect(0);
    for schema in ["public", "auth"] {
        let named = format!(
            "SELECT count(*) FROM pg_indexes WHERE schemaname = '{schema}' AND tablename = 'webauthn_credentials'"
        );
        assert_eq!(site.number(&named), 3, "{schema}");
    }
    assert_eq!(site.number("SELECT count(*) FROM pg_description WHERE description LIKE 'keyferry%'"), 0);
}

#[test]
fn an_import_that_was_killed_is_finished_by_the_next_one() {
    let Some(site) = Site::with(Kind::Postgres, export(LONG)) else { return };
    let all = indexes_of_the_schema();
    stop_before(&site, &row(LONG - 1).external_user_id);
    site.while_held(GATE, || {
        let mut child = start(&site);
        until_it_waits(&site, &mut child);
        child.kill().unwrap();
        child.wait().unwrap();
    });
    site.until_free();
    site.sql("DROP EVENT TRIGGER adds_wait");
    let left = site.indexes();
    assert!(left.contains("note: keyferry import has not ended") && !left.contains("(account)"), "{left}");

    // Whoever reads it is told, and reads it.
    let warning =
        "indexes (on account, on user_handle or on both) are missing: an import is at work, or ended early";
    let planned = site.carry("plan", "export.csv", "").expect(0);
    assert!(planned.stderr.contains(&format!("{warning}; the next import makes them")), "{}", planned.stderr);
    // Who does not own it may import, but cannot make them.
    let (_, url) = site.role("secret", Rights::Write);
    let others = site.folder.carry("import", "export.csv", &url, "").expect(0);
    assert!(
        others.stderr.contains(&format!("{warning}; an import by the table's owner")),
        "{}",
        others.stderr
    );
    assert_eq!(site.indexes(), left);

    let last = site.import();
    assert!(!last.stderr.contains(warning), "{}", last.stderr);
    assert_eq!(site.indexes(), all);
    finishes(&site, LONG);
}

#[test]
fn rows_that_arrive_in_a_new_table_are_noticed() {
    let Some(site) = Site::with(Kind::Postgres, export(LONG)) else { return };
    // In the order of IDs: one of the first rows, so that the import stands in its first batch.
    let mut order: Vec<usize> = (0..LONG).collect();
    let bytes = |number: usize| URL_SAFE.decode(row(number).credential_id).unwrap();
    order.sort_by_cached_key(|number| bytes(*number));
    let account = |number: usize| row(number).external_user_id;
    stop_before(&site, &account(order[1000]));
    // One that the import is writing, one of a later batch, and one that the export has for the same user.
    let (near, far, same) = (order[2000], order[LONG - 1000], order[LONG - 2000]);
    let stopped = site.while_held(GATE, || {
        let mut child = start(&site);
        until_it_waits(&site, &mut child);
        for (number, account) in
            [(near, "mallory".to_owned()), (far, "mallory".to_owned()), (same, account(same))]
        {
            site.sql(&format!(
                "INSERT INTO webauthn_credentials \
                 (credential_id, public_key, cose_algorithm, sign_count, status, rp_id, user_id, external_user_id, account) \
                 VALUES ('\\x{}', '\\x{}', -7, 1000, 'active', 'example.com', '{}', '{account}', '{account}')",
                hex(&bytes(number)),
                hex(&URL_SAFE.decode(row(number).public_key).unwrap()),
                row(number).user_id,
            ));
        }
        child
    });
    let outcome = Outcome::of("import", stopped.wait_with_output().unwrap()).expect(1);
    assert_eq!(outcome.count("conflict"), 2, "{}", outcome.counts());
    assert_eq!(outcome.count("inserted"), u64::try_from(LONG - 3).unwrap(), "{}", outcome.counts());
    assert_eq!(site.number("SELECT count(*) FROM webauthn_credentials WHERE account = 'mallory'"), 2);
    // The counter of the third is kept, and the rest of it filled in.
    assert_eq!(outcome.count("updated"), 1, "{}", outcome.counts());
    assert_eq!(site.number("SELECT count(*) FROM webauthn_credentials WHERE sign_count = 1000"), 3);
    assert_eq!(site.rows(), LONG);
    assert_eq!(site.indexes(), indexes_of_the_schema());
}

#[test]
fn what_copy_does_not_do_is_done_otherwise() {
    let Some(site) = Site::with(Kind::Postgres, export(2000)) else { return };
    site.make_table();
    let barred = row(7).external_user_id;
    let (role, url) = site.role("secret", Rights::Write);
    // With rules COPY would pass them by, and with policies it is refused.
    site.sql(&format!(
        "CREATE RULE keep AS ON DELETE TO webauthn_credentials DO INSTEAD NOTHING; \
         ALTER TABLE webauthn_credentials ENABLE ROW LEVEL SECURITY; \
         CREATE POLICY of_imports ON webauthn_credentials TO {role} USING (true); \
         ALTER TABLE webauthn_credentials ADD CHECK (account <> '{barred}')"
    ));
    let copied = format!("SET ROLE {role}; COPY webauthn_credentials FROM STDIN");
    assert!(site.server.sql(&site.url, &copied).is_err());
    let first = site.folder.carry("import", "export.csv", &url, "").expect(1);
    assert_eq!(first.counts(), "read 2000, inserted 1999, conflict 1");
    assert_eq!(first.faults(), ["8 refused-by-target"]);
    let again = site.folder.carry("import", "export.csv", &url, "").expect(1);
    assert_eq!(again.counts(), "read 2000, unchanged 1999, conflict 1");
    assert_eq!(site.rows(), 1999);
}

/// Rows of others between those of the file are passed over, and where they are many, no more of them are read.
#[test]
fn rows_among_others_are_found() {
    let Some(site) = Site::with(Kind::Postgres, export(500)) else { return };
    site.make_table();
    for others in [300, 20_000] {
        // Their keys are no keys: to take one for ours would stop the import.
        site.sql(&format!(
            "INSERT INTO webauthn_credentials (credential_id, public_key, cose_algorithm, sign_count, status, rp_id, account) \
             SELECT sha256((n || '-{others}')::bytea), '\\xa0', -7, n, 'active', 'example.com', 'other' \
             FROM generate_series(1, {others}) AS n"
        ));
        site.carry("import", "export.csv", "").expect(0);
        let verified = site.carry("verify", "export.csv", "").expect(0);
        assert_eq!(verified.count("unchanged"), 500, "{}", verified.counts());
    }
    // Each kind of difference is seen, whichever way a row is read.
    for change in [
        "account = 'mallory'",
        "public_key = (SELECT public_key FROM webauthn_credentials ORDER BY account DESC LIMIT 1)",
        "transports = '[\"nfc\", \"teleport\"]'",
        "created_at = created_at + interval '1 microsecond'",
        "status = 'suspended'",
        "user_id = 'usr-mallory'",
        "aaguid = '\\x00112233445566778899aabbccddeeff'",
    ] {
        site.sql(&format!("UPDATE webauthn_credentials SET {change} WHERE account <> 'other'"));
        let verified = site.carry("verify", "export.csv", "").expect(1);
        assert!(verified.count("unchanged") < 250, "{change}: {}", verified.counts());
        site.sql("DELETE FROM webauthn_credentials WHERE account <> 'other'");
        site.carry("import", "export.csv", "").expect(0);
    }
}
