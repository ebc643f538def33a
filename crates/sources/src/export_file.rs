//! An export as a file: opened once, then read as often as needed.

use std::{
    fs::File,
    io::{self, BufRead, Read, Write as _},
    os::unix::fs::FileExt as _,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use sha2::{Digest as _, Sha256};

use crate::{Crc64Nvme, FileError, gzip, read_ahead::ReadAhead, seen::Seen};

/// The grain in which later readings are compared with the first one, in bytes.
const CHUNK: usize = 1 << 20;

/// What a file may cost before it is taken for an attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes that a file may unpack to. Default 8 GiB, about 25 million rows.
    pub unpacked: u64,
    /// The most bytes that one byte may unpack to, once 64 MiB were unpacked. Default 20; real exports have about 2.
    pub ratio: u64,
    /// The most rows. Default 100 million.
    pub rows: u64,
    /// The most bytes of one row. Default 4 MiB; real rows have about 350.
    pub row: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { unpacked: 8 << 30, ratio: 20, rows: 100_000_000, row: 4 << 20 }
    }
}

/// What was found out about the bytes of a file as delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digests {
    /// The vendor's transport checksum.
    pub crc64nvme: Crc64Nvme,
    /// The SHA-256, which names this very file.
    pub sha256: [u8; 32],
    /// The length in bytes.
    pub length: u64,
}

/// An export that was opened once.
///
/// Every reading is compared with the first one, chunk by chunk, before anything of the chunk is used: a file that
/// changes under the run cannot smuggle in a row that the first pass did not see, and the digests are those of the rows.
/// The first reading that comes to the end of the file asks whether it still has the length and the time of change that
/// it was opened with: what somebody wrote to meanwhile is no file that anybody has delivered.
///
/// ```
/// use keyferry_sources::{ExportFile, Limits};
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("2025-09-30-7476.csv.gz");
/// # std::fs::write(&path, "123456789")?;
/// let file = ExportFile::open(&path, Limits::default())?;
/// assert_eq!(file.digests()?.crc64nvme.to_string(), "rosUhgp5mIg=");
/// assert_eq!(file.rows_in_name(), Some(7476));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ExportFile {
    file: Arc<Opened>,
    name: String,
    is_gzip: bool,
    seen: Arc<Mutex<Seen>>,
    limits: Limits,
}

impl ExportFile {
    /// Opens a file, or standard input for `-`.
    ///
    /// What cannot be read twice (standard input, a pipe) is kept in an unnamed temporary file first.
    ///
    /// # Errors
    /// - the file cannot be opened or read, or is longer than the limit of unpacked bytes.
    pub fn open(path: &Path, limits: Limits) -> Result<Self, FileError> {
        if path.as_os_str() == "-" {
            return Self::from_stream(io::stdin().lock(), "-", limits);
        }
        let open = |source| FileError::Open { path: path.to_owned(), source };
        let file = File::open(path).map_err(open)?;
        let metadata = file.metadata().map_err(open)?;
        if metadata.is_dir() {
            return Err(open(io::Error::from(io::ErrorKind::IsADirectory)));
        }
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        if !metadata.is_file() {
            return Self::from_stream(file, &name, limits);
        }
        Self::of(Opened { file, length: metadata.len(), modified: metadata.modified().ok() }, name, limits)
    }

    /// Keeps everything that a reader gives in an unnamed temporary file.
    ///
    /// # Errors
    /// - the reader or the temporary folder fails, or there is more than the limit of unpacked bytes.
    pub fn from_stream(reader: impl Read, name: &str, limits: Limits) -> Result<Self, FileError> {
        let mut file = tempfile::tempfile().map_err(FileError::Read)?;
        let mut reader = reader.take(limits.unpacked.saturating_add(1));
        let length = io::copy(&mut reader, &mut file).map_err(FileError::Read)?;
        file.flush().map_err(FileError::Read)?;
        // Nobody else can write to it.
        Self::of(Opened { file, length, modified: None }, name.to_owned(), limits)
    }

    fn of(file: Opened, name: String, limits: Limits) -> Result<Self, FileError> {
        if file.length > limits.unpacked {
            return Err(FileError::TooLarge { limit: limits.unpacked });
        }
        let mut begin = [0; gzip::MAGIC.len()];
        let filled = fill(&file.file, &mut begin, 0).map_err(FileError::Read)?;
        let is_gzip = filled == begin.len() && begin == gzip::MAGIC;
        Ok(Self { file: Arc::new(file), name, is_gzip, seen: Arc::default(), limits })
    }

