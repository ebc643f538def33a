//! A JSON file of records: the old ones stay on the disk, the new ones wait beside them, and one rename joins them.

use std::{
    collections::HashMap,
    fs::File,
    hash::{BuildHasher as _, RandomState},
    io::{self, BufRead as _, BufReader, Seek as _, SeekFrom},
    path::{Path, PathBuf},
};

use keyferry_core::CredentialId;
use memchr::memchr;

use crate::{
    careful,
    file_print::FilePrint,
    journal::Journal,
    lines,
    place::{Home, Place},
    places::{Places, spread},
    records_writer::RecordsWriter,
    safe_file,
    splitter::{Layout, Splitter},
    window::Window,
};

/// What is read of a record to find it again: its credential ID and its account.
pub(crate) type Key = (CredentialId, String);

/// Decodes a record as far as its key, with a buffer that it may use for anything.
pub(crate) type KeyOf = fn(&[u8], &mut Vec<u8>) -> Result<Key, String>;

/// The records of a file and the changes that are not visible yet.
///
/// Memory holds a hash and a place for each record and two places for each that is changed, never the records.
pub(crate) struct RecordsFile {
    path: PathBuf,
    layout: Layout,
    old: Option<File>,
    /// What tells the old file from a later one, as it was when its records were found.
    print: Option<FilePrint>,
    key_of: KeyOf,
    /// Whether the file was written since its records were found.
    is_stale: bool,
    hasher: RandomState,
    /// Where a record stood first, by the hash of its ID.
    index: Places,
    /// What became of it since, by that place.
    fates: Places,
    /// New records in the order in which they came, one a line; by account, each after the name of its account.
    added: Option<Journal>,
    /// What stands now in place of other records.
    changed: Option<Journal>,
    /// The new records of a file of accounts, in the order in which they came.
    of_accounts: Vec<OfAccount>,
    window: Window,
    text: Vec<u8>,
}

/// A new record of a file of accounts.
struct OfAccount {
    /// The hash of the account's name.
    account: u64,
    name_length: usize,
    place: Place,
}

