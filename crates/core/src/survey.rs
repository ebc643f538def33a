//! Compares a whole file with all that a target holds, while the file is checked.
//!
//! A second import and a comparison find, as a rule, that nearly everything stands in the target as it was written. That is
//! known without looking a single record up: the target shows what it holds, in any order, and what the file would leave
//! there adds up to the same. Both are added up in many small sums, so that a few records which are new or changed leave
//! only those to be looked up that share a sum with them. Where anything is out of the ordinary, all of them are.

mod foreseen;
mod sums;

use std::{
    mem,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread,
    time::Duration,
};

use crate::{
    Comparison, Count, CredentialRecord, DecodeError, Held, Located, Mode, Profile, Report, Run, SinkError,
    compare, compare::settled, items::with_checked_keys, step::Step,
};
pub use foreseen::{Foreseen, OpenRows};
use sums::Sums;

/// How many records are looked up before everything is: a file with fewer is no reason to read a whole table.
const FIRST: usize = 1000;
/// How many of these may stand there otherwise: beyond it nearly every sum would differ somewhere.
const OTHERWISE: usize = FIRST / 10;
/// A file with more faults than this is not the one that was imported without any.
const MOST_FAULTS: usize = 10_000;
/// How often somebody who waits is told how far it is.
const TELL: Duration = Duration::from_millis(200);

/// Writes a record into an empty buffer, as a target shows one that stands there as written; returns whether it could.
pub type Form = Box<dyn Fn(&CredentialRecord, &mut Vec<u8>) -> bool + Send>;

/// A target that can show everything it holds.
///
/// # Behavior
/// - It has no accounts apart from its credentials, and shows each credential once, in any order.
/// - A credential is shown in the bytes of [`Survey::form`] exactly where the target's sink would answer
///   [`Held::AsWritten`] for its record.
/// - Nothing is written.
///
/// ```
/// use keyferry_core::{CredentialRecord, Form, Profile, SinkError, Survey};
///
/// /// A target that keeps nothing but IDs.
/// struct Ids {
///     profile: Profile,
///     ids: Vec<Vec<u8>>,
/// }
///
/// impl Survey for Ids {
///     fn profile(&self) -> &Profile {
///         &self.profile
///     }
///
///     fn form(&self) -> Form {
///         Box::new(|record, form| {
///             form.extend_from_slice(record.credential_id.as_bytes());
///             true
///         })
///     }
///
///     fn holds(&mut self, first: &[&CredentialRecord]) -> Result<usize, SinkError> {
///         let is_there = |record: &&&CredentialRecord| {
///             self.ids.iter().any(|id| *id == record.credential_id.as_bytes())
///         };
///         Ok(first.iter().filter(is_there).count())
///     }
///
///     fn show(&mut self, each: &mut (dyn FnMut(&[u8]) -> bool + Send)) -> Result<bool, SinkError> {
///         Ok(self.ids.iter().all(|id| each(id)))
///     }
/// }
/// ```
pub trait Survey: Send {
    /// Returns what is true of the target.
    fn profile(&self) -> &Profile;

    /// Returns what writes a record as [`Survey::show`] shows it.
    fn form(&self) -> Form;

    /// Returns how many of the first records of a file stand there as written, as far as a short look can tell.
    ///
    /// # Errors
    /// - the store cannot be read.
    fn holds(&mut self, first: &[&CredentialRecord]) -> Result<usize, SinkError>;

    /// Shows every credential until `each` says that it has seen enough; returns whether that was all.
    ///
    /// # Errors
    /// - the store cannot be read.
    fn show(&mut self, each: &mut (dyn FnMut(&[u8]) -> bool + Send)) -> Result<bool, SinkError>;
}

/// The sum that a row is part of; it is kept with the row until it is known whether the sums are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SumNumber(u32);

impl SumNumber {
    /// That of a row which is part of none, and is looked up unless everything is the same.
    pub const NONE: Self = Self(u32::MAX);

    /// Returns the number that [`SumNumber::to_bytes`] was made of.
    pub fn from_bytes(bytes: [u8; 4]) -> Self {
        Self(u32::from_le_bytes(bytes))
    }

    /// Returns the number in the form in which it is kept.
    pub fn to_bytes(self) -> [u8; 4] {
        self.0.to_le_bytes()
    }
}

/// Adds up what a target would hold if it held what the rows of a file say, and what would be reported then.
pub struct Foresight {
    rule: Rule,
    form: Form,
    shared: Arc<Shared>,
    sums: Sums,
    report: Report,
    /// Until there are enough of them.
    first: Vec<CredentialRecord>,
    sender: Option<SyncSender<Vec<CredentialRecord>>>,
    text: Vec<u8>,
}

/// What decides over a record that stands in the target as written.
struct Rule {
    profile: Profile,
    run: Run,
}

