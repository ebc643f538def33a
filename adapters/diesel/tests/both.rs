//! A table that one adapter wrote is the other's as well: nothing is left to do, and nothing is written anew.
#![cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
#![allow(clippy::unwrap_used, reason = "clippy.toml exempts test functions, not their helpers")]

use std::path::Path;

use keyferry_core::{
    Authority, Backup, CredentialRecord, Located, Location, Report, SignCount, Sink, SinkError, Status,
    Transports, apply, plan, verify,
};
use keyferry_diesel::{Access, Dialect, TableMap, TableName};
use keyferry_sql::COLUMNS;
use keyferry_sqlx::BlockingSink;
use keyferry_testkit::{
    Algorithm, databases,
    records::{bare_record, credential_id, key, of_user, record, time},
    servers::{Kind, shared},
};

type Open = fn(&Path, Access) -> Box<dyn Sink>;

/// A kind of database: opened by each adapter, and what stands there.
struct Databases {
    sqlx: Open,
    diesel: Open,
    /// Every byte of the table, and where the database tells, which statement wrote each row last.
    dump: fn(&Path) -> Vec<u8>,
}

fn map(dialect: Dialect) -> TableMap {
    TableMap::own(dialect, TableName::own())
}

#[cfg(feature = "sqlite")]
const SQLITE: Databases = Databases {
    sqlx: |folder, access| {
        let (path, map) = (folder.join("passkeys.db"), map(Dialect::Sqlite));
        match access {
            Access::Read => Box::new(BlockingSink::open(|| keyferry_sqlx::read_sqlite(&path, map)).unwrap()),
            Access::Write => Box::new(BlockingSink::open(|| keyferry_sqlx::open_sqlite(&path, map)).unwrap()),
        }
    },
    diesel: |folder, access| {
        let path = folder.join("passkeys.db");
        Box::new(keyferry_diesel::open_sqlite(&path, map(Dialect::Sqlite), access).unwrap())
    },
    dump: |folder| std::fs::read(folder.join("passkeys.db")).unwrap(),
};

#[cfg(feature = "postgres")]
const POSTGRES: Databases = Databases {
    sqlx: |folder, access| {
        let (address, map) =
            (databases::url(Kind::Postgres, folder).parse().unwrap(), map(Dialect::Postgres));
        Box::new(BlockingSink::open(|| keyferry_sqlx::open_postgres(&address, map, access)).unwrap())
    },
    diesel: |folder, access| {
        let (url, map) = (databases::url(Kind::Postgres, folder), map(Dialect::Postgres));
        Box::new(keyferry_diesel::open_postgres(&url, "the test's server", map, access).unwrap())
    },
    dump: |folder| {
        let rows = "SELECT xmin, ctid, t FROM webauthn_credentials t ORDER BY credential_id";
        databases::sql(Kind::Postgres, folder, rows).into_bytes()
    },
};

#[cfg(feature = "mysql")]
const MYSQL: Databases = Databases {
    sqlx: |folder, access| {
        let (address, map) = (databases::url(Kind::MySql, folder).parse().unwrap(), map(Dialect::MySql));
        Box::new(BlockingSink::open(|| keyferry_sqlx::open_mysql(&address, map, access)).unwrap())
    },
    diesel: |folder, access| {
        let (url, map) = (databases::url(Kind::MySql, folder), map(Dialect::MySql));
        Box::new(keyferry_diesel::open_mysql(&url, "the test's server", map, access).unwrap())
    },
    dump: |folder| {
        let columns = COLUMNS.map(|column| format!("HEX({})", column.name)).join(", ");
        let rows = format!("SELECT {columns} FROM webauthn_credentials ORDER BY credential_id");
        databases::sql(Kind::MySql, folder, &rows).into_bytes()
    },
};

