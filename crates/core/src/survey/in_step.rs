//! What a file says and what a target shows, compared one by one for as long as both keep step.
//!
//! A target that was written in the order of the file shows it in that order. Then whole batches of the file are found as
//! they should be without a hash, and nothing of them need be kept for later. What is not the same, a batch at a time, is
//! added up like all that is in no order.

use std::{
    mem,
    sync::mpsc::{Receiver, Sender},
};

use super::{SumNumber, sums::Sums};

/// How far around the expected form one is looked for before all others of its batch are.
const AROUND: usize = 16;
/// How many records of a batch are looked for in vain before only each of so many is.
const IN_VAIN: usize = 8;

/// The forms of some records that follow each other in the file.
#[derive(Default)]
pub(super) struct Batch {
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl Batch {
    /// Returns what there is, and begins another one of about the same length.
    pub(super) fn replace(&mut self) -> Self {
        let text = Vec::with_capacity(self.text.len() + self.text.len() / 8);
        mem::replace(self, Self { text, ends: Vec::with_capacity(self.ends.len()) })
    }

    pub(super) fn push(&mut self, form: &[u8]) {
        self.text.extend_from_slice(form);
        self.ends.push(self.text.len());
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    fn get(&self, at: usize) -> Option<&[u8]> {
        let start = at.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied());
        self.text.get(start?..*self.ends.get(at)?)
    }

    fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).filter_map(|at| self.get(at))
    }

    /// Returns which form is the one that the target shows, where another was expected.
    fn position(&self, shown: &[u8], expected: usize) -> Option<usize> {
        let is_there = |at: &usize| self.get(*at) == Some(shown);
        let around = (1..AROUND).flat_map(|by| [expected.checked_add(by), expected.checked_sub(by)]);
        around.flatten().find(is_there).or_else(|| (0..self.len()).find(is_there))
    }
}

/// What is found of a batch: nothing where the target shows the same, one after the other; else the sum of each record.
pub(super) type Found = Option<Vec<SumNumber>>;

/// The target's side, which is asked about one batch after the other.
pub(super) struct InStep {
    ours: Sums,
    theirs: Sums,
    batches: Option<Receiver<Batch>>,
    answers: Sender<Found>,
    asked: Option<Asked>,
    shown: u64,
}

/// The batch that is being compared.
struct Asked {
    batch: Batch,
    /// The form that is expected next.
    expected: usize,
    is_same: bool,
    /// How many records were shown for it, and looked for in vain.
    shown: usize,
    in_vain: usize,
}

impl InStep {
    /// Begins with empty sums of both sides; without batches all that is shown is only added up.
    pub(super) fn new(sums: &Sums, batches: Option<Receiver<Batch>>, answers: Sender<Found>) -> Self {
        let (ours, theirs) = (sums.with_same_keys(), sums.with_same_keys());
        Self { ours, theirs, batches, answers, asked: None, shown: 0 }
    }

    /// Returns how many records were shown.
    pub(super) fn shown(&self) -> u64 {
        self.shown
    }

    /// Adds what the target shows next.
    pub(super) fn add(&mut self, form: &[u8]) {
        self.shown += 1;
        if self.asked.is_none() {
            // Whoever reads the file is not waited for any more when it is at its end.
            let batch = self.batches.as_ref().and_then(|batches| batches.recv().ok());
            self.asked = batch.map(Asked::new);
        }
        let Some(asked) = &mut self.asked else {
            self.theirs.add(form);
            return;
        };
        let is_expected = asked.batch.get(asked.expected) == Some(form);
        if !is_expected {
            asked.keeps_step_no_more(&mut self.theirs);
        }
        if !asked.is_same {
            self.theirs.add(form);
        }
        if asked.goes_on(form, is_expected) {
            self.answer();
        }
    }

    fn answer(&mut self) {
        let Some(asked) = self.asked.take() else { return };
        let found = (!asked.is_same).then(|| asked.batch.iter().map(|form| self.ours.add(form)).collect());
        let _ = self.answers.send(found); // where nobody waits for it, it is of no use
    }

    /// Answers what is left when all was shown; returns the sums of both sides, in which nothing is that was the same.
    pub(super) fn finish(mut self) -> (Sums, Sums) {
        let left = self.batches.take().into_iter().flatten();
        for mut asked in self.asked.take().into_iter().chain(left.map(Asked::new)) {
            asked.keeps_step_no_more(&mut self.theirs);
            self.asked = Some(asked);
            self.answer();
        }
        (self.ours, self.theirs)
    }
}

impl Asked {
    fn new(batch: Batch) -> Self {
        Self { batch, expected: 0, is_same: true, shown: 0, in_vain: 0 }
    }

    /// Finds what is expected after this one; returns whether the batch is at its end.
    ///
    /// What is the same is decided without it: where step is lost, it is only taken up again sooner or later.
    fn goes_on(&mut self, form: &[u8], is_expected: bool) -> bool {
        self.shown += 1;
        if !is_expected && (self.in_vain < IN_VAIN || self.shown.is_multiple_of(IN_VAIN)) {
            match self.batch.position(form, self.expected) {
                Some(position) => self.expected = position,
                None => self.in_vain += 1,
            }
        }
        self.expected += 1;
        // A target that shows the same again and again must not keep the file waiting.
        self.expected >= self.batch.len() || self.shown > 2 * self.batch.len()
    }

    /// Adds up what was shown of the batch so far, which is what the batch says.
    fn keeps_step_no_more(&mut self, theirs: &mut Sums) {
        if self.is_same {
            self.batch.iter().take(self.expected).for_each(|form| _ = theirs.add(form));
        }
        self.is_same = false;
    }
}

#[cfg(test)]
mod tests;
