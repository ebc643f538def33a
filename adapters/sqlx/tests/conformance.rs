//! The rules that every sink keeps, on each database; without TLS, which has tests of its own, since each rule connects
//! again and again.
#![allow(clippy::unwrap_used, reason = "clippy.toml exempts test functions, not their helpers")]

#[cfg(feature = "sqlite")]
mod sqlite {
    use std::path::Path;

    use keyferry_core::CredentialId;
    use keyferry_sqlx::{Access, BlockingSqliteSink};
    use keyferry_testkit::databases::refusal_in_sqlite;
    use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

    fn refuse(path: &Path, id: &CredentialId) {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
            let options = SqliteConnectOptions::new().filename(path);
            let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
            sqlx::raw_sql(AssertSqlSafe(refusal_in_sqlite(id))).execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        });
    }

    keyferry_testkit::conformance!(
        |folder: &Path| BlockingSqliteSink::connect(folder.join("passkeys.db"), Access::Write).unwrap(),
        |folder: &Path, id: &CredentialId| refuse(&folder.join("passkeys.db"), id),
    );
}

#[cfg(feature = "postgres")]
mod postgres {
    use std::path::Path;

    use keyferry_core::CredentialId;
    use keyferry_sqlx::{Access, BlockingSink, Dialect, TableMap, TableName, open_postgres};
    use keyferry_testkit::{
        databases::{refuse, url},
        servers::{Kind, shared},
    };

    keyferry_testkit::conformance!(
        if shared(Kind::Postgres).is_some();
        |folder: &Path| {
            let address = format!("{}?sslmode=disable", url(Kind::Postgres, folder)).parse().unwrap();
            let map = TableMap::own(Dialect::Postgres, TableName::own());
            BlockingSink::open(|| open_postgres(&address, map, Access::Write)).unwrap()
        },
        |folder: &Path, id: &CredentialId| refuse(Kind::Postgres, folder, id),
    );
}

#[cfg(feature = "mysql")]
mod mysql {
    use std::path::Path;

    use keyferry_core::CredentialId;
    use keyferry_sqlx::{Access, BlockingSink, Dialect, TableMap, TableName, open_mysql};
    use keyferry_testkit::{
        databases::{refuse, url},
        servers::{Kind, shared},
    };

    keyferry_testkit::conformance!(
        if shared(Kind::MySql).is_some();
        |folder: &Path| {
            let address = format!("{}?ssl-mode=DISABLED", url(Kind::MySql, folder)).parse().unwrap();
            let map = TableMap::own(Dialect::MySql, TableName::own());
            BlockingSink::open(|| open_mysql(&address, map, Access::Write)).unwrap()
        },
        |folder: &Path, id: &CredentialId| refuse(Kind::MySql, folder, id),
    );
}
