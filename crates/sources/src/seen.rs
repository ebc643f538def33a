//! What the first reading of a file saw.

use crate::{checksum, export_file::Digests};

/// The bytes that were seen of a file so far, as sums; each chunk is seen first by whoever reads it first.
#[derive(Default)]
pub(crate) struct Seen {
    /// The SHA-256 of everything up to the end of each chunk; the last one is shorter than the others, maybe empty.
    prefixes: Vec<[u8; 32]>,
    crc: checksum::Running,
    length: u64,
    is_whole: bool,
}

impl Seen {
    /// Tells whether the chunk of this number is the one that was read before, where it was read before.
    ///
    /// `sha256` is that of everything up to its end.
    pub(crate) fn is_as_before(
        &mut self,
        number: usize,
        chunk: &[u8],
        sha256: [u8; 32],
        is_last: bool,
    ) -> bool {
        if let Some(known) = self.prefixes.get(number) {
            // The SHA-256 says how long the chunk is, too.
            return *known == sha256;
        }
        if self.is_whole {
            return chunk.is_empty(); // beyond the last one
        }
        self.prefixes.push(sha256);
        self.crc.update(chunk);
        self.length += u64::try_from(chunk.len()).unwrap_or(u64::MAX); // safe: at most 1 MiB
        self.is_whole = is_last;
        true
    }

    /// Tells whether somebody has come to the end of the file.
    pub(crate) fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Returns the digests of the whole file, when all of it was seen.
    pub(crate) fn digests(&self) -> Option<Digests> {
        let sha256 = *self.prefixes.last().filter(|_| self.is_whole)?;
        Some(Digests { crc64nvme: self.crc.value(), sha256, length: self.length })
    }
}
