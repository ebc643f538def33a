//! Holds the text of records until the file is written.

use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Seek as _, SeekFrom, Write as _},
    os::unix::fs::FileExt as _,
    path::Path,
};

/// Bytes that wait in memory, and that are read at once.
const BUFFER: usize = 1 << 18;

/// A file without a name, which ends with the process.
pub(crate) struct Journal {
    file: BufWriter<File>,
    length: u64,
}

impl Journal {
    /// Begins one in a folder.
    pub(crate) fn begin(folder: &Path) -> io::Result<Self> {
        Ok(Self { file: BufWriter::with_capacity(BUFFER, tempfile::tempfile_in(folder)?), length: 0 })
    }

    /// Returns where the next bytes will begin.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Adds bytes and returns where they begin.
    pub(crate) fn add(&mut self, bytes: &[u8]) -> io::Result<u64> {
        let offset = self.length;
        self.file.write_all(bytes)?;
        self.length += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        Ok(offset)
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }

    /// Reads a part of what was flushed.
    pub(crate) fn read(&self, text: &mut Vec<u8>, offset: u64, length: usize) -> io::Result<()> {
        text.resize(length, 0);
        self.file.get_ref().read_exact_at(text, offset)
    }

    /// Returns what was flushed, from the beginning.
    pub(crate) fn whole(&self) -> io::Result<BufReader<File>> {
        let mut file = self.file.get_ref().try_clone()?;
        file.seek(SeekFrom::Start(0))?;
        Ok(BufReader::with_capacity(BUFFER, file))
    }
}
