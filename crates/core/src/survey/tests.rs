use std::borrow::Cow;

use super::{
    sums::{Sums, number_of},
    *,
};
use crate::{Authority, CredentialId, Location, StoredRecord, Verdict, items::tests_support::record};

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

const ALL: Fake = Fake { shows: 0..2000, holds: FIRST, fails_after: usize::MAX };

const PLAN: Run = Run { mode: Mode::Plan, authority: Authority::Export };

/// How many of `count` rows must be looked up; `None` where nothing is foreseen.
fn open_rows(target: Fake, count: u32) -> Option<u64> {
    let template = record(1);
    let check = |foresight: &mut Foresight| {
        for number in 0..count {
            let credential_id = CredentialId::new(number.to_be_bytes()).unwrap();
            let value = CredentialRecord { credential_id, ..template.clone() };
            let row = u64::from(number) + 1;
            foresight.add(&Ok(Located { location: Location { row, line: row }, value }));
        }
        Ok::<(), ()>(())
    };
    let ((), foreseen) = foresee(Box::new(target), PLAN, check, |_, _| ()).unwrap();
    foreseen.map(|foreseen| foreseen.rows())
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
    assert_eq!(ours.add_none(), SumNumber::NONE);
    assert_eq!(ours.differing(&mut theirs).1, 0);
    theirs.add(b"not ours");
    assert_eq!(ours.differing(&mut theirs).1, 1);
}
