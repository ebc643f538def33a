//! What a statement guards: nothing moves to another user, no counter falls, a failed batch leaves no trace.
#![allow(clippy::unwrap_used, reason = "clippy.toml exempts test functions, not their helpers")]

mod support;

use keyferry_core::{
    Backup, CredentialRecord, SignCount, Sink as _, SinkErrorKind, Status, StoredRecord, Transports,
    UserHandle, Write, Written,
};
use keyferry_sqlx::{Access, BlockingSqliteSink};
use support::{Place, id, place, record, stored, text};

/// A database that holds record 1.
fn held() -> (Place, BlockingSqliteSink) {
    let place = place();
    let mut sink = place.writer();
    assert_eq!(sink.upsert(&[Write::Insert(&record(1))]).unwrap(), [Written::Done]);
    (place, sink)
}

fn update(sink: &mut BlockingSqliteSink, stored: &StoredRecord, merged: &StoredRecord) -> Written {
    sink.upsert(&[Write::Update { stored, merged }]).unwrap().remove(0)
}

#[test]
fn an_id_that_is_there_is_changed_and_its_row_stays() {
    let (place, mut sink) = held();
    let before = place.dump();
    let mallory = CredentialRecord { account: support::name("mallory"), ..record(1) };
    assert_eq!(sink.upsert(&[Write::Insert(&mallory)]).unwrap(), [Written::Changed]);
    assert_eq!(place.dump(), before);
    // Among others, only that one is answered so.
    let (two, three) = (record(2), record(3));
    let answers =
        sink.upsert(&[Write::Insert(&three), Write::Insert(&mallory), Write::Insert(&two)]).unwrap();
    assert_eq!(answers, [Written::Done, Written::Changed, Written::Done]);
    assert_eq!(place.dump().len(), 3);
    assert!(before.iter().all(|row| place.dump().contains(row)));
}

#[test]
fn an_update_changes_what_it_may() {
    let (_place, mut sink) = held();
    let before = stored(&record(1));
    let merged = StoredRecord {
        sign_count: SignCount(9),
        transports: Some(Transports::new(["usb", "later"])),
        backup: Some(Backup::Eligible),
        status: Some(Status::Suspended),
        user_handle: Some(UserHandle::new(*b"handle").unwrap()),
        ..before.clone()
    };
    assert_eq!(update(&mut sink, &before, &merged), Written::Done);
    assert_eq!(sink.fetch(&[&before.credential_id]).unwrap(), [merged]);
}

#[test]
fn an_update_changes_nothing_else() {
    let (_place, mut sink) = held();
    let before = stored(&record(1));
    // Against the contract, everything differs.
    let merged = StoredRecord {
        public_key: support::other_key(),
        account: Some(support::name("mallory")),
        user_id: Some(support::name("mallory")),
        external_user_id: None,
        rp_id: Some(support::rp_id("evil.example")),
        ..before.clone()
    };
    assert_eq!(update(&mut sink, &before, &merged), Written::Done);
    assert_eq!(sink.fetch(&[&before.credential_id]).unwrap(), [before]);
}

#[test]
fn unknown_backup_and_handle_are_filled_in_once() {
    let place = place();
    let mut sink = place.writer();
    let unknown = CredentialRecord { backup: None, ..record(1) };
    sink.upsert(&[Write::Insert(&unknown)]).unwrap();
    let merged = StoredRecord { backup: Some(Backup::BackedUp), ..stored(&unknown) };
    assert_eq!(update(&mut sink, &stored(&unknown), &merged), Written::Done);
    assert_eq!(update(&mut sink, &stored(&unknown), &merged), Written::Changed);
    assert_eq!(sink.fetch(&[&unknown.credential_id]).unwrap(), [merged]);
}

