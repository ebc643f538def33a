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

    /// Hands over what was flushed, from the beginning.
    pub(crate) fn read_whole<T>(
        &self,
        read: impl FnOnce(&mut BufReader<File>) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut file = self.file.get_ref();
        file.seek(SeekFrom::Start(0))?;
        let read = read(&mut BufReader::with_capacity(BUFFER, file.try_clone()?));
        // Both have one position, and what is added later belongs to the end.
        file.seek(SeekFrom::End(0))?;
        read
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn what_is_added_after_reading_stands_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::begin(folder.path()).unwrap();
        let mut text = Vec::new();
        for (at, part) in [b"one", b"two"].into_iter().enumerate() {
            assert_eq!(journal.add(part).unwrap(), u64::try_from(3 * at).unwrap());
            journal.flush().unwrap();
            let half: io::Result<()> = journal.read_whole(|file| {
                file.read_exact(&mut [0; 2])?;
                Err(io::Error::other("disk full"))
            });
            assert_eq!(half.unwrap_err().to_string(), "disk full");
        }
        journal.read_whole(|file| file.read_to_end(&mut text)).unwrap();
        assert_eq!(text, b"onetwo");
        journal.read(&mut text, 2, 3).unwrap();
        assert_eq!((text.as_slice(), journal.length()), (&b"etw"[..], 6));
    }
}
