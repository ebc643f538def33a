//! What every driver must do.

use std::future::Future;

use keyferry_sql::{Class, Database, Dialect, Kind, OtherKind, Statement, Value};

/// A table with a column of each kind; the name of its constraint is in the message of a duplicate key.
pub(crate) const TABLE: &str = "
    CREATE TABLE things (
        id VARCHAR(20) NOT NULL,
        bytes {binary},
        words TEXT,
        number BIGINT,
        CONSTRAINT one_each UNIQUE (id)
    );
    INSERT INTO things VALUES ('first', NULL, NULL, NULL);
";

pub(crate) type Row = Vec<Result<Value<'static>, OtherKind>>;

/// Runs a future to its end.
pub(crate) fn wait<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(future)
}

/// Makes the table.
pub(crate) async fn make_table(database: &mut impl Database) {
    let binary = match database.dialect() {
        Dialect::Postgres => "bytea",
        Dialect::MySql | Dialect::Sqlite => "blob",
    };
    database.run(&TABLE.replace("{binary}", binary)).await.unwrap();
}

/// Returns the rows of a query, each cell read as one of these kinds.
pub(crate) async fn rows(
    database: &mut impl Database,
    text: &str,
    binds: &[Value<'_>],
    kinds: &[Kind],
) -> Vec<Row> {
    let mut rows = Vec::new();
    let statement = Statement::once(text);
    let each = &mut |row: &dyn keyferry_sql::Cells| {
        let cells = kinds.iter().enumerate();
        rows.push(cells.map(|(index, kind)| row.cell(index, *kind).map(Value::into_owned)).collect());
    };
    database.query(&statement, binds, each).await.unwrap();
    rows
}

/// Returns the only cell of a query's only row.
pub(crate) async fn cell(
    database: &mut impl Database,
    text: &str,
    kind: Kind,
) -> Result<Value<'static>, OtherKind> {
    let mut rows = rows(database, text, &[], &[kind]).await;
    assert_eq!((rows.len(), rows[0].len()), (1, 1));
    rows.remove(0).remove(0)
}

/// Writes a statement's binds as its dialect does.
pub(crate) fn with_binds(database: &impl Database, text: &str) -> String {
    if database.dialect() != Dialect::Postgres {
        return text.to_owned();
    }
    let mut number = 0;
    let numbered = text.split('?').map(|part| {
        number += 1;
        if number == 1 { part.to_owned() } else { format!("${}{part}", number - 1) }
    });
    numbered.collect()
}

/// Each kind of value and each NULL goes in and comes out, with a statement that is kept prepared and one that is not.
pub(crate) async fn values_round_trip(database: &mut impl Database) {
    make_table(database).await;
    let long = vec![0xff; 1023];
    let words = "a'b\"c\\d\u{1f511}\u{e9}\n%_?$1";
    let values = [
        [
            Value::text("a"),
            Value::bytes(&[0, 0xff, b'\'', b'\\']),
            Value::text(words),
            Value::Integer(i64::MIN),
        ],
        [Value::text("b"), Value::bytes(&long), Value::text(""), Value::Integer(i64::MAX)],
        [Value::text("c"), Value::bytes(&[]), Value::Null(Kind::Text), Value::Integer(0)],
        [Value::text("d"), Value::Null(Kind::Binary), Value::text("x"), Value::Null(Kind::Integer)],
    ];
    let kinds = [Kind::Text, Kind::Binary, Kind::Text, Kind::Integer];
    let insert = with_binds(database, "INSERT INTO things VALUES (?, ?, ?, ?)");
    for statement in [Statement::once(&*insert), Statement::repeated(&*insert)] {
        for row in &values {
            assert_eq!(database.execute(&statement, row).await, Ok(1));
        }
        let select = "SELECT id, bytes, words, number FROM things WHERE id <> 'first' ORDER BY id";
        let found = rows(database, select, &[], &kinds).await;
        let expected: Vec<Row> = values
            .iter()
            .map(|row| row.iter().map(|value| Ok(value.clone().into_owned())).collect())
            .collect();
        assert_eq!(found, expected);
        // A bind in a condition finds its row again.
        for (column, index) in [("id", 0), ("bytes", 1), ("words", 2), ("number", 3)] {
            let select = with_binds(database, &format!("SELECT id FROM things WHERE {column} = ?"));
            let found = rows(database, &select, &values[0][index..=index], &[Kind::Text]).await;
            assert_eq!(found, [[Ok(Value::text("a"))]], "{column}");
        }
        assert_eq!(
            database.execute(&Statement::once("DELETE FROM things WHERE id <> 'first'"), &[]).await,
            Ok(4)
        );
    }
    // A NULL is one whatever it is read as.
    for kind in [Kind::Binary, Kind::Text, Kind::Integer] {
        assert_eq!(cell(database, "SELECT number FROM things", kind).await, Ok(Value::Null(kind)));
    }
    // There is no such cell.
    assert_eq!(
        rows(database, "SELECT id FROM things", &[], &[Kind::Text, Kind::Text]).await[0][1],
        Err(OtherKind)
    );
}

