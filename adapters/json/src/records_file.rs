//! A JSON file of records: the old ones stay on the disk, the new ones wait beside them, and one rename joins them.

use std::{
    collections::{HashMap, HashSet},
    fs::File,
    hash::{BuildHasher as _, RandomState},
    io::{self, BufReader, BufWriter, Seek as _, SeekFrom, Write as _},
    os::unix::fs::{FileExt as _, MetadataExt as _},
    path::{Path, PathBuf},
};

use keyferry_core::CredentialId;

use crate::{
    records_writer::RecordsWriter,
    safe_file,
    splitter::{Layout, Splitter},
};

/// What is read of a record to find it again: its credential ID and its account.
pub(crate) type Key = (CredentialId, String);

/// The records of a file and the changes that are not visible yet.
///
/// Memory holds a hash and a place for each record, never the records.
pub(crate) struct RecordsFile {
    path: PathBuf,
    layout: Layout,
    old: Option<File>,
    /// What tells the old file from a later one, as it was when its records were found.
    print: Option<Print>,
    key_of: fn(&[u8]) -> Result<Key, String>,
    /// Whether the file was written since its records were found.
    is_stale: bool,
    /// Holds the text of new and changed records until the file is written; it has no name, so it ends with the process.
    journal: Option<BufWriter<File>>,
    journal_length: u64,
    hasher: RandomState,
    index: HashMap<u64, Place>,
    /// New records in the order in which they came: the hashes of their ID and of their account.
    added: Vec<(u64, u64)>,
    /// What became of old records, by their offset in the old file.
    fates: HashMap<u64, Fate>,
}

/// Where the text of a record stands.
#[derive(Clone, Copy)]
struct Place {
    in_journal: bool,
    offset: u64,
    length: u32,
    /// The length of the account's name, which stands before the record in the journal.
    account: u32,
    /// The offset in the old file of a record that has one.
    old: Option<u64>,
}

#[derive(Clone, Copy)]
enum Fate {
    Changed { offset: u64, length: u32 },
    Removed,
}

