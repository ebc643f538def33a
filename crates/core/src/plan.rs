//! Plan, apply and verify over a sink.

use std::{
    collections::{HashMap, HashSet},
    mem,
    sync::mpsc::sync_channel,
    thread,
};

use crate::{
    AccountFound, Authority, Coming, Count, CredentialId, CredentialRecord, DecodeError, Fault, FaultCode,
    Foreseen, Item, Located, OneFile, OneFileBuilder, Report, Sink, SinkError, SinkErrorKind, Standing,
    Write, Written, items::with_checked_keys, step::Step,
};

/// How often a credential that changes between reading and writing is looked at again.
const ROUNDS: usize = 4;

/// How many bytes of records a batch holds at most, however long they are.
const BATCH_BYTES: usize = 32 << 20;

/// What a pass over a file does with its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Says what an import would do; writes nothing.
    Plan,
    /// Imports.
    Apply,
    /// Reads back and compares.
    Verify,
}

/// What a run does with the records of a file, and who is in charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// What is done.
    pub mode: Mode,
    /// Who decides over a credential that both sides know.
    pub authority: Authority,
}

/// What a first pass over the whole file found; nothing may be written before it is complete.
pub struct Gate {
    /// What the rows say about each other.
    pub one_file: OneFile,
    /// How many rows there are.
    pub rows: u64,
    /// Whether a record has a user handle.
    pub has_user_handles: bool,
}

impl Gate {
    /// Returns what a sink is told before the first record.
    pub fn coming(&self) -> Coming {
        Coming { records: self.rows, have_user_handles: self.has_user_handles }
    }
}

/// Looks on while the rows of a file are gathered.
pub trait Onlooker<B> {
    /// Sees a row of the file.
    fn see(&mut self, row: &Result<Located<CredentialRecord>, DecodeError>);

    /// Is given the rows that were read together when all of them were seen.
    fn take(&mut self, batch: B);
}

/// Sees each row with a function, and has no use for batches.
pub struct Each<F>(pub F);

impl<B, F: FnMut(&Result<Located<CredentialRecord>, DecodeError>)> Onlooker<B> for Each<F> {
    fn see(&mut self, row: &Result<Located<CredentialRecord>, DecodeError>) {
        self.0(row);
    }

    fn take(&mut self, _batch: B) {}
}

/// Reads a whole file and gathers what its rows say about each other.
///
/// As [`gate_batches`]; `each` sees every row of the first reading, for statistics.
///
/// # Errors
/// - as [`gate_batches`].
pub fn gate<B, R: Iterator<Item = B>>(
    open: impl FnMut() -> Result<R, Box<dyn std::error::Error + Send + Sync>>,
    each: impl FnMut(&Result<Located<CredentialRecord>, DecodeError>),
) -> Result<Gate, Box<dyn std::error::Error + Send + Sync>>
where
    B: AsRef<[Result<Located<CredentialRecord>, DecodeError>]>
        + IntoIterator<Item = Result<Located<CredentialRecord>, DecodeError>>,
{
    gate_batches(open, &mut Each(each))
}

/// Reads a whole file and gathers what its rows say about each other.
///
/// `open` begins to read, some rows at a time; they are looked at where they lie, so that a source can have them back.
/// Where several rows have one credential ID, the file is read once more to compare them. The onlooker sees the first
/// reading.
///
/// # Errors
/// - the file cannot be opened.
/// - the source stops: the file cannot be trusted.
/// - the second reading has another number of rows than the first one.
pub fn gate_batches<B, R: Iterator<Item = B>>(
    mut open: impl FnMut() -> Result<R, Box<dyn std::error::Error + Send + Sync>>,
    onlooker: &mut impl Onlooker<B>,
) -> Result<Gate, Box<dyn std::error::Error + Send + Sync>>
where
    B: AsRef<[Result<Located<CredentialRecord>, DecodeError>]>
        + IntoIterator<Item = Result<Located<CredentialRecord>, DecodeError>>,
{
    let mut builder = OneFileBuilder::default();
    let mut rows = 0;
    let mut has_user_handles = false;
    for batch in open()? {
        for row in batch.as_ref() {
            onlooker.see(row);
            rows += 1;
            match row {
                Ok(located) => {
                    has_user_handles |= located.value.user_handle.is_some();
                    builder.add(&located.value);
                }
                Err(DecodeError::Row(faults)) => builder.add_refused(faults),
                Err(DecodeError::Stop(_)) => return Err(stopped(batch)),
            }
        }
        onlooker.take(batch);
    }
    let mut one_file = builder.build();
    if one_file.wants_another_look() {
        let mut again = 0;
        for batch in open()? {
            for row in batch.as_ref() {
                again += 1;
                match row {
                    Ok(Located { location, value }) => one_file.look_again(*location, value),
                    Err(DecodeError::Row(faults)) => one_file.look_again_at_refused(faults),
                    Err(DecodeError::Stop(_)) => return Err(stopped(batch)),
                }
            }
        }
        if again != rows {
            return Err(format!("{again} rows, but {rows} in the first pass").into());
        }
    }
    Ok(Gate { one_file, rows, has_user_handles })
}

