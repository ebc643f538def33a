//! What a target is to the rest: a small trait, and what it says about itself.

use std::{borrow::Cow, collections::HashMap, error::Error, fmt, sync::Arc};

use crate::{CoseAlgorithm, CredentialId, CredentialRecord, Item, Status, StoredRecord};

/// A pure function over records that says why a record is left out: one of a program, or one made for a target.
///
/// ```
/// use std::sync::Arc;
/// use keyferry_core::Verdict;
/// const ANY: Verdict<()> = Verdict::Fixed(|_| Ok(()));
/// let longest = 64;
/// let made: Verdict<()> = Verdict::Made(Arc::new(move |record| {
///     let _ = (longest, record);
///     Ok(())
/// }));
/// # let _ = (ANY, made);
/// ```
#[derive(Clone)]
pub enum Verdict<T> {
    /// The same function for every target of the kind.
    Fixed(fn(&CredentialRecord) -> Result<T, CannotLogIn>),
    /// A function that knows the one target, such as the columns of its table.
    Made(Arc<Made<T>>),
    /// For a target that keeps some items of nearly every record as they are and has no place for the others.
    Part {
        /// The items that it has no place for: never the ID, the key or the sign count, and both backup flags or none.
        without: &'static [Item],
        /// Tells whether the target gives this record back as it was but for these items; then `otherwise` says the same.
        keeps: fn(&CredentialRecord) -> bool,
        /// As [`Verdict::Fixed`].
        otherwise: fn(&CredentialRecord) -> Result<T, CannotLogIn>,
    },
    /// For a target that keeps nearly every record whole, so that nothing is built only to find that out.
    Whole {
        /// Tells whether the target gives this record back item by item as it was; then `otherwise` says the same.
        keeps: Arc<Keeps>,
        /// As [`Verdict::Made`].
        otherwise: Arc<Made<T>>,
    },
}

type Made<T> = dyn Fn(&CredentialRecord) -> Result<T, CannotLogIn> + Send + Sync;
type Keeps = dyn Fn(&CredentialRecord) -> bool + Send + Sync;

impl<T> Verdict<T> {
    fn of(&self, record: &CredentialRecord) -> Result<T, CannotLogIn> {
        match self {
            Self::Fixed(function) | Self::Part { otherwise: function, .. } => function(record),
            Self::Made(function) => function(record),
            Self::Whole { otherwise, .. } => otherwise(record),
        }
    }

    /// Returns the items that do not come back, where the others are known to come back as they were.
    fn lost(&self, record: &CredentialRecord) -> Option<&'static [Item]> {
        match self {
            Self::Whole { keeps, .. } => keeps(record).then_some(&[]),
            Self::Part { without, keeps, .. } => keeps(record).then_some(without),
            Self::Fixed(_) | Self::Made(_) => None,
        }
    }
}

/// What is true of a target without reading or writing a record in it.
///
/// Both functions are pure and come from the adapter's conversion, so a plan, an import and a readiness table can never
/// disagree with what is written.
#[derive(Clone)]
pub struct Profile {
    /// The name of the adapter, as it stands before the colon of a target's address.
    pub name: &'static str,
    /// The library and version whose behaviour `cannot_log_in` describes, proven by its login proof.
    pub library: Cow<'static, str>,
    /// Whether the target keeps a status; where it does not, only active credentials may stand in it.
    pub keeps_status: bool,
    /// Returns the record as the target would give it back; an error where it cannot be written at all.
    pub represent: Verdict<StoredRecord>,
    /// Returns why an active record would not log in; an error at least wherever `represent` gives one.
    pub verifies: Verdict<()>,
}

impl Profile {
    /// Returns the record as the target would give it back.
    ///
    /// # Errors
    /// - the target cannot hold it.
    pub fn represent(&self, record: &CredentialRecord) -> Result<StoredRecord, CannotLogIn> {
        let Some(lost) = self.lost(record) else { return self.represent.of(record) };
        let mut stored = StoredRecord::from(record);
        lost.iter().for_each(|item| stored.forget(*item));
        Ok(stored)
    }

    /// Returns the items that the target does not give back; `None` where that is not known without building anything.
    ///
    /// All others come back as they are.
    pub(crate) fn lost(&self, record: &CredentialRecord) -> Option<&'static [Item]> {
        self.represent.lost(record)
    }

    /// Tells whether the target's library takes an active record like this one.
    ///
    /// # Errors
    /// - it does not, or the target cannot hold the record.
    pub fn verifies(&self, record: &CredentialRecord) -> Result<(), CannotLogIn> {
        self.verifies.of(record)
    }

    /// Tells whether the record will log in at this target, and why not.
    ///
    /// # Errors
    /// - its status is not active;
    /// - the target cannot hold it, or its library does not verify such a key.
    pub fn log_in(&self, record: &CredentialRecord) -> Result<(), CannotLogIn> {
        self.log_in_as(record, &record.status)
    }

    /// Tells whether the record will log in where it stands in the target with this status.
    pub(crate) fn log_in_as(&self, record: &CredentialRecord, status: &Status) -> Result<(), CannotLogIn> {
        if !status.is_active() {
            return Err(CannotLogIn::of_status(status));
        }
        self.verifies(record)
    }
}

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Profile({})", self.name)
    }
}

