use std::thread;

use keyferry_diesel::{PgDatabase, connect_postgres};
use keyferry_sql::{COPY_TABLE, Class, Database as _, Kind, OtherKind, Statement, Value, ready};
use keyferry_testkit::servers::{Kind as System, Server, shared};

use super::support::{
    CANARY, check, execute, fails, kinds_of, others_are_not_bound, rows, run, values_survive,
};

/// A database of its own, with tables that refuse this and that.
#[allow(clippy::unwrap_used, reason = "clippy.toml exempts test functions, not their helpers")]
fn place() -> Option<(&'static Server, String, PgDatabase)> {
    let server = shared(System::Postgres)?;
    let url = server.database();
    let mut database = connect_postgres(&url).unwrap();
    run(
        &mut database,
        "CREATE TABLE kinds (n serial PRIMARY KEY, b bytea, t varchar(64), i bigint);
        CREATE TABLE users (id text PRIMARY KEY);
        CREATE TABLE rows (
            id varchar(20) PRIMARY KEY CHECK (id <> ''), n smallint NOT NULL UNIQUE, u text REFERENCES users
        );
        CREATE FUNCTION closed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF NEW.n = 98 THEN RAISE EXCEPTION 'the account \"%\" is locked and does not exist', NEW.id; END IF;
            IF NEW.n = 99 THEN RAISE EXCEPTION 'this account is closed'; END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER closed BEFORE INSERT ON rows FOR EACH ROW EXECUTE FUNCTION closed();",
    );
    Some((server, url, database))
}

#[test]
fn values_come_back() {
    let Some((_, _, mut database)) = place() else { return };
    values_survive(&mut database, "INSERT INTO kinds (b, t, i) VALUES ($1, $2, $3)");
    let list =
        Value::Binaries(vec![b"".as_slice().into(), [0, 1, 2].as_slice().into(), b"none".as_slice().into()]);
    let found =
        rows(&mut database, "SELECT t FROM kinds WHERE b = ANY($1) ORDER BY t", &[list], &[Kind::Text]);
    assert_eq!(found, [[Ok(Value::text(""))], [Ok(Value::text("x"))]]);
    let list = Value::Texts(vec!["x".into(), "no\"ne,{}".into(), "y".into()]);
    let found =
        rows(&mut database, "SELECT i FROM kinds WHERE t = ANY($1) ORDER BY i", &[list], &[Kind::Integer]);
    assert_eq!(found, [[Ok(Value::Integer(-1))], [Ok(Value::Integer(0))]]);
    for empty in [Value::Binaries(vec![]), Value::Texts(vec![])] {
        assert!(
            rows(&mut database, "SELECT 1 WHERE 'a' = ANY($1::text[])", &[empty], &[Kind::Integer])
                .is_empty()
        );
    }
    let others = [Value::Boolean(true), Value::Time(0), Value::Null(Kind::Boolean), Value::Null(Kind::Time)];
    others_are_not_bound(&mut database, "INSERT INTO kinds (i) VALUES ($1)", &others);
}

#[test]
fn binds_are_taken_by_their_number() {
    let Some((_, _, mut database)) = place() else { return };
    let binds = [Value::text("a"), Value::Integer(1)];
    let found =
        rows(&mut database, "SELECT $2, $1, $2 + 1", &binds, &[Kind::Integer, Kind::Text, Kind::Integer]);
    assert_eq!(found, [[Ok(Value::Integer(1)), Ok(Value::text("a")), Ok(Value::Integer(2))]]);
}

#[test]
fn cells_have_the_type_of_their_column() {
    let Some((_, _, mut database)) = place() else { return };
    for (column, kinds) in [
        ("'\\x00'::bytea", vec![Kind::Binary]),
        ("'a'::text", vec![Kind::Text]),
        ("'a'::varchar", vec![Kind::Text]),
        ("'a'::name", vec![Kind::Text]),
        ("'a'::char(3)", vec![Kind::Text]),
        ("(-2)::int2", vec![Kind::Integer]),
        ("(-2)::int4", vec![Kind::Integer]),
        ("(-2)::int8", vec![Kind::Integer]),
        ("true", vec![]),
        ("1.5::float8", vec![]),
        ("1::numeric", vec![]),
        ("now()", vec![]),
        ("gen_random_uuid()", vec![]),
    ] {
        assert_eq!(kinds_of(&mut database, &format!("SELECT {column}")), [kinds], "{column}");
    }
    for width in [2, 4, 8] {
        let ask = format!("SELECT (-2)::int{width}");
        assert_eq!(rows(&mut database, &ask, &[], &[Kind::Integer]), [[Ok(Value::Integer(-2))]]);
    }
    let found = rows(&mut database, "SELECT 1, NULL", &[], &[Kind::Text, Kind::Binary, Kind::Text]);
    assert_eq!(found, [[Err(OtherKind), Ok(Value::Null(Kind::Binary)), Err(OtherKind)]]);
}

