//! Looks into a SQLite target, and changes it, as another program would.

use std::path::Path;

use sqlx::{AssertSqlSafe, Connection as _, Row as _, SqliteConnection, sqlite::SqliteConnectOptions};

/// Runs statements; makes the database if there is none.
pub(crate) fn execute(path: &Path, statements: &str) {
    with_connection(path, async |connection| {
        sqlx::raw_sql(AssertSqlSafe(statements)).execute(connection).await.unwrap();
    });
}

/// Every row of the table as text, ordered by credential ID, from a database that is not damaged.
pub(crate) fn dump(path: &Path) -> Vec<String> {
    assert_eq!(ask(path, "PRAGMA integrity_check"), ["ok"]);
    let columns: Vec<_> =
        ask(path, "SELECT name FROM pragma_table_info('webauthn_credentials') ORDER BY cid");
    let quoted: Vec<_> = columns.iter().map(|column| format!("quote({column})")).collect();
    let quoted = quoted.join(" || '|' || ");
    ask(path, &format!("SELECT {quoted} FROM webauthn_credentials ORDER BY credential_id"))
}

/// The first column of each row of an answer.
pub(crate) fn ask(path: &Path, query: &str) -> Vec<String> {
    with_connection(path, async |connection| {
        let rows = sqlx::query(AssertSqlSafe(query)).fetch_all(connection).await.unwrap();
        rows.iter().map(|row| row.get::<String, _>(0)).collect()
    })
}

fn with_connection<T>(path: &Path, work: impl AsyncFnOnce(&mut SqliteConnection) -> T) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
        let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        let result = work(&mut connection).await;
        connection.close().await.unwrap();
        result
    })
}