/// Returns why a source has stopped within these rows.
fn stopped(
    batch: impl IntoIterator<Item = Result<Located<CredentialRecord>, DecodeError>>,
) -> Box<dyn std::error::Error + Send + Sync> {
    let reason = batch.into_iter().find_map(|row| match row {
        Err(DecodeError::Stop(error)) => Some(error),
        _ => None,
    });
    reason.unwrap_or_else(|| "the source has stopped".into())
}

/// Carries all rows of a file to a sink, in batches, and accounts for each of them.
///
/// The source must give the same rows as at the [`gate`]; a file that is opened once by its source does. `progress` is
/// told how many rows are done.
///
/// # Errors
/// - the source stops, or gives another number of rows than at the gate, or the sink fails; `report` then says which
///   batches were handed over before. A sink whose writes become visible in [`Sink::finish`] is then as it was.
pub fn transfer(
    rows: impl Iterator<Item = Result<Located<CredentialRecord>, DecodeError>>,
    gate: &Gate,
    sink: &mut dyn Sink,
    run: Run,
    report: &mut Report,
    progress: impl FnMut(u64),
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    carry(rows, gate.rows, gate, sink, run, report, progress)
}

/// Carries the rows to a sink that were foreseen to be open, as [`transfer`] carries all of them.
///
/// The account of the run is [`Foreseen::report`] of `report` then.
///
/// # Errors
/// - as [`transfer`]; another number of rows than [`Foreseen::rows`].
pub fn transfer_open(
    rows: impl Iterator<Item = Result<Located<CredentialRecord>, DecodeError>>,
    foreseen: &mut Foreseen,
    gate: &Gate,
    sink: &mut dyn Sink,
    run: Run,
    report: &mut Report,
    progress: impl FnMut(u64),
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let count = foreseen.rows();
    let rows = rows.inspect(|row| {
        if let Ok(located) = row {
            foreseen.take_back(located);
        }
    });
    carry(rows, count, gate, sink, run, report, progress)
}

fn carry(
    rows: impl Iterator<Item = Result<Located<CredentialRecord>, DecodeError>>,
    count: u64,
    gate: &Gate,
    sink: &mut dyn Sink,
    Run { mode, authority }: Run,
    report: &mut Report,
    mut progress: impl FnMut(u64),
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    thread::scope(|scope| {
        let (used, taken) = sync_channel::<Vec<Located<CredentialRecord>>>(0);
        // Taking records apart costs a third of reading them, and nobody need wait for it. Without a thread it is done here.
        let _ = thread::Builder::new().spawn_scoped(scope, move || taken.into_iter().for_each(drop));
        let before = report.counts.read;
        if mode == Mode::Apply {
            sink.begin(gate.coming())?;
        }
        let batch_size = sink.batch_size().max(1);
        // Nearly every file is, and then no row need be asked about.
        let is_consistent = gate.one_file.is_consistent();
        let mut batch = Vec::new();
        let mut bytes = 0;
        let mut hand_over =
            |batch: &mut Vec<Located<CredentialRecord>>, report: &mut Report| -> Result<(), SinkError> {
                let keys = batch.iter().map(|located| &located.value.public_key);
                // The gate lets one row of an ID pass only.
                let records = batch.iter().collect();
                with_checked_keys(keys, || match mode {
                    Mode::Plan => plan_distinct(sink, records, authority, report),
                    Mode::Apply => apply_distinct(sink, records, authority, report),
                    Mode::Verify => verify_distinct(sink, records, authority, report),
                })?;
                let _ = used.send(mem::replace(batch, Vec::with_capacity(batch.len())));
                progress(report.counts.read);
                Ok(())
            };
        for row in rows {
            match row {
                Ok(located) => {
                    let standing = match is_consistent {
                        true => Standing::First,
                        false => gate.one_file.standing(located.location, &located.value),
                    };
                    match standing {
                        Standing::First => {
                            bytes += weight(&located.value);
                            batch.push(located);
                        }
                        Standing::Duplicate => report.count(Count::Duplicate),
                        Standing::Conflict(fault) => report.fault(Count::Conflict, located.location, [fault]),
                    }
                }
                Err(DecodeError::Row(row)) => report.fault(Count::Refused, row.location, row.faults),
                Err(DecodeError::Stop(error)) => return Err(error),
            }
            if batch.len() == batch_size || bytes >= BATCH_BYTES {
                hand_over(&mut batch, report)?;
                bytes = 0;
            }
        }
        hand_over(&mut batch, report)?;
        if report.counts.read != before + count {
            return Err(format!("{} rows, but {count} in the first pass", report.counts.read - before).into());
        }
        if mode == Mode::Apply {
            sink.finish()?;
        }
        Ok(())
    })
}

