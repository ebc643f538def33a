use std::{ffi::OsString, fs, path::Path};

use super::*;

/// Stands for a password wherever one could be.
const CANARY: &str = "cAnArY";

fn parse(text: &str) -> ServerAddress {
    text.parse().unwrap()
}

fn refused(text: &str) -> String {
    let message = text.parse::<ServerAddress>().unwrap_err().to_string();
    assert!(!message.contains(CANARY), "{message}");
    message
}

#[test]
fn an_address_has_its_parts() {
    let address = parse("postgresql://al%40ice:p%23ss@[::1]:6000/my%20db?connect_timeout=3&sslmode=disable");
    assert_eq!(address.dialect(), Dialect::Postgres);
    assert_eq!(address.user(), Some("al@ice"));
    assert_eq!(address.password().map(Secret::expose), Some("p#ss"));
    assert_eq!((address.host(), address.port()), (Some("::1"), 6000));
    assert_eq!(address.database(), "my db");
    assert_eq!(address.tls().mode(), TlsMode::Disable);
    assert_eq!(address.connect_timeout(), Duration::from_secs(3));
    assert_eq!(address.to_string(), "postgres://al@ice@[::1]:6000/my db");

    let address = parse("mariadb://db.example/app?ssl_ca=/a+b/ca.pem");
    assert_eq!((address.dialect(), address.port()), (Dialect::MySql, 3306));
    assert_eq!(address.tls().root(), Some(Path::new("/a+b/ca.pem")));
    assert_eq!(address.to_string(), "mysql://db.example/app");
    assert_eq!((address.user(), address.has_password()), (None, false));
    assert_eq!(address.connect_timeout(), Duration::from_secs(10));
}

#[test]
fn a_socket_stands_for_the_host() {
    for text in [
        "postgres://alice@/app?host=/run/postgresql",
        "postgres:///app?host=/run/postgresql",
        "postgres://%2Frun%2Fpostgresql/app",
        "postgres://localhost/app?host=%2Frun%2Fpostgresql",
    ] {
        let address = parse(text);
        assert_eq!(address.socket(), Some(Path::new("/run/postgresql")), "{text}");
        assert_eq!(address.without_password(), text);
        assert!(address.to_string().ends_with("%2Frun%2Fpostgresql/app"), "{address}");
    }
    for text in ["mysql://alice@/app?socket=/run/m.sock", "mysql:///app?unix_socket=/run/m.sock"] {
        assert_eq!(parse(text).socket(), Some(Path::new("/run/m.sock")), "{text}");
    }
}

#[test]
fn the_password_is_never_shown() {
    let text = "postgres://alice:cAnArY@db.example:6000/app?sslmode=require";
    let address = parse(text);
    assert!(address.has_password());
    assert_eq!(address.without_password(), "postgres://alice@db.example:6000/app?sslmode=require");
    assert_eq!(parse(&address.without_password()).user(), Some("alice"));
    assert_eq!(address.to_string(), "postgres://alice@db.example:6000/app");
    let password = address.password().unwrap();
    assert_eq!(format!("{password} {password:?}"), "*** ***");
    assert!(!format!("{address:?} {address:#?}").contains(CANARY));

    assert_eq!(parse("mysql://al%40ice:c@h/d").without_password(), "mysql://al%40ice@h/d");
    assert_eq!(parse("mysql://:cAnArY@h/d").without_password(), "mysql://h/d");
}

