//! Our own table as a whole, over a driver of either kind.

use keyferry_core::{CredentialRecord, Form, Held, Profile, Sink, SinkError, Survey};

/// A sink over a [`crate::SqlSink`], which blocks until that has answered.
pub trait ShowsRows: Sink {
    /// Returns [`crate::SqlSink::form`]; `None` also where there is no file.
    fn form(&self) -> Option<Form>;

    /// Shows the rows as [`crate::SqlSink::show`] does.
    ///
    /// # Errors
    /// - the database cannot be read, or is not there.
    fn show(&mut self, each: &mut (dyn FnMut(&[u8]) -> bool + Send)) -> Result<bool, SinkError>;
}

/// A table of our own that shows all of its rows.
#[derive(Debug)]
pub struct WholeTable<S>(S);

impl<S: ShowsRows> WholeTable<S> {
    /// Creates a survey; `None` where the table is not ours or not there, or the database has no such thing.
    pub fn of(sink: S) -> Option<Self> {
        sink.form().is_some().then_some(Self(sink))
    }
}

impl<S: ShowsRows + Send> Survey for WholeTable<S> {
    fn profile(&self) -> &Profile {
        self.0.profile()
    }

    fn form(&self) -> Form {
        self.0.form().unwrap_or_else(|| Box::new(|_, _| false))
    }

    fn holds(&mut self, first: &[&CredentialRecord]) -> Result<usize, SinkError> {
        Ok(self.0.held(first)?.iter().filter(|held| **held == Held::AsWritten).count())
    }

    fn show(&mut self, each: &mut (dyn FnMut(&[u8]) -> bool + Send)) -> Result<bool, SinkError> {
        self.0.show(each)
    }
}
