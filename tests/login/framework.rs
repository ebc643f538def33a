//! A framework's own tables: made by its own DDL, written through a table map, and judged by its own login.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::Command,
};

use keyferry_sql::{Dialect, TableMap};
use keyferry_testkit::Assertion;

use crate::{
    agreement::{self, Judge},
    cases::{self, Case, Promise},
    command::{self, Run},
    lies,
    rows::{Adapter, Database},
};

/// A framework, and the program that logs in through it.
pub(crate) struct Framework {
    /// The name of its table map, and of the folder of its DDL.
    pub(crate) map: &'static str,
    /// What runs the program, and what must be there so that it can.
    pub(crate) tool: (PathBuf, PathBuf),
    /// Makes the users, whom no export brings.
    pub(crate) make_users: fn(&Path, &Run, &Database, &BTreeSet<&str>),
    /// The program, but for its last argument.
    pub(crate) verifier: fn(&Path, &Database) -> Command,
    /// Whether it compares backup eligibility with the stored one.
    pub(crate) looks_at_eligibility: bool,
}

impl Framework {
    /// Sees to it that all who are promised log in and nobody else, from the tables of each kind of database.
    pub(crate) fn whoever_is_promised_logs_in(&self) {
        self.with_each(|source, promises, cannot_log_in, judge| {
            let logged_in = agreement::must_be_whole(source, promises, judge);
            assert_eq!(logged_in + cannot_log_in, u64::try_from(promises.len()).unwrap(), "{source}");
        });
    }

    /// Sees to it that no lie is believed.
    pub(crate) fn what_is_not_genuine_fails(&self) {
        self.with_each(|source, promises, _, judge| {
            lies::must_fail(source, promises, self.looks_at_eligibility, judge);
        });
    }

    fn with_each(&self, prove: impl Fn(&str, &[Promise], u64, &Judge<'_>)) {
        let Some(tool) = command::tool(&self.tool.0, &self.tool.1) else { return };
        let run = Run::new(&cases::export());
        let users = cases::all().iter().map(|case| case.row.external_user_id.as_str()).collect();
        for database in Database::each(&run) {
            let dialect = database.dialect();
            database.execute(&self.ddl(dialect));
            (self.make_users)(&tool, &run, &database, &users);
            let cannot_log_in = run.import_to(&database.target(), &["--table-map", self.map]);
            let map = TableMap::shipped(self.map, dialect).unwrap().unwrap();
            let promises = cases::promises(database.open(Adapter::Sqlx, map).profile());
            let judge = |logins: &[(&Case, Assertion)]| {
                command::verdicts(&mut (self.verifier)(&tool, &database), &run, logins)
            };
            prove(&format!("{} from {database}", self.map), &promises, cannot_log_in, &judge);
        }
    }

    fn ddl(&self, dialect: Dialect) -> String {
        let name = match dialect {
            Dialect::Sqlite => "sqlite",
            Dialect::Postgres => "postgres",
            Dialect::MySql => "mysql",
        };
        let file = command::repository().join(format!("fixtures/frameworks/{}/{name}.sql", self.map));
        std::fs::read_to_string(file).unwrap()
    }
}
