//! One import at a time into one table, as many as one likes into several.

use std::{io::Write as _, process::Child};

use keyferry_testkit::servers::Kind;

use crate::{
    exports::{csv, rows},
    site::Site,
    support::Outcome,
};

on_both!(
    a_second_import_is_told_at_once,
    of_many_at_once_each_ends_right,
    two_tables_at_once,
    the_same_table_of_two_databases_at_once,
);

fn ended(mut child: Child, export: &str) -> Outcome {
    child.stdin.take().unwrap().write_all(export.as_bytes()).unwrap();
    Outcome::of("import -", child.wait_with_output().unwrap())
}

fn a_second_import_is_told_at_once(kind: Kind) {
    let Some(site) = Site::with(kind, csv(&rows(20))) else { return };
    let first = site.waiting(&mut site.folder.command(), &site.url, "");
    let second = site.carry("import", "export.csv", "").expect_stopped();
    let told = &second.stderr;
    assert!(told.contains("is importing into") && told.contains("user keyferry, from "), "{told}");
    let who = match kind {
        Kind::Postgres => format!("keyferry import, process {} (", first.id()),
        Kind::MySql => "connection ".to_owned(),
    };
    assert!(told.contains(&who), "{told}");
    assert_eq!(site.rows(), 0, "the second one wrote");
    // Looking is allowed.
    site.carry("plan", "export.csv", "").expect(0);
    assert_eq!(ended(first, &csv(&rows(20))).expect(0).counts(), "read 20, inserted 20");
    assert_eq!(site.import().counts(), "read 20, unchanged 20");
    assert_eq!(site.rows(), 20);
}

fn of_many_at_once_each_ends_right(kind: Kind) {
    let Some(site) = Site::with(kind, csv(&rows(100))) else { return };
    let args = format!("import export.csv --rp-id example.com --to {} --json", site.url);
    let started: Vec<_> =
        (0..5).map(|_| site.folder.command().args(args.split_whitespace()).spawn().unwrap()).collect();
    let outcomes: Vec<_> =
        started.into_iter().map(|child| Outcome::of(&args, child.wait_with_output().unwrap())).collect();
    let finished = outcomes.iter().filter(|outcome| outcome.code == Some(0));
    assert_eq!(finished.map(|outcome| outcome.count("inserted")).sum::<u64>(), 100, "{outcomes:?}");
    assert!(outcomes.iter().all(|outcome| matches!(outcome.code, Some(0 | 2))), "{outcomes:?}");
    assert_eq!(site.rows(), 100);
    assert_eq!(site.import().counts(), "read 100, unchanged 100");
}

fn two_tables_at_once(kind: Kind) {
    let Some(site) = Site::with(kind, csv(&rows(20))) else { return };
    // In MySQL the record of the schema's version is in the same database; each table has it beside itself.
    let first = site.waiting(&mut site.folder.command(), &site.url, "");
    let second = site.waiting(&mut site.folder.command(), &site.url, "--table others");
    for child in [second, first] {
        assert_eq!(ended(child, &csv(&rows(20))).expect(0).counts(), "read 20, inserted 20");
    }
    assert_eq!(site.dump(), site.dump_of("others", "true"));
}

fn the_same_table_of_two_databases_at_once(kind: Kind) {
    let (Some(site), Some(other)) = (Site::with(kind, csv(&rows(20))), Site::with(kind, csv(&rows(30))))
    else {
        return;
    };
    let first = site.waiting(&mut site.folder.command(), &site.url, "");
    assert_eq!(other.import().counts(), "read 30, inserted 30");
    assert_eq!(ended(first, &csv(&rows(20))).expect(0).counts(), "read 20, inserted 20");
}