/// Says what an import of these records would do, and writes nothing.
///
/// # Errors
/// - the sink cannot be read.
pub fn plan(
    sink: &mut dyn Sink,
    records: &[Located<CredentialRecord>],
    authority: Authority,
    report: &mut Report,
) -> Result<(), SinkError> {
    let records = distinct(records, report);
    plan_distinct(sink, records, authority, report)
}

fn plan_distinct(
    sink: &mut dyn Sink,
    records: Vec<&Located<CredentialRecord>>,
    authority: Authority,
    report: &mut Report,
) -> Result<(), SinkError> {
    let records = with_account(sink, records, report)?;
    for step in steps(sink, &records, authority)? {
        step.settle(sink.profile(), report);
    }
    Ok(())
}

/// Imports these records in one transaction.
///
/// A credential that a login or another writer changes between reading and writing is read and compared again.
///
/// # Errors
/// - the sink cannot be read or written; nothing of the batch stays.
pub fn apply(
    sink: &mut dyn Sink,
    records: &[Located<CredentialRecord>],
    authority: Authority,
    report: &mut Report,
) -> Result<(), SinkError> {
    let records = distinct(records, report);
    apply_distinct(sink, records, authority, report)
}

fn apply_distinct(
    sink: &mut dyn Sink,
    records: Vec<&Located<CredentialRecord>>,
    authority: Authority,
    report: &mut Report,
) -> Result<(), SinkError> {
    let mut open = with_account(sink, records, report)?;
    for _ in 0..ROUNDS {
        let steps = steps(sink, &open, authority)?;
        let writes: Vec<Write<'_>> = steps.iter().filter_map(Step::write).collect();
        let written = if writes.is_empty() { Vec::new() } else { sink.upsert(&writes)? };
        if written.len() != writes.len() {
            let action = "counting what was written: the sink did not answer every change";
            return Err(SinkError::new(SinkErrorKind::Refused, action));
        }
        let mut answers = written.into_iter();
        open.clear();
        for step in &steps {
            match step.write().and_then(|_| answers.next()) {
                None | Some(Written::Done) => step.settle(sink.profile(), report),
                Some(Written::Changed) => open.push(step.located),
                Some(Written::Refused(why)) => {
                    let fault = Fault::new(Item::Row, FaultCode::RefusedByTarget, why);
                    report.fault(Count::Conflict, step.located.location, [fault]);
                }
            }
        }
        if open.is_empty() {
            return Ok(());
        }
    }
    for located in open {
        let message = format!("changed in the target between reading and writing, {ROUNDS} times");
        let fault = Fault::new(Item::CredentialId, FaultCode::ChangedMeanwhile, message);
        report.fault(Count::Conflict, located.location, [fault]);
    }
    Ok(())
}

/// Reads these records back and compares them item by item.
///
/// What a login moves (a higher sign count, another backup state) is counted and is no difference. With
/// [`Authority::Target`] everything that an import may change is the target's own, and only what never changes is
/// compared.
///
/// # Errors
/// - the sink cannot be read.
pub fn verify(
    sink: &mut dyn Sink,
    records: &[Located<CredentialRecord>],
    authority: Authority,
    report: &mut Report,
) -> Result<(), SinkError> {
    let records = distinct(records, report);
    verify_distinct(sink, records, authority, report)
}

