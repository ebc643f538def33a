//! Checks that a target which is compared as a whole says the same as when its records are looked up one by one.

use keyferry_core::{
    Authority, Backup, Comparison, CredentialId, CredentialRecord, DecodeError, Fault, FaultCode, Foresight,
    Gate, Item, Located, Location, Mode, Report, RowFaults, Run, SignCount, Sink, Status, SumNumber, Survey,
    Transports, Write, Written, compare, foresee, gate, transfer, transfer_open,
};

use crate::{
    Algorithm,
    records::{bare_record, key, many_records, record},
};

type Row = Result<Located<CredentialRecord>, DecodeError>;

/// How a target is opened: each time what lies there by then.
pub struct Target<'t> {
    /// To write it.
    pub writer: &'t dyn Fn() -> Box<dyn Sink>,
    /// To read it.
    pub reader: &'t dyn Fn() -> Box<dyn Sink>,
    /// To compare it as a whole.
    pub survey: &'t dyn Fn() -> Option<Box<dyn Survey>>,
}

/// What is changed in an export after its import, and how many of its rows may be looked up for that.
type Change = (&'static str, u64, fn(&mut Vec<CredentialRecord>));

/// Rows that a target is asked about together, if it shows its records in order.
const BATCH: usize = 90;

const CHANGES: &[Change] = &[
    ("nothing", 0, |_| ()),
    ("new credentials", 60, |rows| rows.extend(many_records(2025).split_off(2000))),
    ("higher sign counts", 60, |rows| {
        rows.iter_mut().skip(40).step_by(60).for_each(|row| row.sign_count = SignCount(70_000));
    }),
    ("lower sign counts", 60, |rows| {
        rows.iter_mut().skip(41).step_by(60).for_each(|row| row.sign_count = SignCount(0));
    }),
    ("revoked", 60, |rows| {
        rows.iter_mut().skip(42).step_by(60).for_each(|row| row.status = Status::Revoked);
    }),
    ("active again", 1300, |rows| rows.iter_mut().for_each(|row| row.status = Status::Active)),
    ("of a status that nobody knows", 60, |rows| {
        rows.iter_mut().skip(43).step_by(60).for_each(|row| row.status = Status::parse("frozen"));
    }),
    ("backed up no more", 60, |rows| {
        rows.iter_mut().skip(44).step_by(60).for_each(|row| row.backup = Some(Backup::Eligible));
    }),
    ("other transports", 60, |rows| {
        let other = Transports::new(["usb", "a \"quoted\" one"]);
        rows.iter_mut().skip(45).step_by(60).for_each(|row| row.transports = Some(other.clone()));
    }),
    ("of another user", 60, |rows| {
        let others: Vec<_> = rows.iter().skip(47).step_by(60).cloned().collect();
        for (row, other) in rows.iter_mut().skip(46).step_by(60).zip(others) {
            let own = (row.credential_id.clone(), row.public_key.clone());
            *row = CredentialRecord { credential_id: own.0, public_key: own.1, ..other };
        }
    }),
    ("with another key", 60, |rows| {
        rows.iter_mut().skip(48).step_by(60).for_each(|row| row.public_key = key(Algorithm::Es384, 1));
    }),
    ("gone", 60, |rows| {
        let mut number = 0;
        rows.retain(|_| {
            number += 1;
            number % 60 != 49
        });
    }),
    ("twice", u64::MAX, |rows| rows.extend_from_within(50..53)),
    ("other in most rows", u64::MAX, |rows| {
        rows.iter_mut().filter(|row| row.sign_count.0 % 2 == 0).for_each(|row| row.sign_count.0 += 1);
    }),
    ("too few", u64::MAX, |rows| rows.truncate(500)),
];

/// Drives a target that is empty through imports, plans and comparisons, each both ways.
///
/// # Panics
/// - the two ways say different things, or more rows were looked up than need be.
pub fn says_the_same(target: &Target<'_>) {
    let imported = export();
    carry_all(target, &imported, Mode::Apply, Authority::Export);
    let changed = |change: fn(&mut Vec<CredentialRecord>)| {
        let mut records = imported.clone();
        change(&mut records);
        records
    };
    let alone: Vec<Report> = CHANGES
        .iter()
        .map(|(what, most, change)| both_ways(target, &changed(*change), what, *most))
        .collect();

    // Rows of others have those of ours looked up that share a sum with them, and change nothing.
    let others = others(target);
    for ((what, most, change), alone) in CHANGES.iter().zip(&alone).take(3) {
        let among_others = both_ways(target, &changed(*change), what, most.saturating_add(20));
        assert_eq!(among_others, *alone, "{what}, among others");
    }
    remove(target, &others);

    // What was foreseen is also what an import does.
    let (done, _) = foreseen(target, &rows(&imported), Mode::Apply, Authority::Export);
    assert_eq!(Some(&done), alone.first(), "nothing is done where nothing has changed");
    let mut records = imported.clone();
    let news: [usize; 5] = [1, 2, 4, 7, 8];
    news.iter().filter_map(|at| CHANGES.get(*at)).for_each(|(_, _, change)| change(&mut records));
    let planned = carry_all(target, &records, Mode::Plan, Authority::Export);
    let (done, looked_up) = foreseen(target, &rows(&records), Mode::Apply, Authority::Export);
    assert!(looked_up.is_some(), "news among many rows are no reason to look all of them up");
    assert_eq!(done, planned, "an import does what was planned");
    let after = carry_all(target, &records, Mode::Plan, Authority::Export);
    assert_eq!((after.counts.inserted, after.counts.updated), (0, 0), "and all of it");
}

/// Plans and compares, and finds that both ways say the same; returns the plan.
fn both_ways(target: &Target<'_>, records: &[CredentialRecord], what: &str, most: u64) -> Report {
    let profile = (target.reader)().profile().clone();
    let is_not_written =
        |record: &&CredentialRecord| compare(None, record, &profile, Authority::Export) != Comparison::Insert;
    let not_written = u64::try_from(records.iter().filter(is_not_written).count()).unwrap_or(u64::MAX);
    let mut plan = None;
    let runs = [
        (Mode::Plan, Authority::Export),
        (Mode::Verify, Authority::Export),
        (Mode::Verify, Authority::Target),
    ];
    for (mode, authority) in runs {
        let one_by_one = carry_all(target, records, mode, authority);
        let (whole, looked_up) = foreseen(target, &rows(records), mode, authority);
        match looked_up {
            None => assert_eq!(most, u64::MAX, "{what}, {mode:?}: nothing was foreseen"),
            Some(looked_up) => {
                assert!(looked_up <= most.saturating_add(not_written), "{what}: {looked_up} rows looked up");
                assert_eq!(whole, one_by_one, "{what}, {mode:?}, {authority:?}");
            }
        }
        plan.get_or_insert(one_by_one);
    }
    plan.unwrap_or_default()
}

/// Adds rows that no export has.
fn others(target: &Target<'_>) -> Vec<CredentialRecord> {
    let mut writer = (target.writer)();
    let mut others = many_records(4020).split_off(4000);
    others.retain(|row| writer.profile().represent(row).is_ok());
    let writes: Vec<_> = others.iter().map(Write::Insert).collect();
    let written = writer.upsert(&writes).expect("rows of others are added");
    assert!(written.iter().all(|written| *written == Written::Done));
    writer.finish().expect("rows of others are added");
    others
}

fn remove(target: &Target<'_>, records: &[CredentialRecord]) {
    let ids: Vec<&CredentialId> = records.iter().map(|record| &record.credential_id).collect();
    let mut writer = (target.writer)();
    let stored = writer.fetch(&ids).expect("rows are read");
    let writes: Vec<_> = stored.iter().map(|stored| Write::Remove { stored }).collect();
    writer.upsert(&writes).expect("rows are removed");
    writer.finish().expect("rows are removed");
}

/// An export of some thousand rows, of all kinds.
fn export() -> Vec<CredentialRecord> {
    let mut records = many_records(1300);
    for (number, row) in records.iter_mut().enumerate() {
        match number % 50 {
            3 => row.status = Status::Suspended,
            13 => row.status = Status::Pending,
            23 => row.status = Status::Revoked,
            30 => row.backup = None,
            33 => row.transports = Some(Transports::new(["internal", "\u{e9}t\u{e9}\n"])),
            35 => row.aaguid = record(1).aaguid,
            36 => row.created_at = record(1).created_at,
            37 => row.user_handle = None,
            38 => row.public_key = key(Algorithm::EdDsa, 1),
            39 => row.status = Status::parse("weird"),
            _ => {}
        }
    }
    records.push(bare_record(5000));
    records
}

/// The rows of a file, of which two were refused.
fn rows(records: &[CredentialRecord]) -> Vec<Row> {
    let refused = |row| {
        let location = Location { row, line: row };
        let faults = vec![Fault::new(Item::Row, FaultCode::ColumnCount, "found 3 of 13 cells")];
        Err(DecodeError::Row(RowFaults { location, faults, ..RowFaults::default() }))
    };
    let legal = records
        .iter()
        .zip(2..)
        .map(|(record, row)| Ok(Located { location: Location { row, line: row }, value: record.clone() }));
    std::iter::once(refused(1)).chain(legal).chain([refused(1_000_000)]).collect()
}

fn again(rows: &[Row]) -> Vec<Row> {
    let again = |row: &Row| match row {
        Ok(located) => Ok(located.clone()),
        Err(DecodeError::Row(faults)) => Err(DecodeError::Row(faults.clone())),
        Err(DecodeError::Stop(error)) => Err(DecodeError::Stop(error.to_string().into())),
    };
    rows.iter().map(again).collect()
}

fn sorted(mut report: Report) -> Report {
    report.faults.sort_by_key(|fault| fault.location);
    report
}

fn gate_of(rows: &[Row]) -> Gate {
    gate(|| Ok([again(rows)].into_iter()), |_| ()).expect("nothing stops")
}

/// Looks every record up.
fn carry_all(target: &Target<'_>, records: &[CredentialRecord], mode: Mode, authority: Authority) -> Report {
    let rows = rows(records);
    let mut report = Report::default();
    let mut sink = if mode == Mode::Apply { (target.writer)() } else { (target.reader)() };
    let gate = gate_of(&rows);
    transfer(rows.into_iter(), &gate, &mut *sink, Run { mode, authority }, &mut report, |_| ())
        .expect("nothing stops");
    sorted(report)
}

/// Compares as a whole and looks up what is open then; returns also how many rows that were, if anything was foreseen.
fn foreseen(target: &Target<'_>, rows: &[Row], mode: Mode, authority: Authority) -> (Report, Option<u64>) {
    let survey = (target.survey)().expect("a target that is there");
    let run = Run { mode, authority };
    let check = |foresight: &mut Foresight| Ok::<_, ()>(numbers(foresight, rows));
    let (numbers, foreseen) = foresee(survey, run, check, |_, _| ()).expect("nothing stops");
    assert_eq!(numbers.len(), rows.len(), "each row is answered");
    let gate = gate_of(rows);
    let Some(mut foreseen) = foreseen.filter(|foreseen| foreseen.is_of(&gate)) else {
        return (Report::default(), None);
    };
    let (open, count) = (foreseen.open(), foreseen.rows());
    assert!(count == 0 || !foreseen.is_same(), "{count} rows are looked up where nothing differs");
    let is_open = |number: Option<SumNumber>| number.is_some_and(|number| open.contains(number));
    let looked_up = again(rows).into_iter().zip(numbers);
    let looked_up = looked_up.filter(|(row, number)| row.is_ok() && is_open(*number)).map(|(row, _)| row);
    let mut report = Report::default();
    let mut sink = if mode == Mode::Apply { (target.writer)() } else { (target.reader)() };
    transfer_open(looked_up, &mut foreseen, &gate, &mut *sink, run, &mut report, |_| ())
        .expect("nothing stops");
    (sorted(foreseen.report(report)), Some(count))
}

/// The sum of each row that must be kept.
fn numbers(foresight: &mut Foresight, rows: &[Row]) -> Vec<Option<SumNumber>> {
    let mut numbers = Vec::new();
    for batch in rows.chunks(BATCH) {
        numbers.extend(batch.iter().filter_map(|row| foresight.add(row)).map(Some));
        foresight.end_batch();
        numbers.extend(std::iter::from_fn(|| foresight.answer()).flatten());
    }
    foresight.end_batches();
    numbers.extend(std::iter::from_fn(|| foresight.answer()).flatten());
    numbers
}