/// Why a credential cannot log in at a target.
///
/// Displays as a stable kebab-case text such as `status-suspended` or `algorithm-eddsa`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum CannotLogIn {
    /// Its status is not active; one that is not known stands here as [`CannotLogIn::StatusUnknown`].
    Status(Status),
    /// Its status is none of the known ones.
    StatusUnknown,
    /// The target's library does not verify this algorithm.
    Algorithm(CoseAlgorithm),
    /// The target's library does not take an RSA modulus of this many bits.
    RsaBits(usize),
    /// The target's library does not take this RSA exponent.
    RsaExponent,
    /// The target needs to know backup eligibility, and the export does not say it.
    BackupUnknown,
    /// The sign count is 4294967295: no later one can be higher, as the target's library demands.
    SignCountExhausted,
    /// The target has no room for this item: its column is too short or too narrow.
    DoesNotFit(Item),
    /// The target cannot do without this item, and the export does not say it.
    Missing(Item),
    /// The target finds the account by the user handle, which is not the account's own value.
    UserHandleDiffers,
}

impl CannotLogIn {
    /// Returns the reason of a status that is not active; unknown ones are one reason, however they are spelled.
    pub(crate) fn of_status(status: &Status) -> Self {
        match status {
            Status::Other(_) => Self::StatusUnknown,
            known => Self::Status(known.clone()),
        }
    }
}

impl fmt::Display for CannotLogIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(Status::Other(_)) | Self::StatusUnknown => f.write_str("status-unknown"),
            Self::Status(status) => write!(f, "status-{status}"),
            Self::Algorithm(algorithm) => write!(f, "algorithm-{}", algorithm.to_string().to_lowercase()),
            Self::RsaBits(bits) => write!(f, "rsa-{bits}-bits"),
            Self::RsaExponent => f.write_str("rsa-exponent"),
            Self::SignCountExhausted => f.write_str("sign-count-exhausted"),
            Self::BackupUnknown => f.write_str("backup-eligible-unknown"),
            Self::UserHandleDiffers => f.write_str("user-handle-differs"),
            Self::DoesNotFit(item) => write!(f, "{}-does-not-fit", item.name().replace('_', "-")),
            Self::Missing(item) => write!(f, "{}-unknown", item.name().replace('_', "-")),
        }
    }
}

/// One change that a sink is asked to make.
#[derive(Clone, Debug)]
pub enum Write<'a> {
    /// A credential that is not there yet.
    Insert(&'a CredentialRecord),
    /// A credential that is there: `stored` as it was read, `merged` as it shall be.
    ///
    /// Only sign count, transports, backup, status and a user handle that was unknown differ between the two.
    Update {
        /// What was read; the write is valid only while it still holds.
        stored: &'a StoredRecord,
        /// What shall stand there; the sign count is a floor, since a login may have raised it since.
        merged: &'a StoredRecord,
    },
    /// A credential that is not active any more, in a target without a status.
    Remove {
        /// What was read.
        stored: &'a StoredRecord,
    },
}

impl Write<'_> {
    /// Returns the credential that is written.
    pub fn credential_id(&self) -> &CredentialId {
        match self {
            Self::Insert(record) => &record.credential_id,
            Self::Update { stored, .. } | Self::Remove { stored } => &stored.credential_id,
        }
    }
}

/// What became of one change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// It was made.
    Done,
    /// The credential is not any more what it was when it was read, so nothing of it was changed.
    Changed,
    /// The store takes the others but not this one, and says why: a constraint or a trigger of the application's own.
    /// The words hold no value of the row.
    Refused(String),
}

/// What a target knows of an account that records name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountFound {
    /// There is exactly one such account, or the target has no accounts apart from its credentials.
    One,
    /// There is none of exactly this name.
    None,
    /// There are several of exactly this name.
    Several,
}

/// What a target holds under the credential ID of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    /// Nothing.
    Nothing,
    /// Exactly what it would hold of this record if it were written now: [`Profile::represent`] says what that is.
    AsWritten,
    /// Something else, or the target does not look that closely.
    Record(Box<StoredRecord>),
}

/// What is known of a file's records before the first one; a wrong guess costs time and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coming {
    /// How many there are, or a few more.
    pub records: u64,
    /// Whether any of them has a user handle.
    pub have_user_handles: bool,
}

