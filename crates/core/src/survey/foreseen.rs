//! What is known of a file and a target as wholes.

use std::sync::Arc;

use super::{Rule, SumNumber, sums::Sums};
use crate::{CredentialRecord, Gate, Located, Report, items::with_checked_keys};

/// What is known of a file and a target as wholes: which rows must be looked up, and the account of all others.
pub struct Foreseen {
    rule: Rule,
    /// The account of all rows, as if each were as it should be.
    report: Report,
    /// The part of it that is of rows which were looked up after all.
    taken_back: Report,
    differs: Arc<[bool]>,
    rows: u64,
}

/// Which rows must be looked up.
#[derive(Clone, Debug)]
pub struct OpenRows(Arc<[bool]>);

impl OpenRows {
    /// Tells whether a row that was kept with this number must be.
    pub fn contains(&self, number: SumNumber) -> bool {
        let at = usize::try_from(number.0).ok().filter(|_| number != SumNumber::NONE);
        match at {
            Some(at) => self.0.get(at).is_none_or(|differs| *differs),
            None => self.0.contains(&true),
        }
    }
}

impl Foreseen {
    pub(super) fn new(rule: Rule, report: Report, ours: &mut Sums, theirs: &mut Sums) -> Self {
        let (differs, rows) = ours.differing(theirs);
        Self { rule, report, taken_back: Report::default(), differs: differs.into(), rows }
    }

    /// Tells whether the rows of the file can be judged one by one, and all of them were seen.
    pub fn is_of(&self, gate: &Gate) -> bool {
        gate.one_file.is_consistent() && self.report.counts.read == gate.rows
    }

    /// Tells whether the target holds what the file says and nothing else.
    pub fn is_same(&self) -> bool {
        !self.differs.contains(&true)
    }

    /// Returns how many rows must be looked up.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Returns which rows those are.
    pub fn open(&self) -> OpenRows {
        OpenRows(Arc::clone(&self.differs))
    }

    /// Tells that a row is looked up.
    pub(crate) fn take_back(&mut self, located: &Located<CredentialRecord>) {
        with_checked_keys([&located.value.public_key], || {
            self.rule.foresee(located, &mut self.taken_back);
        });
    }

    /// Returns the account of all rows: of those that were looked up by what was found, of the others as foreseen.
    ///
    /// It is the one that [`crate::transfer`] gives of all rows, but for the order of its faults.
    pub fn report(mut self, looked_up: Report) -> Report {
        self.report.subtract(&self.taken_back);
        self.report.add(looked_up);
        self.report
    }
}
