use std::thread;

use keyferry_diesel::{MySqlDatabase, connect_mysql};
use keyferry_sql::{Class, Database as _, DatabaseError, Kind, OtherKind, Value, ready};
use keyferry_testkit::servers::{Kind as System, Server, shared};

use super::support::{
    CANARY, check, execute, fails, kinds_of, others_are_not_bound, rows, run, values_survive,
};

/// A database of its own, with tables that refuse this and that.
#[allow(clippy::unwrap_used, reason = "clippy.toml exempts test functions, not their helpers")]
fn place() -> Option<(&'static Server, String, MySqlDatabase)> {
    let server = shared(System::MySql)?;
    let url = server.database();
    let mut database = connect_mysql(&url).unwrap();
    // Several statements in one call.
    run(
        &mut database,
        "CREATE TABLE kinds (n int AUTO_INCREMENT PRIMARY KEY, b blob, t varchar(64), i bigint);
        CREATE TABLE users (id varchar(20) PRIMARY KEY);
        CREATE TABLE `rows` (
            id varchar(20) PRIMARY KEY CHECK (id <> ''), n tinyint NOT NULL UNIQUE, u varchar(20) REFERENCES users (id)
        );
        CREATE TRIGGER closed BEFORE INSERT ON `rows` FOR EACH ROW
            IF NEW.n = 99 THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'the table is locked and doesn''t exist'; END IF;
        SET SESSION innodb_lock_wait_timeout = 1;",
    );
    Some((server, url, database))
}

#[test]
fn values_come_back() {
    let Some((_, _, mut database)) = place() else { return };
    values_survive(&mut database, "INSERT INTO kinds (b, t, i) VALUES (?, ?, ?)");
    let others = [
        Value::Boolean(true),
        Value::Time(0),
        Value::Null(Kind::Boolean),
        Value::Null(Kind::Time),
        Value::Binaries(vec![]),
        Value::Texts(vec![]),
    ];
    others_are_not_bound(&mut database, "INSERT INTO kinds (i) VALUES (?)", &others);
    let error = ready(database.copy(b"")).unwrap().unwrap_err();
    assert_eq!(error.class, Class::Other);
}

#[test]
fn cells_have_the_type_of_their_column() {
    let Some((_, _, mut database)) = place() else { return };
    // A binary text that is UTF-8 passes for text: see the driver.
    let blob = || vec![Kind::Binary, Kind::Text];
    for (column, value, kinds) in [
        ("blob", "x'ff'", vec![Kind::Binary]),
        ("longblob", "'a'", blob()),
        ("varbinary(9)", "'a'", blob()),
        ("binary(1)", "'a'", blob()),
        ("text", "'a'", vec![Kind::Text]),
        ("varchar(9)", "'a'", vec![Kind::Text]),
        ("char(9)", "'a'", vec![Kind::Text]),
        ("varchar(9) COLLATE utf8mb4_bin", "'a'", blob()),
        ("tinyint", "-2", vec![Kind::Integer]),
        ("tinyint unsigned", "255", vec![Kind::Integer]),
        ("smallint", "-2", vec![Kind::Integer]),
        ("smallint unsigned", "65535", vec![Kind::Integer]),
        ("mediumint", "-2", vec![Kind::Integer]),
        ("mediumint unsigned", "16777215", vec![Kind::Integer]),
        ("int", "-2", vec![Kind::Integer]),
        ("int unsigned", "4294967295", vec![Kind::Integer]),
        ("bigint", "-2", vec![Kind::Integer]),
        ("bigint unsigned", "9223372036854775807", vec![Kind::Integer]),
        ("bigint unsigned", "9223372036854775808", vec![]),
        ("boolean", "true", vec![Kind::Integer]),
        ("double", "1.5", vec![]),
        ("decimal(9)", "1", vec![]),
        ("datetime(6)", "'2000-01-02 03:04:05'", vec![]),
    ] {
        run(
            &mut database,
            &format!("CREATE OR REPLACE TABLE one (a {column}); INSERT INTO one VALUES ({value})"),
        );
        assert_eq!(kinds_of(&mut database, "SELECT a FROM one"), std::slice::from_ref(&kinds), "{column}");
        if kinds == [Kind::Integer] && value != "true" {
            let number = value.parse().unwrap();
            // What is kept prepared keeps its types, so each has a text of its own.
            let ask = format!("SELECT a FROM one -- {column} {value}");
            assert_eq!(rows(&mut database, &ask, &[], &kinds), [[Ok(Value::Integer(number))]], "{column}");
        }
    }
    let found = rows(&mut database, "SELECT 1, NULL", &[], &[Kind::Text, Kind::Binary, Kind::Text]);
    assert_eq!(found, [[Err(OtherKind), Ok(Value::Null(Kind::Binary)), Err(OtherKind)]]);
}

