//! Roles that may do little, and servers that take no writes: told before the first row, in words that help.

use keyferry_testkit::servers::Kind;

use crate::{
    exports::{csv, rows},
    site::{Rights, Site},
};

on_both!(
    who_may_only_read,
    who_may_do_what_an_import_does,
    who_may_do_nothing,
    a_server_that_takes_no_writes
);

fn with_table(kind: Kind) -> Option<Site> {
    let site = Site::with(kind, csv(&rows(5)))?;
    site.make_table();
    Some(site)
}

fn who_may_only_read(kind: Kind) {
    let Some(site) = with_table(kind) else { return };
    let (_, url) = site.role("only-reads", Rights::Read);
    site.folder.carry("plan", "export.csv", &url, "").expect(0);
    let stopped = site.folder.carry("import", "export.csv", &url, "").expect_stopped();
    let told = &stopped.stderr;
    assert!(told.contains("denied") && told.contains("webauthn_credentials"), "{told}");
    assert_eq!(site.rows(), 0);
    site.import();
    let verify = site.folder.carry("verify", "export.csv", &url, "").expect(0);
    assert_eq!(verify.counts(), "read 5, unchanged 5");
    // Nothing is to be written, but who must not write is told so all the same.
    site.folder.carry("import", "export.csv", &url, "").expect_stopped();
}

fn who_may_do_what_an_import_does(kind: Kind) {
    let Some(site) = with_table(kind) else { return };
    let (role, url) = site.role("writes", Rights::Write);
    let carry = |verb: &str, export: &str| site.folder.carry(verb, export, &url, "").expect(0).counts();
    assert_eq!(carry("import", "export.csv"), "read 5, inserted 5");
    let mut later = rows(7);
    later[0].authenticator_sign_count = "4000000000".to_owned();
    later[1].status = "revoked".to_owned();
    site.folder.write("later.csv", csv(&later));
    assert_eq!(carry("import", "later.csv"), "read 7, inserted 2, updated 2, unchanged 3");
    assert_eq!(carry("verify", "later.csv"), "read 7, unchanged 7");
    if kind == Kind::Postgres {
        site.sql(&format!("REVOKE TEMPORARY ON DATABASE {} FROM PUBLIC", site.database()));
        let stopped = site.folder.carry("import", "later.csv", &url, "").expect_stopped();
        let told = &stopped.stderr;
        assert!(told.contains("GRANT TEMPORARY ON DATABASE"), "{told}");
        site.sql(&format!("GRANT TEMPORARY ON DATABASE {} TO {role}", site.database()));
        assert_eq!(carry("import", "later.csv"), "read 7, unchanged 7");
    }
}

fn who_may_do_nothing(kind: Kind) {
    // Where the table is missing, only who may make one can import.
    let Some(site) = Site::with(kind, csv(&rows(5))) else { return };
    site.make_table();
    let (_, url) = site.role("writes", Rights::Write);
    site.sql("DROP TABLE webauthn_credentials; DROP TABLE keyferry_schema");
    let before = site.catalogue();
    let stopped = site.folder.carry("import", "export.csv", &url, "").expect_stopped();
    let told = &stopped.stderr;
    assert!(told.contains("denied") && told.contains("keyferry schema"), "{told}");
    assert_eq!(site.catalogue(), before);
    site.folder.carry("plan", "export.csv", &url, "").expect(0);
}

fn a_server_that_takes_no_writes(kind: Kind) {
    let Some(site) = Site::alone(kind) else { return };
    site.folder.write("export.csv", csv(&rows(5)));
    site.make_table();
    let (role, url) = site.role("writes", Rights::Write);
    match kind {
        Kind::Postgres => site.sql(&format!("ALTER ROLE {role} SET default_transaction_read_only = on")),
        Kind::MySql => site.sql("SET GLOBAL read_only = 1"),
    };
    site.folder.carry("plan", "export.csv", &url, "").expect(0);
    let stopped = site.folder.carry("import", "export.csv", &url, "").expect_stopped();
    let told = &stopped.stderr;
    assert!(told.contains("read-only"), "{told}");
    assert_eq!(site.rows(), 0);
    match kind {
        Kind::Postgres => site.sql(&format!("ALTER ROLE {role} RESET default_transaction_read_only")),
        Kind::MySql => site.sql("SET GLOBAL read_only = 0; SET GLOBAL tx_read_only = 1"),
    };
    if kind == Kind::MySql {
        let stopped = site.folder.carry("import", "export.csv", &url, "").expect_stopped();
        assert!(stopped.stderr.contains("READ ONLY"), "{}", stopped.stderr);
        site.sql("SET GLOBAL tx_read_only = 0");
    }
    site.folder.carry("import", "export.csv", &url, "").expect(0);
}
