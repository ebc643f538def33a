//! Reads records of a file by their place, most of them without asking the system.

use std::{fs::File, io, os::unix::fs::FileExt as _};

/// How much is read at once where one record follows another.
const AHEAD: usize = 1 << 18;
/// How far behind the last record one may stand that still follows it.
const NEAR: u64 = 1 << 16;

/// What was read last of a file.
///
/// An export that is imported again comes in the order in which its records were written; then the file is read in large
/// parts. A record that stands anywhere else is read alone.
#[derive(Default)]
pub(crate) struct Window {
    offset: u64,
    bytes: Vec<u8>,
}

impl Window {
    /// Returns a part of the file, whose length does not change.
    pub(crate) fn read(&mut self, file: &File, offset: u64, length: usize) -> io::Result<&[u8]> {
        let held = |window: &Self| {
            let begin = usize::try_from(offset.checked_sub(window.offset)?).ok()?;
            let end = begin.checked_add(length)?;
            (end <= window.bytes.len()).then_some(begin..end)
        };
        if held(self).is_none() {
            let end = self.offset + u64::try_from(self.bytes.len()).unwrap_or(u64::MAX);
            let follows = (self.offset..end.saturating_add(NEAR)).contains(&offset);
            self.fill(file, offset, if follows { length.max(AHEAD) } else { length })?;
        }
        let held = held(self).ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
        Ok(self.bytes.get(held).unwrap_or_default())
    }

    /// Reads up to `most` bytes, fewer at the end of the file.
    fn fill(&mut self, file: &File, offset: u64, most: usize) -> io::Result<()> {
        self.offset = offset;
        self.bytes.resize(most, 0);
        let filled = read_at(file, offset, &mut self.bytes);
        self.bytes.truncate(*filled.as_ref().unwrap_or(&0));
        filled.map(drop)
    }
}

/// Reads until the buffer is full or the file ends; returns how much that was.
pub(crate) fn read_at(file: &File, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, offset + u64::try_from(filled).unwrap_or(u64::MAX)) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn every_part_in_any_order() {
        let text: Vec<u8> = (0..1_000_000_u32).flat_map(|number| number.to_be_bytes()).collect();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&text).unwrap();
        let mut window = Window::default();
        let mut expect = |offset: usize, length: usize| {
            let found = window.read(&file, offset.try_into().unwrap(), length).unwrap();
            assert!(*found == text[offset..offset + length], "{length} bytes at {offset}");
            window.bytes.len()
        };
        for offset in (0..text.len() - 300).step_by(299) {
            expect(offset, 300);
        }
        assert_eq!(expect(17, 300), 300, "what stands elsewhere is read alone");
        assert_eq!(expect(317, 300), AHEAD, "what follows is read with what follows it");
        expect(317, AHEAD);
        expect(400, AHEAD + 7);
        expect(text.len() - 1, 1);
        assert!(window.read(&file, text.len().try_into().unwrap(), 1).is_err());
        assert!(window.read(&file, 0, text.len() + 1).is_err());
    }
}
