//! Unpacks gzip, with every member's check and with limits.

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;

use crate::{FileError, Limits, Position};

/// The first bytes of a gzip member (RFC 1952, section 2.3.1).
pub(crate) const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Exports unpack to about twice their size; before this many bytes a small file may do better.
const RATIO_COUNTS_FROM: u64 = 64 << 20;

/// Unpacks all members of a gzip file, one after the other.
///
/// flate2 checks the CRC-32 and the length of each. Bytes after the last one that begin no further member stop the
/// reading: what they mean is not known.
pub(crate) struct Gunzip<R> {
    member: Option<GzDecoder<R>>,
    /// The length of the file, as far as it was known.
    packed: u64,
    /// How much of it was read.
    position: Position,
    unpacked: u64,
    limits: Limits,
}

impl<R: BufRead> Gunzip<R> {
    pub(crate) fn new(reader: R, packed: u64, position: Position, limits: Limits) -> Self {
        Self { member: Some(GzDecoder::new(reader)), packed, position, unpacked: 0, limits }
    }
}

impl<R: BufRead> Read for Gunzip<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let length = member.read(out).map_err(classify)?;
            if length > 0 || out.is_empty() {
                self.unpacked += u64::try_from(length).unwrap_or(u64::MAX);
                within(self.unpacked, self.packed.max(self.position.bytes()), self.limits)?;
                return Ok(length);
            }
            let Some(finished) = self.member.take() else { break };
            let mut rest = finished.into_inner();
            match rest.fill_buf()? {
                [] => {}
                next if next.starts_with(&MAGIC[..next.len().min(2)]) => {
                    self.member = Some(GzDecoder::new(rest))
                }
                _ => return Err(FileError::GzipTrailing.into_io()),
            }
        }
        Ok(0)
    }
}

fn within(unpacked: u64, packed: u64, limits: Limits) -> io::Result<()> {
    if unpacked > limits.unpacked {
        return Err(FileError::TooLarge { limit: limits.unpacked }.into_io());
    }
    if unpacked > RATIO_COUNTS_FROM && unpacked / limits.ratio.max(1) > packed {
        return Err(FileError::TooDense { ratio: limits.ratio }.into_io());
    }
    Ok(())
}

/// Tells damage of the stream from a failure of the reader below it.
fn classify(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => FileError::GzipTruncated.into_io(),
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => FileError::GzipDamaged(error).into_io(),
        _ => error,
    }
}

/// Stops a plain file at the limit.
pub(crate) struct Capped<R> {
    reader: R,
    read: u64,
    limit: u64,
}

impl<R> Capped<R> {
    pub(crate) fn new(reader: R, limit: u64) -> Self {
        Self { reader, read: 0, limit }
    }
}

impl<R: Read> Read for Capped<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let length = self.reader.read(out)?;
        self.read += u64::try_from(length).unwrap_or(u64::MAX);
        if self.read > self.limit {
            return Err(FileError::TooLarge { limit: self.limit }.into_io());
        }
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn gz(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn unpack(packed: &[u8], limits: Limits) -> Result<Vec<u8>, FileError> {
        let mut out = Vec::new();
        let length = u64::try_from(packed.len()).unwrap();
        Gunzip::new(packed, length, Position::default(), limits)
            .read_to_end(&mut out)
            .map_err(FileError::from_io)?;
        Ok(out)
    }

    #[test]
    fn all_members_are_read() {
        let packed = [gz(b"one,"), gz(b""), gz(b"two")].concat();
        assert_eq!(unpack(&packed, Limits::default()).unwrap(), b"one,two");
    }

    #[test]
    fn cut_anywhere_it_is_never_taken_for_whole() {
        let packed = gz("a,b,c\n".repeat(50).as_bytes());
        for length in 0..packed.len() {
            assert!(
                matches!(unpack(&packed[..length], Limits::default()), Err(FileError::GzipTruncated)),
                "{length}"
            );
        }
        let second = [gz(b"one"), packed.clone()].concat();
        for length in gz(b"one").len() + 1..second.len() {
            assert!(
                matches!(unpack(&second[..length], Limits::default()), Err(FileError::GzipTruncated)),
                "{length}"
            );
        }
    }

    #[test]
    fn damage_and_additions_are_told_apart() {
        let packed = gz("a,b,c\n".repeat(50).as_bytes());
        for more in [&b"x"[..], b"\0", b"\x1fx", b"trailing"] {
            let error = unpack(&[&*packed, more].concat(), Limits::default()).unwrap_err();
            assert!(matches!(error, FileError::GzipTrailing), "{error:?}");
        }
        let mut flipped = packed.clone();
        let at = packed.len() - 6; // in the CRC-32
        flipped[at] ^= 1;
        assert!(matches!(unpack(&flipped, Limits::default()), Err(FileError::GzipDamaged(_))));
    }

    #[test]
    fn bombs_stop_at_the_limits() {
        let packed = gz(&vec![0; 100_000]);
        let limits = Limits { unpacked: 50_000, ..Limits::default() };
        assert!(matches!(unpack(&packed, limits), Err(FileError::TooLarge { limit: 50_000 })));
        let bomb = gz(&vec![0; 70 << 20]);
        assert!(matches!(unpack(&bomb, Limits::default()), Err(FileError::TooDense { ratio: 20 })));
    }
}