#[test]
fn a_wrong_address_is_refused_without_showing_it() {
    for (text, expected) in [
        ("cAnArY", "begins with neither"),
        ("sqlite://cAnArY", "begins with neither"),
        ("postgres://h", "names no database"),
        ("postgres://u:cAnArY@h/", "names no database"),
        ("postgres://u:cAnArY@h:x/d", "not a URL"),
        ("postgres://u:cAnArY@h/d\n", "a space or a control character"),
        // Passwords with something unescaped in them.
        ("postgres://u:1/cAnArY@h/d", "a / or @ in it"),
        ("postgres://u:1#cAnArY@h/d", "a # in it"),
        ("postgres://u:x#cAnArY@h/d", "not a URL"),
        ("postgres://u:1?cAnArY@h/d", "names no database"),
        ("postgres://u:1/x?cAnArY@h/d", "unknown parameter; write"),
        ("postgres://u:%c@h/d", "a % that stands for no character"),
        ("postgres://u%00:cAnArY@h/d", "a % that stands for no character"),
        ("postgres://u@h,i/d", "several hosts"),
        // Parameters.
        ("postgres://u@h/d?ssl_mode=require", "unknown parameter, ssl_mode"),
        ("postgres://u@h/d?password=cAnArY", "password is not taken"),
        ("postgres://u@h/d?sslpassword=cAnArY", "sslpassword is not taken"),
        ("postgres://u@h/d?sslmode=cAnArY", "sslmode is none of"),
        ("mysql://u@h/d?sslmode=require", "unknown parameter, sslmode"),
        ("mysql://u@h/d?ssl-mode=cAnArY", "ssl-mode is none of"),
        ("mysql://u@h/d?connect_timeout=cAnArY", "connect_timeout is not"),
    ] {
        let message = refused(text);
        assert!(message.contains(expected), "{text}: {message}");
    }
}

#[test]
fn a_given_authority_is_always_checked() {
    let mode = |text: &str| parse(text).tls().mode();
    assert_eq!(mode("postgres://h/d"), TlsMode::Prefer);
    assert_eq!(mode("postgres://h/d?sslrootcert=/ca"), TlsMode::VerifyCa);
    assert_eq!(mode("postgres://h/d?sslrootcert=/ca&sslmode=require"), TlsMode::VerifyCa);
    assert_eq!(mode("postgres://h/d?sslrootcert=/ca&sslmode=verify-full"), TlsMode::VerifyFull);
    assert_eq!(mode("postgres://h/d?sslrootcert=system&sslmode=require"), TlsMode::VerifyFull);
    assert_eq!(mode("mysql://h/d?ssl-ca=/ca"), TlsMode::VerifyCa);
    assert_eq!(mode("mysql://h/d?ssl-mode=verify_identity"), TlsMode::VerifyFull);
}

/// Fills in an address from these variables.
fn filled_in(text: &str, variables: &[(&str, &str)]) -> (ServerAddress, Vec<String>) {
    let find = |name: &str| {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| OsString::from(value))
    };
    parse(text).with_client_settings(&find).unwrap()
}

fn write(path: &Path, text: &str, mode: u32) {
    fs::write(path, text).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
}

fn password(address: &ServerAddress) -> Option<&str> {
    address.password().map(Secret::expose)
}

#[test]
fn postgres_takes_the_variables_of_its_clients() {
    let variables = [
        ("PGHOST", "/run/pg"),
        ("PGPORT", "6000"),
        ("PGUSER", "bob"),
        ("PGPASSWORD", "secret"),
        ("PGSSLMODE", "require"),
        ("PGSSLROOTCERT", "/ca"),
        ("USER", "carol"),
    ];
    let (address, _) = filled_in("postgres:///d", &variables);
    assert_eq!((address.socket(), address.port()), (Some(Path::new("/run/pg")), 6000));
    assert_eq!((address.user(), password(&address)), (Some("bob"), Some("secret")));
    assert_eq!(address.tls().mode(), TlsMode::VerifyCa);

    let (address, notes) = filled_in("postgres://alice:own@h:1/d?sslmode=verify-full", &variables);
    assert_eq!((address.host(), address.socket(), address.port()), (Some("h"), None, 1));
    assert_eq!((address.user(), password(&address)), (Some("alice"), Some("own")));
    assert_eq!((address.tls().mode(), notes.len()), (TlsMode::VerifyFull, 0));

    assert_eq!(filled_in("postgres://h/d", &[("USER", "carol")]).0.user(), Some("carol"));
    let bad = |name: &str| (name == "PGPORT").then(|| OsString::from(CANARY));
    let error = parse("postgres://h/d").with_client_settings(&bad).unwrap_err().to_string();
    assert!(error.contains("PGPORT") && !error.contains(CANARY), "{error}");
}

