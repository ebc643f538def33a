//! The rules that every sink keeps, on each database.
#![allow(clippy::unwrap_used, reason = "clippy.toml exempts test functions, not their helpers")]

#[cfg(feature = "sqlite")]
mod sqlite {
    use std::path::Path;

    use diesel::{Connection as _, SqliteConnection, connection::SimpleConnection as _};
    use keyferry_core::CredentialId;
    use keyferry_diesel::{Access, Dialect, TableMap, TableName, open_sqlite};
    use keyferry_testkit::databases::refusal_in_sqlite;

    fn refuse(path: &Path, id: &CredentialId) {
        let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
        connection.batch_execute(&refusal_in_sqlite(id)).unwrap();
    }

    keyferry_testkit::conformance!(
        |folder: &Path| {
            let map = TableMap::own(Dialect::Sqlite, TableName::own());
            open_sqlite(&folder.join("passkeys.db"), map, Access::Write).unwrap()
        },
        |folder: &Path, id: &CredentialId| refuse(&folder.join("passkeys.db"), id),
    );
}

#[cfg(feature = "postgres")]
mod postgres {
    use std::path::Path;

    use keyferry_core::CredentialId;
    use keyferry_diesel::{Access, Dialect, TableMap, TableName, open_postgres};
    use keyferry_testkit::{
        databases::{refuse, url},
        servers::{Kind, shared},
    };

    keyferry_testkit::conformance!(
        if shared(Kind::Postgres).is_some();
        |folder: &Path| {
            let map = TableMap::own(Dialect::Postgres, TableName::own());
            open_postgres(&url(Kind::Postgres, folder), "the test's server", map, Access::Write).unwrap()
        },
        |folder: &Path, id: &CredentialId| refuse(Kind::Postgres, folder, id),
    );
}

#[cfg(feature = "mysql")]
mod mysql {
    use std::path::Path;

    use keyferry_core::CredentialId;
    use keyferry_diesel::{Access, Dialect, TableMap, TableName, open_mysql};
    use keyferry_testkit::{
        databases::{refuse, url},
        servers::{Kind, shared},
    };

    keyferry_testkit::conformance!(
        if shared(Kind::MySql).is_some();
        |folder: &Path| {
            let map = TableMap::own(Dialect::MySql, TableName::own());
            open_mysql(&url(Kind::MySql, folder), "the test's server", map, Access::Write).unwrap()
        },
        |folder: &Path, id: &CredentialId| refuse(Kind::MySql, folder, id),
    );
}
