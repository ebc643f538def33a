//! Connections that nobody listens to, and servers that are not who they should be.

use std::{path::Path, process::Command};

use keyferry_testkit::servers::Kind;

use crate::{
    exports::{csv, rows},
    site::{Rights, Site},
};

on_both!(the_server_is_who_it_should_be);

/// An authority that signed no server's certificate here.
fn another_authority(path: &Path) {
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
        ])
        .args(["-subj", "/CN=another test authority", "-keyout", "/dev/null", "-out"])
        .arg(path)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

fn the_server_is_who_it_should_be(kind: Kind) {
    let Some(site) = Site::with(kind, csv(&rows(4))) else { return };
    let Some(cert) = site.server.cert() else {
        eprintln!("left out: the server speaks no TLS, since openssl is not installed");
        return;
    };
    site.make_table();
    let (role, url) = site.role("over-tls", Rights::Write);
    let (verified, plain) = match kind {
        Kind::Postgres => ("sslmode=verify-full&sslrootcert=", "sslmode=disable"),
        Kind::MySql => ("ssl-mode=VERIFY_IDENTITY&ssl-ca=", "ssl-mode=DISABLED"),
    };
    let good = format!("{url}?{verified}{}", cert.display());
    match kind {
        Kind::Postgres => {
            let mut child = site.waiting(&mut site.folder.command(), &good, "");
            let of_role = format!(
                "FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = '{role}' AND application_name LIKE 'keyferry%'"
            );
            assert_eq!(site.sql(&format!("SELECT DISTINCT ssl {of_role}")), "t");
            drop(child.stdin.take());
            child.wait().unwrap();
            site.until_free();
        }
        // A user who may not come otherwise.
        Kind::MySql => drop(site.sql(&format!("ALTER USER {role} REQUIRE SSL"))),
    }
    assert_eq!(site.folder.carry("import", "export.csv", &good, "").expect(0).counts(), "read 4, inserted 4");
    if kind == Kind::MySql {
        site.folder.carry("plan", "export.csv", &format!("{url}?{plain}"), "").expect_stopped();
    }
    let by_name = good.replace("127.0.0.1", "localhost");
    site.folder.carry("verify", "export.csv", &by_name, "").expect(0);

    another_authority(&site.folder.path("other.pem"));
    let others = format!("{url}?{verified}other.pem");
    for verb in ["plan", "import", "verify"] {
        let told = site.folder.carry(verb, "export.csv", &others, "").expect_stopped().stderr;
        assert!(told.contains("certificate") && !told.contains("over-tls"), "{told}");
    }
    // Another name of the same machine is not in the certificate.
    let elsewhere = good.replace("127.0.0.1", "127.0.0.2");
    site.folder.carry("import", "export.csv", &elsewhere, "").expect_stopped();
}