#[test]
fn postgres_reads_its_password_file() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().to_str().unwrap();
    write(
        &folder.path().join(".pgpass"),
        "# ours\nh:*:d:bob:other\nh:5432:d:alice:secret\nlocalhost:*:*:*:here\n",
        0o600,
    );
    let (address, notes) = filled_in("postgres://alice@h/d", &[("HOME", home)]);
    assert_eq!((password(&address), notes.len()), (Some("secret"), 0));
    let (address, _) = filled_in("postgres://alice@/d?host=/tmp", &[("HOME", home)]);
    assert_eq!(password(&address), Some("here"));
    let (address, _) = filled_in("postgres://alice@i/d", &[("HOME", home)]);
    assert_eq!(password(&address), None);
    let missing = folder.path().join("missing");
    let (address, _) =
        filled_in("postgres://alice@h/d", &[("HOME", home), ("PGPASSFILE", missing.to_str().unwrap())]);
    assert_eq!(password(&address), None);
    let (address, notes) = filled_in("postgres://alice@h/d", &[("PGPASSFILE", home)]);
    assert_eq!(password(&address), None);
    assert!(notes.iter().any(|note| note.contains("not a file")), "{notes:?}");
}

#[test]
#[cfg(unix)]
fn a_password_file_that_others_can_read_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().to_str().unwrap();
    write(&folder.path().join(".pgpass"), "*:*:*:*:cAnArY\n", 0o640);
    let (address, notes) = filled_in("postgres://alice@h/d", &[("HOME", home)]);
    assert!(!address.has_password());
    assert!(notes.len() == 1 && notes[0].contains("chmod 600") && !notes[0].contains(CANARY), "{notes:?}");

    write(&folder.path().join(".my.cnf"), "[client]\npassword=cAnArY\n", 0o604);
    let (address, notes) = filled_in("mysql://alice@h/d", &[("HOME", home)]);
    assert_eq!(password(&address), Some(CANARY));
    assert!(notes.len() == 1 && notes[0].contains("chmod 600") && !notes[0].contains(CANARY), "{notes:?}");
}

#[test]
fn mysql_reads_its_option_files() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().to_str().unwrap();
    let file = folder.path().join(".my.cnf");
    write(&file, "[client]\nuser=bob\npassword='se#cret'\nhost=localhost\nport=7\nsocket=/run/s\n", 0o600);
    let variables = [("HOME", home), ("MYSQL_PWD", "other"), ("USER", "carol")];
    let (address, notes) = filled_in("mysql:///d", &variables);
    assert_eq!((address.user(), password(&address)), (Some("bob"), Some("se#cret")));
    assert_eq!((address.socket(), address.port(), notes.len()), (Some(Path::new("/run/s")), 7, 0));
    let (address, _) = filled_in("mysql://alice:own@h/d", &variables);
    assert_eq!((address.user(), password(&address)), (Some("alice"), Some("own")));
    assert_eq!((address.host(), address.socket(), address.port()), (Some("h"), None, 3306));

    write(&file, "!include /etc/secret.cnf\n[client]\nssl-ca=/ca\n", 0o600);
    let (address, notes) = filled_in("mysql://h/d", &variables);
    assert_eq!((address.user(), password(&address)), (Some("carol"), Some("other")));
    assert!(notes.iter().any(|note| note.contains("!include")), "{notes:?}");
    assert!(notes.iter().any(|note| note.contains("VERIFY_IDENTITY")), "{notes:?}");

    write(&file, "[client]\nport=cAnArY\n", 0o600);
    let find = |name: &str| (name == "HOME").then(|| OsString::from(home));
    let error = parse("mysql:///d").with_client_settings(&find).unwrap_err().to_string();
    assert!(error.contains("port") && !error.contains(CANARY), "{error}");
}