impl Rule {
    /// Accounts for a record as if it stood in the target as it should; returns whether an import writes it into an empty
    /// target, so that a later one should find it there.
    ///
    /// `None` where something would be written even so.
    fn foresee(&self, located: &Located<CredentialRecord>, report: &mut Report) -> Option<bool> {
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

/// What both sides see.
struct Shared {
    /// Nothing will be said any more.
    is_over: AtomicBool,
    /// How many records the target may hold, so that it is still worth while to see all of them.
    most: AtomicU64,
    /// How many it has shown.
    shown: AtomicU64,
}

/// Runs `check`, which shows each row of a file to [`Foresight::add`], while the target shows what it holds.
///
/// When the file was read sooner, `waiting` is told now and then how many records were shown, and of about how many.
///
/// # Errors
/// - those of `check`.
pub fn foresee<T, E>(
    survey: Box<dyn Survey>,
    run: Run,
    check: impl FnOnce(&mut Foresight) -> Result<T, E>,
    mut waiting: impl FnMut(u64, u64),
) -> Result<(T, Option<Foreseen>), E> {
    let shared =
        Arc::new(Shared { is_over: AtomicBool::new(false), most: u64::MAX.into(), shown: AtomicU64::new(0) });
    let sums = Sums::default();
    let theirs = sums.with_same_keys();
    let (sender, first) = sync_channel(1);
    let (answer, answered) = sync_channel(1);
    let mut foresight = Foresight {
        rule: Rule { profile: survey.profile().clone(), run },
        form: survey.form(),
        shared: Arc::clone(&shared),
        sums,
        report: Report::default(),
        first: Vec::new(),
        sender: Some(sender),
        text: Vec::new(),
    };
    // Nobody waits for it when the file cannot be trusted, whatever a server does. Without a thread nothing is foreseen.
    let both = Arc::clone(&shared);
    let _ = thread::Builder::new().spawn(move || {
        let found = look(survey, &first, theirs, &both);
        both.is_over.fetch_or(found.is_none(), Relaxed);
        answer.send(found)
    });
    let checked = check(&mut foresight);
    let Foresight { rule, mut sums, report, sender, .. } = foresight;
    drop(sender); // whoever waits for more of the first records need not
    // Beside that many others ours would be found sooner one by one.
    shared.most.store(sums.records().saturating_mul(2), Relaxed);
    shared.is_over.fetch_or(checked.is_err(), Relaxed);
    let checked = checked?;
    let found = loop {
        match answered.recv_timeout(TELL) {
            Ok(found) => break found,
            Err(RecvTimeoutError::Timeout) => waiting(shared.shown.load(Relaxed), sums.records()),
            Err(RecvTimeoutError::Disconnected) => break None,
        }
    };
    let found = found.filter(|_| !shared.is_over.load(Relaxed));
    Ok((checked, found.map(|mut theirs| Foreseen::new(rule, report, &mut sums, &mut theirs))))
}

/// Adds up what a target holds; `None` where that was not seen whole.
fn look(
    mut survey: Box<dyn Survey>,
    first: &Receiver<Vec<CredentialRecord>>,
    mut sums: Sums,
    shared: &Shared,
) -> Option<Sums> {
    let first = first.recv().ok()?;
    // Whatever fails here fails again where it is told.
    if survey.holds(&first.iter().collect::<Vec<_>>()).ok()? + OTHERWISE < first.len() {
        return None;
    }
    drop(first);
    let is_whole = survey.show(&mut |form| {
        sums.add(form);
        shared.shown.store(sums.records(), Relaxed);
        !shared.is_over.load(Relaxed) && sums.records() <= shared.most.load(Relaxed)
    });
    is_whole.ok()?.then_some(sums)
}

impl Foresight {
    /// Sees a row of the file, and tells in which sum it is.
    pub fn add(&mut self, row: &Result<Located<CredentialRecord>, DecodeError>) -> SumNumber {
        if self.shared.is_over.load(Relaxed) {
            return SumNumber::NONE;
        }
        let number = match row {
            Ok(located) => with_checked_keys([&located.value.public_key], || self.add_record(located)),
            Err(DecodeError::Row(row)) => {
                self.report.fault(Count::Refused, row.location, row.faults.iter().cloned());
                Some(SumNumber::NONE)
            }
            Err(DecodeError::Stop(_)) => None,
        };
        if number.is_none() || self.report.faults.len() > MOST_FAULTS {
            self.shared.is_over.store(true, Relaxed);
        }
        number.unwrap_or(SumNumber::NONE)
    }

    /// Returns the sum of a record; `None` where no sum can tell what is to be done.
    fn add_record(&mut self, located: &Located<CredentialRecord>) -> Option<SumNumber> {
        let record = &located.value;
        if !self.rule.foresee(located, &mut self.report)? {
            return Some(self.sums.add_none());
        }
        self.text.clear();
        let is_shown = (self.form)(record, &mut self.text) && self.is_sampled(record);
        is_shown.then(|| self.sums.add(&self.text))
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

#[cfg(test)]
mod tests;
