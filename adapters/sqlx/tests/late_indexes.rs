//! The indexes of a new table wait for its rows, and are always made in the end.
#![allow(clippy::unwrap_used, reason = "clippy.toml exempts test functions, not their helpers")]

mod support;

use keyferry_core::{Coming, CredentialRecord, Held, SignCount, Sink as _, Write, Written};
use keyferry_sqlx::{Access, BlockingSqliteSink};
use support::{Place, id, place, record};

const SCHEMA: &str = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name";

/// The schema of a database whose indexes never waited.
fn whole() -> Vec<String> {
    let place = place();
    drop(place.writer());
    place.ask(SCHEMA)
}

/// How many records follow makes no difference here.
const COMING: Coming = Coming { records: 4, have_user_handles: true };

/// A writer that knows that records follow.
fn expecting(place: &Place) -> BlockingSqliteSink {
    let mut sink = place.writer();
    sink.begin(COMING).unwrap();
    sink
}

fn waiting(place: &Place) -> usize {
    place.ask("SELECT sql FROM sqlite_schema WHERE sql LIKE '%keyferry makes it when all rows are in%'").len()
}

fn add(sink: &mut BlockingSqliteSink, seeds: std::ops::Range<u8>) {
    let records: Vec<_> = seeds.map(record).collect();
    let writes: Vec<_> = records.iter().map(Write::Insert).collect();
    assert_eq!(sink.upsert(&writes).unwrap(), vec![Written::Done; records.len()]);
}

/// Ends as a process does that is killed: nothing of it runs any more.
fn killed(sink: BlockingSqliteSink) {
    std::mem::forget(sink);
}

/// Whether an account is looked up by its index, and how many rows it finds.
fn look_up(place: &Place) -> (bool, usize) {
    let query = "SELECT rp_id FROM webauthn_credentials WHERE account = 'alice-3'";
    let plan = place.ask(&format!("EXPLAIN QUERY PLAN {query}")).concat();
    (plan.contains("USING INDEX webauthn_credentials_account"), place.ask(query).len())
}

#[test]
fn they_are_made_after_the_rows() {
    let place = place();
    let mut sink = expecting(&place);
    add(&mut sink, 1..5);
    assert_eq!(waiting(&place), 2);
    assert_eq!(look_up(&place), (false, 1));
    // Whoever reads meanwhile finds the table as ever.
    let mut reader = BlockingSqliteSink::connect(&place.path, Access::Read).unwrap();
    assert_eq!(reader.held(&[&record(3)]).unwrap(), [Held::AsWritten]);
    drop(reader);
    sink.finish().unwrap();
    assert_eq!(place.ask(SCHEMA), whole());
    assert_eq!(look_up(&place), (true, 1));
    add(&mut sink, 5..6);
    drop(sink);
    assert_eq!(place.ask("PRAGMA integrity_check"), ["ok"]);
}

#[test]
fn that_of_user_handles_waits_only_where_some_are_expected() {
    let place = place();
    let mut sink = place.writer();
    sink.begin(Coming { have_user_handles: false, ..COMING }).unwrap();
    add(&mut sink, 1..5); // they have handles all the same
    assert_eq!(waiting(&place), 1);
    sink.finish().unwrap();
    assert_eq!(place.ask(SCHEMA), whole());
    assert_eq!(place.ask("PRAGMA integrity_check"), ["ok"]);
}

#[test]
fn without_an_end_they_are_made_when_the_sink_is_dropped() {
    let place = place();
    let mut sink = expecting(&place);
    add(&mut sink, 1..5);
    drop(sink);
    assert_eq!(place.ask(SCHEMA), whole());
}

#[test]
fn killed_in_between_the_next_run_makes_them() {
    let place = place();
    for (round, seeds) in [(0, 1..3), (1, 3..6)] {
        let mut sink = expecting(&place);
        add(&mut sink, seeds);
        killed(sink);
        assert_eq!(waiting(&place), 2, "round {round}");
    }
    // Reading changes nothing.
    let mut reader = BlockingSqliteSink::connect(&place.path, Access::Read).unwrap();
    assert_eq!(reader.held(&[&record(1)]).unwrap(), [Held::AsWritten]);
    drop(reader);
    assert_eq!(waiting(&place), 2);
    // A run that writes nothing is enough, whether it expected rows or not.
    place.writer().finish().unwrap();
    assert_eq!(place.ask(SCHEMA), whole());
    assert_eq!(look_up(&place), (true, 1));
    assert_eq!(place.ask("PRAGMA integrity_check"), ["ok"]);
}

