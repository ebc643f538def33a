//! The servers that other tests lean on: they are real, apart from each other, can be killed, and leave nothing behind.

#![allow(clippy::unwrap_used, reason = "the helpers here are part of the tests")]

use std::process::{Command, Stdio};

use keyferry_testkit::servers::{Kind, Server, shared};

fn exists(process_id: u32) -> bool {
    Command::new("kill")
        .args(["-0", &process_id.to_string()])
        .stderr(Stdio::null())
        .status()
        .unwrap()
        .success()
}

/// The same server under another user, with or without a password.
fn url_of(server: &Server, login: &str) -> String {
    server.url().replace("keyferry@", &format!("{login}@"))
}

fn each_test_has_a_database_of_its_own(kind: Kind) {
    let Some(server) = shared(kind) else { return };
    let [one, other] = [server.database(), server.database()];
    assert_ne!(one, other);
    server.sql(&one, "CREATE TABLE t (word varchar(9)); INSERT INTO t VALUES ('Ä€😀'), ('b')").unwrap();
    assert_eq!(server.sql(&one, "SELECT word FROM t ORDER BY char_length(word) DESC").unwrap(), "Ä€😀\nb");
    let error = server.sql(&other, "SELECT word FROM t").unwrap_err();
    assert!(error.contains("exist"), "{error}");
    assert!(std::ptr::eq(server, shared(kind).unwrap()));
}

fn a_password_is_asked_for(kind: Kind, create: &str, refusal: &str) {
    let Some(server) = shared(kind) else { return };
    server.sql(server.url(), create).unwrap();
    for login in ["app", "app:wrong"] {
        let error = server.sql(&url_of(server, login), "SELECT 1").unwrap_err();
        assert!(error.contains(refusal) || login == "app" && error.contains("no password"), "{error}");
    }
    assert_eq!(server.sql(&url_of(server, "app:s3cret"), "SELECT 1").unwrap(), "1");
}

fn a_killed_server_keeps_what_was_committed_and_then_leaves_nothing(kind: Kind) {
    let Some(mut server) = Server::start(kind) else { return };
    let (port, first_process) = (server.port(), server.process_id());
    let url = server.database();
    server.sql(&url, "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (7)").unwrap();

    server.kill();
    assert!(!exists(first_process));
    assert!(server.sql(&url, "SELECT id FROM t").is_err());
    server.kill();

    for _ in 0..2 {
        server.restart();
        assert_eq!(server.port(), port);
        assert_ne!(server.process_id(), first_process);
        assert_eq!(server.sql(&url, "SELECT id FROM t").unwrap(), "7");
    }

    let (folder, process) = (server.folder().to_owned(), server.process_id());
    assert!(exists(process) && folder.exists() && server.socket().exists());
    drop(server);
    assert!(!exists(process) && !folder.exists());
}

/// The death of a test process closes the script's input at any moment, here before the server is up.
fn a_server_nobody_holds_goes(kind: Kind) {
    let Some(server) = shared(kind) else { return };
    let temporary = tempfile::tempdir().unwrap();
    // The server runs as another user if the test runs as root.
    assert!(Command::new("chmod").arg("755").arg(temporary.path()).status().unwrap().success());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/database");
    let orphan = Command::new(script)
        .arg(kind.as_str())
        .env("TMPDIR", temporary.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let printed = String::from_utf8(orphan.stdout).unwrap();
    assert!(orphan.status.success(), "{}", String::from_utf8_lossy(&orphan.stderr));
    let folder = printed.split_whitespace().find_map(|pair| pair.strip_prefix("folder=")).unwrap();
    let process = printed.split_whitespace().find_map(|pair| pair.strip_prefix("pid=")).unwrap();
    assert!(folder.contains(temporary.path().file_name().unwrap().to_str().unwrap()), "{folder}");
    assert!(!exists(process.parse().unwrap()));
    assert_eq!(temporary.path().read_dir().unwrap().count(), 0);
    assert!(exists(server.process_id()), "only the orphan's server goes");
}

mod postgres {
    use super::{Kind::Postgres, *};

    #[test]
    fn each_test_has_a_database_of_its_own() {
        super::each_test_has_a_database_of_its_own(Postgres);
    }

    #[test]
    fn a_password_is_asked_for() {
        let create = "CREATE ROLE app LOGIN PASSWORD 's3cret'";
        super::a_password_is_asked_for(Postgres, create, "password authentication failed");
    }

    #[test]
    fn a_killed_server_keeps_what_was_committed_and_then_leaves_nothing() {
        super::a_killed_server_keeps_what_was_committed_and_then_leaves_nothing(Postgres);
    }

    #[test]
    fn a_server_nobody_holds_goes() {
        super::a_server_nobody_holds_goes(Postgres);
    }

    #[test]
    fn the_certificate_is_the_servers() {
        let Some(server) = shared(Postgres) else { return };
        let Some(cert) = server.cert() else { return };
        let url = |cert: &str| format!("{}?sslmode=verify-full&sslrootcert={cert}", server.url());
        let question = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
        assert_eq!(server.sql(&url(&cert.display().to_string()), question).unwrap(), "t");
        server.sql(&url("/nonexistent"), question).unwrap_err();
    }
}

mod mysql {
    use super::{Kind::MySql, *};

    #[test]
    fn each_test_has_a_database_of_its_own() {
        super::each_test_has_a_database_of_its_own(MySql);
    }

    #[test]
    fn a_password_is_asked_for() {
        let create = "CREATE USER app@'%' IDENTIFIED BY 's3cret'; GRANT ALL ON keyferry.* TO app@'%'";
        super::a_password_is_asked_for(MySql, create, "Access denied");
    }

    #[test]
    fn a_killed_server_keeps_what_was_committed_and_then_leaves_nothing() {
        super::a_killed_server_keeps_what_was_committed_and_then_leaves_nothing(MySql);
    }

    #[test]
    fn a_server_nobody_holds_goes() {
        super::a_server_nobody_holds_goes(MySql);
    }

    #[test]
    fn it_speaks_tls_and_loads_files() {
        let Some(server) = shared(MySql) else { return };
        if server.cert().is_some() {
            let user =
                "CREATE USER tls@'%' IDENTIFIED BY 'x' REQUIRE SSL; GRANT ALL ON keyferry.* TO tls@'%'";
            server.sql(server.url(), user).unwrap();
            server.sql(&url_of(server, "tls:x"), "SELECT 1").unwrap();
        }
        assert_eq!(
            server.sql(server.url(), "SELECT @@local_infile, @@character_set_server").unwrap(),
            "1\tutf8mb4"
        );
    }
}
