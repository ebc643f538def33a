//! A database of a test's own on a real server, and a folder in which the command runs.

use std::{
    ops::Deref,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use keyferry_sql::{COLUMNS, Dialect, schema};
use keyferry_testkit::servers::{Kind, Server, shared};

use crate::support::{Folder, Outcome};

/// The longest that anything is waited for; nothing here takes a tenth of it.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server that all tests share, or one that a test may kill.
pub(crate) enum Held {
    Shared(&'static Server),
    Own(Server),
}

impl Deref for Held {
    type Target = Server;

    fn deref(&self) -> &Server {
        match self {
            Self::Shared(server) => server,
            Self::Own(server) => server,
        }
    }
}

pub(crate) struct Site {
    pub(crate) kind: Kind,
    pub(crate) server: Held,
    /// The URL of the database for the role that may do everything.
    pub(crate) url: String,
    pub(crate) folder: Folder,
}

impl Site {
    /// An empty database on the shared server; `None` where none is installed.
    pub(crate) fn new(kind: Kind) -> Option<Self> {
        Some(Self::on(kind, Held::Shared(shared(kind)?)))
    }

    /// An empty database on a server of its own.
    pub(crate) fn alone(kind: Kind) -> Option<Self> {
        Some(Self::on(kind, Held::Own(Server::start(kind)?)))
    }

    fn on(kind: Kind, server: Held) -> Self {
        let url = server.database();
        Self { kind, server, url, folder: Folder::new() }
    }

    /// The same with an export in the folder.
    pub(crate) fn with(kind: Kind, export: impl AsRef<[u8]>) -> Option<Self> {
        let site = Self::new(kind)?;
        site.folder.write("export.csv", export);
        Some(site)
    }

    pub(crate) fn dialect(&self) -> Dialect {
        match self.kind {
            Kind::Postgres => Dialect::Postgres,
            Kind::MySql => Dialect::MySql,
        }
    }

    pub(crate) fn is_postgres(&self) -> bool {
        self.kind == Kind::Postgres
    }

    /// The name of the database.
    pub(crate) fn database(&self) -> &str {
        self.url.rsplit('/').next().unwrap()
    }

    /// The URL for another role, with whatever stands in it before the `@`.
    pub(crate) fn url_as(&self, login: &str) -> String {
        let (scheme, rest) = self.url.split_once("://").unwrap();
        format!("{scheme}://{login}@{}", rest.split_once('@').unwrap().1)
    }

    /// Runs statements that must go well.
    pub(crate) fn sql(&self, statements: &str) -> String {
        self.server.sql(&self.url, statements).unwrap_or_else(|error| panic!("{error}\n{statements}"))
    }

    /// The one number that a query answers.
    pub(crate) fn number(&self, query: &str) -> u64 {
        self.sql(query).parse().unwrap_or_else(|error| panic!("{error}: {query}"))
    }

    /// Makes our table, as an operator would by `keyferry schema`.
    pub(crate) fn make_table(&self) {
        self.sql(&schema(self.dialect()));
    }

    pub(crate) fn carry(&self, verb: &str, export: &str, more: &str) -> Outcome {
        self.folder.carry(verb, export, &self.url, more)
    }

    /// Imports `export.csv` and demands that every row was taken.
    pub(crate) fn import(&self) -> Outcome {
        self.folder.import("export.csv", &self.url)
    }

    /// An import that has the lock and waits for its export on standard input.
    pub(crate) fn waiting(&self, command: &mut Command, url: &str, more: &str) -> Child {
        let args = format!("import - --rp-id example.com --to {url} --json {more}");
        let mut child = command.args(args.split_whitespace()).stdin(Stdio::piped()).spawn().unwrap();
        let key = self.lock_key(more);
        until(|| {
            assert!(child.try_wait().unwrap().is_none(), "it ended without its export");
            self.number(&key) == 1
        });
        child
    }

    /// A query that answers 1 while an import into the table holds its lock.
    fn lock_key(&self, more: &str) -> String {
        let table = more.split_whitespace().last().unwrap_or("webauthn_credentials");
        match self.kind {
            Kind::Postgres => format!(
                "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database \
                 WHERE l.locktype = 'advisory' AND d.datname = current_database() AND l.classid::int8 = \
                 (('x' || substr(encode(sha256('keyferry {table}'), 'hex'), 1, 8))::bit(32)::int8)"
            ),
            Kind::MySql => format!(
                "SELECT IS_USED_LOCK(concat('keyferry ', left(sha2('keyferry {}.{table}', 256), 32))) IS NOT NULL",
                self.database()
            ),
        }
    }

    /// Waits until no import holds the lock of our table: a server takes a moment to notice that one was killed.
    pub(crate) fn until_free(&self) {
        let key = self.lock_key("");
        until(|| self.number(&key) == 0);
    }

    /// How many rows our table has; none where there is no table.
    pub(crate) fn rows(&self) -> usize {
        let counted = self.server.sql(&self.url, "SELECT count(*) FROM webauthn_credentials");
        counted.map_or(0, |count| count.parse().unwrap())
    }

    /// Everything in our table, a line for each row, in the order of the IDs: texts that differ when a byte differs.
    pub(crate) fn dump(&self) -> String {
        self.dump_of("webauthn_credentials", "true")
    }

    pub(crate) fn dump_of(&self, table: &str, condition: &str) -> String {
        let columns: Vec<_> = COLUMNS
            .iter()
            .map(|column| match self.kind {
                Kind::Postgres => format!("coalesce({}::text, 'NULL')", column.name),
                Kind::MySql => format!("coalesce(hex({}), 'NULL')", column.name),
            })
            .collect();
        let columns = columns.join(", ");
        self.sql(&format!(
            "SELECT concat_ws(';', {columns}) FROM {table} WHERE {condition} ORDER BY credential_id"
        ))
    }

    /// The indexes of our table and what is noted at it (PostgreSQL, where they may be made after the rows).
    pub(crate) fn indexes(&self) -> String {
        match self.kind {
            Kind::Postgres => self.sql(
                "SELECT indexdef FROM pg_indexes WHERE tablename = 'webauthn_credentials' UNION ALL \
                 SELECT 'note: ' || obj_description('webauthn_credentials'::regclass, 'pg_class') ORDER BY 1",
            ),
            Kind::MySql => String::new(),
        }
    }

    /// The names of everything in the database.
    pub(crate) fn catalogue(&self) -> String {
        self.sql(match self.kind {
            Kind::Postgres => {
                "SELECT n.nspname, c.relname, c.relkind FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
                 WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' ORDER BY 1, 2"
            }
            Kind::MySql => {
                "SELECT table_name, engine, create_options FROM information_schema.tables \
                 WHERE table_schema = database() ORDER BY 1"
            }
        })
    }
}

/// What a role may do with our table and the record of its version.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rights {
    /// All, also with the database.
    Everything,
    Read,
    /// What an import does.
    Write,
}

impl Site {
    /// Makes a role that needs a password, and returns its name and its URL with the password in it.
    pub(crate) fn role(&self, password: &str, rights: Rights) -> (String, String) {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let role = format!("role_{}_{}", self.database(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let database = self.database();
        let granted = match rights {
            Rights::Everything => "",
            Rights::Read => "SELECT",
            Rights::Write => "SELECT, INSERT, UPDATE",
        };
        let tables = ["webauthn_credentials", "keyferry_schema"];
        self.sql(&match (self.kind, rights) {
            (Kind::Postgres, Rights::Everything) => format!("CREATE ROLE {role} SUPERUSER LOGIN PASSWORD '{password}'"),
            (Kind::Postgres, _) => format!(
                "CREATE ROLE {role} LOGIN PASSWORD '{password}'; GRANT {granted} ON {} TO {role}; \
                 GRANT SELECT ON {} TO {role}",
                tables[0], tables[1]
            ),
            (Kind::MySql, Rights::Everything) => format!(
                "CREATE USER {role} IDENTIFIED BY '{password}'; GRANT ALL PRIVILEGES ON {database}.* TO {role}"
            ),
            (Kind::MySql, _) => format!(
                "CREATE USER {role} IDENTIFIED BY '{password}'; GRANT {granted} ON {database}.{} TO {role}; \
                 GRANT SELECT ON {database}.{} TO {role}",
                tables[0], tables[1]
            ),
        });
        let url = self.url_as(&format!("{role}:{}", encoded(password)));
        (role, url)
    }

    /// Holds what these statements lock, in a transaction of another session, while something is done.
    ///
    /// It ends when the server is killed, or by itself after a minute.
    pub(crate) fn while_held<T>(&self, statements: &str, work: impl FnOnce() -> T) -> T {
        let (sleep, sleeping) = match self.kind {
            Kind::Postgres => (
                "SELECT pg_sleep(55)",
                "SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()",
            ),
            Kind::MySql => (
                "SELECT sleep(55)",
                "SELECT id FROM information_schema.processlist WHERE state = 'User sleep' AND db = database()",
            ),
        };
        thread::scope(|scope| {
            scope.spawn(|| self.server.sql(&self.url, &format!("BEGIN; {statements}; {sleep}; ROLLBACK")));
            let mut session = String::new();
            until(|| {
                session = self.sql(sleeping);
                !session.is_empty()
            });
            let done = work();
            // A server that was killed has no session to end.
            let _ = match self.kind {
                Kind::Postgres => {
                    self.server.sql(&self.url, &format!("SELECT pg_terminate_backend({session})"))
                }
                Kind::MySql => self.server.sql(&self.url, &format!("KILL {session}")),
            };
            done
        })
    }
}

/// A user or a password as a URL has it.
pub(crate) fn encoded(text: &str) -> String {
    let encode = |byte: u8| match byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_' {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

/// Waits until something is so.
pub(crate) fn until(mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "it never came about");
        thread::sleep(Duration::from_millis(3));
    }
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
