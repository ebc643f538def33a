//! The rules of a safe import, in the frameworks' own tables.

use std::slice::from_ref;

use keyferry_core::{Backup, CredentialRecord, Item, SignCount, Status, Transports};
use keyferry_sqlx::Dialect;
use keyferry_testkit::{
    Algorithm,
    records::{key, of_user, record},
};

use crate::{
    database::Database,
    frameworks::{ALL, Framework, framework},
};

/// Runs a check for each framework in each database, on these records, which stand there.
fn with_each(records: &[CredentialRecord], check: impl Fn(&Framework, &Database, &str)) {
    for framework in ALL {
        for database in framework.databases(records) {
            let at = format!("{}, {:?}", framework.name, database.dialect);
            database.target(framework.name).insert(records);
            check(framework, &database, &at);
        }
    }
}

#[test]
fn a_credential_never_moves() {
    let (held, other) = (record(1), record(2));
    with_each(&[held.clone(), other.clone()], |framework, database, at| {
        let mut target = database.target(framework.name);
        let before = database.dump(framework.tables);
        let stolen = CredentialRecord { credential_id: held.credential_id.clone(), ..other.clone() };
        let stolen = CredentialRecord { public_key: held.public_key.clone(), ..stolen };
        assert_eq!(target.refused(stolen), "user-changed", "{at}");
        let forged = CredentialRecord { public_key: key(Algorithm::Es256, 666), ..held.clone() };
        assert_eq!(target.refused(forged), "key-changed", "{at}");
        let single = CredentialRecord { backup: Some(Backup::SingleDevice), ..held.clone() };
        match framework.name {
            "devise-webauthn" => {
                assert!(target.apply(&[single]).is_clean(), "{at}: no column, no contradiction")
            }
            _ => assert_eq!(target.refused(single), "backup-eligible-changed", "{at}"),
        }
        assert_eq!(database.dump(framework.tables), before, "{at}: something was written");
    });
}

#[test]
fn a_sign_count_only_rises_and_a_backup_state_follows() {
    let held = record(1); // 5, eligible
    let count = |count| CredentialRecord { sign_count: SignCount(count), ..record(1) };
    with_each(from_ref(&held), |framework, database, at| {
        let mut target = database.target(framework.name);
        let export = CredentialRecord { backup: Some(Backup::BackedUp), ..count(41) };
        assert_eq!(target.plan(from_ref(&export)), target.apply(from_ref(&export)), "{at}");
        let stored = target.held(&held).unwrap();
        assert_eq!(stored.sign_count, SignCount(41), "{at}");
        let keeps_backup = framework.name != "devise-webauthn";
        assert_eq!(stored.backup, keeps_backup.then_some(Backup::BackedUp), "{at}");
        let raised = database.dump(framework.tables);
        let older = CredentialRecord { backup: Some(Backup::BackedUp), ..count(40) };
        let report = target.apply(&[older]);
        assert_eq!((report.counts.unchanged, report.stale_sign_counts), (1, 1), "{at}");
        assert_eq!(database.dump(framework.tables), raised, "{at}: an older export changes nothing");
        assert!(target.verify(&[export]).is_clean(), "{at}");
    });
}

#[test]
fn what_the_export_does_not_know_erases_nothing() {
    let held = record(1);
    let unknown = CredentialRecord {
        transports: None,
        backup: None,
        uv_initialized: None,
        aaguid: None,
        created_at: None,
        ..held.clone()
    };
    with_each(&[held], |framework, database, at| {
        let mut target = database.target(framework.name);
        let before = database.dump(framework.tables);
        let report = target.apply(from_ref(&unknown));
        assert!(report.is_clean() && report.counts.updated == 0, "{at}: {report:?}");
        assert_eq!(database.dump(framework.tables), before, "{at}");
    });
}

