//! Reaching a server: who is let in, over what, and what is said when it fails.

use std::{
    fs, io,
    net::{TcpListener, TcpStream},
    path::Path,
    process::Command,
    thread,
    time::Instant,
};

use keyferry_sql::{Class, DatabaseError, Dialect, Kind, ServerAddress, Value};
use keyferry_testkit::servers::{self, Kind as System, Server};

use crate::common::{cell, wait};

/// Stands for the password wherever one is asked for.
const CANARY: &str = "cAnArY";

/// Connects and, where a query is given, returns its answer.
async fn ask(url: &str, query: &str) -> Result<Value<'static>, DatabaseError> {
    let address: ServerAddress = url.parse().unwrap();
    Ok(match address.dialect() {
        #[cfg(feature = "postgres")]
        Dialect::Postgres => {
            cell(&mut keyferry_sqlx::connect_postgres(&address).await?, query, Kind::Text).await
        }
        #[cfg(feature = "mysql")]
        Dialect::MySql => cell(&mut keyferry_sqlx::connect_mysql(&address).await?, query, Kind::Text).await,
        other => panic!("no driver for {other:?}"),
    }
    .unwrap())
}

fn refused(url: &str) -> DatabaseError {
    let error = wait(ask(url, "SELECT 'in'")).unwrap_err();
    assert!(!error.message.contains(CANARY), "{error}");
    error
}

/// Makes a user with a password and returns the database's URL for it.
fn user(server: &Server, system: System, name: &str) -> String {
    let url = server.database();
    let database = url.rsplit('/').next().unwrap();
    let statements = match system {
        System::Postgres => format!("CREATE ROLE {name} LOGIN PASSWORD '{CANARY}'"),
        System::MySql => format!(
            "CREATE USER {name}@'%' IDENTIFIED BY '{CANARY}'; GRANT ALL ON {database}.* TO {name}@'%'"
        ),
    };
    server.sql(&url, &statements).unwrap();
    url.replace("keyferry@", &format!("{name}:{CANARY}@"))
}

fn systems() -> Vec<System> {
    let mut systems = Vec::new();
    if cfg!(feature = "postgres") {
        systems.push(System::Postgres);
    }
    if cfg!(feature = "mysql") {
        systems.push(System::MySql);
    }
    systems
}

#[test]
fn no_failure_shows_the_password() {
    for system in systems() {
        let Some(server) = servers::shared(system) else { continue };
        let url = user(server, system, "canary");
        assert_eq!(wait(ask(&url, "SELECT 'in'")), Ok(Value::text("in")));

        let error = refused(&url.replace("canary:cAnArY", "canary:cAnArY2"));
        assert_eq!(error.class, Class::Unreachable, "{error}");
        let error = refused(&url.replace("canary:cAnArY", "nobody:cAnArY"));
        assert_eq!(error.class, Class::Unreachable, "{error}");
        let (server_url, _) = url.rsplit_once('/').unwrap();
        let error = refused(&format!("{server_url}/not_there"));
        assert!(matches!(error.class, Class::Unreachable | Class::Denied), "{error}");
        let error = refused(&url.replace("127.0.0.1", "not-there.invalid"));
        assert_eq!(error.class, Class::Unreachable, "{error}");
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let error = refused(&url.replace(&server.port().to_string(), &port.to_string()));
        assert!(error.class == Class::Unreachable && error.message.contains("refused"), "{error}");
    }
}

#[test]
fn a_server_that_says_nothing_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    for system in systems() {
        let start = Instant::now();
        let scheme = system.as_str();
        let error = refused(&format!("{scheme}://u:{CANARY}@127.0.0.1:{port}/d?connect_timeout=1"));
        assert!(error.class == Class::Unreachable && error.message.contains("connect_timeout"), "{error}");
        assert!((1..5).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    }
}

/// Stands between a client and a server, under an address that the server's certificate does not name, for so many
/// connections; returns its port.
#[cfg(target_os = "linux")]
fn under_another_name(server_port: u16, connections: usize) -> u16 {
    let listener = TcpListener::bind("127.0.0.2:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for client in listener.incoming().take(connections) {
            let client = client.unwrap();
            let server = TcpStream::connect(("127.0.0.1", server_port)).unwrap();
            for (mut from, mut to) in [(&client, &server), (&server, &client)]
                .map(|(from, to)| (from.try_clone().unwrap(), to.try_clone().unwrap()))
            {
                thread::spawn(move || {
                    // Either side may leave as it likes.
                    let _ = io::copy(&mut from, &mut to);
                    let _ = to.shutdown(std::net::Shutdown::Both);
                });
            }
        }
    });
    port
}

