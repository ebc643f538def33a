//! The file's side of the comparison.

use std::{
    collections::VecDeque,
    mem,
    sync::{
        Arc,
        atomic::Ordering::Relaxed,
        mpsc::{Receiver, SyncSender, TryRecvError},
    },
};

use super::{
    AHEAD, FIRST, Form, Shared, SumNumber,
    in_step::{Batch, Found},
    sums::Sums,
};
use crate::{
    Comparison, Count, CredentialRecord, DecodeError, Held, Located, Mode, Profile, Report, Run, compare,
    compare::settled, items::with_checked_keys, step::Step,
};

/// A file with more faults than this is not the one that was imported without any.
const MOST_FAULTS: usize = 10_000;

/// Adds up what a target would hold if it held what the rows of a file say, and what would be reported then.
pub struct Foresight {
    rule: Rule,
    form: Form,
    shared: Arc<Shared>,
    sums: Sums,
    report: Report,
    /// How many records the target should show.
    written: u64,
    /// Until there are enough of them.
    first: Vec<CredentialRecord>,
    sender: Option<SyncSender<Vec<CredentialRecord>>>,
    text: Vec<u8>,
    /// Where the target is asked about batches, if it shows records in order.
    batches: Option<SyncSender<Batch>>,
    batch: Batch,
    are_shown: Vec<bool>,
    found: Receiver<Found>,
    open: VecDeque<Open>,
}

/// The rows of a batch of which nothing was told yet.
struct Open {
    /// Which of them the target should show; the others are in no sum.
    are_shown: Vec<bool>,
    /// Whether it is asked about them: it is not where it should show none.
    is_asked: bool,
}

type Row = Result<Located<CredentialRecord>, DecodeError>;

/// What decides over a record that stands in the target as written.
pub(super) struct Rule {
    pub(super) profile: Profile,
    pub(super) run: Run,
}

impl Rule {
    /// Accounts for a record as if it stood in the target as it should; returns whether an import writes it into an empty
    /// target, so that a later one should find it there.
    ///
    /// `None` where something would be written even so.
    pub(super) fn foresee(&self, located: &Located<CredentialRecord>, report: &mut Report) -> Option<bool> {
        let (record, profile) = (&located.value, &self.profile);
        if let Some(lost) = settled(record, profile) {
            report.unchanged(record, profile, lost);
            return Some(true);
        }
        let Run { mode, authority } = self.run;
        let is_written = matches!(compare(None, record, profile, authority), Comparison::Insert);
        let held = if is_written { Held::AsWritten } else { Held::Nothing };
        let step = Step::new(located, held, profile, authority);
        if step.write().is_some() {
            return None;
        }
        match mode {
            Mode::Plan | Mode::Apply => step.settle(profile, report),
            Mode::Verify => step.compare_with_target(profile, authority, report),
        }
        Some(is_written)
    }
}

impl Foresight {
    pub(super) fn new(
        rule: Rule,
        form: Form,
        shared: Arc<Shared>,
        sums: Sums,
        sender: SyncSender<Vec<CredentialRecord>>,
        (batches, found): (Option<SyncSender<Batch>>, Receiver<Found>),
    ) -> Self {
        Self {
            rule,
            form,
            shared,
            sums,
            report: Report::default(),
            written: 0,
            first: Vec::new(),
            sender: Some(sender),
            text: Vec::new(),
            batches,
            batch: Batch::default(),
            are_shown: Vec::new(),
            found,
            open: VecDeque::new(),
        }
    }

    /// Sees a row of the file, and tells in which sum it is.
    ///
    /// `None` where the target is to be asked about it together with the rows before and after it: when
    /// [`Foresight::end_batch`] has ended these, [`Foresight::answer`] tells what is found of them.
    pub fn add(&mut self, row: &Row) -> Option<SumNumber> {
        let is_shown = self.judge(row) == Some(true);
        if self.batches.is_none() {
            return Some(if is_shown { self.sums.add(&self.text) } else { SumNumber::NONE });
        }
        if is_shown {
            self.batch.push(&self.text);
        }
        self.are_shown.push(is_shown);
        None
    }

