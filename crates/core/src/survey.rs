//! Compares a whole file with all that a target holds, while the file is checked.
//!
//! A second import and a comparison find, as a rule, that nearly everything stands in the target as it was written. That is
//! known without looking a single record up: the target shows what it holds, in any order, and what the file would leave
//! there adds up to the same. Both are added up in many small sums, so that a few records which are new or changed leave
//! only those to be looked up that share a sum with them. Where the target shows its records in the order of the file, most
//! of them need not be added up at all. Where anything is out of the ordinary, all of them are looked up.

mod foreseen;
mod foresight;
mod in_step;
mod sums;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
        mpsc::{Receiver, RecvTimeoutError, channel, sync_channel},
    },
    thread,
    time::Duration,
};

use crate::{CredentialRecord, Profile, Run, SinkError};
pub use foreseen::{Foreseen, OpenRows};
pub use foresight::Foresight;
use foresight::Rule;
use in_step::InStep;
use sums::Sums;

/// How many records are looked up before everything is: a file with fewer is no reason to read a whole table.
const FIRST: usize = 1000;
/// How many of these may stand there otherwise: beyond it nearly every sum would differ somewhere.
const OTHERWISE: usize = FIRST / 10;
/// How many batches of a file a target that shows its records in order is asked about before it has answered.
const AHEAD: usize = 16;
/// How often somebody who waits is told how far it is.
const TELL: Duration = Duration::from_millis(200);

/// Writes a record into an empty buffer, as a target shows one that stands there as written; returns whether it could.
pub type Form = Box<dyn Fn(&CredentialRecord, &mut Vec<u8>) -> bool + Send>;

/// A target that can show everything it holds.
///
/// # Behavior
/// - It has no accounts apart from its credentials, and shows each credential once, in any order.
/// - A credential is shown in the bytes of [`Survey::form`] exactly where the target's sink would answer
///   [`crate::Held::AsWritten`] for its record.
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

    /// Tells whether the target shows records in the order in which they were written, so that a file that was imported is
    /// shown in the order of its rows as a rule.
    ///
    /// Whoever reads the file may have to wait for such a target.
    fn is_in_order(&self) -> bool {
        false
    }

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

/// What both sides see.
struct Shared {
    /// Nothing will be said any more.
    is_over: AtomicBool,
    /// How many records the target may hold, so that it is still worth while to see all of them.
    most: AtomicU64,
    /// How many it has shown.
    shown: AtomicU64,
}

/// Runs `check`, which shows all rows of a file to [`Foresight::add`], while the target shows what it holds.
///
/// A target may be asked about many rows at once: `check` ends each batch ([`Foresight::end_batch`]), says when there are
/// no more ([`Foresight::end_batches`]) and takes all answers ([`Foresight::answer`]); else nothing is foreseen.
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
    let (sender, first) = sync_channel(1);
    let (answer, answered) = sync_channel(1);
    // A target in another order than the file would keep it waiting for nothing.
    let (batches, asked) = survey.is_in_order().then(|| sync_channel(AHEAD)).unzip();
    let (founds, found) = channel();
    let in_step = InStep::new(&sums, asked, founds);
    let rule = Rule { profile: survey.profile().clone(), run };
    let mut foresight =
        Foresight::new(rule, survey.form(), Arc::clone(&shared), sums, sender, (batches, found));
    // Nobody waits for it when the file cannot be trusted, whatever a server does. Without a thread nothing is foreseen.
    let both = Arc::clone(&shared);
    let _ = thread::Builder::new().spawn(move || {
        let found = look(survey, &first, in_step, &both);
        both.is_over.fetch_or(found.is_none(), Relaxed);
        let _ = answer.send(found); // nobody waits for it where the file stops
    });
    let checked = check(&mut foresight);
    let (rule, report, mut sums, written) = foresight.finish();
    // Beside that many others ours would be found sooner one by one.
    shared.most.store(written.saturating_mul(2), Relaxed);
    shared.is_over.fetch_or(checked.is_err(), Relaxed);
    let checked = checked?;
    let found = loop {
        match answered.recv_timeout(TELL) {
            Ok(found) => break found,
            Err(RecvTimeoutError::Timeout) => waiting(shared.shown.load(Relaxed), written),
            Err(RecvTimeoutError::Disconnected) => break None,
        }
    };
    let found = found.filter(|_| !shared.is_over.load(Relaxed));
    let foreseen = found.map(|(ours, mut theirs)| {
        sums.add_all(ours);
        Foreseen::new(rule, report, &mut sums, &mut theirs)
    });
    Ok((checked, foreseen))
}

/// Adds up what a target holds, and what the file says of which it was asked; `None` where that was not seen whole.
fn look(
    mut survey: Box<dyn Survey>,
    first: &Receiver<Vec<CredentialRecord>>,
    mut in_step: InStep,
    shared: &Shared,
) -> Option<(Sums, Sums)> {
    let first = first.recv().ok()?;
    // Whatever fails here fails again where it is told.
    if survey.holds(&first.iter().collect::<Vec<_>>()).ok()? + OTHERWISE < first.len() {
        return None;
    }
    drop(first);
    let is_whole = survey.show(&mut |form| {
        in_step.add(form);
        shared.shown.store(in_step.shown(), Relaxed);
        !shared.is_over.load(Relaxed) && in_step.shown() <= shared.most.load(Relaxed)
    });
    is_whole.ok()?.then(|| in_step.finish())
}

#[cfg(test)]
mod tests;
