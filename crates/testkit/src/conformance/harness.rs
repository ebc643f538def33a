//! One store under test, opened afresh for everything that is done to it.

use std::{error::Error, path::Path};

use keyferry_core::{
    Authority, CredentialId, CredentialRecord, Profile, Report, Sink, SinkError, StoredRecord, Write, Written,
};
use tempfile::TempDir;

use super::checks::located;

type Open = Box<dyn Fn(&Path) -> Box<dyn Sink>>;
type Refuse = Box<dyn Fn(&Path, &CredentialId)>;

/// A store under test: a folder of its own, and the way to open a sink there.
///
/// Each call opens a sink, works with it, finishes and drops it, so that the next one sees what was kept and not what
/// was remembered, and no two sinks are ever open together.
pub struct Harness {
    open: Open,
    refuse: Option<Refuse>,
    folder: TempDir,
    profile: Profile,
}

impl Harness {
    /// Creates a harness with an empty folder, and opens a sink in it once.
    ///
    /// # Panics
    /// - the folder cannot be made.
    #[must_use]
    pub fn new<S: Sink + 'static>(open: impl Fn(&Path) -> S + 'static) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let open = move |folder: &Path| -> Box<dyn Sink> { Box::new(open(folder)) };
        let profile = open(folder.path()).profile().clone();
        Self { open: Box::new(open), refuse: None, folder, profile }
    }

    /// Adds the way to make the store in a folder refuse, with an error, every write of one credential.
    #[must_use]
    pub fn refusing(mut self, refuse: impl Fn(&Path, &CredentialId) + 'static) -> Self {
        self.refuse = Some(Box::new(refuse));
        self
    }

    /// Returns what is true of this kind of target.
    #[must_use]
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Returns the record as the target would give it back.
    ///
    /// # Panics
    /// - the target cannot hold it; rules call this for records that every target can.
    #[must_use]
    pub fn represent(&self, record: &CredentialRecord) -> StoredRecord {
        match self.profile.represent(record) {
            Ok(stored) => stored,
            Err(reason) => panic!("every target must be able to hold this record, but: {reason}"),
        }
    }

    /// Makes the store refuse this credential from now on; `false` where nobody said how.
    pub(super) fn refuse(&self, id: &CredentialId) -> bool {
        match &self.refuse {
            Some(refuse) => {
                refuse(self.folder.path(), id);
                true
            }
            None => false,
        }
    }

    /// Works with a freshly opened sink, and finishes.
    pub(super) fn through<T>(&self, work: impl FnOnce(&mut dyn Sink) -> Result<T, SinkError>) -> T {
        let mut sink = (self.open)(self.folder.path());
        let result = done(work(&mut *sink));
        done(sink.finish());
        result
    }

    /// Works with a freshly opened sink, and goes away without finishing, as a run does that is killed.
    pub(super) fn abandon<T>(&self, work: impl FnOnce(&mut dyn Sink) -> T) -> T {
        work(&mut *(self.open)(self.folder.path()))
    }

    /// Reads the credentials of these records, each by itself, in the order of the records.
    pub(super) fn content(&self, records: &[CredentialRecord]) -> Vec<Option<StoredRecord>> {
        self.abandon(|sink| {
            records
                .iter()
                .map(|record| {
                    let mut found = done(sink.fetch(&[&record.credential_id]));
                    assert!(found.len() <= 1, "{} answers to a question for one ID", found.len());
                    let stored = found.pop();
                    if let Some(stored) = &stored {
                        let same = stored.credential_id == record.credential_id;
                        assert!(same, "asked for {:?}, got {:?}", record.credential_id, stored.credential_id);
                    }
                    stored
                })
                .collect()
        })
    }

    /// Reads the credential of this record.
    pub(super) fn stored(&self, record: &CredentialRecord) -> Option<StoredRecord> {
        self.content(std::slice::from_ref(record)).pop().flatten()
    }

    /// Reads the credential of this record, which must be there.
    pub(super) fn held(&self, record: &CredentialRecord) -> StoredRecord {
        match self.stored(record) {
            Some(stored) => stored,
            None => panic!("{:?} is not in the target", record.credential_id),
        }
    }

    /// Makes these changes in one batch; an answer to each is demanded.
    pub(super) fn upsert(&self, writes: &[Write<'_>]) -> Vec<Written> {
        let answers = self.through(|sink| sink.upsert(writes));
        assert_eq!(answers.len(), writes.len(), "as many answers as changes");
        answers
    }

    /// Makes one change.
    pub(super) fn write(&self, write: Write<'_>) -> Written {
        self.upsert(&[write]).remove(0)
    }

    /// Inserts these records in one batch; each must be new.
    pub(super) fn insert(&self, records: &[CredentialRecord]) {
        let writes: Vec<_> = records.iter().map(Write::Insert).collect();
        let answers = self.upsert(&writes);
        for (record, answer) in records.iter().zip(answers) {
            assert_eq!(answer, Written::Done, "the insert of the new {:?}", record.credential_id);
        }
    }

    /// Imports these records.
    pub(super) fn apply(&self, records: &[CredentialRecord], authority: Authority) -> Report {
        self.report(records, |sink, report| keyferry_core::apply(sink, &located(records), authority, report))
    }

    /// Imports these records while the export is in charge.
    pub(super) fn import(&self, records: &[CredentialRecord]) -> Report {
        self.apply(records, Authority::Export)
    }

    /// Says what an import of these records would do.
    pub(super) fn plan(&self, records: &[CredentialRecord], authority: Authority) -> Report {
        self.report(records, |sink, report| keyferry_core::plan(sink, &located(records), authority, report))
    }

    /// Reads these records back and compares them.
    pub(super) fn verify(&self, records: &[CredentialRecord]) -> Report {
        self.report(records, |sink, report| {
            keyferry_core::verify(sink, &located(records), Authority::Export, report)
        })
    }

    /// Runs one pass over these records; whatever it does, every record must be in the report exactly once.
    pub(super) fn report(
        &self,
        records: &[CredentialRecord],
        pass: impl FnOnce(&mut dyn Sink, &mut Report) -> Result<(), SinkError>,
    ) -> Report {
        let mut report = Report::default();
        self.through(|sink| pass(sink, &mut report));
        assert!(report.counts.add_up(), "the counts do not add up: {:?}", report.counts);
        assert_eq!(usize::try_from(report.counts.read), Ok(records.len()), "{:?}", report.counts);
        report
    }
}

/// Takes the result of a sink, or says with all causes why there is none.
pub(super) fn done<T>(result: Result<T, SinkError>) -> T {
    result.unwrap_or_else(|error| {
        let mut message = format!("the sink failed: {error}");
        let mut source = error.source();
        while let Some(cause) = source {
            message.push_str(&format!(": {cause}"));
            source = cause.source();
        }
        panic!("{message}")
    })
}