fn verify_distinct(
    sink: &mut dyn Sink,
    records: Vec<&Located<CredentialRecord>>,
    authority: Authority,
    report: &mut Report,
) -> Result<(), SinkError> {
    let records = with_account(sink, records, report)?;
    for step in steps(sink, &records, authority)? {
        step.compare_with_target(sink.profile(), authority, report);
    }
    Ok(())
}

/// Leaves out what contradicts or repeats another record of the same batch.
///
/// [`OneFile`] does so for a whole file; this holds the rule for callers that have none.
fn distinct<'a>(
    records: &'a [Located<CredentialRecord>],
    report: &mut Report,
) -> Vec<&'a Located<CredentialRecord>> {
    let mut first: HashMap<&CredentialId, &Located<CredentialRecord>> = HashMap::with_capacity(records.len());
    let mut contradicted = HashSet::new();
    for located in records {
        let known = *first.entry(&located.value.credential_id).or_insert(located);
        if !std::ptr::eq(known, located) && known.value != located.value {
            contradicted.insert(&located.value.credential_id);
        }
    }
    if first.len() == records.len() {
        return records.iter().collect();
    }
    let mut kept = Vec::with_capacity(first.len());
    for located in records {
        let id = &located.value.credential_id;
        if contradicted.contains(id) {
            let message = "the same credential ID stands in another record with different content";
            let fault = Fault::new(Item::CredentialId, FaultCode::CredentialIdTwice, message);
            report.fault(Count::Conflict, located.location, [fault]);
        } else if first.get(id).is_some_and(|known| std::ptr::eq(*known, located)) {
            kept.push(located);
        } else {
            report.count(Count::Duplicate);
        }
    }
    kept
}

/// Leaves out what has no account in the target, or nobody knows which: it is never bound to another one.
fn with_account<'a>(
    sink: &mut dyn Sink,
    mut records: Vec<&'a Located<CredentialRecord>>,
    report: &mut Report,
) -> Result<Vec<&'a Located<CredentialRecord>>, SinkError> {
    if records.is_empty() {
        return Ok(records);
    }
    let named: Vec<_> = records.iter().map(|located| &located.value).collect();
    let found = sink.accounts(&named)?;
    if found.len() != records.len() {
        let action = "looking accounts up: the sink did not answer every name";
        return Err(SinkError::new(SinkErrorKind::Refused, action));
    }
    let mut found = found.into_iter();
    records.retain(|located| {
        let (code, message) = match found.next() {
            Some(AccountFound::One) => return true,
            Some(AccountFound::Several) => {
                (FaultCode::AmbiguousAccount, "several accounts of the target have this name")
            }
            Some(AccountFound::None) | None => {
                (FaultCode::UnknownAccount, "the target has no account of this name")
            }
        };
        report.fault(Count::Refused, located.location, [Fault::new(Item::Account, code, message)]);
        false
    });
    Ok(records)
}

fn steps<'a>(
    sink: &mut dyn Sink,
    records: &[&'a Located<CredentialRecord>],
    authority: Authority,
) -> Result<Vec<Step<'a>>, SinkError> {
    if records.is_empty() {
        return Ok(Vec::new());
    }
    let named: Vec<_> = records.iter().map(|located| &located.value).collect();
    let held = sink.held(&named)?;
    if held.len() != records.len() {
        let action = "looking credentials up: the sink did not answer every record";
        return Err(SinkError::new(SinkErrorKind::Refused, action));
    }
    let profile = sink.profile();
    let held = records.iter().zip(held);
    Ok(held.map(|(located, held)| Step::new(located, held, profile, authority)).collect())
}

/// Returns about how many bytes a record takes.
fn weight(record: &CredentialRecord) -> usize {
    let text = |of: &Option<crate::Identifier>| of.as_ref().map_or(0, |text| text.as_str().len());
    let transports = record.transports.iter().flat_map(crate::Transports::iter).map(|one| one.len() + 16);
    size_of::<Located<CredentialRecord>>()
        + record.credential_id.as_bytes().len()
        + 2 * record.public_key.as_bytes().len() // and once more as numbers
        + text(&record.user_id)
        + text(&record.external_user_id)
        + record.account.as_str().len()
        + record.rp_id.as_str().len()
        + transports.sum::<usize>()
}