#[test]
fn a_row_that_is_not_as_read_stays_as_it_is() {
    for meanwhile in [
        "account = 'mallory'",
        "account = 'ALICE-1'",
        "account = 'alice-1 '",
        "user_id = 'usr-2'",
        "user_id = NULL",
        "external_user_id = 'ALICE-1'",
        "external_user_id = NULL",
        "public_key = x'a0'",
        "rp_id = 'evil.example'",
        "backup_eligible = 0, backup_state = 0",
        "backup_eligible = NULL, backup_state = NULL",
        "status = 'revoked'",
        "status = 'Active'",
        "user_handle = x'01'",
        "credential_id = x'02'",
    ] {
        let (place, mut sink) = held();
        let before = stored(&record(1));
        place.sql(&format!("UPDATE webauthn_credentials SET {meanwhile}"));
        let found = place.dump();
        let merged = StoredRecord { sign_count: SignCount(9), ..before.clone() };
        let writes = [Write::Update { stored: &before, merged: &merged }, Write::Remove { stored: &before }];
        assert_eq!(sink.upsert(&writes).unwrap(), [Written::Changed, Written::Changed], "{meanwhile}");
        assert_eq!(place.dump(), found, "{meanwhile}");
    }
}

#[test]
fn what_a_login_moves_is_no_obstacle() {
    let (place, mut sink) = held();
    let before = stored(&record(1));
    place.sql("UPDATE webauthn_credentials SET sign_count = 7, backup_state = 0, transports = NULL");
    let merged = StoredRecord { sign_count: SignCount(6), ..before.clone() };
    assert_eq!(update(&mut sink, &before, &merged), Written::Done);
    assert_eq!(sink.fetch(&[&before.credential_id]).unwrap()[0].sign_count, SignCount(7));
}

#[test]
fn the_sign_count_never_falls() {
    let (_place, mut sink) = held();
    let before = stored(&record(1));
    for (given, expected) in [(4, 5), (0, 5), (5, 5), (6, 6), (u32::MAX, u32::MAX), (0, u32::MAX)] {
        let merged = StoredRecord { sign_count: SignCount(given), ..before.clone() };
        assert_eq!(update(&mut sink, &before, &merged), Written::Done);
        assert_eq!(sink.fetch(&[&before.credential_id]).unwrap()[0].sign_count, SignCount(expected));
    }
}

#[test]
fn a_removal_takes_what_was_read() {
    let (place, mut sink) = held();
    sink.upsert(&[Write::Insert(&record(2))]).unwrap();
    let before = stored(&record(1));
    assert_eq!(sink.upsert(&[Write::Remove { stored: &before }]).unwrap(), [Written::Done]);
    assert_eq!(sink.upsert(&[Write::Remove { stored: &before }]).unwrap(), [Written::Changed]);
    assert_eq!(place.dump().len(), 1);
}

#[test]
fn a_unique_index_of_the_application_refuses_its_row_alone() {
    let (place, mut sink) = held();
    place.sql("CREATE UNIQUE INDEX one_each ON webauthn_credentials (account)");
    let before = place.dump();
    let twin = CredentialRecord { account: record(1).account, ..record(3) };
    let merged = StoredRecord { sign_count: SignCount(9), ..stored(&record(1)) };
    let answers = sink
        .upsert(&[
            Write::Insert(&record(2)),
            Write::Update { stored: &stored(&record(1)), merged: &merged },
            Write::Insert(&twin),
        ])
        .unwrap();
    let refused = Written::Refused("UNIQUE constraint failed: webauthn_credentials.account".to_owned());
    assert_eq!(answers, [Written::Done, Written::Done, refused]);
    assert_eq!(place.dump().len(), before.len() + 1);
}

#[test]
fn a_constraint_that_says_replace_does_not_delete_another_users_row() {
    let place = place();
    let schema = keyferry_sql::schema(keyferry_sql::Dialect::Sqlite);
    let nickname = "account                  TEXT    NOT NULL UNIQUE ON CONFLICT REPLACE";
    place.sql(&schema.replace("account                  TEXT    NOT NULL", nickname));
    let mut sink = place.writer();
    sink.upsert(&[Write::Insert(&record(1)), Write::Insert(&record(2))]).unwrap();
    let before = place.dump();
    let twin = CredentialRecord { account: record(1).account, ..record(3) };
    let refused = Written::Refused("UNIQUE constraint failed: webauthn_credentials.account".to_owned());
    assert_eq!(sink.upsert(&[Write::Insert(&twin)]).unwrap(), [refused]);
    assert_eq!(place.dump(), before);
}