    /// Returns what is known about the bytes as delivered, and reads what nobody has read of them.
    ///
    /// # Errors
    /// - the file cannot be read, has changed since it was, or has grown beyond the limit of unpacked bytes.
    pub fn digests(&self) -> Result<Digests, FileError> {
        let known = lock(&self.seen).digests();
        if let Some(digests) = known {
            return Ok(digests);
        }
        let mut reader = self.verified(Position::default());
        loop {
            let length = reader.fill_buf().map_err(FileError::from_io)?.len();
            match lock(&self.seen).digests() {
                Some(digests) => return Ok(digests),
                None => reader.consume(length),
            }
        }
    }

    /// Returns how many bytes the file had when it was opened.
    pub fn length(&self) -> u64 {
        self.file.length
    }

    /// Tells whether somebody wrote to the file since it was opened, as far as its length and time of change tell.
    pub fn has_changed(&self) -> bool {
        !self.file.is_as_opened()
    }

    /// Returns the file's name without its folder.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns what the file may cost.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Compares the checksum with the one that the operator got from the vendor; nothing needs to have been read before.
    ///
    /// # Errors
    /// - [`FileError::Checksum`]: they differ.
    /// - as [`ExportFile::digests`].
    pub fn expect_checksum(&self, expected: Crc64Nvme) -> Result<(), FileError> {
        let found = self.digests()?.crc64nvme;
        if found == expected {
            return Ok(());
        }
        Err(FileError::Checksum { expected, found, is_gzip: self.is_gzip })
    }

    /// Returns the number of rows that a name such as `2025-09-30-7476.csv.gz` announces.
    pub fn rows_in_name(&self) -> Option<u64> {
        let stem = self.name.strip_suffix(".gz").unwrap_or(&self.name).strip_suffix(".csv")?;
        let mut parts = stem.splitn(4, '-');
        let digits =
            |text: &str, length| text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
        let is_date = digits(parts.next()?, 4) && digits(parts.next()?, 2) && digits(parts.next()?, 2);
        let count = parts.next()?;
        (is_date && !count.is_empty() && digits(count, count.len())).then(|| count.parse().ok()).flatten()
    }

    /// Returns a reader of the unpacked bytes from the beginning; `position` tells how far the file itself was read.
    pub(crate) fn unpacked(&self) -> (Box<dyn Read + Send>, Position) {
        let position = Position::default();
        let reader = self.verified(position.clone());
        if self.is_gzip {
            let gunzip = gzip::Gunzip::new(reader, self.file.length, position.clone(), self.limits);
            return (Box::new(ReadAhead::new(gunzip)), position);
        }
        (Box::new(gzip::Capped::new(reader, self.limits.unpacked)), position)
    }

    fn verified(&self, position: Position) -> Verified {
        Verified {
            file: Arc::clone(&self.file),
            seen: Arc::clone(&self.seen),
            sha: Sha256::new(),
            buffer: vec![0; CHUNK].into(),
            filled: 0,
            served: 0,
            chunks: 0,
            offset: 0,
            limit: self.limits.unpacked,
            position,
        }
    }
}

/// A file, and what was known of it when it was opened.
struct Opened {
    file: File,
    length: u64,
    /// `None` where nobody else can write to the file, or its file system keeps no times.
    modified: Option<SystemTime>,
}

impl Opened {
    fn is_as_opened(&self) -> bool {
        self.modified.is_none()
            || self
                .file
                .metadata()
                .is_ok_and(|now| now.len() == self.length && now.modified().ok() == self.modified)
    }
}

/// What was seen is whole after each chunk, whatever became of the thread that saw it.
fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many bytes of the file were read so far, for a progress bar on another thread.
#[derive(Clone, Debug, Default)]
pub struct Position(Arc<std::sync::atomic::AtomicU64>);

impl Position {
    /// Returns the number of bytes.
    pub fn bytes(&self) -> u64 {
        self.0.load(std::sync::atomic::Ordering::Relaxed)
    }

    fn is_at(&self, offset: u64) {
        self.0.store(offset, std::sync::atomic::Ordering::Relaxed);
    }
}