#[test]
fn a_revoked_credential_is_removed_or_barred() {
    let (kept, revoked) = (record(1), record(2));
    with_each(&[kept.clone(), revoked.clone()], |framework, database, at| {
        let mut target = database.target(framework.name);
        let export = [kept.clone(), CredentialRecord { status: Status::Revoked, ..revoked.clone() }];
        assert_eq!(target.plan(&export), target.apply(&export), "{at}");
        let held = target.held(&revoked);
        match framework.keeps_status {
            true => assert_eq!(held.unwrap().status, Some(Status::Suspended), "{at}"),
            false => assert!(held.is_none(), "{at}: it is still there"),
        }
        assert!(target.held(&kept).is_some(), "{at}: the other one is gone");
        assert!(target.verify(&export).is_clean(), "{at}");
        if framework.keeps_status {
            assert_eq!(target.refused(revoked.clone()), "reactivated", "{at}");
        }
    });
}

#[test]
fn django_bars_by_confirmed_and_auth_js_loses_both_rows() {
    let revoked = CredentialRecord { status: Status::Revoked, ..record(1) };
    for database in framework("django-otp-webauthn").databases(&[record(1)]) {
        let mut target = database.target("django-otp-webauthn");
        target.insert(&[record(1)]);
        target.apply(from_ref(&revoked));
        let confirmed = "SELECT CASE WHEN confirmed THEN 'yes' ELSE 'no' END \
                         FROM django_otp_webauthn_webauthncredential";
        assert_eq!(database.ask(confirmed), "no");
    }
    for database in framework("authjs").databases(&[record(1), record(2)]) {
        let mut target = database.target("authjs");
        target.insert(&[record(1), record(2)]);
        // An account of another provider is none of ours.
        database.sql(&format!(
            "INSERT INTO account (\"userId\", type, provider, \"providerAccountId\") \
             SELECT \"userId\", 'oauth', 'github', \"providerAccountId\" FROM account WHERE \"userId\" = '{}'",
            record(1).account.as_str()
        ));
        target.apply(from_ref(&revoked));
        assert_eq!(
            database.ask("SELECT provider || ' ' || count(*) FROM account GROUP BY provider ORDER BY 1"),
            "github 1\npasskey 1"
        );
        assert_eq!(database.ask("SELECT count(*) || '' FROM authenticator"), "1");
    }
}

/// A login raises the counter; a later export may raise it further, and what else stands there stays.
#[test]
fn logins_go_on_between_two_imports() {
    let held = record(1); // 5
    let login = |framework: &Framework, database: &Database| {
        let json = |path: &str| match database.dialect {
            Dialect::Sqlite => format!("json_set({path}, '$.{{}}', 50, '$.extra', 1.5)"),
            Dialect::Postgres => format!("({path}::jsonb || '{{\"{{}}\": 50, \"extra\": 1.5}}')"),
            Dialect::MySql => format!("json_set({path}, '$.{{}}', 50, '$.extra', 1.5)"),
        };
        let statement = match framework.name {
            "aspnet-identity" => {
                format!("UPDATE \"AspNetUserPasskeys\" SET \"Data\" = {}", json("\"Data\"").replace("{}", "SignCount"))
            }
            "laravel-passkeys" => {
                let cast = if database.dialect == Dialect::Postgres { "::json" } else { "" };
                format!("UPDATE passkeys SET credential = {}{cast}", json("credential").replace("{}", "counter"))
            }
            "authjs" => "UPDATE authenticator SET counter = 50".to_owned(),
            "better-auth" => "UPDATE passkey SET counter = 50".to_owned(),
            "devise-webauthn" => "UPDATE webauthn_credentials SET sign_count = 50".to_owned(),
            "django-otp-webauthn" => "UPDATE django_otp_webauthn_webauthncredential SET sign_count = 50".to_owned(),
            // It writes the transports back in an order of its own, and in SQLite times as numbers.
            "spring-security" if database.dialect == Dialect::Sqlite => {
                "UPDATE user_credentials SET signature_count = 50, authenticator_transports = 'hybrid,internal', \
                 created = 1705314600123, last_used = 1767225600000"
                    .to_owned()
            }
            "spring-security" => {
                "UPDATE user_credentials SET signature_count = 50, authenticator_transports = 'hybrid,internal'".to_owned()
            }
            "supabase" => "UPDATE auth.webauthn_credentials SET sign_count = 50".to_owned(),
            other => panic!("{other}"),
        };
        database.sql(&statement);
    };
    with_each(from_ref(&held), |framework, database, at| {
        let mut target = database.target(framework.name);
        login(framework, database);
        let before = database.dump(framework.tables);
        let report = target.apply(from_ref(&held));
        assert_eq!((report.counts.unchanged, report.stale_sign_counts), (1, 1), "{at}: {report:?}");
        assert_eq!(database.dump(framework.tables), before, "{at}: a login is undone");
        let verified = target.verify(from_ref(&held));
        assert!(verified.is_clean(), "{at}: {:?}", verified.faults);
        let later = CredentialRecord { sign_count: SignCount(70), ..held.clone() };
        let report = target.apply(from_ref(&later));
        assert_eq!(report.counts.updated, 1, "{at}: {report:?}");
        assert_eq!(target.held(&held).unwrap().sign_count, SignCount(70), "{at}");
        assert!(target.verify(&[later]).is_clean(), "{at}");
        if ["aspnet-identity", "laravel-passkeys"].contains(&framework.name) {
            let dump = match framework.name {
                "aspnet-identity" => database.ask("SELECT \"Data\" FROM \"AspNetUserPasskeys\""),
                _ => database.ask("SELECT credential FROM passkeys"),
            };
            let document: serde_json::Value = serde_json::from_str(&dump).unwrap();
            assert_eq!(document["extra"], 1.5, "{at}: {dump}");
        }
    });
}

