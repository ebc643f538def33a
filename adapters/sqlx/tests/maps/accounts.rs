//! Whose passkey it is: an account is found by exactly its name, or not at all.

use keyferry_core::{CredentialRecord, FaultCode, Report};
use keyferry_sqlx::Dialect;
use keyferry_testkit::records::{identifier, of_user, record, user_handle};

use crate::{
    database::{Database, Target, dialects},
    frameworks::{ALL, framework},
};

fn codes(report: &Report) -> Vec<FaultCode> {
    report.faults.iter().map(|fault| fault.fault.code).collect()
}

fn refused(target: &mut Target, records: &[CredentialRecord]) -> Vec<FaultCode> {
    let planned = target.plan(records);
    let applied = target.apply(records);
    assert_eq!(planned, applied, "the plan and the import");
    codes(&applied)
}

#[test]
fn an_unknown_account_is_refused() {
    let (known, unknown) = (record(1), record(2));
    for framework in ALL.iter().filter(|framework| framework.name != "spring-security") {
        for database in framework.databases(std::slice::from_ref(&known)) {
            let at = format!("{}, {:?}", framework.name, database.dialect);
            let mut target = database.target(framework.name);
            // A name that could not stand in a column of UUIDs or numbers is no error of the database.
            let odd = of_user(record(3), "not a UUID'; --");
            let export = [known.clone(), unknown.clone(), odd];
            let expected = [FaultCode::UnknownAccount; 2];
            assert_eq!(refused(&mut target, &export), expected, "{at}");
            assert_eq!(codes(&target.verify(&export)), expected, "{at}");
            assert!(target.held(&known).is_some() && target.held(&unknown).is_none(), "{at}");
        }
    }
}

#[test]
fn nobody_is_taken_for_somebody_else() {
    let names = ["José", "jose", "JOSE", "josé", "Jose\u{301}", "ｊｏｓｅ"];
    let export: Vec<_> = (1..).zip(names).map(|(seed, name)| of_user(record(seed), name)).collect();
    for name in ["devise-webauthn", "django-otp-webauthn", "laravel-passkeys", "authjs"] {
        for dialect in dialects() {
            let database = framework(name).database(dialect, &export[1..2]).unwrap();
            let mut target = database.target(name);
            let faults = refused(&mut target, &export);
            assert_eq!(faults, [FaultCode::UnknownAccount; 5], "{name}, {dialect:?}");
            assert_eq!(
                target.held(&export[1]).unwrap().account,
                Some(identifier("jose")),
                "{name}, {dialect:?}"
            );
        }
    }
}

/// Some collations pass over spaces at the end.
#[test]
fn a_space_at_the_end_is_another_name() {
    let export = [of_user(record(1), "jose "), of_user(record(2), "jose")];
    for name in ["devise-webauthn", "authjs"] {
        for database in framework(name).databases(&export[1..]) {
            let mut target = database.target(name);
            assert_eq!(
                refused(&mut target, &export),
                [FaultCode::UnknownAccount],
                "{name}, {:?}",
                database.dialect
            );
        }
    }
}

#[test]
fn spring_makes_an_account_once_and_never_takes_another_ones_place() {
    let first = record(1);
    let second = CredentialRecord { credential_id: record(2).credential_id, ..first.clone() };
    for database in framework("spring-security").databases(&[]) {
        let at = format!("{:?}", database.dialect);
        let mut target = database.target("spring-security");
        target.insert(&[first.clone(), second.clone()]);
        assert_eq!(database.ask("SELECT count(*) || '' FROM user_entities"), "1", "{at}");
        // The same handle under another name: nobody knows whose it is.
        let other_name = CredentialRecord { account: identifier("mallory"), ..record(3) };
        let other_name = CredentialRecord { user_handle: first.user_handle.clone(), ..other_name };
        let before = database.dump(&["user_credentials", "user_entities"]);
        assert_eq!(refused(&mut target, &[other_name]), [FaultCode::UnknownAccount], "{at}");
        assert_eq!(database.dump(&["user_credentials", "user_entities"]), before, "{at}");
        // Without a handle there is no id to give.
        let no_handle = CredentialRecord { user_handle: None, ..record(4) };
        assert_eq!(refused(&mut target, &[no_handle]), [FaultCode::UnknownAccount], "{at}");
        // An account that is there keeps its own id.
        database.sql("INSERT INTO user_entities (id, name, display_name) VALUES ('AQID', 'anna', 'Anna')");
        let anna = CredentialRecord { account: identifier("anna"), ..record(5) };
        target.insert(&[anna]);
        let bound = "SELECT count(*) || '' FROM user_credentials WHERE user_entity_user_id = 'AQID'";
        assert_eq!(database.ask(bound), "1", "{at}");
        // A name that differs in case is another account, whatever the collation.
        let upper = CredentialRecord {
            account: identifier("ANNA"),
            user_handle: Some(user_handle(b"ANNA")),
            ..record(6)
        };
        target.insert(&[upper]);
        assert_eq!(database.ask(bound), "1", "{at}");
    }
}

#[test]
fn two_accounts_of_one_name_are_ambiguous() {
    let anna = |seed| of_user(record(seed), "anna");
    for database in framework("spring-security").databases(&[]) {
        database.sql("INSERT INTO user_entities (id, name) VALUES ('AQID', 'anna'), ('AQIE', 'anna'), ('AQIF', 'Anna')");
        let mut target = database.target("spring-security");
        let export = [anna(1), anna(2), record(3)];
        assert_eq!(refused(&mut target, &export), [FaultCode::AmbiguousAccount; 2]);
        assert_eq!(target.held(&record(3)).unwrap().account, Some(record(3).account));
    }
}

/// The map says by which column; numbers are found by their one spelling.
#[test]
fn another_column_can_name_the_account() {
    let map = keyferry_sql::SHIPPED.iter().find(|(name, _)| *name == "devise-webauthn").unwrap().1;
    let by_id = map.replace("match = \"email\"", "match = \"id\"");
    assert_ne!(by_id, map);
    for database in framework("devise-webauthn").databases(&[record(1)]) {
        let mut target = database.with_map(&by_id).unwrap();
        let names = ["1", "01", "1.0", " 1", "+1", "9223372036854775808", "one", "2"];
        let export: Vec<_> = (1..).zip(names).map(|(seed, name)| of_user(record(seed), name)).collect();
        assert_eq!(refused(&mut target, &export), [FaultCode::UnknownAccount; 7], "{:?}", database.dialect);
        assert_eq!(target.held(&record(1)).unwrap().account, Some(identifier("1")));
        assert!(target.verify(&export[..1]).is_clean());
    }
}

/// A credential whose account is gone, or has no name, is nobody's: not the export's either.
#[test]
fn a_credential_of_a_nameless_account_is_nobodys() {
    let database = Database::of("better-auth", Dialect::Sqlite).unwrap();
    framework("better-auth").add_users(&database, &[record(1)]);
    let mut target = database.target("better-auth");
    target.insert(&[record(1)]);
    database.sql("PRAGMA foreign_keys = OFF; UPDATE passkey SET \"userId\" = 'somebody who is gone'");
    assert_eq!(target.refused(record(1)), "user-changed");
}
