//! Somebody else's write between the reading and the writing of an import.

use keyferry_core::{CredentialId, Profile, Sink, SinkError, StoredRecord, Write, Written};

use super::harness::done;

/// A sink in which something happens right after the first reading.
///
/// It happens through the same sink, since a store may admit one import alone.
pub(super) struct Race<'a> {
    sink: &'a mut dyn Sink,
    meanwhile: Option<Meanwhile<'a>>,
}

type Meanwhile<'a> = Box<dyn FnOnce(&mut dyn Sink) + 'a>;

impl<'a> Race<'a> {
    pub(super) fn new(sink: &'a mut dyn Sink, meanwhile: impl FnOnce(&mut dyn Sink) + 'a) -> Self {
        Self { sink, meanwhile: Some(Box::new(meanwhile)) }
    }
}

impl Sink for Race<'_> {
    fn profile(&self) -> &Profile {
        self.sink.profile()
    }

    fn fetch(&mut self, ids: &[&CredentialId]) -> Result<Vec<StoredRecord>, SinkError> {
        let found = self.sink.fetch(ids)?;
        if let Some(meanwhile) = self.meanwhile.take() {
            meanwhile(self.sink);
        }
        Ok(found)
    }

    fn upsert(&mut self, writes: &[Write<'_>]) -> Result<Vec<Written>, SinkError> {
        self.sink.upsert(writes)
    }
}

/// Makes changes of the rival, each of which must succeed.
pub(super) fn rival(sink: &mut dyn Sink, writes: &[Write<'_>]) {
    let answers = done(sink.upsert(writes));
    assert!(answers.iter().all(|answer| *answer == Written::Done), "a fresh change was refused: {answers:?}");
}
