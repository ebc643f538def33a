//! What stands in the rows, as each framework wants it.

use keyferry_core::{Backup, CoseKey, CredentialRecord, SignCount, Transports};
use keyferry_sqlx::Dialect;
use keyferry_testkit::{
    Algorithm,
    records::{credential_id, key, record},
};

use crate::{database::Database, frameworks::framework};

/// `db8f…`: the SHA-256 of the ID.
const DIGEST: &str = "db8fed54159afe40ace5b49d702259fd88c9c4009307181824487baab5c6bdea";
/// The SHA-256 of `example.com`.
const RP_ID: &str = "a379a6f6eeafb9a55e378c118034e2751e682fab9f2d30ab13d2125586ce1947";
const ACCOUNT: &str = "00000000-0000-4000-8000-000000000001";
const ACCOUNT_BASE64URL: &str = "MDAwMDAwMDAtMDAwMC00MDAwLTgwMDAtMDAwMDAwMDAwMDAx";

/// A record whose ID has both letters in which the alphabets differ, and a padding: `-_8` and `+/8=`.
fn sample() -> CredentialRecord {
    CredentialRecord { credential_id: credential_id(&[0xfb, 0xff]), sign_count: SignCount(41), ..record(1) }
}

/// A record of which hardly anything is known.
fn unknown() -> CredentialRecord {
    CredentialRecord {
        transports: Some(Transports::new([])),
        aaguid: None,
        created_at: None,
        uv_initialized: None,
        backup: Some(Backup::SingleDevice),
        ..record(2)
    }
}