#[test]
fn counts_are_of_the_statement() {
    let Some((_, _, mut database)) = place() else { return };
    let insert = "INSERT INTO users VALUES ($1), ($2)";
    assert_eq!(execute(&mut database, insert, &[Value::text("a"), Value::text("b")]), Ok(2));
    assert_eq!(execute(&mut database, "UPDATE users SET id = id", &[]), Ok(2));
    let ignore = "INSERT INTO users VALUES ($1) ON CONFLICT (id) DO NOTHING";
    assert_eq!(execute(&mut database, ignore, &[Value::text("a")]), Ok(0));
    assert_eq!(execute(&mut database, "CREATE TABLE more ()", &[]), Ok(0));
    assert_eq!(execute(&mut database, "DELETE FROM users", &[]), Ok(2));
}

#[test]
fn rows_are_refused() {
    let Some((_, _, mut database)) = place() else { return };
    let insert = "INSERT INTO rows VALUES ($1, $2, $3)";
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
        row(Value::text("a\0canary"), Value::Integer(2), none()),
        row(Value::text("x"), Value::Integer(2), Value::text(CANARY)),
        row(Value::text("canary"), Value::Integer(98), none()),
        row(Value::text("x"), Value::Integer(99), none()),
    ] {
        fails(&mut database, insert, &refused, Class::Row);
    }
    let insert = "INSERT INTO rows VALUES ('x', ($1::text)::smallint, NULL)";
    fails(&mut database, insert, &[Value::text(CANARY)], Class::Row);
    fails(
        &mut database,
        "INSERT INTO kinds (i) VALUES (($1::text)::uuid::text::bigint)",
        &[Value::text(CANARY)],
        Class::Row,
    );
}

#[test]
fn failures_are_told_apart() {
    let Some((_, url, mut database)) = place() else { return };
    fails(&mut database, "INSERT INTO missing VALUES (1)", &[], Class::Schema);
    fails(&mut database, "UPDATE users SET missing = 1", &[], Class::Schema);
    fails(&mut database, "INSERT INTO users VALUE (1)", &[], Class::Other);
    let error = ready(database.run("CREATE TABLE a (); SELEC")).unwrap().unwrap_err();
    assert_eq!(error.class, Class::Other, "{error}");

    run(&mut database, "BEGIN READ ONLY");
    let refused = execute(&mut database, "INSERT INTO users VALUES ('canary')", &[]).unwrap_err();
    check(&refused, "a read-only transaction", Class::Denied);
    let refused = execute(&mut database, "INSERT INTO users VALUES ('canary')", &[]).unwrap_err();
    check(&refused, "an aborted transaction", Class::Other);
    run(&mut database, "ROLLBACK");

    let role = format!("reader_{}", url.rsplit('_').next().unwrap());
    run(&mut database, &format!("CREATE ROLE {role}; SET ROLE {role}"));
    fails(&mut database, "INSERT INTO users VALUES ('canary')", &[], Class::Denied);
    fails(&mut database, "ALTER TABLE users ADD COLUMN more text", &[], Class::Denied);
    fails(&mut database, "SET statement_timeout = 'canary'", &[], Class::Other);
    run(&mut database, &format!("RESET ROLE; DROP ROLE {role}"));

    run(&mut database, "SET statement_timeout = 50");
    fails(&mut database, "INSERT INTO users SELECT pg_sleep(9)::text", &[], Class::Busy);
}