/// A place where credential records live.
///
/// `fetch` and `upsert` are given batches, and a batch is one transaction. The functions [`crate::plan`],
/// [`crate::apply`] and [`crate::verify`] decide; a sink only reads and writes, and holds the rules once more in its
/// own statement, since a login may land between the two.
///
/// # Behavior
/// - `fetch` gives what is there, in any order; an ID that is not there is left out.
/// - `upsert` answers each change in order. `Insert` of an ID that is there already, and `Update` or `Remove` of a
///   credential whose user, key, RP ID, user handle, backup eligibility or status is not as read, are
///   [`Written::Changed`] and change nothing.
/// - A change that the store itself refuses is [`Written::Refused`] where the others can still be made; else it is an
///   error.
/// - An error leaves no trace of the batch.
/// - The stored sign count never becomes lower.
pub trait Sink {
    /// Returns what is true of this kind of target.
    fn profile(&self) -> &Profile;

    /// Reads the credentials of these IDs.
    ///
    /// # Errors
    /// - the store cannot be read, or holds something that is no credential.
    fn fetch(&mut self, ids: &[&CredentialId]) -> Result<Vec<StoredRecord>, SinkError>;

    /// Looks up what is there of these records; answers each in order.
    ///
    /// A sink that can tell without reading a whole credential that one stands there as written says so: most do when
    /// an export is imported again.
    ///
    /// # Errors
    /// - as [`Sink::fetch`].
    fn held(&mut self, records: &[&CredentialRecord]) -> Result<Vec<Held>, SinkError> {
        let ids: Vec<_> = records.iter().map(|record| &record.credential_id).collect();
        let mut at: HashMap<&CredentialId, usize> =
            ids.iter().copied().enumerate().map(|(at, id)| (id, at)).collect();
        let mut held = vec![Held::Nothing; records.len()];
        for stored in self.fetch(&ids)? {
            if let Some(slot) = at.remove(&stored.credential_id).and_then(|at| held.get_mut(at)) {
                *slot = Held::Record(Box::new(stored));
            }
        }
        Ok(held)
    }

    /// Looks the accounts up that these records are bound to, which are fetched and written next; answers each in order.
    ///
    /// A target that has no accounts apart from its credentials knows every one.
    ///
    /// # Errors
    /// - the store cannot be read.
    fn accounts(&mut self, records: &[&CredentialRecord]) -> Result<Vec<AccountFound>, SinkError> {
        Ok(vec![AccountFound::One; records.len()])
    }

    /// Makes these changes in one transaction, all or none but for those that it answers otherwise than
    /// [`Written::Done`].
    ///
    /// # Errors
    /// - the store cannot be written; nothing of the batch stays.
    fn upsert(&mut self, writes: &[Write<'_>]) -> Result<Vec<Written>, SinkError>;

    /// Returns how many records are read, compared and written together.
    ///
    /// A store that rewrites much at each commit asks for more; memory grows with it by about 2 KiB a record.
    fn batch_size(&self) -> usize {
        8192
    }

    /// Tells that the records of one file follow, of which none comes twice, and [`Sink::finish`] after them.
    ///
    /// A store may then put off what is less work when all of them are there.
    ///
    /// # Errors
    /// - the store cannot be read or written.
    fn begin(&mut self, _coming: Coming) -> Result<(), SinkError> {
        Ok(())
    }

    /// Makes everything that was written visible; called once, after the last batch.
    ///
    /// # Errors
    /// - the store cannot be written; a file then stays as it was before the run.
    fn finish(&mut self) -> Result<(), SinkError> {
        Ok(())
    }
}

/// What kind of failure stopped a sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SinkErrorKind {
    /// The store cannot be reached, opened or created.
    Unreachable,
    /// The store holds something else than expected.
    SchemaMismatch,
    /// Another import is running.
    Busy,
    /// The store refused to read or write.
    Refused,
    /// The connection ended while the store was asked to keep a batch; it may have done so or not.
    OutcomeUnknown,
}

/// A failure of a store; the run stops and reports what was done before.
#[derive(Debug)]
pub struct SinkError {
    /// What kind of failure it is.
    pub kind: SinkErrorKind,
    /// What was being done, such as `opening passkeys.db`; free of secrets.
    pub action: String,
    /// The cause.
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

impl SinkError {
    /// Creates an error without a cause.
    pub fn new(kind: SinkErrorKind, action: impl Into<String>) -> Self {
        Self { kind, action: action.into(), source: None }
    }

    /// Adds the cause.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }
}

impl fmt::Display for SinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.action)
    }
}

impl Error for SinkError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.source {
            Some(source) => Some(&**source),
            None => None,
        }
    }
}