/// Imports both records, in every database of the framework.
fn imported(name: &str) -> Vec<Database> {
    let records = [sample(), unknown()];
    let databases = framework(name).databases(&records);
    for database in &databases {
        database.target(name).insert(&records);
    }
    databases
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn key_hex() -> String {
    hex(sample().public_key.as_bytes())
}

/// Decodes base64 in the database, where it has a function for it.
fn decoded(database: &Database, column: &str) -> Option<String> {
    match database.dialect {
        Dialect::Postgres => Some(format!(
            "encode(decode(translate({column}, '-_', '+/') || repeat('=', -length({column}) & 3), 'base64'), 'hex')"
        )),
        Dialect::MySql => Some(format!(
            "lower(hex(from_base64(concat(replace(replace({column}, '-', '+'), '_', '/'), repeat('=', (-length({column})) & 3)))))"
        )),
        Dialect::Sqlite => None,
    }
}

/// Checks a key in base64: its bytes where the database can decode them, else how it begins.
fn assert_key(database: &Database, column: &str, from: &str, padded: bool) {
    let length = if padded { 104 } else { 103 };
    let begins = format!("SELECT substr({column}, 1, 13) || ' ' || length({column}) FROM {from}");
    assert_eq!(database.ask(&begins), format!("pQECAyYgASFYI {length}"), "{:?}", database.dialect);
    if let Some(decoded) = decoded(database, column) {
        assert_eq!(database.ask(&format!("SELECT {decoded} FROM {from}")), key_hex());
    }
}

/// Checks that a time is the one of now, written as the framework's driver writes it.
fn assert_shape(found: &str, shape: &str) {
    let digits: String =
        found.chars().map(|found| if found.is_ascii_digit() { '0' } else { found }).collect();
    assert_eq!(digits, shape, "{found}");
    assert!(found.starts_with("20"), "{found}");
}

#[test]
fn spring_security() {
    for database in imported("spring-security") {
        let attestation_object = database.hex("attestation_object");
        let row = |id: &str, what: &str| {
            database.ask(&format!("SELECT {what} FROM user_credentials WHERE credential_id = '{id}'"))
        };
        assert_eq!(row("-_8", "user_entity_user_id"), ACCOUNT_BASE64URL);
        assert_eq!(row("-_8", "signature_count"), "41");
        assert_eq!(row("-_8", "authenticator_transports"), "internal,hybrid");
        assert_eq!(row("-_8", "public_key_credential_type || ' ' || label"), "public-key Imported passkey");
        assert_eq!(row("-_8", &database.hex("public_key")), key_hex());
        // fmt none, no statement; flags: user present, backup eligible, attested data; the counter; the AAGUID.
        let data = format!("{RP_ID}4900000029ea9b8d664d011d213ce4b6b48cb575d40002fbff{}", key_hex());
        let object =
            format!("a363666d74646e6f6e656761747453746d74a068617574684461746158{:02x}{data}", data.len() / 2);
        assert_eq!(row("-_8", &attestation_object), object);
        let created = match database.dialect {
            Dialect::Sqlite => "2024-01-15 10:30:00.123",
            Dialect::Postgres => "2024-01-15 10:30:00.123456",
            Dialect::MySql => "2024-01-15 10:30:00",
        };
        assert_eq!(row("-_8", "created || ''"), created);
        assert_eq!(row("-_8", "last_used || ''"), created);
        let other = "NOT (credential_id = '-_8')";
        let row = |what: &str| database.ask(&format!("SELECT {what} FROM user_credentials WHERE {other}"));
        assert_eq!(row("'[' || authenticator_transports || ']'"), "[]");
        assert_eq!(row("CASE WHEN uv_initialized IS NULL THEN 'unknown' ELSE 'known' END"), "unknown");
        assert_eq!(row("CASE WHEN created = last_used THEN 'same' ELSE 'other' END"), "same");
        if database.dialect == Dialect::Sqlite {
            assert_shape(&row("created"), "0000-00-00 00:00:00.000");
        }
        assert!(row(&attestation_object).contains(&format!("{RP_ID}4100000005{}", "00".repeat(16))));
        let user =
            format!("SELECT name || ' ' || display_name FROM user_entities WHERE id = '{ACCOUNT_BASE64URL}'");
        assert_eq!(database.ask(&user), format!("{ACCOUNT} {ACCOUNT}"));
    }
}

#[test]
fn django_otp_webauthn() {
    for database in imported("django-otp-webauthn") {
        let from = "django_otp_webauthn_webauthncredential AS c JOIN auth_user AS u ON u.id = c.user_id";
        let row = |what: &str| {
            database.ask(&format!("SELECT {what} FROM {from} WHERE credential_id_sha256 = '{DIGEST}'"))
        };
        assert_eq!(row("username"), ACCOUNT);
        assert_eq!(row(&database.hex("credential_id")), "fbff");
        assert_eq!(row(&database.hex("public_key")), key_hex());
        assert_eq!(
            row("aaguid || ' ' || credential_type"),
            "ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4 public-key"
        );
        let transports: serde_json::Value = serde_json::from_str(&row("transports")).unwrap();
        assert_eq!(transports, serde_json::json!(["internal", "hybrid"]));
        assert_eq!(row("CASE WHEN confirmed AND backup_eligible AND NOT backup_state THEN 'yes' END"), "yes");
        assert_eq!(row("CASE WHEN discoverable IS NULL AND last_used_at IS NULL THEN 'yes' END"), "yes");
        let created = row("created_at || ''");
        assert!(created.starts_with("2024-01-15 10:30:00.123456"), "{created}");
        if database.dialect == Dialect::Sqlite {
            assert_eq!(created, "2024-01-15 10:30:00.123456");
            assert_eq!(
                row("typeof(confirmed) || typeof(backup_state) || typeof(transports)"),
                "integerintegertext"
            );
        }
        let row = |what: &str| {
            database.ask(&format!("SELECT {what} FROM {from} WHERE credential_id_sha256 <> '{DIGEST}'"))
        };
        assert_eq!(row("transports"), "[]");
        assert_eq!(row("aaguid"), "00000000-0000-0000-0000-000000000000");
        assert_eq!(row("CASE WHEN created_at IS NULL THEN 'unknown' END"), "unknown");
    }
}

#[test]
fn aspnet_identity() {
    for database in imported("aspnet-identity") {
        let id = database.hex("\"CredentialId\"");
        let of = |user: u8, what: &str| {
            let user = format!("{}{user}", &ACCOUNT[..35]);
            database.ask(&format!("SELECT {what} FROM \"AspNetUserPasskeys\" WHERE \"UserId\" = '{user}'"))
        };
        assert_eq!(of(1, &id), "fbff");
        let data = of(1, "\"Data\"");
        let found: serde_json::Value = serde_json::from_str(&data).unwrap();
        let is_sqlite = database.dialect == Dialect::Sqlite;
        let between = if is_sqlite { ' ' } else { 'T' };
        let mut expected = serde_json::json!({
            "AttestationObject": "", "ClientDataJson": "", "CreatedAt": format!("2024-01-15{between}10:30:00.123456+00:00"),
            "IsBackedUp": false, "IsBackupEligible": true, "IsUserVerified": false, "Name": "Imported passkey",
            "SignCount": 41, "Transports": ["internal", "hybrid"],
        });
        let key = if is_sqlite {
            key_hex().to_uppercase()
        } else {
            found["PublicKey"].as_str().unwrap().to_owned()
        };
        expected["PublicKey"] = key.into();
        assert_eq!(found, expected);
        if !is_sqlite {
            let member = match database.dialect {
                Dialect::Postgres => "(\"Data\"->>'PublicKey')",
                _ => "json_value(\"Data\", '$.PublicKey')",
            };
            assert_key(
                &database,
                member,
                &format!("\"AspNetUserPasskeys\" WHERE \"UserId\" = '{ACCOUNT}'"),
                true,
            );
        }
        let found: serde_json::Value = serde_json::from_str(&of(2, "\"Data\"")).unwrap();
        assert_eq!(found["Transports"], serde_json::json!([]));
        let shape = format!("0000-00-00{between}00:00:00");
        assert_shape(&found["CreatedAt"].as_str().unwrap()[..19], &shape);
        assert!(found["CreatedAt"].as_str().unwrap().ends_with("+00:00"), "{found}");
    }
}

/// Other libraries take a key in any order of its labels; .NET does not, and knows no ESP256.
#[test]
fn aspnet_identity_has_canonical_keys() {
    let canonical = sample().public_key;
    let mut bytes = canonical.as_bytes().to_vec();
    assert_eq!(&bytes[..5], [0xa5, 0x01, 0x02, 0x03, 0x26]);
    bytes[1..5].copy_from_slice(&[0x03, 0x26, 0x01, 0x02]);
    let other_order = CredentialRecord { public_key: CoseKey::from_bytes(bytes).unwrap(), ..sample() };
    let esp256 = CredentialRecord { public_key: key(Algorithm::Esp256, 3), ..record(3) };
    assert_ne!(other_order.public_key, canonical);
    let records = [other_order, esp256];
    for database in framework("aspnet-identity").databases(&records) {
        let mut target = database.target("aspnet-identity");
        target.insert(&records);
        assert_eq!(target.held(&records[0]).unwrap().public_key.as_bytes(), canonical.as_bytes());
        let held = target.held(&records[1]).unwrap().public_key;
        assert_eq!(held.as_bytes(), records[1].public_key.to_polymorphic().as_bytes());
        assert!(target.verify(&records).is_clean());
    }
}

#[test]
fn authjs() {
    for database in imported("authjs") {
        let row = |what: &str| {
            database.ask(&format!("SELECT {what} FROM authenticator WHERE \"credentialID\" = '+/8='"))
        };
        assert_eq!(row("\"userId\""), ACCOUNT);
        assert_eq!(row("\"providerAccountId\""), "+/8=");
        assert_eq!(row("\"credentialDeviceType\" || ' ' || transports"), "multiDevice internal,hybrid");
        assert_eq!(row("CASE WHEN \"credentialBackedUp\" THEN 'yes' ELSE 'no' END"), "no");
        assert_key(
            &database,
            "\"credentialPublicKey\"",
            "authenticator WHERE \"credentialID\" = '+/8='",
            true,
        );
        let account =
            "SELECT \"userId\" || type || provider FROM account WHERE \"providerAccountId\" = '+/8='";
        assert_eq!(database.ask(account), format!("{ACCOUNT}webauthnpasskey"));
        let other = "SELECT \"credentialDeviceType\" || coalesce(transports, ' none') FROM authenticator \
                     WHERE NOT \"credentialID\" = '+/8='";
        assert_eq!(database.ask(other), "singleDevice none");
    }
}

#[test]
fn better_auth() {
    for database in imported("better-auth") {
        let row =
            |what: &str| database.ask(&format!("SELECT {what} FROM passkey WHERE \"credentialID\" = '-_8'"));
        assert_eq!(row("id"), "db8fed54-159a-8e40-8ce5-b49d702259fd");
        assert_eq!(row("\"userId\""), ACCOUNT);
        assert_eq!(
            row("\"deviceType\" || ' ' || transports || ' ' || name"),
            "multiDevice internal,hybrid Imported passkey"
        );
        assert_eq!(row("aaguid"), "ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4");
        assert_key(&database, "\"publicKey\"", "passkey WHERE \"credentialID\" = '-_8'", true);
        let other =
            |what: &str| database.ask(&format!("SELECT {what} FROM passkey WHERE \"credentialID\" <> '-_8'"));
        assert_eq!(other("coalesce(transports, 'none') || coalesce(aaguid, 'none')"), "nonenone");
        match database.dialect {
            Dialect::Sqlite => {
                assert_eq!(row("\"createdAt\""), "2024-01-15T10:30:00.123Z");
                assert_shape(&other("\"createdAt\""), "0000-00-00T00:00:00.000Z");
            }
            Dialect::Postgres => {
                assert_eq!(row("\"createdAt\" AT TIME ZONE 'UTC' || ''"), "2024-01-15 10:30:00.123456")
            }
            Dialect::MySql => assert_eq!(row("\"createdAt\" || ''"), "2024-01-15 10:30:00.123"),
        }
    }
}

#[test]
fn devise_webauthn() {
    for database in imported("devise-webauthn") {
        let from = "webauthn_credentials AS c JOIN users AS u ON u.id = c.user_id";
        let row = |what: &str| database.ask(&format!("SELECT {what} FROM {from} WHERE external_id = '-_8'"));
        assert_eq!(row("email"), ACCOUNT);
        assert_eq!(row("sign_count || ' ' || authentication_factor || ' ' || name"), "41 0 Imported passkey");
        assert_key(&database, "public_key", "webauthn_credentials WHERE external_id = '-_8'", false);
        assert_eq!(row("c.created_at || ''"), "2024-01-15 10:30:00.123456");
        assert_shape(&row("substr(c.updated_at || '', 1, 19)"), "0000-00-00 00:00:00");
        let other =
            "SELECT substr(created_at || '', 1, 19) FROM webauthn_credentials WHERE external_id <> '-_8'";
        assert_shape(&database.ask(other), "0000-00-00 00:00:00");
    }
}

#[test]
fn laravel_passkeys() {
    for database in imported("laravel-passkeys") {
        let from = "passkeys AS p JOIN users AS u ON u.id = p.user_id";
        let row =
            |what: &str| database.ask(&format!("SELECT {what} FROM {from} WHERE credential_id = '-_8'"));
        assert_eq!(row("email"), ACCOUNT);
        assert_eq!(row("p.created_at || ''"), "2024-01-15 10:30:00");
        assert_shape(&row("p.updated_at || ''"), "0000-00-00 00:00:00");
        let found: serde_json::Value = serde_json::from_str(&row("credential")).unwrap();
        let key = found["credentialPublicKey"].as_str().unwrap();
        assert_eq!((&key[..13], key.len()), ("pQECAyYgASFYI", 103));
        let expected = serde_json::json!({
            "publicKeyCredentialId": "-_8", "type": "public-key", "transports": ["internal", "hybrid"],
            "attestationType": "none", "trustPath": [], "aaguid": "ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4",
            "credentialPublicKey": key, "userHandle": ACCOUNT_BASE64URL, "counter": 41,
            "backupEligible": true, "backupStatus": false, "uvInitialized": null,
        });
        assert_eq!(found, expected);
        let other = database.ask("SELECT credential FROM passkeys WHERE credential_id <> '-_8'");
        let found: serde_json::Value = serde_json::from_str(&other).unwrap();
        assert_eq!(found["transports"], serde_json::json!([]));
        assert_eq!(found["aaguid"], "00000000-0000-0000-0000-000000000000");
    }
}

#[test]
fn supabase() {
    for database in imported("supabase") {
        let row = |what: &str| {
            database
                .ask(&format!("SELECT {what} FROM auth.webauthn_credentials WHERE credential_id = '\\xfbff'"))
        };
        assert_eq!(row("user_id"), ACCOUNT);
        assert_eq!(row("encode(public_key, 'hex')"), key_hex());
        assert_eq!(row("sign_count || ' ' || aaguid"), "41 ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4");
        assert_eq!(row("transports"), "[\"internal\", \"hybrid\"]");
        assert_eq!(row("backup_eligible || ' ' || backed_up || attestation_type"), "true false");
        assert_eq!(row("created_at AT TIME ZONE 'UTC'"), "2024-01-15 10:30:00.123456");
        let other = "SELECT transports || coalesce(aaguid::text, ' none') FROM auth.webauthn_credentials \
                     WHERE credential_id <> '\\xfbff' AND created_at > now() - interval '1 hour'";
        assert_eq!(database.ask(other), "[] none");
    }
}
