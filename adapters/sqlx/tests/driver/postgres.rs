use std::borrow::Cow;

use keyferry_sql::{Class, Database as _, Kind, Statement, Value};
use keyferry_sqlx::{PgDatabase, connect_postgres};
use keyferry_testkit::servers::{self, Kind as System, Server};

use crate::common::{self, NO_KIND, cell, rows, wait};

/// Runs a check in a database of its own.
fn with(check: impl AsyncFnOnce(&Server, &str, PgDatabase)) {
    let Some(server) = servers::shared(System::Postgres) else { return };
    let url = server.database();
    wait(async {
        let database = connect_postgres(&url.parse().unwrap()).await.unwrap();
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
        ("'-1'::int2", Value::Integer(-1)),
        ("2147483647::int4", Value::Integer(2_147_483_647)),
        ("'-9223372036854775808'::int8", Value::Integer(i64::MIN)),
        (r"'\x31'::bytea", Value::bytes(b"1")),
        ("'1'::text", Value::text("1")),
        ("'1'::varchar(10)", Value::text("1")),
        ("'1'::name", Value::text("1")),
        ("'1 '::char(2)", Value::text("1 ")),
        ("'1'", Value::text("1")),
        ("1::numeric", NO_KIND),
        ("true", NO_KIND),
        ("'a'::\"char\"", NO_KIND),
        ("gen_random_uuid()", NO_KIND),
        ("now()", NO_KIND),
        ("'{}'::jsonb", NO_KIND),
        ("ARRAY[1]", NO_KIND),
    ];
    with(async |_, _, mut database| {
        common::kinds_are_strict(&mut database, &expressions).await;
        // A domain is read as what it stands for, and an extension's text is text.
        database.run("CREATE DOMAIN sort AS bigint; CREATE TYPE mood AS ENUM ('sad')").await.unwrap();
        let expressions = [("7::sort", Value::Integer(7)), ("'sad'::mood", NO_KIND)];
        common::kinds_are_strict(&mut database, &expressions).await;
    });
}

#[test]
fn arrays_are_bound() {
    with(async |_, _, mut database| {
        common::make_table(&mut database).await;
        database.run(r"INSERT INTO things (id, bytes) VALUES ('a', '\x00ff'), ('b', '')").await.unwrap();
        let bytes = Value::Binaries(vec![Cow::Borrowed(&[0, 0xff]), Cow::Borrowed(&[]), Cow::Borrowed(&[1])]);
        let select = "SELECT id FROM things WHERE bytes = ANY($1) ORDER BY id";
        let found = rows(&mut database, select, &[bytes], &[Kind::Text]).await;
        assert_eq!(found, [[Ok(Value::text("a"))], [Ok(Value::text("b"))]]);
        let texts = Value::Texts(vec![Cow::Borrowed("b"), Cow::Owned("{\"'".to_owned())]);
        let select = "SELECT id FROM things WHERE id = ANY($1) ORDER BY id";
        let found = rows(&mut database, select, &[texts], &[Kind::Text]).await;
        assert_eq!(found, [[Ok(Value::text("b"))]]);
        let found = rows(&mut database, select, &[Value::Texts(Vec::new())], &[Kind::Text]).await;
        assert!(found.is_empty());
    });
}

/// What every binary COPY begins with: the signature, no flags, no extension.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// Writes rows as a binary COPY has them.
fn copied(rows: &[&[Option<&[u8]>]]) -> Vec<u8> {
    let mut data = HEADER.to_vec();
    for row in rows {
        data.extend(i16::try_from(row.len()).unwrap().to_be_bytes());
        for cell in *row {
            let length = cell.map_or(-1, |bytes| i32::try_from(bytes.len()).unwrap());
            data.extend(length.to_be_bytes());
            data.extend(cell.unwrap_or_default());
        }
    }
    data.extend((-1_i16).to_be_bytes());
    data
}

#[test]
fn rows_are_copied_in() {
    with(async |_, _, mut database| {
        let error = database.copy(&copied(&[])).await.unwrap_err();
        assert_eq!(error.class, Class::Schema, "{error}");
        database
            .run("BEGIN; CREATE TEMPORARY TABLE keyferry_rows (b bytea, n int8) ON COMMIT DROP")
            .await
            .unwrap();
        let long = [0xa5; 1023];
        let seven = 7_i64.to_be_bytes();
        // Enough for several messages.
        let mut all: Vec<&[Option<&[u8]>]> = Vec::new();
        let row: [Option<&[u8]>; 2] = [Some(&long), Some(&seven)];
        all.resize(1000, &row);
        all.push(&[None, None]);
        all.push(&[Some(b""), None]);
        database.copy(&copied(&all)).await.unwrap();
        let select = "SELECT b, n, count(*) FROM keyferry_rows GROUP BY b, n ORDER BY count(*), b";
        let found = rows(&mut database, select, &[], &[Kind::Binary, Kind::Integer, Kind::Integer]).await;
        let null = Value::Null(Kind::Integer);
        let expected = [
            [Ok(Value::bytes(b"")), Ok(null.clone()), Ok(Value::Integer(1))],
            [Ok(Value::Null(Kind::Binary)), Ok(null), Ok(Value::Integer(1))],
            [Ok(Value::bytes(&long)), Ok(Value::Integer(7)), Ok(Value::Integer(1000))],
        ];
        assert_eq!(found, expected);
        database.run("COMMIT").await.unwrap();

        // Data that is refused in the midst of it leaves a connection that goes on.
        for data in [&[0; 2_000_000][..], &copied(&[&[Some(b"one column")]]), &copied(&all)[..500_000], b""] {
            database.run("BEGIN; CREATE TEMPORARY TABLE keyferry_rows (b bytea, n int8)").await.unwrap();
            let error = database.copy(data).await.unwrap_err();
            assert_ne!(error.class, Class::Connection, "{error}");
            database.run("ROLLBACK").await.unwrap();
            assert_eq!(cell(&mut database, "SELECT 1::int8", Kind::Integer).await, Ok(Value::Integer(1)));
        }
    });
}

#[test]
fn rows_are_copied_out() {
    with(async |_, _, mut database| {
        let copy =
            "COPY (SELECT n::int8, NULL FROM generate_series(1, 3) AS n) TO STDOUT WITH (FORMAT binary)";
        let numbers = [1_i64, 2, 3].map(i64::to_be_bytes);
        let rows = numbers.each_ref().map(|number| [Some(&number[..]), None]);
        for _ in 0..2 {
            let mut all = Vec::new();
            let mut keep = |piece: &[u8]| {
                all.extend_from_slice(piece);
                true
            };
            database.copy_out(copy, &mut keep).await.unwrap();
            assert_eq!(all, copied(&rows.each_ref().map(|row| &row[..])));
            assert_eq!(cell(&mut database, "SELECT 1::int8", Kind::Integer).await, Ok(Value::Integer(1)));
        }
        // What the driver leaves of a refusal would be taken for the answer to another statement.
        let copy = "COPY not_there TO STDOUT WITH (FORMAT binary)";
        let error = database.copy_out(copy, &mut |_| true).await.unwrap_err();
        assert_eq!(error.class, Class::Schema, "{error}");
        let error = database.run("SELECT 1").await.unwrap_err();
        assert_eq!(error.class, Class::Connection, "{error}");
        database.close().await;
    });
}

#[test]
fn a_killed_connection_is_told() {
    with(async |server, url, mut database| {
        let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                    WHERE datname = current_database() AND application_name = 'keyferry'";
        assert_eq!(server.sql(url, kill).unwrap(), "t");
        for _ in 0..2 {
            let error = database.execute(&Statement::repeated("SELECT 1"), &[]).await.unwrap_err();
            assert_eq!(error.class, Class::Connection, "{error}");
        }
        database.close().await;
    });
}

#[test]
fn a_connection_that_dies_in_a_copy_is_told() {
    let Some(server) = Server::start(System::Postgres) else { return };
    wait(async {
        let mut database = connect_postgres(&server.url().parse().unwrap()).await.unwrap();
        database.run("CREATE TEMPORARY TABLE keyferry_rows (b bytea, n int8)").await.unwrap();
        server.kill();
        let error = database.copy(&copied(&[])).await.unwrap_err();
        assert_eq!(error.class, Class::Connection, "{error}");
        let error = connect_postgres(&server.url().parse().unwrap()).await.unwrap_err();
        assert_eq!(error.class, Class::Unreachable, "{error}");
    });
}

#[test]
fn it_connects_through_a_socket() {
    with(async |server, url, _| {
        let name = url.rsplit('/').next().unwrap();
        let folder = server.folder().display();
        let address =
            format!("postgres://keyferry@:{}/{name}?host={folder}&sslmode=verify-full", server.port());
        // A URL has no port without a host.
        let address = address.replace("@:", "@localhost:");
        let mut database = connect_postgres(&address.parse().unwrap()).await.unwrap();
        let socket = "SELECT coalesce(inet_server_addr()::text, 'none')";
        assert_eq!(cell(&mut database, socket, Kind::Text).await, Ok(Value::text("none")));
    });
}
