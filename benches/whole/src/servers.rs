//! The two database servers, started when they are first asked for.

use std::{cell::OnceCell, process::Command};

use anyhow::Context as _;
use keyferry_testkit::servers::{Kind, Server};

/// The name of our table.
pub(crate) const TABLE: &str = "webauthn_credentials";

/// Both servers.
#[derive(Default)]
pub(crate) struct Servers {
    postgres: OnceCell<Option<Server>>,
    mariadb: OnceCell<Option<Server>>,
}

impl Servers {
    /// PostgreSQL.
    pub(crate) fn postgres(&self) -> anyhow::Result<Database<'_>> {
        Database::of(&self.postgres, Kind::Postgres)
    }

    /// MariaDB.
    pub(crate) fn mariadb(&self) -> anyhow::Result<Database<'_>> {
        Database::of(&self.mariadb, Kind::MySql)
    }
}

/// A database of a server of our own.
#[derive(Clone, Copy)]
pub(crate) struct Database<'a> {
    kind: Kind,
    server: &'a Server,
}

impl<'a> Database<'a> {
    fn of(cell: &'a OnceCell<Option<Server>>, kind: Kind) -> anyhow::Result<Self> {
        let server = cell.get_or_init(|| Server::start(kind)).as_ref();
        let server = server.with_context(|| format!("no {} server is installed", kind.as_str()))?;
        let database = Self { kind, server };
        if kind == Kind::Postgres {
            // It would work beside whatever is measured, and take away the dead rows that are counted.
            database.sql("ALTER SYSTEM SET autovacuum = off; SELECT pg_reload_conf()")?;
        }
        Ok(database)
    }

    /// The address, in plain text for ours and the peer: encryption is not what is compared.
    pub(crate) fn url(&self) -> String {
        let plain = if self.kind == Kind::Postgres { "sslmode=disable" } else { "ssl-mode=DISABLED" };
        format!("{}?{plain}", self.server.url())
    }

    /// Runs statements and returns what they print.
    pub(crate) fn sql(&self, statements: &str) -> anyhow::Result<String> {
        self.server
            .sql(self.server.url(), statements)
            .map_err(|error| anyhow::anyhow!("{statements}: {error}"))
    }

    /// Counts the rows of a table.
    pub(crate) fn count(&self, table: &str) -> anyhow::Result<u64> {
        Ok(self.sql(&format!("SELECT count(*) FROM {table}"))?.parse()?)
    }

    /// Takes tables away, and writes down what an earlier run left in memory.
    pub(crate) fn drop(&self, tables: &[&str]) -> anyhow::Result<()> {
        for table in tables {
            self.sql(&format!("DROP TABLE IF EXISTS {table}"))?;
        }
        self.rest()
    }

    /// Lets the server come to rest.
    pub(crate) fn rest(&self) -> anyhow::Result<()> {
        if self.kind == Kind::Postgres {
            self.sql("CHECKPOINT")?;
        }
        crate::pairs::rest()
    }

    /// A value that follows from every row of our table, in whatever order they stand.
    pub(crate) fn digest(&self) -> anyhow::Result<String> {
        self.sql(&match self.kind {
            Kind::Postgres => format!("SELECT count(*), sum(hashtextextended(t::text, 0)) FROM {TABLE} AS t"),
            Kind::MySql => format!("CHECKSUM TABLE {TABLE}; SELECT count(*) FROM {TABLE}"),
        })
    }

    /// The client, with the address of this database.
    pub(crate) fn client(&self) -> Command {
        match self.kind {
            Kind::Postgres => {
                let mut psql = Command::new("psql");
                psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1"]).arg(self.url());
                psql
            }
            Kind::MySql => {
                let mut mariadb = Command::new("mariadb");
                mariadb.args(["--no-defaults", "--local-infile=1", "--skip-ssl", "--protocol=tcp"]);
                mariadb.args(["--default-character-set=utf8mb4", "--user=keyferry", "--database=keyferry"]);
                mariadb.arg(format!("--host={}", self.server.host()));
                mariadb.arg(format!("--port={}", self.server.port()));
                mariadb
            }
        }
    }
}
