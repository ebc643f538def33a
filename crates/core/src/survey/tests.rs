use std::borrow::Cow;

use super::{
    sums::{Sums, number_of},
    *,
};
use crate::{
    Authority, CredentialId, DecodeError, Located, Location, Mode, StoredRecord, Verdict,
    items::tests_support::record,
};

const PROFILE: Profile = Profile {
    name: "fake",
    library: Cow::Borrowed("none"),
    keeps_status: true,
    represent: Verdict::Fixed(|record| Ok(StoredRecord::from(record))),
    verifies: Verdict::Fixed(|_| Ok(())),
};

/// Shows the IDs from one number to another; fails after so many.
struct Fake {
    shows: std::ops::Range<u32>,
    holds: usize,
    fails_after: usize,
    is_in_order: bool,
}

impl Survey for Fake {
    fn profile(&self) -> &Profile {
        &PROFILE
    }

    fn form(&self) -> Form {
        Box::new(|record, text| {
            text.extend_from_slice(record.credential_id.as_bytes());
            true
        })
    }

    fn is_in_order(&self) -> bool {
        self.is_in_order
    }

    fn holds(&mut self, _first: &[&CredentialRecord]) -> Result<usize, SinkError> {
        Ok(self.holds)
    }

    fn show(&mut self, each: &mut (dyn FnMut(&[u8]) -> bool + Send)) -> Result<bool, SinkError> {
        for (shown, number) in self.shows.clone().enumerate() {
            if shown == self.fails_after {
                return Err(SinkError::new(crate::SinkErrorKind::Refused, "showing"));
            }
            if !each(&number.to_be_bytes()) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

const ALL: Fake = Fake { shows: 0..2000, holds: FIRST, fails_after: usize::MAX, is_in_order: false };

const PLAN: Run = Run { mode: Mode::Plan, authority: Authority::Export };

/// The first rows of a file.
fn rows(count: u32) -> Vec<Result<Located<CredentialRecord>, DecodeError>> {
    let template = record(1);
    (0..count)
        .map(|number| {
            let credential_id = CredentialId::new(number.to_be_bytes()).unwrap();
            let value = CredentialRecord { credential_id, ..template.clone() };
            let row = u64::from(number) + 1;
            Ok(Located { location: Location { row, line: row }, value })
        })
        .collect()
}

/// How many of `count` rows must be looked up; `None` where nothing is foreseen.
fn open_rows(target: Fake, count: u32) -> Option<u64> {
    let check = |foresight: &mut Foresight| {
        rows(count).iter().for_each(|row| _ = foresight.add(row));
        Ok::<(), ()>(())
    };
    let ((), foreseen) = foresee(Box::new(target), PLAN, check, |_, _| ()).unwrap();
    foreseen.map(|foreseen| foreseen.rows())
}

/// The same of a target that is asked about batches, and how many of them must be kept.
fn open_rows_of_batches(target: Fake, count: u32, batch: usize) -> (Option<u64>, usize) {
    let rows = rows(count);
    let check = |foresight: &mut Foresight| {
        let mut numbers = Vec::new();
        for batch in rows.chunks(batch) {
            numbers.extend(batch.iter().filter_map(|row| foresight.add(row)).map(Some));
            foresight.end_batch();
            numbers.extend(std::iter::from_fn(|| foresight.answer()).flatten());
        }
        foresight.end_batches();
        numbers.extend(std::iter::from_fn(|| foresight.answer()).flatten());
        Ok::<_, ()>(numbers)
    };
    let (numbers, foreseen) = foresee(Box::new(target), PLAN, check, |_, _| ()).unwrap();
    assert_eq!(numbers.len(), rows.len(), "each row is answered once");
    let kept: Vec<SumNumber> = numbers.into_iter().flatten().collect();
    if let Some(foreseen) = &foreseen {
        let open = foreseen.open();
        let looked_up = kept.iter().filter(|number| open.contains(**number)).count();
        assert_eq!(u64::try_from(looked_up), Ok(foreseen.rows()), "all that is open is kept");
    }
    (foreseen.map(|foreseen| foreseen.rows()), kept.len())
}

#[test]
fn only_what_differs_is_looked_up() {
    assert_eq!(open_rows(ALL, 2000), Some(0));
    assert!((1..10).contains(&open_rows(Fake { shows: 1..2000, ..ALL }, 2000).unwrap()));
    assert!(open_rows(Fake { shows: 0..2010, ..ALL }, 2000).unwrap() < 10);
}

#[test]
fn nothing_is_foreseen_where_it_is_no_use_or_fails() {
    assert_eq!(open_rows(Fake { holds: FIRST - OTHERWISE - 1, ..ALL }, 2000), None, "most are otherwise");
    assert!(open_rows(Fake { holds: FIRST - OTHERWISE, ..ALL }, 2000).is_some());
    assert_eq!(open_rows(Fake { fails_after: 1999, ..ALL }, 2000), None, "an error");
    assert_eq!(open_rows(ALL, u32::try_from(FIRST).unwrap() - 1), None, "a small file");
    assert_eq!(open_rows(Fake { shows: 0..u32::MAX, ..ALL }, 2000), None, "a large table of others");
}

#[test]
fn a_file_that_stops_is_told_at_once() {
    let target = Fake { shows: 0..u32::MAX, ..ALL };
    let check = |_: &mut Foresight| Err::<(), _>("the file stops");
    let error = foresee(Box::new(target), PLAN, check, |_, _| ()).err();
    assert_eq!(error, Some("the file stops"));
}

#[test]
fn sums_tell_records_apart_that_share_one() {
    let empty = Sums::default();
    let sums = |forms: &[[u8; 4]]| {
        let mut sums = empty.with_same_keys();
        forms.iter().for_each(|form| _ = sums.add(form));
        sums
    };
    let one = 7_u32.to_be_bytes();
    let mut others = (8_u32..).map(u32::to_be_bytes).filter(|other| number_of(other) == number_of(&one));
    let (other, third) = (others.next().unwrap(), others.next().unwrap());
    let differing = |ours: &[[u8; 4]], theirs: &[[u8; 4]]| sums(ours).differing(&mut sums(theirs)).1;
    assert_eq!(differing(&[one], &[other]), 1);
    assert_eq!(differing(&[one, other], &[other, one]), 0, "in any order");
    assert_eq!(differing(&[one, other], &[one, third]), 2);
    assert_eq!(differing(&[one, other], &[one, one]), 2);
    assert_eq!(differing(&[one], &[one, other]), 1);
}

#[test]
fn rows_of_no_sum_are_looked_up_where_anything_differs() {
    let mut ours = Sums::default();
    let mut theirs = ours.with_same_keys();
    ours.add_none();
    assert_eq!(ours.differing(&mut theirs).1, 0);
    theirs.add(b"not ours");
    assert_eq!(ours.differing(&mut theirs).1, 1);
}

#[test]
fn what_is_shown_in_the_order_of_the_file_need_not_be_kept() {
    let in_order = Fake { is_in_order: true, ..ALL };
    assert_eq!(open_rows_of_batches(ALL, 2000, 100), (Some(0), 2000), "in any order");
    assert_eq!(open_rows_of_batches(in_order, 2000, 100), (Some(0), 0));
    // Fewer and more than the file has, before and behind it.
    for shows in [3..2000, 0..1997] {
        let (open, kept) = open_rows_of_batches(Fake { shows, is_in_order: true, ..ALL }, 2000, 100);
        assert!((3..10).contains(&open.unwrap()) && kept == 100, "{open:?}, {kept}");
    }
    let more = Fake { shows: 0..2010, is_in_order: true, ..ALL };
    assert_eq!(open_rows_of_batches(more, 2000, 100), (Some(0), 0), "others are none of the file's");
}

#[test]
fn batches_are_answered_where_nothing_is_foreseen() {
    let in_order = || Fake { is_in_order: true, ..ALL };
    for (target, count, batch, why) in [
        (Fake { holds: 0, ..in_order() }, 2000, 100, "all are otherwise"),
        (Fake { fails_after: 0, ..in_order() }, 2000, 100, "an error at the beginning"),
        (Fake { fails_after: 1500, ..in_order() }, 2000, 100, "an error"),
        (in_order(), 900, 100, "a small file"),
        (in_order(), 2000, 10, "nobody answers before the first records were looked up"),
        (Fake { shows: 0..u32::MAX, ..in_order() }, 2000, 100, "a large file of others"),
    ] {
        assert_eq!(open_rows_of_batches(target, count, batch).0, None, "{why}");
    }
}

#[test]
fn rows_that_nobody_is_asked_about_do_not_pile_up() {
    let mut rows = rows(2000);
    rows.iter_mut().skip(900).flatten().for_each(|row| row.value.status = crate::Status::parse("frozen"));
    let target = Fake { is_in_order: true, ..ALL };
    let check = |foresight: &mut Foresight| {
        let (mut added, mut answered, mut most) = (0, 0, 0);
        for batch in rows.chunks(20) {
            added += batch.iter().filter(|row| foresight.add(row).is_none()).count();
            foresight.end_batch();
            answered += std::iter::from_fn(|| foresight.answer()).flatten().count();
            most = most.max(added - answered);
        }
        Ok::<_, ()>(most)
    };
    let (most, foreseen) = foresee(Box::new(target), PLAN, check, |_, _| ()).unwrap();
    assert!(most <= 20 * (AHEAD + 1), "{most} rows wait, and the first records were never looked up");
    assert!(foreseen.is_none());
}

#[test]
fn nothing_is_foreseen_without_all_answers() {
    let rows = rows(2000);
    let run = |end_batch: bool, end: bool, takes: bool| {
        let check = |foresight: &mut Foresight| {
            for batch in rows.chunks(200) {
                batch.iter().for_each(|row| assert_eq!(foresight.add(row), None));
                let _ = (end_batch || batch[0].as_ref().unwrap().location.row == 1) && foresight.end_batch();
            }
            if end {
                foresight.end_batches();
            }
            while takes && foresight.answer().is_some() {}
            Ok::<(), ()>(())
        };
        let target = Fake { is_in_order: true, ..ALL };
        foresee(Box::new(target), PLAN, check, |_, _| ()).unwrap().1.is_some()
    };
    assert!(run(true, true, true));
    assert!(!run(false, true, true), "rows that were added and not asked about");
    assert!(!run(true, true, false), "answers that nobody took");
    assert!(!run(true, false, false));
}