impl RecordsFile {
    /// Opens a file, if there is one, and finds its records; `key_of` decodes each of them.
    ///
    /// # Errors
    /// - the file cannot be read, is not in the layout that its name says, or has the same ID twice;
    /// - `key_of` fails; the message names the record by its number.
    pub(crate) fn open(
        path: &Path,
        keyed_by_account: bool,
        key_of: fn(&[u8]) -> Result<Key, String>,
    ) -> io::Result<Self> {
        let layout = match path.extension() {
            Some(extension) if extension.eq_ignore_ascii_case("jsonl") => Layout::Lines,
            _ if keyed_by_account => Layout::Accounts,
            _ => Layout::Array,
        };
        // Checked for reading, too: a plan must not promise what an import refuses, nor wait for a pipe.
        safe_file::check_path(path)?;
        let old = match File::open(path) {
            // Nothing was ever written to an empty file.
            Ok(file) if file.metadata()?.len() == 0 => None,
            Ok(file) => Some(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let mut file = Self {
            path: path.to_owned(),
            layout,
            old,
            print: None,
            key_of,
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
    pub(crate) fn put(&mut self, id: &CredentialId, account: &str, text: &[u8]) -> io::Result<()> {
        self.find_records()?;
        let too_long = |_| io::Error::other("a record is too long");
        let length = u32::try_from(text.len()).map_err(too_long)?;
        let account_length = u32::try_from(account.len()).map_err(too_long)?;
        let offset = self.journal_length + u64::from(account_length);
        let journal = self.journal()?;
        journal.write_all(account.as_bytes())?;
        journal.write_all(text)?;
        self.journal_length = offset + u64::from(length);
        let hash = self.hasher.hash_one(id);
        let old = self.index.get(&hash).and_then(|place| place.old);
        let known =
            self.index.insert(hash, Place { in_journal: true, offset, length, account: account_length, old });
        if let Some(at) = old {
            self.fates.insert(at, Fate::Changed { offset, length });
        } else if known.is_none() {
            self.added.push((hash, self.hasher.hash_one(account)));
        }
        Ok(())
    }

    /// Removes a record.
    pub(crate) fn remove(&mut self, id: &CredentialId) -> io::Result<()> {
        self.find_records()?;
        let hash = self.hasher.hash_one(id);
        let removed = self.index.remove(&hash);
        if removed.is_some_and(|place| place.old.is_none()) {
            self.added.retain(|(added, _)| *added != hash);
        }
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
            let mut records = RecordsWriter::new(out, self.layout)?;
            let mut waiting = self.waiting();
            self.write_old(&mut records, &mut waiting)?;
            self.write_added(&mut records, &mut waiting)?;
            records.end()?;
            // The places of the old records are only as good as the file in which they were found.
            if print(&self.path)? != self.print {
                return Err(io::Error::other("another program changed it during the import; run it again"));
            }
            Ok(())
        })?;
        // What was written is the old file of whatever comes next.
        self.old = Some(File::open(&self.path)?);
        (self.journal, self.journal_length, self.is_stale) = (None, 0, true);
        Ok(())
    }

    /// Returns the new records of each account, in their order, where records stand by account.
    fn waiting(&self) -> HashMap<u64, Vec<Place>> {
        let mut waiting: HashMap<u64, Vec<Place>> = HashMap::new();
        if self.layout == Layout::Accounts {
            for (id, account) in &self.added {
                waiting.entry(*account).or_default().extend(self.index.get(id));
            }
        }
        waiting
    }

    fn write_old(
        &self,
        records: &mut RecordsWriter<'_>,
        waiting: &mut HashMap<u64, Vec<Place>>,
    ) -> io::Result<()> {
        let Some(old) = &self.old else { return Ok(()) };
        let mut reader = old.try_clone()?;
        reader.seek(SeekFrom::Start(0))?;
        let mut splitter = Splitter::new(BufReader::with_capacity(1 << 18, reader), self.layout);
        let mut text = Vec::new();
        let mut account = String::new();
        while let Some(offset) = splitter.next(&mut text)? {
            let current = splitter.account().unwrap_or_default();
            if current != account {
                // The account that ends here gets its new records before the next one begins.
                self.write_waiting(records, waiting.remove(&self.hasher.hash_one(account.as_str())))?;
                current.clone_into(&mut account);
            }
            match self.fates.get(&offset) {
                None => records.put(&account, &text)?,
                Some(Fate::Removed) => {}
                Some(Fate::Changed { offset, length }) => {
                    text.resize(usize::try_from(*length).unwrap_or_default(), 0);
                    self.read_journal(&mut text, *offset)?;
                    records.put(&account, &text)?;
                }
            }
        }
        self.write_waiting(records, waiting.remove(&self.hasher.hash_one(account.as_str())))
    }

    fn write_added(
        &self,
        records: &mut RecordsWriter<'_>,
        waiting: &mut HashMap<u64, Vec<Place>>,
    ) -> io::Result<()> {
        for (id, account) in &self.added {
            match self.layout {
                Layout::Accounts => self.write_waiting(records, waiting.remove(account))?,
                _ => self.write_waiting(records, self.index.get(id).map(|place| vec![*place]))?,
            }
        }
        Ok(())
    }

    /// Writes records from the journal.
    fn write_waiting(&self, records: &mut RecordsWriter<'_>, places: Option<Vec<Place>>) -> io::Result<()> {
        let mut bytes = Vec::new();
        for place in places.into_iter().flatten() {
            let length = |length: u32| usize::try_from(length).unwrap_or_default();
            bytes.resize(length(place.account) + length(place.length), 0);
            self.read_journal(&mut bytes, place.offset - u64::from(place.account))?;
            let (account, text) = bytes.split_at(length(place.account));
            records.put(&String::from_utf8_lossy(account), text)?;
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
        self.print = print(&self.path)?;
        let Some(old) = &self.old else { return Ok(()) };
        let mut splitter = Splitter::new(BufReader::with_capacity(1 << 18, old.try_clone()?), self.layout);
        let mut text = Vec::new();
        let mut number = 0_u64;
        let mut accounts = HashSet::new();
        let mut last_account = None;
        while let Some(offset) = splitter.next(&mut text)? {
            number += 1;
            let bad = |message: String| {
                io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("record {number} (byte {}): {message}", offset + 1),
                )
            };
            let (id, account) = (self.key_of)(&text).map_err(bad)?;
            if let Some(current) = splitter.account() {
                if current != account {
                    return Err(bad("it stands under another account than its own".to_owned()));
                }
                let is_new = last_account.as_deref() != Some(current);
                if is_new && !accounts.insert(self.hasher.hash_one(current)) {
                    return Err(bad("its account stands in the file twice".to_owned()));
                }
                last_account = Some(account);
            }
            let length = u32::try_from(text.len()).map_err(|_| bad("too long".to_owned()))?;
            let place = Place { in_journal: false, offset, length, account: 0, old: Some(offset) };
            if self.index.insert(self.hasher.hash_one(&id), place).is_some() {
                return Err(bad("its credential ID stands in an earlier record, too".to_owned()));
            }
        }
        Ok(())
    }
}

/// Device, inode, length and the times of the last change of content and of anything.
type Print = (u64, u64, u64, (i64, i64), (i64, i64));

/// Returns what tells a file from every later one at its path; `None` where there is no file.
fn print(path: &Path) -> io::Result<Option<Print>> {
    match std::fs::symlink_metadata(path) {
        Ok(file) => Ok(Some((
            file.dev(),
            file.ino(),
            file.size(),
            (file.mtime(), file.mtime_nsec()),
            (file.ctime(), file.ctime_nsec()),
        ))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
