//! A large table of somebody else's rows: none of them is touched.

use keyferry_testkit::servers::Kind;

use crate::{flood::export, site::Site};

on_both!(a_million_other_rows);

const OTHERS: u64 = 1_000_000;

/// Adds rows that the database makes by itself. Their keys are no keys, so reading one would stop the import.
fn crowd(site: &Site) {
    let rows = match site.kind {
        Kind::Postgres => format!(
            "INSERT INTO webauthn_credentials (credential_id, public_key, cose_algorithm, sign_count, status, rp_id, account) \
             SELECT decode(md5(n::text), 'hex'), '\\xa0', -7, n, 'active', 'example.com', 'other-' || n \
             FROM generate_series(1, {OTHERS}) AS n"
        ),
        Kind::MySql => format!(
            "SET max_recursive_iterations = {OTHERS}; \
             INSERT INTO webauthn_credentials (credential_id, public_key, cose_algorithm, sign_count, status, rp_id, account) \
             WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {OTHERS}) \
             SELECT concat(unhex(lpad(hex(n), 8, '0')), unhex(md5(n))), x'a0', -7, n, 'active', 'example.com', \
             concat('other-', n) FROM numbers"
        ),
    };
    site.make_table();
    site.sql(&rows);
}

/// The number of the others, and a sum over all that stands in them.
fn others(site: &Site) -> String {
    site.sql(match site.kind {
        Kind::Postgres => {
            "SELECT count(*), sum(hashtextextended(t::text, 0)::numeric), sum(hashtextextended(t.xmin::text || t.ctid::text, 0)::numeric) \
             FROM webauthn_credentials t WHERE account LIKE 'other-%'"
        }
        Kind::MySql => {
            "SELECT count(*), sum(crc32(concat_ws(';', credential_id, public_key, sign_count, coalesce(transports, '-'), \
             coalesce(backup_state, '-'), status, account))) FROM webauthn_credentials WHERE account LIKE 'other-%'"
        }
    })
}

fn a_million_other_rows(kind: Kind) {
    let Some(site) = Site::with(kind, export(3000)) else { return };
    crowd(&site);
    let before = others(&site);
    assert!(before.starts_with(&OTHERS.to_string()), "{before}");
    assert_eq!(site.import().counts(), "read 3000, inserted 3000");
    assert_eq!(others(&site), before);
    // Updates too.
    let raised = site.folder.text("export.csv").replace(",0,", ",9,");
    site.folder.write("later.csv", raised);
    let later = site.carry("import", "later.csv", "").expect(0);
    assert!(later.count("updated") > 400, "{}", later.counts());
    assert_eq!(others(&site), before);
    site.carry("verify", "later.csv", "").expect(0);
}