/// An UPDATE counts the rows that it found, not those that it changed.
pub(crate) async fn found_rows_are_counted(database: &mut impl Database) {
    make_table(database).await;
    let update = Statement::repeated("UPDATE things SET number = 7 WHERE id = 'first'");
    assert_eq!(database.execute(&update, &[]).await, Ok(1));
    assert_eq!(database.execute(&update, &[]).await, Ok(1));
    let update = Statement::once("UPDATE things SET number = 7 WHERE id = 'second'");
    assert_eq!(database.execute(&update, &[]).await, Ok(0));
}

/// A refused row is told from a statement that can never go well, without a value, and the connection goes on.
pub(crate) async fn failures_are_told_apart(database: &mut impl Database) {
    make_table(database).await;
    let insert = Statement::once(with_binds(database, "INSERT INTO things (id) VALUES (?)"));
    let error = database.execute(&insert, &[Value::text("first")]).await.unwrap_err();
    assert_eq!(error.class, Class::Row, "{error}");
    assert!(!error.message.contains("first"), "{error}");
    let names = if database.dialect() == Dialect::Sqlite { "things.id" } else { "one_each" };
    assert!(error.message.contains(names), "{error}");

    let error = database.execute(&insert, &[Value::Null(Kind::Text)]).await.unwrap_err();
    assert!(error.class == Class::Row && error.message.contains("id"), "{error}");
    for text in ["SELECT 1 FROM nothing_here", "SELECT not_there FROM things"] {
        let error = database.execute(&Statement::once(text), &[]).await.unwrap_err();
        assert_eq!(error.class, Class::Schema, "{error}");
    }
    let error = database.run("INSERT INTO things (id) VALUES ('second'), ('first')").await.unwrap_err();
    assert!(error.class == Class::Row && !error.message.contains("first"), "{error}");
    let error = database.query(&Statement::once("SELEC"), &[], &mut |_| unreachable!()).await.unwrap_err();
    assert_eq!(error.class, Class::Other, "{error}");
    let error = database.execute(&insert, &[Value::Boolean(true)]).await.unwrap_err();
    assert_eq!(error.class, Class::Other, "{error}");

    assert_eq!(cell(database, "SELECT COUNT(*) FROM things", Kind::Integer).await, Ok(Value::Integer(1)));
}

/// A statement that is left half-way leaves the connection fit for the next one.
pub(crate) async fn transactions_roll_back(database: &mut impl Database) {
    make_table(database).await;
    database.run("BEGIN; INSERT INTO things (id) VALUES ('second'); ROLLBACK; BEGIN").await.unwrap();
    database.execute(&Statement::once("INSERT INTO things (id) VALUES ('third')"), &[]).await.unwrap();
    database.run("COMMIT").await.unwrap();
    let found = rows(database, "SELECT id FROM things ORDER BY id", &[], &[Kind::Text]).await;
    assert_eq!(found, [[Ok(Value::text("first"))], [Ok(Value::text("third"))]]);
}

/// Each of these expressions is of one kind and of no other.
pub(crate) async fn kinds_are_strict(database: &mut impl Database, expressions: &[(&str, Value<'_>)]) {
    for (expression, value) in expressions {
        for kind in [Kind::Binary, Kind::Text, Kind::Integer, Kind::Boolean, Kind::Time] {
            let fits = match value {
                Value::Binary(_) => kind == Kind::Binary,
                Value::Text(_) => kind == Kind::Text,
                Value::Integer(_) => kind == Kind::Integer,
                _ => false,
            };
            let expected = if fits { Ok(value.clone().into_owned()) } else { Err(OtherKind) };
            let found = cell(database, &format!("SELECT {expression}"), kind).await;
            assert_eq!(found, expected, "{expression} as {kind:?}");
        }
    }
}

/// What no kind has: use it as the value of an expression that must always be of another kind.
pub(crate) const NO_KIND: Value<'static> = Value::Boolean(false);
