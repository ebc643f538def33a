//! Our own table, compared as a whole and one by one, on each database that shows all rows.
#![allow(clippy::unwrap_used, reason = "clippy.toml exempts test functions, not their helpers")]

use keyferry_core::Survey;
use keyferry_sql::Database;
use keyferry_sqlx::BlockingSink;
use keyferry_testkit::survey::{Target, says_the_same};

fn check<D: Database + 'static>(writer: &dyn Fn() -> BlockingSink<D>, reader: &dyn Fn() -> BlockingSink<D>) {
    says_the_same(&Target {
        writer: &|| Box::new(writer()),
        reader: &|| Box::new(reader()),
        survey: &|| reader().into_survey().map(|survey| -> Box<dyn Survey> { Box::new(survey) }),
    });
}

#[cfg(feature = "sqlite")]
mod sqlite {
    use keyferry_sqlx::{Access, BlockingSqliteSink};

    fn connect(path: &std::path::Path, access: Access) -> BlockingSqliteSink {
        BlockingSqliteSink::connect(path, access).unwrap()
    }

    #[test]
    fn of_sqlite() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("passkeys.db");
        super::check(&|| connect(&path, Access::Write), &|| connect(&path, Access::Read));
    }

    #[test]
    fn only_a_table_that_is_there_is_compared_so() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("passkeys.db");
        assert!(connect(&path, Access::Read).into_survey().is_none(), "no file");
        drop(connect(&path, Access::Write));
        assert!(connect(&path, Access::Read).into_survey().is_some());
    }
}

#[cfg(feature = "postgres")]
mod postgres {
    use keyferry_sqlx::{Access, BlockingSink, Dialect, TableMap, TableName, open_postgres};
    use keyferry_testkit::{
        databases::url,
        servers::{Kind, shared},
    };

    #[test]
    fn of_postgresql() {
        if shared(Kind::Postgres).is_none() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let address = format!("{}?sslmode=disable", url(Kind::Postgres, folder.path())).parse().unwrap();
        let connect = |access| {
            let map = TableMap::own(Dialect::Postgres, TableName::own());
            BlockingSink::open(|| open_postgres(&address, map, access)).unwrap()
        };
        super::check(&|| connect(Access::Write), &|| connect(Access::Read));
    }
}
