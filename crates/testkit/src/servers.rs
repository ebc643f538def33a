//! Real database servers for tests: `scripts/database` starts them, a [`Server`] holds on to one.
//!
//! A test takes a database of its own from the server that its process [shares](shared); one that kills its server
//! starts its own.
//!
//! ```no_run
//! use keyferry_testkit::servers::{self, Kind};
//!
//! let Some(server) = servers::shared(Kind::Postgres) else { return };
//! let url = server.database();
//! server.sql(&url, "CREATE TABLE passkeys (id bytea PRIMARY KEY)").expect("a table");
//! ```
//!
//! Where no server is installed there is none to test with: the test is left out, and says so. With `CI=true` that is a
//! failure.

#![allow(clippy::expect_used, reason = "a test helper: a failure is a failed test")]

use std::collections::HashMap;
use std::env;
use std::io::{BufRead, BufReader, Seek, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How the script says that no server is installed.
const NOT_INSTALLED: i32 = 3;

/// A database system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// PostgreSQL.
    Postgres,
    /// MariaDB.
    MySql,
}

impl Kind {
    /// Returns the scheme of its URLs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::MySql => "mysql",
        }
    }
}

/// A running server of this test's own, which is gone, with its folder, when this value is dropped.
#[derive(Debug)]
pub struct Server {
    kind: Kind,
    running: Running,
    killed: AtomicBool,
    /// In the order of their starts; the first one made the folder.
    keepers: Vec<Keeper>,
}

/// Returns the server that all tests of this process share, or `None` where none is installed.
///
/// It ends with the process. Nobody may [kill](Server::kill) it, and each test takes a [database](Server::database) of
/// its own.
///
/// # Panics
/// - as [`Server::start`].
pub fn shared(kind: Kind) -> Option<&'static Server> {
    static POSTGRES: OnceLock<Option<Server>> = OnceLock::new();
    static MY_SQL: OnceLock<Option<Server>> = OnceLock::new();
    let server = match kind {
        Kind::Postgres => &POSTGRES,
        Kind::MySql => &MY_SQL,
    };
    server.get_or_init(|| Server::start(kind)).as_ref()
}

impl Server {
    /// Starts a server in a temporary folder, or returns `None` where none is installed.
    ///
    /// # Panics
    /// - the server does not start, or `CI` is `true` and none is installed.
    #[must_use]
    pub fn start(kind: Kind) -> Option<Self> {
        match Keeper::start(kind, None) {
            Ok((keeper, running)) => {
                Some(Self { kind, running, killed: AtomicBool::new(false), keepers: vec![keeper] })
            }
            Err(output) => {
                let reason = String::from_utf8_lossy(&output.stderr).trim().to_owned();
                let may_skip = env::var("CI").as_deref() != Ok("true");
                assert!(output.status.code() == Some(NOT_INSTALLED) && may_skip, "{reason}");
                report(&format!("SKIPPED: {reason}"));
                None
            }
        }
    }

    /// Returns the URL of a database for the role `keyferry`, which may do everything.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.running.url
    }

    /// Returns the address it listens on.
    #[must_use]
    pub const fn host(&self) -> &'static str {
        "127.0.0.1"
    }

    /// Returns the port it listens on; it stays the same after a [restart](Self::restart).
    #[must_use]
    pub fn port(&self) -> u16 {
        self.running.port
    }

    /// Returns the file of its Unix socket. PostgreSQL's clients ask for the folder of it, which is
    /// [`folder`](Self::folder).
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.running.socket
    }

    /// Returns the folder that holds everything of the server.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.running.folder
    }

    /// Returns the certificate of the authority that signed the server's, or `None` if it speaks no TLS because openssl
    /// is not installed.
    #[must_use]
    pub fn cert(&self) -> Option<&Path> {
        self.running.cert.as_deref()
    }

    /// Returns the number of the server's process.
    #[must_use]
    pub fn process_id(&self) -> u32 {
        self.running.process_id
    }

    /// Kills the server as a power cut would, and returns when it is gone. A second call does nothing.
    ///
    /// # Panics
    /// - it is still there after ten seconds.
    pub fn kill(&self) {
        if self.killed.swap(true, Ordering::SeqCst) {
            return;
        }
        assert!(signal("-KILL", self.process_id()), "the server was gone before it was killed");
        let start = Instant::now();
        while signal("-0", self.process_id()) {
            assert!(start.elapsed() < Duration::from_secs(10), "the server does not die");
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Starts the server again on its data and its port; one that still runs is [killed](Self::kill) first.
    ///
    /// # Panics
    /// - the server does not start.
    pub fn restart(&mut self) {
        self.kill();
        let (keeper, running) = Keeper::start(self.kind, Some(self.folder())).unwrap_or_else(|output| {
            panic!("no second start: {}", String::from_utf8_lossy(&output.stderr));
        });
        self.keepers.push(keeper);
        self.running = running;
        self.killed = AtomicBool::new(false);
    }

    /// Makes an empty database and returns its URL for the role `keyferry`.
    ///
    /// # Panics
    /// - the server does not answer.
    #[must_use]
    pub fn database(&self) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let name = format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        self.sql(self.url(), &format!("CREATE DATABASE {name}")).expect("a database of its own");
        let address = self.url().trim_end_matches("keyferry");
        format!("{address}{name}")
    }

    /// Runs statements in the command-line client of the system and returns what it printed: a line for each row, without
    /// a header. PostgreSQL's separates columns with `|`, MariaDB's with a tab.
    ///
    /// For MariaDB the user and the password stand in the URL as they are, not percent-encoded, and its parameters are
    /// ignored.
    ///
    /// # Errors
    /// What the client printed on standard error, if it stopped at a statement or could not log in.
    ///
    /// # Panics
    /// - the client cannot be run.
    pub fn sql(&self, database_url: &str, text: &str) -> Result<String, String> {
        // As a file: a pipe could fill up in both directions.
        let mut input = tempfile::tempfile().expect("a temporary file");
        input.write_all(text.as_bytes()).expect("the statements in a file");
        input.rewind().expect("the start of the file");

        let mut client = Command::new(&self.running.client);
        for (name, _) in env::vars_os() {
            let name_text = name.to_string_lossy();
            if ["PG", "MYSQL", "MARIADB"].iter().any(|prefix| name_text.starts_with(prefix)) {
                client.env_remove(&name);
            }
        }
        match self.kind {
            Kind::Postgres => {
                client.args(["-XqwAt", "-v", "ON_ERROR_STOP=1", "-f", "-", "-d", database_url]);
                client.env("PGCLIENTENCODING", "UTF8");
            }
            Kind::MySql => {
                client.args(["--no-defaults", "--batch", "--skip-column-names", "--local-infile=1"]);
                client.args(["--protocol=tcp", "--default-character-set=utf8mb4"]);
                client.args(self.cert().map(|cert| format!("--ssl-ca={}", cert.display())));
                client.args(mysql_arguments(database_url).expect("mysql://user:password@host:port/database"));
            }
        }
        let output = client.stdin(input).output().expect("the client of the database");
        let [out, err] =
            [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).trim_end().to_owned());
        if output.status.success() { Ok(out) } else { Err(err) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        while let Some(keeper) = self.keepers.pop() {
            keeper.end();
        }
    }
}