#[test]
fn counts_are_of_the_statement() {
    let Some((_, _, mut database)) = place() else { return };
    let insert = "INSERT INTO users VALUES (?), (?)";
    assert_eq!(execute(&mut database, insert, &[Value::text("a"), Value::text("b")]), Ok(2));
    // Found, though none of them changes.
    assert_eq!(execute(&mut database, "UPDATE users SET id = id", &[]), Ok(2));
    assert_eq!(execute(&mut database, "INSERT IGNORE INTO users VALUES (?)", &[Value::text("a")]), Ok(0));
    assert_eq!(execute(&mut database, "CREATE TABLE more (a int)", &[]), Ok(0));
    assert_eq!(execute(&mut database, "DELETE FROM users", &[]), Ok(2));
}

#[test]
fn rows_are_refused() {
    let Some((_, _, mut database)) = place() else { return };
    let insert = "INSERT INTO `rows` VALUES (?, ?, ?)";
    let row = |id, n, user| [id, n, user];
    let none = || Value::Null(Kind::Text);
    execute(&mut database, insert, &row(Value::text(CANARY), Value::Integer(1), none())).unwrap();
    for refused in [
        row(Value::text(CANARY), Value::Integer(2), none()),
        row(Value::text("x"), Value::Integer(1), none()),
        row(Value::text(CANARY), Value::Null(Kind::Integer), none()),
        row(Value::text(""), Value::Integer(2), none()),
        row(Value::text("canary-that-is-too-long"), Value::Integer(2), none()),
        row(Value::text("x"), Value::Integer(100_000), none()),
        row(Value::text("x"), Value::text(CANARY), none()),
        row(Value::bytes(b"canary\xff"), Value::Integer(2), none()),
        row(Value::text("x"), Value::Integer(2), Value::text(CANARY)),
        row(Value::text("x"), Value::Integer(99), none()),
    ] {
        fails(&mut database, insert, &refused, Class::Row);
    }
    // By the simple protocol, for which diesel knows no kinds at all.
    for values in
        ["'canary-value', 2, NULL", "'x', NULL, NULL", "'x', 2, 'canary'", "'x', 99, NULL", "'', 2, NULL"]
    {
        let error =
            ready(database.run(&format!("INSERT INTO `rows` VALUES ({values})"))).unwrap().unwrap_err();
        check(&error, values, Class::Row);
    }
}

#[test]
fn failures_are_told_apart() {
    let Some((server, url, mut database)) = place() else { return };
    fails(&mut database, "INSERT INTO missing VALUES (1)", &[], Class::Schema);
    fails(&mut database, "UPDATE users SET missing = 1", &[], Class::Schema);
    fails(&mut database, "INSERT INTO users VALLUES (1)", &[], Class::Other);
    let error = ready(database.run("INSERT INTO users VALUES ('a'); SELEC")).unwrap().unwrap_err();
    assert_eq!(error.class, Class::Other, "{error}");
    assert_eq!(rows(&mut database, "SELECT id FROM users", &[], &[Kind::Text]), [[Ok(Value::text("a"))]]);
    let error = ready(database.run("SELECT 1; INSERT INTO users VALUES ('a')")).unwrap().unwrap_err();
    assert_eq!(error.class, Class::Row, "{error}");

    run(&mut database, "START TRANSACTION READ ONLY");
    fails(&mut database, "INSERT INTO users VALUES ('canary')", &[], Class::Denied);
    run(&mut database, "ROLLBACK");

    let name = url.rsplit('/').next().unwrap();
    run(
        &mut database,
        &format!("CREATE USER {name}_reader@127.0.0.1; GRANT SELECT ON {name}.* TO {name}_reader@127.0.0.1"),
    );
    let address = format!("mysql://{name}_reader@{}:{}/{name}", server.host(), server.port());
    let mut reader = connect_mysql(&address).unwrap();
    fails(&mut reader, "INSERT INTO users VALUES ('canary')", &[], Class::Denied);
    fails(&mut reader, "CREATE TABLE more (a int)", &[], Class::Denied);
}

