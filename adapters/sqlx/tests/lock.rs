//! Which imports a lock on a table of a server keeps away, and which not.
#![cfg(any(feature = "mysql", feature = "postgres"))]
#![allow(clippy::unwrap_used, reason = "clippy.toml exempts test functions, not their helpers")]

use keyferry_core::{SinkError, SinkErrorKind};
use keyferry_sql::{Database, DatabaseError, SqlLock, TableName};
use keyferry_testkit::servers::{Kind, shared};

async fn lock<D: Database>(
    connected: Result<D, DatabaseError>,
    table: &str,
) -> Result<SqlLock<D>, SinkErrorKind> {
    let table: TableName = table.parse().unwrap();
    let locked = SqlLock::acquire(connected.unwrap(), &table, "the test's server").await;
    locked.map_err(|SinkError { kind, .. }| kind)
}

/// Locks a table, and asks for it again under its full name, then for others, then after the lock was given back.
async fn check<D: Database>(kind: Kind, connect: impl AsyncFn(&str) -> Result<D, DatabaseError>) {
    let Some(server) = shared(kind) else { return };
    let (url, other_url) = (server.database(), server.database());
    let schema = match kind {
        Kind::Postgres => "public",
        Kind::MySql => url.rsplit('/').next().unwrap(),
    };
    let full = format!("{schema}.passkeys");

    let held = lock(connect(&url).await, "passkeys").await.unwrap();
    assert_eq!(lock(connect(&url).await, "passkeys").await.err(), Some(SinkErrorKind::Busy));
    assert_eq!(lock(connect(&url).await, &full).await.err(), Some(SinkErrorKind::Busy));
    lock(connect(&url).await, "others").await.unwrap().release().await;
    lock(connect(&other_url).await, "passkeys").await.unwrap().release().await;
    held.release().await;
    // What was given back is free at once, and not only when the server notices that a connection ended.
    for _ in 0..50 {
        lock(connect(&url).await, &full).await.unwrap().release().await;
    }
}

fn wait(future: impl Future) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(future);
}

#[cfg(feature = "postgres")]
#[test]
fn postgres() {
    wait(check(Kind::Postgres, async |url| keyferry_sqlx::connect_postgres(&url.parse().unwrap()).await));
}

#[cfg(feature = "mysql")]
#[test]
fn mysql() {
    wait(check(Kind::MySql, async |url| keyferry_sqlx::connect_mysql(&url.parse().unwrap()).await));
}
