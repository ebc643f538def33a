//! A JSON file of records: the old ones stay on the disk, the new ones wait beside them, and one rename joins them.

use std::{
    collections::HashMap,
    fs::File,
    hash::{BuildHasher as _, RandomState},
    io::{self, BufReader, BufWriter, Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use keyferry_core::CredentialId;

use crate::{
    safe_file,
    splitter::{Layout, Splitter},
};

/// The records of a file and the changes that are not visible yet.
///
/// Memory holds a hash and a place for each record, never the records.
pub(crate) struct RecordsFile {
    path: PathBuf,
    layout: Layout,
    old: Option<File>,
    id_of: fn(&[u8]) -> Result<CredentialId, String>,
    /// Whether the file was written since its records were found.
    is_stale: bool,
    /// Holds the text of new and changed records until the file is written; it has no name, so it ends with the process.
    journal: Option<BufWriter<File>>,
    journal_length: u64,
    hasher: RandomState,
    index: HashMap<u64, Place>,
    /// New records in the order in which they came.
    added: Vec<u64>,
    /// What became of old records, by their offset in the old file.
    fates: HashMap<u64, Fate>,
}

/// Where the text of a record stands.
#[derive(Clone, Copy)]
struct Place {
    in_journal: bool,
    offset: u64,
    length: u32,
    /// The offset in the old file of a record that has one.
    old: Option<u64>,
}

#[derive(Clone, Copy)]
enum Fate {
    Changed { offset: u64, length: u32 },
    Removed,
}

impl RecordsFile {
    /// Opens a file, if there is one, and finds its records; `id_of` decodes each of them.
    ///
    /// # Errors
    /// - the file cannot be read, is not in the layout that its name says, or has the same ID twice;
    /// - `id_of` fails; the message names the record by its number.
    pub(crate) fn open(path: &Path, id_of: fn(&[u8]) -> Result<CredentialId, String>) -> io::Result<Self> {
        let layout = match path.extension() {
            Some(extension) if extension.eq_ignore_ascii_case("jsonl") => Layout::Lines,
            _ => Layout::Array,
        };
        let old = match File::open(path) {
            Ok(file) => Some(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let mut file = Self {
            path: path.to_owned(),
            layout,
            old,
            id_of,
            is_stale: true,
            journal: None,
            journal_length: 0,
            hasher: RandomState::new(),
            index: HashMap::new(),
            added: Vec::new(),
            fates: HashMap::new(),
        };
        file.find_records()?;
        Ok(file)
    }

    /// Tells whether there was a file.
    pub(crate) fn exists(&self) -> bool {
        self.old.is_some()
    }

    /// Returns the text of a record, changes included.
    pub(crate) fn get(&mut self, id: &CredentialId) -> io::Result<Option<Vec<u8>>> {
        self.find_records()?;
        let Some(place) = self.index.get(&self.hasher.hash_one(id)).copied() else { return Ok(None) };
        let mut text = vec![0; usize::try_from(place.length).unwrap_or_default()];
        if !place.in_journal {
            let old = self.old.as_ref().ok_or_else(|| io::Error::other("the file is not open"))?;
            old.read_exact_at(&mut text, place.offset)?;
            return Ok(Some(text));
        }
        let journal = self.journal()?;
        journal.flush()?;
        journal.get_ref().read_exact_at(&mut text, place.offset)?;
        Ok(Some(text))
    }

    /// Adds a record, or replaces the one that is there.
    pub(crate) fn put(&mut self, id: &CredentialId, text: &[u8]) -> io::Result<()> {
        self.find_records()?;
        let length = u32::try_from(text.len()).map_err(|_| io::Error::other("a record is too long"))?;
        let offset = self.journal_length;
        self.journal()?.write_all(text)?;
        self.journal_length += u64::from(length);
        let hash = self.hasher.hash_one(id);
        let old = self.index.get(&hash).and_then(|place| place.old);
        let known = self.index.insert(hash, Place { in_journal: true, offset, length, old });
        if let Some(at) = old {
            self.fates.insert(at, Fate::Changed { offset, length });
        } else if known.is_none() {
            self.added.push(hash);
        }
        Ok(())
    }

    /// Removes a record.
    pub(crate) fn remove(&mut self, id: &CredentialId) -> io::Result<()> {
        self.find_records()?;
        let removed = self.index.remove(&self.hasher.hash_one(id));
        if let Some(at) = removed.and_then(|place| place.old) {
            self.fates.insert(at, Fate::Removed);
        }
        Ok(())
    }

    /// Writes the whole file if anything changed or if there was none.
    pub(crate) fn write(&mut self) -> io::Result<()> {
        if self.added.is_empty() && self.fates.is_empty() && self.old.is_some() {
            return Ok(());
        }
        if let Some(journal) = &mut self.journal {
            journal.flush()?;
        }
        safe_file::replace(&self.path, |out| {
            let mut records = RecordsWriter { out, layout: self.layout, any: false };
            records.begin()?;
            self.write_old(&mut records)?;
            self.write_added(&mut records)?;
            records.end()
        })?;
        // What was written is the old file of whatever comes next.
        self.old = Some(File::open(&self.path)?);
        (self.journal, self.journal_length, self.is_stale) = (None, 0, true);
        Ok(())
    }

    fn write_old(&self, records: &mut RecordsWriter<'_>) -> io::Result<()> {
        let Some(old) = &self.old else { return Ok(()) };
        let mut reader = old.try_clone()?;
        reader.seek(SeekFrom::Start(0))?;
        let mut splitter = Splitter::new(BufReader::with_capacity(1 << 18, reader), self.layout);
        let mut text = Vec::new();
        while let Some(offset) = splitter.next(&mut text)? {
            match self.fates.get(&offset) {
                None => records.put(&text)?,
                Some(Fate::Removed) => {}
                Some(Fate::Changed { offset, length }) => {
                    text.resize(usize::try_from(*length).unwrap_or_default(), 0);
                    self.read_journal(&mut text, *offset)?;
                    records.put(&text)?;
                }
            }
        }
        Ok(())
    }

    fn write_added(&self, records: &mut RecordsWriter<'_>) -> io::Result<()> {
        let Some(journal) = &self.journal else { return Ok(()) };
        // Records stand in the journal in the order in which they were added, but for those that changed again.
        let mut reader = journal.get_ref().try_clone()?;
        reader.seek(SeekFrom::Start(0))?;
        let mut reader = BufReader::with_capacity(1 << 18, reader);
        let mut at = 0_u64;
        let mut text = Vec::new();
        for place in self.added.iter().filter_map(|hash| self.index.get(hash)) {
            let distance =
                i64::try_from(place.offset).ok().zip(i64::try_from(at).ok()).map(|(to, from)| to - from);
            reader.seek_relative(distance.ok_or_else(|| io::Error::other("the file is too long"))?)?;
            text.resize(usize::try_from(place.length).unwrap_or_default(), 0);
            reader.read_exact(&mut text)?;
            at = place.offset + u64::from(place.length);
            records.put(&text)?;
        }
        Ok(())
    }

    fn read_journal(&self, text: &mut [u8], offset: u64) -> io::Result<()> {
        let journal = self.journal.as_ref().ok_or_else(|| io::Error::other("nothing was changed"))?;
        journal.get_ref().read_exact_at(text, offset)
    }

    fn journal(&mut self) -> io::Result<&mut BufWriter<File>> {
        if self.journal.is_none() {
            let file = tempfile::tempfile_in(safe_file::folder_of(&self.path))?;
            self.journal = Some(BufWriter::with_capacity(1 << 18, file));
        }
        self.journal.as_mut().ok_or_else(|| io::Error::other("the journal is not open"))
    }

    fn find_records(&mut self) -> io::Result<()> {
        if !self.is_stale {
            return Ok(());
        }
        self.index.clear();
        self.added.clear();
        self.fates.clear();
        self.is_stale = false;
        let Some(old) = &self.old else { return Ok(()) };
        let mut splitter = Splitter::new(BufReader::with_capacity(1 << 18, old.try_clone()?), self.layout);
        let mut text = Vec::new();
        let mut number = 0_u64;
        while let Some(offset) = splitter.next(&mut text)? {
            number += 1;
            let bad = |message: String| {
                io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("record {number} (byte {}): {message}", offset + 1),
                )
            };
            let id = (self.id_of)(&text).map_err(bad)?;
            let length = u32::try_from(text.len()).map_err(|_| bad("too long".to_owned()))?;
            let place = Place { in_journal: false, offset, length, old: Some(offset) };
            if self.index.insert(self.hasher.hash_one(&id), place).is_some() {
                return Err(bad("its credential ID stands in an earlier record, too".to_owned()));
            }
        }
        Ok(())
    }
}

/// Writes records in a layout: one record a line in both, so that two versions can be compared line by line.
struct RecordsWriter<'a> {
    out: &'a mut BufWriter<File>,
    layout: Layout,
    any: bool,
}

impl RecordsWriter<'_> {
    fn begin(&mut self) -> io::Result<()> {
        match self.layout {
            Layout::Array => self.out.write_all(b"["),
            Layout::Lines => Ok(()),
        }
    }

    fn put(&mut self, text: &[u8]) -> io::Result<()> {
        if self.layout == Layout::Array {
            self.out.write_all(if self.any { b",\n" } else { b"\n" })?;
        }
        self.any = true;
        if self.layout == Layout::Lines && text.contains(&b'\n') {
            // Somebody's formatting: one record a line is what the name promises.
            let value: serde_json::Value = serde_json::from_slice(text)?;
            serde_json::to_writer(&mut self.out, &value)?;
        } else {
            self.out.write_all(text)?;
        }
        if self.layout == Layout::Lines { self.out.write_all(b"\n") } else { Ok(()) }
    }

    fn end(&mut self) -> io::Result<()> {
        match (self.layout, self.any) {
            (Layout::Array, true) => self.out.write_all(b"\n]\n"),
            (Layout::Array, false) => self.out.write_all(b"]\n"),
            (Layout::Lines, _) => Ok(()),
        }
    }
}