#[test]
fn they_wait_nowhere_else() {
    // Where a row is.
    let place = place();
    let mut sink = place.writer();
    add(&mut sink, 1..2);
    sink.begin(COMING).unwrap();
    assert_eq!(waiting(&place), 0);
    drop(sink);
    assert_eq!(place.ask(SCHEMA), whole());
    // Where an application has a table, or a view.
    for other in ["CREATE TABLE users (id TEXT)", "CREATE VIEW users AS SELECT 1 AS id"] {
        let place = support::place();
        place.sql(other);
        let sink = expecting(&place);
        assert_eq!(waiting(&place), 0, "{other}");
        drop(sink);
    }
}

#[test]
fn an_index_that_is_not_ours_stays_as_it_is() {
    let place = place();
    drop(place.writer());
    place.sql("DROP INDEX webauthn_credentials_user_handle; DROP INDEX webauthn_credentials_account");
    place.sql("CREATE INDEX webauthn_credentials_account ON webauthn_credentials (account, rp_id)");
    let before = place.ask(SCHEMA);
    let mut sink = expecting(&place);
    add(&mut sink, 1..5);
    sink.finish().unwrap();
    drop(sink);
    assert_eq!(place.ask(SCHEMA), before);
}

/// Rows are read by one walk along the index, or one by one where many others lie in between: the answers are the same.
#[test]
fn rows_are_told_apart_however_many_lie_between_them() {
    let place = place();
    let mut sink = place.writer();
    add(&mut sink, 1..200);
    let changed = CredentialRecord { sign_count: SignCount(77), ..record(40) };
    let missing = CredentialRecord { credential_id: id([60, 1]), ..record(60) };
    let few = [record(190), changed.clone(), missing.clone(), record(2)];
    let asked: Vec<_> = few.iter().collect();
    let answers = sink.held(&asked).unwrap();
    let is_as_written = |held: &Held| *held == Held::AsWritten;
    assert!(is_as_written(&answers[0]) && is_as_written(&answers[3]), "{answers:?}");
    assert_eq!(answers[1], Held::Record(Box::new(support::stored(&record(40)))));
    assert_eq!(answers[2], Held::Nothing);
    // And with most of the rows in the range asked for.
    let mut many: Vec<_> = (20..150).map(record).collect();
    many[20] = changed;
    many.push(missing);
    let asked: Vec<_> = many.iter().collect();
    let answers = sink.held(&asked).unwrap();
    for (at, held) in answers.iter().enumerate() {
        match at {
            20 => assert_eq!(*held, Held::Record(Box::new(support::stored(&record(40))))),
            130 => assert_eq!(*held, Held::Nothing),
            _ => assert!(is_as_written(held), "{at}: {held:?}"),
        }
    }
    // Beyond all of them.
    let beyond = CredentialRecord { credential_id: id([250; 4]), ..record(1) };
    assert_eq!(sink.held(&[&beyond]).unwrap(), [Held::Nothing]);
    assert_eq!(sink.held(&[]).unwrap(), []);
}

/// A row that another program adds behind the last look is never written over.
#[test]
fn a_row_that_comes_between_is_seen() {
    let place = place();
    let mut sink = expecting(&place);
    let mine = CredentialRecord { account: support::name("mallory"), ..record(3) };
    assert_eq!(sink.held(&[&mine]).unwrap(), [Held::Nothing]);
    let mut other = place.writer();
    add(&mut other, 3..4);
    assert_eq!(sink.upsert(&[Write::Insert(&mine)]).unwrap(), [Written::Changed]);
    assert_eq!(sink.held(&[&record(3)]).unwrap(), [Held::AsWritten]);
    assert!(matches!(&sink.held(&[&mine]).unwrap()[..], [Held::Record(_)]));
}