/// Reads the file and gives out a chunk only if it is the one of the first reading.
struct Verified {
    file: Arc<Opened>,
    seen: Arc<Mutex<Seen>>,
    sha: Sha256,
    buffer: Box<[u8]>,
    filled: usize,
    served: usize,
    chunks: usize,
    offset: u64,
    /// Beyond this a file that grows is read no further.
    limit: u64,
    position: Position,
}

impl Read for Verified {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let rest = self.fill_buf()?;
        let length = rest.len().min(out.len());
        out[..length].copy_from_slice(&rest[..length]);
        self.consume(length);
        Ok(length)
    }
}

impl BufRead for Verified {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.served == self.filled {
            self.next_chunk()?;
        }
        Ok(&self.buffer[self.served..self.filled])
    }

    fn consume(&mut self, length: usize) {
        self.served += length;
    }
}

impl Verified {
    fn next_chunk(&mut self) -> io::Result<()> {
        (self.served, self.filled) = (0, 0);
        let filled = fill(&self.file.file, &mut self.buffer, self.offset)?;
        let end = self.offset + u64::try_from(filled).unwrap_or(u64::MAX); // safe: at most 1 MiB
        if end > self.limit {
            return Err(FileError::TooLarge { limit: self.limit }.into_io());
        }
        let chunk = &self.buffer[..filled];
        self.sha.update(chunk);
        let sha256 = self.sha.clone().finalize().into();
        let is_last = filled < CHUNK;
        let mut seen = lock(&self.seen);
        let ends_as_it_began = !is_last || seen.is_whole() || self.file.is_as_opened();
        if !ends_as_it_began || !seen.is_as_before(self.chunks, chunk, sha256, is_last) {
            return Err(FileError::Changed.into_io());
        }
        drop(seen);
        self.chunks += 1;
        (self.filled, self.offset) = (filled, end);
        self.position.is_at(end);
        Ok(())
    }
}