#[test]
fn locks_are_told_apart() {
    let Some((_, url, mut one)) = place() else { return };
    let mut two = connect_postgres(&url).unwrap();
    run(&mut one, "INSERT INTO users VALUES ('canary-1'), ('canary-2')");
    run(&mut two, "SET lock_timeout = 50");
    run(&mut one, "BEGIN; UPDATE users SET id = id WHERE id = 'canary-1'");
    fails(&mut two, "UPDATE users SET id = id WHERE id = 'canary-1'", &[], Class::Busy);
    fails(&mut two, "SELECT id FROM users FOR UPDATE NOWAIT", &[], Class::Busy);

    run(&mut two, "SET lock_timeout = 0; BEGIN; UPDATE users SET id = id WHERE id = 'canary-2'");
    let update = |database: &mut PgDatabase, id| {
        execute(database, "UPDATE users SET id = id WHERE id = $1", &[Value::text(id)])
    };
    let results = thread::scope(|scope| {
        let waiting = scope.spawn(|| update(&mut one, "canary-2"));
        let other = update(&mut two, "canary-1");
        run(&mut two, "ROLLBACK");
        [waiting.join().unwrap(), other]
    });
    run(&mut one, "ROLLBACK");
    let failed: Vec<_> = results.into_iter().filter_map(Result::err).collect();
    assert_eq!(failed.len(), 1);
    check(&failed[0], "a deadlock", Class::Again);

    for database in [&mut one, &mut two] {
        run(database, "BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT id FROM users");
    }
    run(&mut one, "UPDATE users SET id = id; COMMIT");
    let refused = execute(&mut two, "UPDATE users SET id = id", &[]).unwrap_err();
    check(&refused, "another's commit", Class::Again);
}

#[test]
fn a_lost_connection_is_one() {
    let Some((server, url, mut database)) = place() else { return };
    let ends = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE application_name = 'keyferry' AND datname = current_database()";
    assert_eq!(server.sql(&url, ends).unwrap(), "t", "there is one connection with our name");
    for _ in 0..2 {
        let error = execute(&mut database, "INSERT INTO users VALUES ('canary')", &[]).unwrap_err();
        check(&error, "an end", Class::Connection);
    }
    ready(database.close()).unwrap();

    let mut database = connect_postgres(&url).unwrap();
    server.sql(&url, ends).unwrap();
    check(&ready(database.run("SELECT 1")).unwrap().unwrap_err(), "an end", Class::Connection);

    let mut database = connect_postgres(&url).unwrap();
    run(&mut database, &format!("CREATE TEMPORARY TABLE {COPY_TABLE} (id bytea)"));
    server.sql(&url, ends).unwrap();
    check(&ready(database.copy(&file(&[&[None]]))).unwrap().unwrap_err(), "an end", Class::Connection);
}

/// PostgreSQL's binary format: <https://www.postgresql.org/docs/current/sql-copy.html>
#[allow(clippy::unwrap_used, reason = "clippy.toml exempts test functions, not their helpers")]
fn file(rows: &[&[Option<&[u8]>]]) -> Vec<u8> {
    let mut data = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0".to_vec();
    for row in rows {
        data.extend(i16::try_from(row.len()).unwrap().to_be_bytes());
        for cell in *row {
            match cell {
                None => data.extend((-1_i32).to_be_bytes()),
                Some(bytes) => {
                    data.extend(i32::try_from(bytes.len()).unwrap().to_be_bytes());
                    data.extend(*bytes);
                }
            }
        }
    }
    data.extend((-1_i16).to_be_bytes());
    data
}

