//! What the tests of each database share.
#![allow(dead_code, reason = "each database uses a part of it")]
#![allow(clippy::unwrap_used, reason = "clippy.toml exempts test functions, not their helpers")]

use keyferry_sql::{Class, Database, DatabaseError, Kind, OtherKind, Statement, Value, ready};

/// What no message may hold: tests put it into the rows that are refused.
pub(crate) const CANARY: &str = "canary-value";

pub(crate) type Cell = Result<Value<'static>, OtherKind>;

pub(crate) fn run(database: &mut impl Database, statements: &str) {
    ready(database.run(statements)).unwrap().unwrap();
}

pub(crate) fn execute(
    database: &mut impl Database,
    sql: &str,
    binds: &[Value<'_>],
) -> Result<u64, DatabaseError> {
    ready(database.execute(&Statement::repeated(sql), binds)).unwrap()
}

/// Reads all rows, each cell as the kind of its column.
pub(crate) fn rows(
    database: &mut impl Database,
    sql: &str,
    binds: &[Value<'_>],
    kinds: &[Kind],
) -> Vec<Vec<Cell>> {
    let mut rows = Vec::new();
    let statement = Statement::repeated(sql);
    let read = ready(database.query(&statement, binds, &mut |row| {
        let cell = |(index, &kind)| row.cell(index, kind).map(Value::into_owned);
        rows.push(kinds.iter().enumerate().map(cell).collect());
    }));
    read.unwrap().unwrap();
    rows
}

/// Reads the first column of each row as each of the three kinds: what it is, is known by the one that succeeds.
pub(crate) fn kinds_of(database: &mut impl Database, sql: &str) -> Vec<Vec<Kind>> {
    let mut found = Vec::new();
    let read = ready(database.query(&Statement::once(sql), &[], &mut |row| {
        let kinds = [Kind::Binary, Kind::Text, Kind::Integer];
        found.push(kinds.into_iter().filter(|&kind| row.cell(0, kind).is_ok()).collect());
        assert_eq!(row.cell(1, Kind::Binary), Err(OtherKind), "there is one column");
    }));
    read.unwrap().unwrap();
    found
}

/// Sees to it that a statement fails in this way, kept prepared or not, and that no value is in the message.
pub(crate) fn fails(database: &mut impl Database, sql: &str, binds: &[Value<'_>], class: Class) {
    for statement in [Statement::repeated(sql), Statement::once(sql)] {
        let error = ready(database.execute(&statement, binds)).unwrap().unwrap_err();
        check(&error, sql, class);
    }
}

pub(crate) fn check(error: &DatabaseError, sql: &str, class: Class) {
    assert_eq!(error.class, class, "{error} after {sql}");
    assert!(!error.message.contains("canary"), "{error}");
    assert!(!error.message.is_empty(), "{sql}");
}

/// Stores each kind of value and none, in a table `kinds (b, t, i)`, and reads them back.
pub(crate) fn values_survive(database: &mut impl Database, insert: &str) {
    let long = [0xff; 1023];
    let sent = [
        [Value::bytes(&long), Value::text("na\u{ef}ve \u{1f511} 'quoted'"), Value::Integer(i64::MIN)],
        [Value::bytes(&[]), Value::text(""), Value::Integer(i64::MAX)],
        [Value::bytes(&[0, 1, 2]), Value::text("x"), Value::Integer(0)],
        [Value::Null(Kind::Binary), Value::Null(Kind::Text), Value::Null(Kind::Integer)],
        [Value::bytes(b"not null again"), Value::text("y"), Value::Integer(-1)],
    ];
    for row in &sent {
        assert_eq!(execute(database, insert, row), Ok(1));
    }
    let kinds = [Kind::Binary, Kind::Text, Kind::Integer];
    let found = rows(database, "SELECT b, t, i FROM kinds ORDER BY n", &[], &kinds);
    let found: Vec<Vec<_>> =
        found.into_iter().map(|row| row.into_iter().map(Result::unwrap).collect()).collect();
    assert_eq!(found, sent);
}

/// Sees to it that what is never bound is refused before the database hears of it.
pub(crate) fn others_are_not_bound(database: &mut impl Database, sql: &str, others: &[Value<'_>]) {
    for value in others {
        let error = execute(database, sql, std::slice::from_ref(value)).unwrap_err();
        assert_eq!(error.class, Class::Other, "{value:?}");
        assert!(error.message.contains("bind"), "{error}");
    }
}