#[test]
fn locks_are_told_apart() {
    let Some((_, url, mut one)) = place() else { return };
    let mut two = connect_mysql(&url).unwrap();
    run(&mut two, "SET SESSION innodb_lock_wait_timeout = 1");
    run(&mut one, "INSERT INTO users VALUES ('canary-1'), ('canary-2')");
    run(&mut one, "BEGIN; UPDATE users SET id = id WHERE id = 'canary-1'");
    fails(&mut two, "UPDATE users SET id = id WHERE id = 'canary-1'", &[], Class::Busy);

    run(&mut one, "SET SESSION innodb_lock_wait_timeout = 30");
    run(&mut two, "SET SESSION innodb_lock_wait_timeout = 30");
    run(&mut two, "BEGIN; UPDATE users SET id = id WHERE id = 'canary-2'");
    let update = |database: &mut MySqlDatabase, id| {
        execute(database, "UPDATE users SET id = id WHERE id = ?", &[Value::text(id)])
    };
    let results = thread::scope(|scope| {
        let waiting = scope.spawn(|| update(&mut one, "canary-2"));
        let other = update(&mut two, "canary-1");
        run(&mut two, "ROLLBACK");
        [waiting.join().unwrap(), other]
    });
    let failed: Vec<_> = results.into_iter().filter_map(Result::err).collect();
    assert_eq!(failed.len(), 1);
    check(&failed[0], "a deadlock", Class::Again);
}

#[test]
fn a_lost_connection_is_one() {
    let Some((server, url, mut database)) = place() else { return };
    let end = |database: &mut MySqlDatabase| {
        let found = rows(database, "SELECT connection_id()", &[], &[Kind::Integer]);
        let Ok(Value::Integer(number)) = found[0][0] else { panic!("a number") };
        server.sql(&url, &format!("KILL {number}")).unwrap();
    };
    end(&mut database);
    for _ in 0..2 {
        let error = execute(&mut database, "INSERT INTO users VALUES ('canary')", &[]).unwrap_err();
        check(&error, "an end", Class::Connection);
    }
    ready(database.close()).unwrap();

    let mut database = connect_mysql(&url).unwrap();
    end(&mut database);
    check(&ready(database.run("SELECT 1")).unwrap().unwrap_err(), "an end", Class::Connection);
}

#[test]
fn passwords_are_not_told() {
    let Some((server, url, mut database)) = place() else { return };
    let name = url.rsplit('/').next().unwrap();
    run(
        &mut database,
        &format!(
            "CREATE USER {name}_app@127.0.0.1 IDENTIFIED BY 'right'; GRANT ALL ON {name}.* TO {name}_app@127.0.0.1"
        ),
    );
    let place = format!("{}:{}", server.host(), server.port());
    connect_mysql(&format!("mysql://{name}_app:right@{place}/{name}")).map(drop).unwrap();
    for address in [
        format!("mysql://{name}_app:canary@{place}/{name}"),
        format!("mysql://{name}_app:can%61ry@{place}/{name}"),
        format!("mysql://{name}_app:right@{place}/missing"),
        format!("mysql://{name}_app:canary@{}:1/{name}", server.host()),
        format!("mysql://{name}_app:canary/x@{place}/{name}"),
        format!("mysql://{name}_app:x@canary@{place}/{name}"),
        format!("mysql://{name}_app:canary\0@{place}/{name}"),
        format!("canary://{name}_app:canary@{place}/{name}"),
    ] {
        let error = connect_mysql(&address).err().expect(&address);
        check(&error, &address, Class::Unreachable);
    }
}

#[test]
fn what_was_to_be_encrypted_is() {
    let Some((server, url, _)) = place() else { return };
    let is_encrypted = |parameters: &str| {
        let mut database = connect_mysql(&format!("{url}{parameters}"))?;
        let found = rows(&mut database, "SHOW STATUS LIKE 'Ssl_version'", &[], &[Kind::Text, Kind::Text]);
        Ok::<_, DatabaseError>(found[0][1] != Ok(Value::text("")))
    };
    // Encrypted or refused, as the library at hand does it.
    for mode in ["required", "REQUIRED", "verify_ca", "verify_identity"] {
        let found = is_encrypted(&format!("?ssl_mode={mode}"));
        assert!(
            found.as_ref().map_or_else(|error| error.class == Class::Unreachable, |&is| is),
            "{mode}: {found:?}"
        );
    }
    assert!(is_encrypted("?ssl_mode=preferred").is_ok());
    if let Some(cert) = server.cert() {
        assert_eq!(is_encrypted(&format!("?ssl_mode=required&ssl_ca={}", cert.display())), Ok(true));
    }
}
