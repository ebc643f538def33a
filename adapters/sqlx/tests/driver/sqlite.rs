use keyferry_sql::{Class, Database as _, Statement, Value};
use keyferry_sqlx::SqliteDatabase;
use sqlx::{ConnectOptions as _, sqlite::SqliteConnectOptions};

use crate::common::{self, NO_KIND, wait};

async fn open() -> SqliteDatabase {
    SqliteConnectOptions::new().in_memory(true).connect().await.unwrap().into()
}

#[test]
fn values_round_trip() {
    wait(async { common::values_round_trip(&mut open().await).await });
}

#[test]
fn found_rows_are_counted() {
    wait(async { common::found_rows_are_counted(&mut open().await).await });
}

#[test]
fn failures_are_told_apart() {
    wait(async { common::failures_are_told_apart(&mut open().await).await });
}

#[test]
fn transactions_roll_back() {
    wait(async { common::transactions_roll_back(&mut open().await).await });
}

#[test]
fn kinds_are_strict() {
    let expressions = [
        ("1", Value::Integer(1)),
        ("'1'", Value::text("1")),
        ("''", Value::text("")),
        ("x'31'", Value::bytes(b"1")),
        ("1.0", NO_KIND),
        // Text that is none.
        ("CAST(x'ff' AS TEXT)", NO_KIND),
    ];
    wait(async { common::kinds_are_strict(&mut open().await, &expressions).await });
}

#[test]
fn a_locked_database_is_busy() {
    let folder = tempfile::tempdir().unwrap();
    let options = SqliteConnectOptions::new()
        .filename(folder.path().join("a.db"))
        .create_if_missing(true)
        .busy_timeout(std::time::Duration::ZERO);
    wait(async {
        let [mut one, mut two] = [&options, &options].map(|options| options.clone());
        one = one.pragma("user_version", "1");
        two = two.pragma("query_only", "OFF");
        let mut one: SqliteDatabase = one.connect().await.unwrap().into();
        let mut two: SqliteDatabase = two.connect().await.unwrap().into();
        one.run("BEGIN EXCLUSIVE").await.unwrap();
        let error = two.execute(&Statement::once("CREATE TABLE t (x)"), &[]).await.unwrap_err();
        assert_eq!(error.class, Class::Busy, "{error}");
        one.close().await;
        two.execute(&Statement::once("CREATE TABLE t (x)"), &[]).await.unwrap();
    });
}