#[test]
fn a_trigger_of_the_application_refuses_its_row_alone() {
    let (place, mut sink) = held();
    place.sql(
        "CREATE TRIGGER not_now BEFORE INSERT ON webauthn_credentials WHEN NEW.account = 'alice-3' \
         BEGIN SELECT RAISE(ABORT, 'not now'); END",
    );
    let answers = sink.upsert(&[Write::Insert(&record(2)), Write::Insert(&record(3))]).unwrap();
    assert_eq!(answers, [Written::Done, Written::Refused("not now".to_owned())]);
    assert_eq!(place.dump().len(), 2);
}

#[test]
fn what_a_trigger_writes_elsewhere_is_not_counted() {
    let (place, mut sink) = held();
    place.sql(
        "CREATE TABLE seen (id BLOB) STRICT; \
         CREATE TRIGGER note AFTER INSERT ON webauthn_credentials \
         BEGIN INSERT INTO seen VALUES (NEW.credential_id), (NEW.credential_id); END",
    );
    let writes = [record(2), record(1), record(3)];
    let answers = sink.upsert(&writes.each_ref().map(Write::Insert)).unwrap();
    assert_eq!(answers, [Written::Done, Written::Changed, Written::Done]);
}

#[test]
fn a_trigger_that_drops_a_row_is_not_taken_for_success() {
    let (place, mut sink) = held();
    place.sql(
        "CREATE TRIGGER drop_it BEFORE INSERT ON webauthn_credentials WHEN NEW.account = 'alice-3' \
         BEGIN SELECT RAISE(IGNORE); END",
    );
    let writes = [record(2), record(3)];
    let answers = sink.upsert(&writes.each_ref().map(Write::Insert)).unwrap();
    assert_eq!(answers, [Written::Done, Written::Changed]);
}

#[test]
fn after_a_rollback_by_sqlite_itself_the_connection_is_sound() {
    // A full disk makes SQLite do the same, and so does this word of a trigger.
    let (place, mut sink) = held();
    let before = place.dump();
    place.sql(
        "CREATE TRIGGER full AFTER INSERT ON webauthn_credentials WHEN NEW.credential_id = x'00001000' \
         BEGIN SELECT RAISE(ROLLBACK, 'database or disk is full'); END",
    );
    let with = |seed: u32| CredentialRecord { credential_id: id(seed.to_be_bytes()), ..record(1) };
    let records: Vec<_> = (0..5000).map(with).collect();
    let writes: Vec<_> = records.iter().map(Write::Insert).collect();
    let error = sink.upsert(&writes).unwrap_err();
    assert_eq!(text(&error), "writing to passkeys.db: database or disk is full");
    assert_eq!(place.dump(), before);
    assert_eq!(sink.upsert(&writes[..100]).unwrap(), vec![Written::Done; 100]);
    drop(sink);
    assert_eq!(place.files(), ["passkeys.db"]);
}

#[test]
fn another_writer_is_waited_for_and_then_named() {
    let (place, mut sink) = held();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let error = runtime.block_on(async {
        use sqlx::Connection as _;
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&place.path);
        let mut other = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
        sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
        sink.upsert(&[Write::Insert(&record(2))]).unwrap_err()
    });
    assert_eq!(error.kind, SinkErrorKind::Busy);
    assert_eq!(text(&error), "writing to passkeys.db: database is locked; another program is writing to it");
}

#[test]
fn a_database_opened_for_reading_is_not_written_to() {
    let (place, sink) = held();
    drop(sink);
    let before = place.dump();
    let mut sink = BlockingSqliteSink::connect(&place.path, Access::Read).unwrap();
    let error = sink.upsert(&[Write::Insert(&record(2))]).unwrap_err();
    assert_eq!(error.kind, SinkErrorKind::Refused);
    assert_eq!(sink.fetch(&[&record(1).credential_id]).unwrap().len(), 1);
    assert_eq!(place.dump(), before);
}
