//! The export file on its way to the disk: compressed or not, with its checksum taken along.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crc_fast::{CrcAlgorithm, Digest};
use flate2::{Compression, GzBuilder, write::GzEncoder};

/// An export file being written.
#[expect(clippy::large_enum_variant, reason = "there is one for a whole export")]
pub(super) enum ExportFile {
    Gzip(GzEncoder<Checksummed>),
    Plain(Checksummed),
}

impl ExportFile {
    pub(super) fn create(path: &Path, gzip: bool) -> io::Result<Self> {
        let digest = Digest::new(CrcAlgorithm::Crc64Nvme);
        let file = Checksummed { file: BufWriter::with_capacity(1 << 16, File::create(path)?), digest };
        // Without a time and a name in its header the same rows give the same file.
        let gz = |file| GzBuilder::new().mtime(0).write(file, Compression::default());
        Ok(if gzip { Self::Gzip(gz(file)) } else { Self::Plain(file) })
    }

    /// Completes the file and returns its checksum as the vendor shows it: `CRC64NVME:` and 12 characters.
    pub(super) fn finish(self) -> io::Result<String> {
        let mut file = match self {
            Self::Gzip(encoder) => encoder.finish()?,
            Self::Plain(file) => file,
        };
        file.flush()?;
        Ok(format!("CRC64NVME:{}", STANDARD.encode(file.digest.finalize().to_be_bytes())))
    }
}

impl Write for ExportFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Gzip(encoder) => encoder.write(bytes),
            Self::Plain(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Gzip(encoder) => encoder.flush(),
            Self::Plain(file) => file.flush(),
        }
    }
}

/// A file and the CRC-64/NVME of the bytes that went into it.
pub(super) struct Checksummed {
    file: BufWriter<File>,
    digest: Digest,
}

impl Write for Checksummed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.digest.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Creates a file that its owner alone may read: even keys that protect nothing are kept as keys should be.
pub(super) fn create_private(path: &Path) -> io::Result<BufWriter<File>> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    #[cfg(unix)] // a file that was there keeps its mode when it is opened
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    Ok(BufWriter::with_capacity(1 << 16, file))
}