/// Every item known and unknown, at the ends of what is legal, and in every state.
fn records() -> Vec<CredentialRecord> {
    let mut records = vec![bare_record(0)];
    let states = [Status::Active, Status::Suspended, Status::Revoked, Status::Pending];
    records.extend((1..).zip(states).map(|(seed, status)| CredentialRecord { status, ..record(seed) }));
    let backups = [Backup::SingleDevice, Backup::Eligible, Backup::BackedUp];
    records.extend(
        (10..).zip(backups).map(|(seed, backup)| CredentialRecord { backup: Some(backup), ..record(seed) }),
    );
    records.extend(
        (20..)
            .zip([0, 1, 2_147_483_648, u32::MAX])
            .map(|(seed, count)| CredentialRecord { sign_count: SignCount(count), ..record(seed) }),
    );
    records.extend((30..).zip([1, 64, 1023]).map(|(seed, length)| CredentialRecord {
        credential_id: credential_id(&vec![0xa7; length]),
        ..record(seed)
    }));
    let lists: [&[&str]; 3] = [&[], &["usb", "nfc", "internal"], &["teleport, \"quoted\" 'text' \\ ü"]];
    records.extend((40..).zip(lists).map(|(seed, list)| CredentialRecord {
        transports: Some(Transports::new(list.iter().copied())),
        ..record(seed)
    }));
    let times = [0, -1, 1_705_314_600_999_999, 253_370_764_800_000_001];
    records.extend(
        (50..).zip(times).map(|(seed, at)| CredentialRecord { created_at: Some(time(at)), ..record(seed) }),
    );
    let names = ["José", "jose", "JOSE", "O'Neil \"\\ %_", "\u{1f511}"];
    records.extend((60..).zip(names).map(|(seed, name)| of_user(record(seed), name)));
    records.extend(
        (70..)
            .zip(Algorithm::ALL)
            .map(|(seed, algorithm)| CredentialRecord { public_key: key(algorithm, seed), ..record(seed) }),
    );
    records
}

type Step = fn(&mut dyn Sink, &[Located<CredentialRecord>], Authority, &mut Report) -> Result<(), SinkError>;

fn run(mut sink: Box<dyn Sink>, records: &[CredentialRecord], step: Step) -> Report {
    let located: Vec<_> = (1..)
        .zip(records)
        .map(|(row, record)| Located { location: Location { row, line: row }, value: record.clone() })
        .collect();
    let mut report = Report::default();
    step(&mut *sink, &located, Authority::Export, &mut report).unwrap();
    sink.finish().unwrap();
    assert!(report.is_clean(), "{:?}", report.faults);
    report
}

/// Imports by one adapter, and sees to it that the other has nothing to do.
fn check(databases: &Databases, one: Open, other: Open) {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut records = records();
    let all = u64::try_from(records.len()).unwrap();

    let imported = run(one(folder, Access::Write), &records, apply);
    assert_eq!(imported.counts.inserted, all);
    nothing_to_do(databases, other, folder, &records);

    // What the other one changes is in turn what the first one would have written.
    for record in &mut records {
        record.sign_count = SignCount(record.sign_count.0.saturating_add(1));
        record.transports = Some(Transports::new(["hybrid"]));
    }
    let changed = run(other(folder, Access::Write), &records, apply);
    assert_eq!(changed.counts.updated, all);
    nothing_to_do(databases, one, folder, &records);
}

fn nothing_to_do(databases: &Databases, open: Open, folder: &Path, records: &[CredentialRecord]) {
    let all = u64::try_from(records.len()).unwrap();
    let before = (databases.dump)(folder);
    let steps: [(Access, Step); 5] = [
        (Access::Read, plan),
        (Access::Read, verify),
        (Access::Write, plan),
        (Access::Write, verify),
        (Access::Write, apply),
    ];
    for (access, step) in steps {
        assert_eq!(run(open(folder, access), records, step).counts.unchanged, all);
    }
    assert!(before == (databases.dump)(folder), "the table was written to");
}

#[cfg(feature = "sqlite")]
#[test]
fn sqlite() {
    check(&SQLITE, SQLITE.sqlx, SQLITE.diesel);
    check(&SQLITE, SQLITE.diesel, SQLITE.sqlx);
}

#[cfg(feature = "postgres")]
#[test]
fn postgres() {
    if shared(Kind::Postgres).is_some() {
        check(&POSTGRES, POSTGRES.sqlx, POSTGRES.diesel);
        check(&POSTGRES, POSTGRES.diesel, POSTGRES.sqlx);
    }
}

#[cfg(feature = "mysql")]
#[test]
fn mysql() {
    if shared(Kind::MySql).is_some() {
        check(&MYSQL, MYSQL.sqlx, MYSQL.diesel);
        check(&MYSQL, MYSQL.diesel, MYSQL.sqlx);
    }
}