/// In a document an import changes the members that differ, and no other.
#[test]
fn transports_and_backup_state_change_in_a_document_too() {
    let held = record(1);
    let later = CredentialRecord {
        transports: Some(Transports::new(["usb", "nfc"])),
        backup: Some(Backup::BackedUp),
        ..held.clone()
    };
    for name in ["aspnet-identity", "laravel-passkeys"] {
        for database in framework(name).databases(from_ref(&held)) {
            let mut target = database.target(name);
            target.insert(from_ref(&held));
            assert_eq!(target.apply(from_ref(&later)).counts.updated, 1);
            let stored = target.held(&held).unwrap();
            assert_eq!((stored.transports, stored.backup), (later.transports.clone(), later.backup));
            let report = target.verify(from_ref(&later));
            assert!(report.is_clean() && !report.not_kept.contains_key(&Item::Transports), "{report:?}");
        }
    }
}

/// Auth.js logs in whom `account` names: a row there that names somebody else is never taken for ours.
#[test]
fn a_companion_of_another_user_is_a_conflict() {
    let (held, mallory) = (record(1), record(2));
    for database in framework("authjs").databases(&[held.clone(), mallory.clone()]) {
        let mut target = database.target("authjs");
        target.insert(from_ref(&held));
        database.sql(&format!("UPDATE account SET \"userId\" = '{}'", mallory.account.as_str()));
        let before = database.dump(&["authenticator", "account"]);
        assert_eq!(target.refused(held.clone()), "user-changed");
        database.sql("DELETE FROM authenticator");
        let emptied = database.dump(&["authenticator", "account"]);
        // Only the second row is left: it is in the way, and is not changed.
        let report = target.apply(from_ref(&held));
        assert_eq!(report.faults[0].fault.code.to_string(), "refused-by-target");
        assert_eq!(database.dump(&["authenticator", "account"]), emptied);
        assert_ne!(before, emptied);
        let own = of_user(mallory.clone(), mallory.account.as_str());
        target.insert(&[own]);
    }
}

/// better-auth has no unique index: an ID that stands there twice is never written to, and never a third time.
#[test]
fn an_id_without_a_unique_index_is_not_added_twice() {
    let records = [record(1), record(2)];
    for database in framework("better-auth").databases(&records) {
        let mut target = database.target("better-auth");
        assert!(target.warnings().contains("no unique index"), "{}", target.warnings());
        target.insert(&records);
        let mut second = database.target("better-auth");
        let report = second.apply(&records);
        assert_eq!(report.counts.unchanged, 2);
        assert_eq!(database.ask("SELECT count(*) || '' FROM passkey"), "2");
    }
}