    /// Asks the target about the rows that were added since it was asked last; returns whether there are any.
    pub fn end_batch(&mut self) -> bool {
        if self.are_shown.is_empty() {
            return false;
        }
        // The next one will be about as long.
        let batch = self.batch.replace();
        let are_shown = mem::take(&mut self.are_shown);
        self.are_shown.reserve(are_shown.len());
        let is_asked = batch.len() > 0;
        self.open.push_back(Open { are_shown, is_asked });
        // Nobody answers before the first records were looked up: to send more would be to wait for ever, and to have more
        // rows wait for an answer would be to keep them all.
        let is_too_early = self.sender.is_some() && self.open.len() > AHEAD;
        let is_lost = |batches: &SyncSender<Batch>| is_asked && batches.send(batch).is_err();
        if is_too_early || self.batches.as_ref().is_none_or(is_lost) {
            self.give_up();
        }
        true
    }

    /// Tells what is found of the next batch, once for each in their order; `None` where that is not known yet, or nothing
    /// is open. After [`Foresight::end_batches`], and where too many rows are open, it waits until it is known.
    ///
    /// It is the sum of each row, or nothing where the target is known to show what the row says: unless foreseeing fails
    /// as a whole, nobody looks such a row up.
    pub fn answer(&mut self) -> Option<Vec<Option<SumNumber>>> {
        let is_asked = self.open.front()?.is_asked;
        let mut numbers = Vec::new().into_iter();
        let mut is_same = false;
        if is_asked && !self.is_over() {
            let found = match self.found.try_recv() {
                // The target needs no more rows for its answer, and while it is slow not all of them may be kept waiting.
                Err(TryRecvError::Empty) if self.batches.is_some() && self.open.len() <= 2 * AHEAD => {
                    return None;
                }
                Err(TryRecvError::Empty) => self.found.recv().ok(),
                found => found.ok(),
            };
            match found {
                Some(None) => is_same = true,
                Some(Some(found)) => numbers = found.into_iter(),
                None => self.give_up(),
            }
        }
        // Whatever has no sum is looked up where anything differs.
        let number = |is_shown| match is_shown {
            true if is_same => None,
            true => Some(numbers.next().unwrap_or(SumNumber::NONE)),
            false => Some(SumNumber::NONE),
        };
        self.open.pop_front().map(|open| open.are_shown.into_iter().map(number).collect())
    }

    /// Tells whether nothing will be foreseen any more.
    pub fn is_over(&self) -> bool {
        self.shared.is_over.load(Relaxed)
    }

    /// Tells that no more rows come, so that all that is open will be answered.
    pub fn end_batches(&mut self) {
        self.batches = None;
        // A file of so few records is no reason to read a whole table.
        if self.sender.is_some() {
            self.give_up();
        }
    }

    pub(super) fn finish(self) -> (Rule, Report, Sums, u64) {
        // Rows of which the target was not asked, or whose answer nobody took, would be missing unnoticed.
        if !self.are_shown.is_empty() || !self.open.is_empty() {
            self.give_up();
        }
        (self.rule, self.report, self.sums, self.written)
    }

    fn give_up(&self) {
        self.shared.is_over.store(true, Relaxed);
    }

    /// Tells whether the target should show a row, which is then in `text`; `None` where no sum can tell what is to be done.
    fn judge(&mut self, row: &Row) -> Option<bool> {
        if self.is_over() {
            return None;
        }
        let is_shown = match row {
            Ok(located) => with_checked_keys([&located.value.public_key], || self.judge_record(located)),
            Err(DecodeError::Row(row)) => {
                self.report.fault(Count::Refused, row.location, row.faults.iter().cloned());
                Some(false)
            }
            Err(DecodeError::Stop(_)) => None,
        };
        let is_shown = is_shown.filter(|_| self.report.faults.len() <= MOST_FAULTS);
        if is_shown.is_none() {
            self.give_up();
        }
        is_shown
    }

    fn judge_record(&mut self, located: &Located<CredentialRecord>) -> Option<bool> {
        let record = &located.value;
        if !self.rule.foresee(located, &mut self.report)? {
            self.sums.add_none();
            return Some(false);
        }
        self.written += 1;
        self.text.clear();
        let is_known = (self.form)(record, &mut self.text) && self.is_sampled(record);
        is_known.then_some(true)
    }

    /// Keeps the first records, and has them looked up when there are enough of them; `false` where nobody does.
    fn is_sampled(&mut self, record: &CredentialRecord) -> bool {
        if self.sender.is_none() {
            return true;
        }
        self.first.push(record.clone());
        if self.first.len() < FIRST {
            return true;
        }
        self.sender.take().is_some_and(|sender| sender.send(mem::take(&mut self.first)).is_ok())
    }
}
