//! The table that keyferry makes refuses what no credential record can be.

mod support;

use support::{Place, place};

const GOOD: [(&str, &str); 7] = [
    ("credential_id", "x'0102'"),
    ("public_key", "x'a0'"),
    ("cose_algorithm", "-7"),
    ("sign_count", "0"),
    ("status", "'active'"),
    ("rp_id", "'example.com'"),
    ("account", "'alice'"),
];

fn made() -> Place {
    let place = place();
    drop(place.writer());
    place
}

/// Inserts the good row with some columns set otherwise.
fn insert(place: &Place, others: &[(&str, &str)]) -> Result<(), String> {
    let kept = GOOD.iter().filter(|(name, _)| others.iter().all(|(other, _)| other != name));
    let (names, values): (Vec<_>, Vec<_>) = kept.chain(others).copied().unzip();
    place.try_sql(&format!(
        "INSERT INTO webauthn_credentials ({}) VALUES ({})",
        names.join(", "),
        values.join(", ")
    ))
}

#[test]
fn what_is_legal_is_taken() {
    for others in [
        &[][..],
        &[("credential_id", "zeroblob(1)")],
        &[("credential_id", "zeroblob(1023)")],
        &[("sign_count", "4294967295")],
        &[("transports", "'[]'")],
        &[("transports", "'[\"usb\",\"later\"]'")],
        &[("backup_eligible", "0"), ("backup_state", "0")],
        &[("backup_eligible", "1"), ("backup_state", "0")],
        &[("backup_eligible", "1"), ("backup_state", "1")],
        &[("aaguid", "zeroblob(16)")],
        &[("created_at", "'1969-12-31T23:59:59.999999Z'")],
        &[("user_handle", "zeroblob(64)")],
        &[("uv_initialized", "1")],
    ] {
        assert_eq!(insert(&made(), others), Ok(()), "{others:?}");
    }
}

#[test]
fn what_is_not_legal_is_refused() {
    let place = made();
    for others in [
        &[("credential_id", "NULL")][..],
        &[("credential_id", "zeroblob(0)")],
        &[("credential_id", "zeroblob(1024)")],
        &[("credential_id", "'text'")],
        &[("public_key", "'text'")],
        &[("public_key", "zeroblob(0)")],
        &[("sign_count", "-1")],
        &[("sign_count", "4294967296")],
        &[("sign_count", "'many'")],
        &[("transports", "'usb'")],
        &[("transports", "'{}'")],
        &[("transports", "'[''usb'']'")],
        &[("uv_initialized", "2")],
        &[("backup_eligible", "0"), ("backup_state", "1")],
        &[("backup_eligible", "1")],
        &[("backup_state", "0")],
        &[("backup_eligible", "2"), ("backup_state", "2")],
        &[("aaguid", "zeroblob(15)")],
        &[("aaguid", "zeroblob(17)")],
        &[("created_at", "'2024-01-15 10:30:00'")],
        &[("created_at", "'2024-01-15T10:30:00Z'")],
        &[("status", "NULL")],
        &[("user_handle", "zeroblob(0)")],
        &[("user_handle", "zeroblob(65)")],
        &[("rp_id", "NULL")],
        &[("account", "NULL")],
        &[("account", "''")],
        &[("user_id", "''")],
    ] {
        let refused = insert(&place, others);
        assert!(refused.is_err(), "{others:?}");
    }
    assert_eq!(place.dump(), [""; 0]);
}

#[test]
fn a_credential_id_stands_once_and_only_its_bytes_count() {
    let place = made();
    assert_eq!(insert(&place, &[("credential_id", "x'4142'")]), Ok(()));
    assert_eq!(insert(&place, &[("credential_id", "x'6142'")]), Ok(()));
    assert_eq!(insert(&place, &[("credential_id", "x'4143'")]), Ok(()));
    assert_eq!(insert(&place, &[("credential_id", "x'414200'")]), Ok(()));
    assert_eq!(
        insert(&place, &[("credential_id", "x'4142'")]),
        Err("UNIQUE constraint failed: webauthn_credentials.credential_id".to_owned())
    );
}

#[test]
fn a_login_finds_its_rows_by_an_index() {
    let place = made();
    for column in ["account", "user_handle"] {
        let plan =
            place.ask(&format!("EXPLAIN QUERY PLAN SELECT * FROM webauthn_credentials WHERE {column} = ?"));
        let expected =
            format!("SEARCH webauthn_credentials USING INDEX webauthn_credentials_{column} ({column}=?)");
        assert_eq!(plan, [expected]);
    }
}