#[test]
#[cfg(target_os = "linux")]
fn a_certificate_for_another_host_is_refused() {
    for system in systems() {
        let Some(server) = servers::shared(system) else { continue };
        let Some(root) = server.cert().map(|path| path.to_str().unwrap()) else { continue };
        let port = under_another_name(server.port(), 2);
        let url = user(server, system, "named")
            .replace(&format!("127.0.0.1:{}", server.port()), &format!("127.0.0.2:{port}"));
        let (any, this) = match system {
            System::Postgres => ("sslmode=verify-ca&sslrootcert", "sslmode=verify-full&sslrootcert"),
            System::MySql => ("ssl-mode=VERIFY_CA&ssl-ca", "ssl-mode=VERIFY_IDENTITY&ssl-ca"),
        };
        assert_eq!(wait(ask(&format!("{url}?{any}={root}"), "SELECT 'in'")), Ok(Value::text("in")));
        let error = refused(&format!("{url}?{this}={root}"));
        assert!(error.class == Class::Unreachable && error.message.contains("not valid for name"), "{error}");
    }
}

/// Makes an authority that signed nothing.
fn another_authority(folder: &Path) -> String {
    let path = folder.join("other.pem");
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]);
    openssl.args(["-days", "1", "-subj", "/CN=another authority", "-keyout", "/dev/null", "-out"]).arg(&path);
    assert!(openssl.output().unwrap().status.success());
    path.to_str().unwrap().to_owned()
}

#[test]
fn tls_is_used_and_checked() {
    let folder = tempfile::tempdir().unwrap();
    for system in systems() {
        let Some(server) = servers::shared(system) else { continue };
        let Some(root) = server.cert().map(|path| path.to_str().unwrap()) else {
            eprintln!("SKIPPED: openssl is not installed");
            return;
        };
        let other = another_authority(folder.path());
        let url = user(server, system, "tls");
        let (mode, ca, modes, encrypted) = match system {
            System::Postgres => (
                "sslmode",
                "sslrootcert",
                ["disable", "prefer", "require", "verify-ca", "verify-full"],
                "SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
            ),
            System::MySql => (
                "ssl-mode",
                "ssl-ca",
                ["DISABLED", "PREFERRED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"],
                "SELECT variable_value FROM information_schema.session_status WHERE variable_name = 'Ssl_version'",
            ),
        };
        let is_encrypted = |parameters: &str, host: &str| {
            let url = url.replace("127.0.0.1", host);
            match wait(ask(&format!("{url}?{parameters}"), encrypted)) {
                Ok(Value::Text(version)) => version.starts_with("TLSv1"),
                other => {
                    assert_eq!(other, Ok(Value::Null(Kind::Text)), "{parameters}");
                    false
                }
            }
        };
        // In the order of `modes`; nothing said is `prefer`.
        assert!(is_encrypted("", "127.0.0.1"));
        assert!(!is_encrypted(&format!("{mode}={}", modes[0]), "127.0.0.1"));
        for plain in &modes[1..3] {
            assert!(is_encrypted(&format!("{mode}={plain}"), "127.0.0.1"), "{plain}");
        }
        for host in ["127.0.0.1", "localhost"] {
            for checked in &modes[1..] {
                assert!(is_encrypted(&format!("{mode}={checked}&{ca}={root}"), host), "{checked}");
            }
            assert!(is_encrypted(&format!("{ca}={root}"), host));
        }

        // The wrong authority, and the system's ones, which know nothing of it.
        for parameters in [
            format!("{ca}={other}"),
            format!("{mode}={}&{ca}={other}", modes[2]),
            format!("{mode}={}&{ca}={other}", modes[4]),
            format!("{mode}={}", modes[3]),
            format!("{mode}={}", modes[4]),
        ] {
            let error = refused(&format!("{url}?{parameters}"));
            assert_eq!(error.class, Class::Unreachable, "{error}");
            assert!(error.message.contains("is not trusted") && error.message.contains(ca), "{error}");
        }
        // Files that are none.
        let text = folder.path().join("text.pem");
        fs::write(&text, "no certificate").unwrap();
        for path in [text.to_str().unwrap(), "/not/there.pem"] {
            let error = refused(&format!("{url}?{mode}={}&{ca}={path}", modes[4]));
            assert_eq!(error.class, Class::Unreachable, "{error}");
        }
    }
}
