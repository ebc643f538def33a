//! The vendor's transport checksum.

use std::{fmt, io, str::FromStr};

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// A CRC-64/NVME value, shown as the vendor and S3 show it: 8 bytes, big-endian, standard base64 with padding.
///
/// It finds damage in transport and proves nothing against somebody who changes the file: the CRC is not keyed, and a
/// changed file with the same value takes milliseconds to make.
///
/// ```
/// use keyferry_sources::Crc64Nvme;
/// let crc = Crc64Nvme::of(&b"123456789"[..])?;
/// assert_eq!(crc.to_string(), "rosUhgp5mIg=");
/// assert_eq!("CRC64NVME:rosUhgp5mIg=".parse(), Ok(crc));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crc64Nvme(pub u64);

impl Crc64Nvme {
    /// Computes the value of everything that a reader gives.
    ///
    /// # Errors
    /// - the reader fails.
    pub fn of(mut reader: impl io::Read) -> io::Result<Self> {
        let mut running = Running::default();
        let mut buffer = vec![0; 1 << 18];
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => return Ok(running.value()),
                Ok(length) => running.update(&buffer[..length]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// A value that is being computed.
pub(crate) struct Running(crc_fast::Digest);

impl Default for Running {
    fn default() -> Self {
        Self(crc_fast::Digest::new(crc_fast::CrcAlgorithm::Crc64Nvme))
    }
}

impl Running {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Returns the value of all bytes so far.
    pub(crate) fn value(&self) -> Crc64Nvme {
        Crc64Nvme(self.0.finalize())
    }
}

impl fmt::Display for Crc64Nvme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0.to_be_bytes()))
    }
}

impl FromStr for Crc64Nvme {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let encoded = text.strip_prefix("CRC64NVME:").unwrap_or(text);
        let bytes: Option<[u8; 8]> = STANDARD.decode(encoded).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(|bytes| Self(u64::from_be_bytes(bytes))).ok_or_else(|| {
            "expected 12 characters of base64 as the vendor's console shows them, such as 5yuiJSxKKnU="
                .to_owned()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors() {
        for (input, expected) in [
            ("", "AAAAAAAAAAA="),
            ("123456789", "rosUhgp5mIg="),
            ("a", "jC+ERbTL/Dw="),
            ("hello world", "jSnVw/bqjr4="),
        ] {
            let crc = Crc64Nvme::of(input.as_bytes()).unwrap();
            assert_eq!(crc.to_string(), expected);
            assert_eq!(expected.parse(), Ok(crc));
            assert_eq!(format!("CRC64NVME:{expected}").parse(), Ok(crc));
        }
        for text in ["", "AAAA", "crc64nvme:AAAAAAAAAAA=", "AAAAAAAAAAA", "AAAAAAAAAAAAAAAA"] {
            assert!(text.parse::<Crc64Nvme>().is_err(), "{text}");
        }
    }
}
