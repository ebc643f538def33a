use std::sync::mpsc::{Receiver, channel};

use proptest::prelude::*;

use super::*;

/// The target's side when it has shown everything, and what it has answered.
fn compared(ours: &[u32], theirs: &[u32], length: usize) -> (InStep, Receiver<Found>) {
    let (batches, asked) = channel();
    let (answers, found) = channel();
    for forms in ours.chunks(length) {
        let mut batch = Batch::default();
        forms.iter().for_each(|form| batch.push(&form.to_be_bytes()));
        batches.send(batch).unwrap();
    }
    drop(batches);
    let mut in_step = InStep::new(&Sums::default(), Some(asked), answers);
    theirs.iter().for_each(|form| in_step.add(&form.to_be_bytes()));
    (in_step, found)
}

/// The forms of ours that must be looked up, and how many batches were not the same.
fn open(ours: &[u32], theirs: &[u32], length: usize) -> (Vec<u32>, usize) {
    let (in_step, found) = compared(ours, theirs, length);
    assert_eq!(usize::try_from(in_step.shown()), Ok(theirs.len()));
    let (mut our_sums, mut their_sums) = in_step.finish();
    let (differs, rows) = our_sums.differing(&mut their_sums);
    let is_open = |number: SumNumber| differs[usize::try_from(number.0).unwrap()];
    let found: Vec<_> = found.iter().collect();
    assert_eq!(found.len(), ours.chunks(length).len(), "each batch is answered once");
    let mut open = Vec::new();
    for (forms, found) in ours.chunks(length).zip(&found) {
        let Some(numbers) = found else { continue };
        assert_eq!(numbers.len(), forms.len());
        open.extend(forms.iter().zip(numbers).filter(|(_, number)| is_open(**number)).map(|(form, _)| *form));
    }
    assert_eq!(u64::try_from(open.len()), Ok(rows));
    let sorted = |forms: &[u32]| {
        let mut forms = forms.to_vec();
        forms.sort_unstable();
        forms
    };
    assert_eq!(differs.contains(&true), sorted(ours) != sorted(theirs), "{ours:?} {theirs:?}");
    (open, found.iter().flatten().count())
}

/// How many batches are not the same; all that the target does not show must be looked up, and hardly more.
fn otherwise(ours: &[u32], theirs: &[u32], length: usize) -> usize {
    let (open, otherwise) = open(ours, theirs, length);
    let shown = |form| theirs.iter().filter(|other| *other == form).count();
    assert!(ours.iter().all(|form| shown(form) > 0 || open.contains(form)), "{theirs:?} {open:?}");
    // Two of so few records share one of the many sums now and then.
    let otherwise_shown = ours.iter().filter(|form| shown(form) != 1).count();
    assert!(open.len() <= otherwise_shown + 20, "{theirs:?} {open:?}");
    otherwise
}

#[test]
fn step_is_taken_up_again() {
    let ours: Vec<u32> = (0..3000).collect();
    let with = |change: fn(&mut Vec<u32>)| {
        let mut theirs = ours.clone();
        change(&mut theirs);
        otherwise(&ours, &theirs, 100)
    };
    assert_eq!(with(|_| ()), 0);
    assert_eq!(with(|theirs| theirs[250] = 9000), 1, "another");
    assert_eq!(with(|theirs| theirs.swap(250, 260)), 1, "another order");
    assert_eq!(with(|theirs| theirs.swap(250, 750)), 2);
    assert_eq!(with(|theirs| _ = theirs.drain(240..250)), 1, "fewer");
    assert_eq!(with(|theirs| _ = theirs.drain(295..305)), 2);
    assert_eq!(with(|theirs| _ = theirs.drain(..60)), 1, "many fewer");
    assert_eq!(with(|theirs| _ = theirs.drain(270..330)), 2);
    assert_eq!(with(|theirs| _ = theirs.splice(250..250, 9000..9010)), 1, "more");
    assert_eq!(with(|theirs| _ = theirs.splice(300..300, 9000..9010)), 1);
    assert_eq!(with(|theirs| _ = theirs.splice(0..0, 9000..9060)), 1, "many more");
    assert_eq!(with(|theirs| _ = theirs.splice(250..250, 9000..9060)), 2);
    assert_eq!(with(|theirs| theirs.truncate(2950)), 1, "an end");
    assert_eq!(with(|theirs| theirs.extend(9000..9010)), 0);
    assert_eq!(with(|theirs| theirs.reverse()), 30);
    assert_eq!(with(|theirs| theirs.clear()), 30);
}

#[test]
fn the_same_again_and_again_does_not_keep_the_file_waiting() {
    let ours: Vec<u32> = (0..300).collect();
    let theirs: Vec<u32> = [1, 0].into_iter().chain(std::iter::repeat_n(0, 600)).collect();
    let (_in_step, found) = compared(&ours, &theirs, 100);
    assert!(found.try_iter().count() >= 2, "batches are answered before all was shown");
}

/// A change to what the target shows.
fn edit() -> impl Strategy<Value = (u8, prop::sample::Index, usize)> {
    (0..6_u8, any::<prop::sample::Index>(), 1..40_usize)
}

proptest! {
    #[test]
    fn nothing_that_differs_is_taken_as_the_same(
        count in 0..600_u32,
        length in 1..70_usize,
        edits in prop::collection::vec(edit(), 0..6),
    ) {
        let ours: Vec<u32> = (0..count).collect();
        let mut theirs = ours.clone();
        for (number, (kind, index, by)) in (0..).zip(edits) {
            let from = index.index(theirs.len() + 1);
            let to = (from + by).min(theirs.len());
            let others = 10_000 * (number + 1)..;
            match kind {
                0 => theirs[from..to].iter_mut().zip(others).for_each(|(form, other)| *form = other),
                1 => _ = theirs.drain(from..to),
                2 => _ = theirs.splice(from..from, others.take(by)),
                3 => theirs[from..to].reverse(),
                4 => theirs.extend_from_within(from..to),
                _ => {
                    let by = by.min(theirs.len());
                    theirs.rotate_left(by);
                }
            }
        }
        otherwise(&ours, &theirs, length);
    }
}