#[test]
fn rows_are_copied() {
    let Some((_, _, mut database)) = place() else { return };
    // One of the same name that is not meant, and columns of another number the second time.
    run(&mut database, &format!("CREATE TABLE {COPY_TABLE} (other text)"));
    run(&mut database, "BEGIN");
    run(
        &mut database,
        &format!(
            "CREATE TEMPORARY TABLE {COPY_TABLE} (id bytea, t text, n bigint, f boolean, at timestamptz)"
        ),
    );
    let long = [0xab; 1023];
    let microseconds = 86_400_000_000_i64.to_be_bytes();
    let data = file(&[
        &[
            Some(&long),
            Some("na\u{ef}ve".as_bytes()),
            Some(&7_i64.to_be_bytes()),
            Some(&[1]),
            Some(&microseconds),
        ],
        &[Some(&[]), None, None, None, None],
    ]);
    ready(database.copy(&data)).unwrap().unwrap();
    let ask = format!(
        "SELECT id, t, n, f::int, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD') FROM pg_temp.{COPY_TABLE} ORDER BY n"
    );
    let kinds = [Kind::Binary, Kind::Text, Kind::Integer, Kind::Integer, Kind::Text];
    let null = |kind| Ok(Value::Null(kind));
    assert_eq!(
        rows(&mut database, &ask, &[], &kinds),
        [
            [
                Ok(Value::bytes(&long)),
                Ok(Value::text("na\u{ef}ve")),
                Ok(Value::Integer(7)),
                Ok(Value::Integer(1)),
                Ok(Value::text("2000-01-02"))
            ],
            [
                Ok(Value::bytes(&[])),
                null(Kind::Text),
                null(Kind::Integer),
                null(Kind::Integer),
                null(Kind::Text)
            ],
        ]
    );
    run(
        &mut database,
        &format!("DROP TABLE pg_temp.{COPY_TABLE}; CREATE TEMPORARY TABLE {COPY_TABLE} (id bytea)"),
    );
    // More than goes to libpq at once.
    let data = file(&vec![[Some(long.as_slice())].as_slice(); 1000]);
    ready(database.copy(&data)).unwrap().unwrap();
    let ask = format!("SELECT count(*), sum(length(id))::bigint FROM {COPY_TABLE}");
    let found = rows(&mut database, &ask, &[], &[Kind::Integer, Kind::Integer]);
    assert_eq!(found, [[Ok(Value::Integer(1000)), Ok(Value::Integer(1_023_000))]]);
    run(&mut database, "ROLLBACK");
    let found = rows(&mut database, &format!("SELECT other FROM {COPY_TABLE}"), &[], &[Kind::Text]);
    assert!(found.is_empty(), "the other table is as it was");
}

#[test]
fn a_copy_that_fails_leaves_the_connection_whole() {
    let Some((_, _, mut database)) = place() else { return };
    let error = ready(database.copy(&file(&[]))).unwrap().unwrap_err();
    check(&error, "no table", Class::Schema);
    let create = format!("CREATE TEMPORARY TABLE {COPY_TABLE} (t text CHECK (t <> 'canary'))");
    run(&mut database, &create);
    let whole = file(&[&[Some(CANARY.as_bytes())]]);
    for (data, class) in [
        (&file(&[&[Some(b"canary\xff")]]), Class::Row),
        (&file(&[&[Some(b"canary")]]), Class::Row),
        (&file(&[&[Some(b"canary"), None]]), Class::Other),
        (&whole[..whole.len() - 5].to_vec(), Class::Other),
        (&b"canary".to_vec(), Class::Other),
    ] {
        check(&ready(database.copy(data)).unwrap().unwrap_err(), "bad data", class);
    }
    ready(database.copy(&whole)).unwrap().unwrap();
    let ask = format!("SELECT t FROM {COPY_TABLE}");
    assert_eq!(rows(&mut database, &ask, &[], &[Kind::Text]), [[Ok(Value::text(CANARY))]]);
}

#[test]
fn passwords_are_not_told() {
    let Some((server, url, mut database)) = place() else { return };
    let role = format!("app_{}", url.rsplit('_').next().unwrap());
    run(&mut database, &format!("CREATE ROLE {role} LOGIN PASSWORD 'right'"));
    let (host, port) = (server.host(), server.port());
    let name = url.rsplit('/').next().unwrap();
    let connected = connect_postgres(&format!("postgres://{role}:right@{host}:{port}/{name}"));
    let mut other = connected.unwrap();
    let ask = Statement::once("SELECT 1");
    ready(other.execute(&ask, &[])).unwrap().unwrap();
    for address in [
        format!("postgres://{role}:canary@{host}:{port}/{name}"),
        format!("postgres://{role}:can%61ry@{host}:{port}/{name}"),
        format!("postgres://{role}:canary@{host}:{port}/missing"),
        format!("postgres://{role}:canary@{host}:1/{name}"),
        format!("postgres://{role}:canary@{host}:port/{name}"),
        format!("postgres://{role}:canary/x@{host}:{port}/{name}"),
        format!("postgres://{role}:x@canary@{host}:{port}/{name}"),
        format!("postgres://{role}:canary%zz@{host}:{port}/{name}"),
        format!("postgres://{host}:{port}/{name}?user={role}&password=canary"),
        format!("host={host} port={port} user={role} dbname={name} password='canary'"),
        format!("host={host} port=x user={role} dbname={name} password=canary"),
        format!("postgres://{role}:canary\0@{host}:{port}/{name}"),
        "postgres://app:canary".to_owned(),
    ] {
        let error = connect_postgres(&address).err().expect(&address);
        check(&error, &address, Class::Unreachable);
    }
}