/// Reads at an offset until the buffer is full or the file ends; the file's own position does not move.
fn fill(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        let at = offset + u64::try_from(filled).unwrap_or(u64::MAX);
        match file.read_at(&mut buffer[filled..], at) {
            Ok(0) => break,
            Ok(length) => filled += length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, bytes: &[u8]) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        (folder, path)
    }

    fn read(file: &ExportFile) -> Result<Vec<u8>, FileError> {
        let mut out = Vec::new();
        file.unpacked().0.read_to_end(&mut out).map_err(FileError::from_io)?;
        Ok(out)
    }

    #[test]
    fn names_announce_rows() {
        for (name, expected) in [
            ("2025-09-30-7476.csv.gz", Some(7476)),
            ("2025-09-30-7476.csv", Some(7476)),
            ("2025-09-15.csv", None),
            ("2025-09-30-.csv", None),
            ("2025-09-30-74x.csv", None),
            ("2025-09-30-7-6.csv", None),
            ("export.csv.gz", None),
            ("2025-09-30-99999999999999999999.csv", None),
        ] {
            let (_folder, path) = file(name, b"");
            assert_eq!(
                ExportFile::open(&path, Limits::default()).unwrap().rows_in_name(),
                expected,
                "{name}"
            );
        }
        let missing = ExportFile::open(Path::new("no-such-folder/x.csv"), Limits::default());
        assert!(matches!(missing, Err(FileError::Open { .. })));
    }

    #[test]
    fn a_file_that_changes_is_noticed_before_anything_of_the_chunk_is_used() {
        let mut bytes = vec![b'x'; 3 * CHUNK + 5];
        let (_folder, path) = file("x.csv", &bytes);
        let export = ExportFile::open(&path, Limits::default()).unwrap();
        assert_eq!(read(&export).unwrap(), bytes);
        for at in [0, CHUNK + 7, 3 * CHUNK + 4] {
            bytes[at] = b'y';
            std::fs::write(&path, &bytes).unwrap();
            assert!(matches!(read(&export), Err(FileError::Changed)), "byte {at}");
            bytes[at] = b'x';
        }
        for length in [0, CHUNK, 3 * CHUNK] {
            std::fs::write(&path, &bytes[..length]).unwrap();
            assert!(matches!(read(&export), Err(FileError::Changed)), "cut to {length}");
        }
        bytes.extend_from_slice(b"more");
        std::fs::write(&path, &bytes).unwrap();
        assert!(matches!(read(&export), Err(FileError::Changed)));
    }

    #[test]
    fn digests_are_of_the_whole_file_whoever_has_read_how_much_of_it() {
        for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 5] {
            let bytes: Vec<u8> = (0..length).map(|at| at.to_le_bytes()[at % 3]).collect();
            let expected = Digests {
                crc64nvme: Crc64Nvme::of(&bytes[..]).unwrap(),
                sha256: Sha256::digest(&bytes).into(),
                length: u64::try_from(length).unwrap(),
            };
            let (_folder, path) = file("x.csv", &bytes);
            let open = || ExportFile::open(&path, Limits::default()).unwrap();
            for read_before in [0, 1, CHUNK, length] {
                let export = open();
                export.unpacked().0.read_exact(&mut vec![0; read_before.min(length)]).unwrap();
                assert_eq!(export.digests().unwrap(), expected, "{length}, {read_before}");
                assert_eq!(export.digests().unwrap(), expected, "{length}, {read_before}, again");
            }
            let export = open();
            read(&export).unwrap();
            // Nothing is read for it that was read before: the file may be gone by now.
            std::fs::write(&path, "").unwrap();
            assert_eq!(export.digests().unwrap(), expected, "{length}, read before");
        }
    }

    #[test]
    fn what_was_written_to_during_the_first_reading_is_noticed_at_its_end() {
        let bytes = vec![b'x'; 3 * CHUNK];
        let writes: [fn(&Path); 3] = [
            |path| File::options().write(true).open(path).unwrap().write_all(b"y").unwrap(),
            |path| File::options().write(true).open(path).unwrap().set_len(2 << 20).unwrap(),
            |path| File::options().append(true).open(path).unwrap().write_all(b"more").unwrap(),
        ];
        for write in writes {
            let (_folder, path) = file("x.csv", &bytes);
            // Long ago, whatever the grain of the file system's times is.
            File::options().write(true).open(&path).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
            let export = ExportFile::open(&path, Limits::default()).unwrap();
            let mut reader = export.unpacked().0;
            reader.read_exact(&mut vec![0; CHUNK]).unwrap();
            assert!(!export.has_changed());
            write(&path);
            assert!(export.has_changed());
            let error = reader.read_to_end(&mut Vec::new()).map_err(FileError::from_io);
            assert!(matches!(error, Err(FileError::Changed)));
            assert!(matches!(export.digests(), Err(FileError::Changed)));
        }
        // What was read to its end is known, and only its bytes count then.
        let (_folder, path) = file("x.csv", &bytes);
        let export = ExportFile::open(&path, Limits::default()).unwrap();
        assert_eq!(read(&export).unwrap(), bytes);
        File::options().write(true).open(&path).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
        assert!(export.has_changed());
        assert_eq!(read(&export).unwrap(), bytes);
    }

    #[test]
    fn what_one_reading_saw_counts_for_one_that_goes_beyond_it() {
        let mut bytes = vec![b'x'; 2 * CHUNK];
        let (_folder, path) = file("x.csv", &bytes);
        let export = ExportFile::open(&path, Limits::default()).unwrap();
        let mut begin = vec![0; CHUNK];
        export.unpacked().0.read_exact(&mut begin).unwrap();
        bytes[0] = b'y';
        std::fs::write(&path, &bytes).unwrap();
        assert!(matches!(read(&export), Err(FileError::Changed)));
        assert!(matches!(export.digests(), Err(FileError::Changed)));
    }

    #[test]
    fn a_file_that_grows_is_not_read_beyond_the_limit() {
        let limits = Limits { unpacked: 10, ..Limits::default() };
        let (_folder, path) = file("x.csv", b"0123456789");
        let export = ExportFile::open(&path, limits).unwrap();
        std::fs::write(&path, b"0123456789a").unwrap();
        assert!(matches!(export.digests(), Err(FileError::TooLarge { limit: 10 })));
        assert!(matches!(ExportFile::open(&path, limits), Err(FileError::TooLarge { limit: 10 })));
    }

    #[test]
    fn a_pipe_is_kept_and_capped() {
        let limits = Limits { unpacked: 10, ..Limits::default() };
        let export = ExportFile::from_stream(&b"0123456789"[..], "-", limits).unwrap();
        assert_eq!(read(&export).unwrap(), b"0123456789");
        let error = ExportFile::from_stream(&b"0123456789a"[..], "-", limits).err();
        assert!(matches!(error, Some(FileError::TooLarge { limit: 10 })));
    }
}