/// What the script says of a server.
#[derive(Debug)]
struct Running {
    url: String,
    port: u16,
    process_id: u32,
    socket: PathBuf,
    folder: PathBuf,
    client: PathBuf,
    cert: Option<PathBuf>,
}

impl Running {
    fn parse(url: &str, pairs: &str) -> Option<Self> {
        let pairs: HashMap<_, _> = pairs.split_whitespace().filter_map(|pair| pair.split_once('=')).collect();
        let path = |key| pairs.get(key).map(PathBuf::from);
        Some(Self {
            url: url.trim_end().to_owned(),
            port: url.rsplit_once(':')?.1.split_once('/')?.0.parse().ok()?,
            process_id: pairs.get("pid")?.parse().ok()?,
            socket: path("socket")?,
            folder: path("folder")?,
            client: path("client")?,
            cert: path("cert").filter(|path| !path.as_os_str().is_empty()),
        })
    }
}

/// The script, which waits for the end of its input; that also comes when this process dies in any way.
#[derive(Debug)]
struct Keeper {
    script: Child,
    input: ChildStdin,
}

impl Keeper {
    fn start(kind: Kind, folder: Option<&Path>) -> Result<(Self, Running), Output> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/database");
        let mut script = Command::new(path)
            .arg(kind.as_str())
            .args(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("scripts/database can be run");
        let input = script.stdin.take().expect("a piped input");
        let mut output = BufReader::new(script.stdout.take().expect("a piped output"));
        let [mut url, mut pairs] = [String::new(), String::new()];
        for line in [&mut url, &mut pairs] {
            output.read_line(line).expect("text from scripts/database");
        }
        match Running::parse(&url, &pairs) {
            Some(running) => Ok((Self { script, input }, running)),
            None => {
                drop(input);
                Err(script.wait_with_output().expect("an end of scripts/database"))
            }
        }
    }

    fn end(self) {
        let Self { mut script, input } = self;
        drop(input);
        // A panic here could hide the one of a failed test.
        if !script.wait().is_ok_and(|status| status.success()) {
            report("scripts/database did not end well");
        }
    }
}

/// What a client of MariaDB, which takes no URL, is told instead.
fn mysql_arguments(url: &str) -> Option<Vec<String>> {
    let (login, place) = url.strip_prefix("mysql://")?.rsplit_once('@')?;
    let (user, password) = match login.split_once(':') {
        Some((user, password)) => (user, Some(password)),
        None => (login, None),
    };
    let (address, database) = place.split_once('/')?;
    let (host, port) = address.split_once(':')?;
    let database = database.split('?').next()?;
    let mut arguments = vec![
        format!("--host={host}"),
        format!("--port={port}"),
        format!("--user={user}"),
        database.to_owned(),
    ];
    arguments.extend(password.map(|password| format!("--password={password}")));
    Some(arguments)
}

/// Sends a signal through the `kill` command and returns whether there is such a process.
fn signal(name: &str, process_id: u32) -> bool {
    let output = Command::new("kill").args([name, &process_id.to_string()]).output();
    output.expect("the command kill").status.success()
}

/// Past the test harness, which would show it only for a test that failed.
fn report(line: &str) {
    // Nobody is left to tell if standard error is closed.
    let _ = writeln!(std::io::stderr(), "{line}");
}