impl RecordsFile {
    /// Opens a file, if there is one, and finds its records; `key_of` decodes each of them.
    ///
    /// # Errors
    /// - the file cannot be read, is not in the layout that its name says, or has the same ID twice;
    /// - `key_of` fails; the message names the record by its number.
    pub(crate) fn open(path: &Path, keyed_by_account: bool, key_of: KeyOf) -> io::Result<Self> {
        let layout = Layout::of(path, keyed_by_account);
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
            hasher: RandomState::new(),
            index: Places::default(),
            fates: Places::default(),
            added: None,
            changed: None,
            of_accounts: Vec::new(),
            window: Window::default(),
            text: Vec::new(),
        };
        file.find_records()?;
        Ok(file)
    }

    /// Tells whether there was a file.
    pub(crate) fn exists(&self) -> bool {
        self.old.is_some()
    }

    /// Returns the text of a record, changes included.
    pub(crate) fn get(&mut self, id: &CredentialId) -> io::Result<Option<&[u8]>> {
        self.find_records()?;
        let Some(first) = self.index.get(self.hasher.hash_one(id)) else { return Ok(None) };
        let Some(place) = self.now(first) else { return Ok(None) };
        let journal = match place.home {
            Home::Old => {
                let old = self.old.as_ref().ok_or_else(|| io::Error::other("the file is not open"))?;
                return self.window.read(old, place.offset, place.length).map(Some);
            }
            Home::Added => &mut self.added,
            Home::Changed => &mut self.changed,
        };
        let journal = journal.as_mut().ok_or_else(nothing_changed)?;
        journal.flush()?;
        journal.read(&mut self.text, place.offset, place.length)?;
        Ok(Some(&self.text))
    }

    /// Returns where a record stands now that stood first at this place; `None` where it is gone.
    fn now(&self, first: u64) -> Option<Place> {
        Place::unpacked(self.fates.get(spread(first)).unwrap_or(first))
    }

    /// Adds a record, unless one is there; its text is one line. Returns whether it was added.
    pub(crate) fn add(&mut self, id: &CredentialId, account: &str, text: &[u8]) -> io::Result<bool> {
        self.find_records()?;
        if memchr(b'\n', text).is_some() {
            return Err(io::Error::other("a record takes more than one line"));
        }
        let hash = self.hasher.hash_one(id);
        let by_account = self.layout == Layout::Accounts;
        let journal = begun(&mut self.added, &self.path)?;
        let name_length = if by_account { account.len() } else { 0 };
        let offset = journal.length() + u64::try_from(name_length).unwrap_or(u64::MAX);
        let place = Place { home: Home::Added, offset, length: text.len() };
        if let Some(first) = self.index.add(hash, place.packed()?) {
            if self.now(first).is_some() {
                return Ok(false);
            }
            self.index.insert(hash, place.packed()?);
        }
        let journal = begun(&mut self.added, &self.path)?;
        if by_account {
            journal.add(account.as_bytes())?;
            self.of_accounts.push(OfAccount { account: self.hasher.hash_one(account), name_length, place });
        }
        journal.add(text)?;
        journal.add(b"\n")?;
        Ok(true)
    }

    /// Replaces the text of a record that is there, by one line.
    pub(crate) fn change(&mut self, id: &CredentialId, text: &[u8]) -> io::Result<()> {
        self.find_records()?;
        let first = self.index.get(self.hasher.hash_one(id)).filter(|first| self.now(*first).is_some());
        let first = first.ok_or_else(|| io::Error::other("there is no such record"))?;
        let offset = begun(&mut self.changed, &self.path)?.add(text)?;
        self.fates.insert(spread(first), Place { home: Home::Changed, offset, length: text.len() }.packed()?);
        Ok(())
    }

    /// Removes a record.
    pub(crate) fn remove(&mut self, id: &CredentialId) -> io::Result<()> {
        self.find_records()?;
        if let Some(first) = self.index.get(self.hasher.hash_one(id)) {
            self.fates.insert(spread(first), Place::GONE);
        }
        Ok(())
    }

    /// Writes the whole file if anything changed or if there was none.
    pub(crate) fn write(&mut self) -> io::Result<()> {
        let is_any_new = self.added.as_ref().is_some_and(|journal| journal.length() > 0);
        if !is_any_new && self.fates.is_empty() && self.old.is_some() {
            return Ok(());
        }
        for journal in [&mut self.added, &mut self.changed].into_iter().flatten() {
            journal.flush()?;
        }
        safe_file::replace(&self.path, |out| {
            let mut records = RecordsWriter::new(out, self.layout)?;
            let mut waiting = self.waiting();
            self.write_old(&mut records, &mut waiting)?;
            match self.layout {
                Layout::Accounts => self.write_other_accounts(&mut records, &mut waiting)?,
                Layout::Array | Layout::Lines => self.write_added(&mut records)?,
            }
            records.end()?;
            // The places of the old records are only as good as the file in which they were found.
            if FilePrint::of(&self.path)? != self.print {
                return Err(io::Error::other("another program changed it during the import; run it again"));
            }
            Ok(())
        })?;
        // What was written is the old file of whatever comes next.
        self.old = Some(File::open(&self.path)?);
        self.is_stale = true;
        self.forget();
        Ok(())
    }

    fn forget(&mut self) {
        (self.index, self.fates) = (Places::default(), Places::default());
        (self.added, self.changed) = (None, None);
        self.of_accounts.clear();
        self.window = Window::default();
    }

    /// Returns the new records of each account, in their order, where records stand by account.
    fn waiting(&self) -> HashMap<u64, Vec<&OfAccount>> {
        let mut waiting: HashMap<u64, Vec<_>> = HashMap::new();
        for added in &self.of_accounts {
            waiting.entry(added.account).or_default().push(added);
        }
        waiting
    }

    fn write_old(
        &self,
        records: &mut RecordsWriter<'_>,
        waiting: &mut HashMap<u64, Vec<&OfAccount>>,
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
            let first = Place { home: Home::Old, offset, length: text.len() };
            if self.as_it_is_now(first, &mut text)? {
                records.put(&account, &text)?;
            }
        }
        self.write_waiting(records, waiting.remove(&self.hasher.hash_one(account.as_str())))
    }

    /// Puts what replaces a record in the place of its text; returns whether it still exists.
    fn as_it_is_now(&self, first: Place, text: &mut Vec<u8>) -> io::Result<bool> {
        if self.fates.is_empty() {
            return Ok(true);
        }
        match self.now(first.packed()?) {
            None => Ok(false),
            Some(Place { home: Home::Changed, offset, length }) => {
                self.changed.as_ref().ok_or_else(nothing_changed)?.read(text, offset, length)?;
                Ok(true)
            }
            Some(_) => Ok(true),
        }
    }

    fn write_added(&self, records: &mut RecordsWriter<'_>) -> io::Result<()> {
        let Some(journal) = &self.added else { return Ok(()) };
        journal.read_whole(|lines| match self.layout == Layout::Lines && self.fates.is_empty() {
            true => records.put_lines(lines),
            false => self.write_each(records, lines),
        })
    }

    fn write_each(&self, records: &mut RecordsWriter<'_>, lines: &mut BufReader<File>) -> io::Result<()> {
        let mut offset = 0;
        let mut text = Vec::new();
        loop {
            text.clear();
            let read = lines.read_until(b'\n', &mut text)?;
            if read == 0 {
                return Ok(());
            }
            text.pop();
            let first = Place { home: Home::Added, offset, length: text.len() };
            if self.as_it_is_now(first, &mut text)? {
                records.put("", &text)?;
            }
            offset += u64::try_from(read).unwrap_or(u64::MAX);
        }
    }

    /// Writes the new records of accounts that were not in the old file.
    fn write_other_accounts(
        &self,
        records: &mut RecordsWriter<'_>,
        waiting: &mut HashMap<u64, Vec<&OfAccount>>,
    ) -> io::Result<()> {
        for added in &self.of_accounts {
            self.write_waiting(records, waiting.remove(&added.account))?;
        }
        Ok(())
    }

    /// Writes the new records of one account.
    fn write_waiting(
        &self,
        records: &mut RecordsWriter<'_>,
        waiting: Option<Vec<&OfAccount>>,
    ) -> io::Result<()> {
        let (mut name, mut text) = (Vec::new(), Vec::new());
        for OfAccount { name_length, place, .. } in waiting.into_iter().flatten() {
            let journal = self.added.as_ref().ok_or_else(nothing_changed)?;
            let begin = place.offset.saturating_sub(u64::try_from(*name_length).unwrap_or(u64::MAX));
            journal.read(&mut name, begin, name_length + place.length)?;
            text.clear();
            text.extend(name.drain(*name_length..));
            if self.as_it_is_now(*place, &mut text)? {
                records.put(&String::from_utf8_lossy(&name), &text)?;
            }
        }
        Ok(())
    }

    fn find_records(&mut self) -> io::Result<()> {
        if !self.is_stale {
            return Ok(());
        }
        self.forget();
        self.is_stale = false;
        self.print = FilePrint::of(&self.path)?;
        let Some(old) = &self.old else { return Ok(()) };
        let quickly = match self.layout {
            Layout::Lines => lines::find(old, &self.hasher, self.key_of)?,
            Layout::Array | Layout::Accounts => None,
        };
        self.index = match quickly {
            Some(index) => index,
            None => careful::find(old, self.layout, &self.hasher, self.key_of)?,
        };
        Ok(())
    }
}

/// Returns the journal beside a file, which begins with its first use.
fn begun<'a>(journal: &'a mut Option<Journal>, path: &Path) -> io::Result<&'a mut Journal> {
    match journal {
        Some(journal) => Ok(journal),
        none => Ok(none.insert(Journal::begin(safe_file::folder_of(path))?)),
    }
}

fn nothing_changed() -> io::Error {
    io::Error::other("nothing was changed")
}
