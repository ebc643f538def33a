use keyferry_sql::{Class, Database as _, Kind, Statement, Value};
use keyferry_sqlx::{MySqlDatabase, connect_mysql};
use keyferry_testkit::servers::{self, Kind as System, Server};

use crate::common::{self, NO_KIND, cell, wait};

/// Runs a check in a database of its own.
fn with(check: impl AsyncFnOnce(&Server, &str, MySqlDatabase)) {
    let Some(server) = servers::shared(System::MySql) else { return };
    let url = server.database();
    wait(async {
        let database = connect_mysql(&url.parse().unwrap()).await.unwrap();
        check(server, &url, database).await;
    });
}

#[test]
fn values_round_trip() {
    with(async |_, _, mut database| common::values_round_trip(&mut database).await);
}

#[test]
fn found_rows_are_counted() {
    with(async |_, _, mut database| common::found_rows_are_counted(&mut database).await);
}

#[test]
fn failures_are_told_apart() {
    with(async |_, _, mut database| common::failures_are_told_apart(&mut database).await);
}

#[test]
fn transactions_roll_back() {
    with(async |_, _, mut database| common::transactions_roll_back(&mut database).await);
}

#[test]
fn kinds_are_strict() {
    let expressions = [
        ("1", Value::Integer(1)),
        ("'1'", Value::text("1")),
        ("x'31'", Value::bytes(b"1")),
        ("CAST('1' AS BINARY)", Value::bytes(b"1")),
        ("1.5", NO_KIND),
        ("1e0", NO_KIND),
        ("CURRENT_DATE", NO_KIND),
    ];
    with(async |_, _, mut database| {
        common::kinds_are_strict(&mut database, &expressions).await;
        let columns = [
            ("tinyint", "-1", Value::Integer(-1)),
            ("tinyint(1)", "1", Value::Integer(1)),
            ("smallint unsigned", "65535", Value::Integer(65535)),
            ("mediumint", "-1", Value::Integer(-1)),
            ("int unsigned", "4294967295", Value::Integer(4_294_967_295)),
            ("bigint", "-9223372036854775808", Value::Integer(i64::MIN)),
            ("bigint unsigned", "9223372036854775807", Value::Integer(i64::MAX)),
            ("bigint unsigned", "9223372036854775808", NO_KIND),
            ("bit(1)", "1", Value::Integer(1)),
            ("char(3)", "'a'", Value::text("a")),
            ("varchar(3) character set latin1", "'\u{e9}'", Value::text("\u{e9}")),
            ("varchar(3) collate utf8mb4_bin", "'a'", Value::text("a")),
            ("longtext", "'a'", Value::text("a")),
            ("tinytext", "'a'", Value::text("a")),
            ("json", "'{}'", Value::text("{}")),
            ("enum('a')", "'a'", Value::text("a")),
            ("varbinary(3)", "'a'", Value::bytes(b"a")),
            ("binary(2)", "'a'", Value::bytes(b"a\0")),
            ("mediumblob", "'a'", Value::bytes(b"a")),
            ("decimal(5)", "1", NO_KIND),
            ("double", "1", NO_KIND),
            ("datetime(6)", "'2020-01-01 00:00:00'", NO_KIND),
        ];
        for (kind, literal, value) in columns {
            database
                .run(&format!("CREATE TABLE t (c {kind}); INSERT INTO t VALUES ({literal})"))
                .await
                .unwrap();
            common::kinds_are_strict(&mut database, &[("c FROM t", value)]).await;
            database.run("DROP TABLE t").await.unwrap();
        }
    });
}

#[test]
fn the_session_is_not_made_another() {
    with(async |server, url, mut database| {
        let mode = server.sql(url, "SELECT @@global.sql_mode").unwrap();
        // sqlx asks for this one as it logs in; it lets a space stand before the parenthesis of a function.
        let found = cell(&mut database, "SELECT REPLACE(@@sql_mode, 'IGNORE_SPACE,', '')", Kind::Text).await;
        assert_eq!(found, Ok(Value::text(&mode)));
        for (variable, value) in [
            ("character_set_client", "utf8mb4"),
            ("character_set_results", "utf8mb4"),
            ("character_set_connection", "utf8mb4"),
            ("time_zone", "+00:00"),
        ] {
            let found = cell(&mut database, &format!("SELECT @@{variable}"), Kind::Text).await;
            assert_eq!(found, Ok(Value::text(value)), "{variable}");
        }
    });
}

#[test]
fn a_killed_connection_is_told() {
    with(async |server, url, mut database| {
        let Ok(Value::Integer(id)) = cell(&mut database, "SELECT CONNECTION_ID()", Kind::Integer).await
        else {
            panic!("a number")
        };
        server.sql(url, &format!("KILL {id}")).unwrap();
        for _ in 0..2 {
            let error = database.execute(&Statement::repeated("SELECT 1"), &[]).await.unwrap_err();
            assert_eq!(error.class, Class::Connection, "{error}");
        }
        database.close().await;
    });
}

#[test]
fn a_dead_server_is_told() {
    let Some(server) = Server::start(System::MySql) else { return };
    wait(async {
        let mut database = connect_mysql(&server.url().parse().unwrap()).await.unwrap();
        server.kill();
        let error = database.run("SELECT 1").await.unwrap_err();
        assert_eq!(error.class, Class::Connection, "{error}");
        let error = connect_mysql(&server.url().parse().unwrap()).await.unwrap_err();
        assert_eq!(error.class, Class::Unreachable, "{error}");
    });
}

#[test]
fn it_connects_through_a_socket() {
    with(async |server, url, _| {
        let name = url.rsplit('/').next().unwrap();
        let address = format!("mysql://keyferry@/{name}?socket={}", server.socket().display());
        let mut database = connect_mysql(&address.parse().unwrap()).await.unwrap();
        assert_eq!(
            cell(&mut database, "SELECT USER()", Kind::Text).await,
            Ok(Value::text("keyferry@localhost"))
        );
    });
}
