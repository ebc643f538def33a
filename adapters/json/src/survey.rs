//! A file with one record on each line, shown as a whole.

use std::{
    collections::HashSet,
    fs::File,
    io::{self, BufRead as _, BufReader, Read as _, Seek as _},
    marker::PhantomData,
    path::Path,
};

use keyferry_core::{CredentialRecord, Form, Profile, Shown, SinkError, SinkErrorKind, Survey};

use crate::{RecordFormat, safe_file, sink::write_text, splitter::Layout};

/// No record that keyferry writes is as long as this.
const LONGEST: u64 = 1 << 20;
/// Bytes in which the first thousand records stand, and some more.
const ENOUGH: usize = 8 << 20;

/// The lines of a file of one library's records.
pub(crate) struct JsonSurvey<F> {
    file: File,
    name: String,
    profile: Profile,
    format: PhantomData<fn() -> F>,
}

impl<F: RecordFormat> JsonSurvey<F> {
    /// Opens a file; `None` where there is none, or it does not have a record on each line.
    pub(crate) fn open(path: &Path) -> Option<Self> {
        // Whatever is wrong with the file is told when it is opened as a target.
        safe_file::check_path(path).ok()?;
        let file = File::open(path).ok()?;
        let name = Shown(&path.to_string_lossy()).to_string();
        let is_lines = Layout::of(path, F::KEYED_BY_ACCOUNT) == Layout::Lines;
        is_lines.then_some(Self { file, name, profile: F::PROFILE, format: PhantomData })
    }

    /// Shows each line without its end, also one without a record; returns whether that was all of them.
    fn lines(&mut self, each: &mut dyn FnMut(&[u8]) -> bool) -> Result<bool, SinkError> {
        let mut read = || -> io::Result<bool> {
            self.file.rewind()?;
            let mut reader = BufReader::with_capacity(1 << 18, &mut self.file);
            let mut line = Vec::new();
            loop {
                line.clear();
                let length = (&mut reader).take(LONGEST).read_until(b'\n', &mut line)?;
                if length == 0 {
                    return Ok(true);
                }
                let record = line.strip_suffix(b"\n");
                // Whatever is as long as this and longer is none of our records.
                let is_cut = record.is_none() && u64::try_from(length).is_ok_and(|length| length == LONGEST);
                if is_cut || !each(record.unwrap_or(&line)) {
                    return Ok(false);
                }
            }
        };
        read().map_err(|error| {
            SinkError::new(SinkErrorKind::Unreachable, format!("cannot read {}", self.name)).because(error)
        })
    }
}

impl<F: RecordFormat> Survey for JsonSurvey<F> {
    fn profile(&self) -> &Profile {
        &self.profile
    }

    fn form(&self) -> Form {
        Box::new(|record, text| write_text::<F>(record, text).is_ok())
    }

    fn is_in_order(&self) -> bool {
        true
    }

    /// Looks at as many lines only: an import writes records in the order of its file.
    fn holds(&mut self, first: &[&CredentialRecord]) -> Result<usize, SinkError> {
        let (mut lines, mut read, mut bytes) = (HashSet::new(), 0, 0);
        self.lines(&mut |line| {
            (read, bytes) = (read + 1, bytes + line.len());
            lines.insert(line.to_vec());
            read < first.len() && bytes < ENOUGH
        })?;
        let (form, mut text) = (self.form(), Vec::new());
        let is_there = |record: &&&CredentialRecord| form(record, &mut text) && lines.contains(&text);
        Ok(first.iter().filter(is_there).count())
    }

    fn show(&mut self, each: &mut (dyn FnMut(&[u8]) -> bool + Send)) -> Result<bool, SinkError> {
        self.lines(each)
    }
}
