//! Recorded logins, one JSON object a line, with the memory of one line.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read as _},
    path::Path,
};

use anyhow::Context as _;
use keyferry_assertion::{ParseError, Recorded};

/// One line that is not blank.
pub(crate) struct Line {
    /// The physical line, from 1.
    pub(crate) number: u64,
    pub(crate) login: Result<Recorded, ParseError>,
}

/// A file of logins.
pub(crate) struct LoginLines {
    reader: Box<dyn BufRead>,
    name: String,
    number: u64,
}

impl LoginLines {
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let name = crate::replay::shown(path);
        let reader: Box<dyn BufRead> = if path.as_os_str() == "-" {
            Box::new(std::io::stdin().lock())
        } else {
            let file = File::open(path).with_context(|| format!("cannot open {name}"))?;
            Box::new(BufReader::with_capacity(1 << 16, file))
        };
        Ok(Self { reader, name, number: 0 })
    }

    /// The name of the file, as messages show it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Reads the next line that is not blank.
    pub(crate) fn next(&mut self) -> anyhow::Result<Option<Line>> {
        let limit = u64::try_from(Recorded::MAX_LENGTH).unwrap_or(u64::MAX);
        loop {
            let mut bytes = Vec::new();
            let context = || format!("cannot read {}", self.name);
            // One byte more than a login may have, and the line end.
            let read =
                (&mut self.reader).take(limit + 2).read_until(b'\n', &mut bytes).with_context(context)?;
            if read == 0 {
                return Ok(None);
            }
            self.number += 1;
            if bytes.last() != Some(&b'\n') && bytes.len() > Recorded::MAX_LENGTH {
                // Nothing is kept of a line that is too long.
                self.reader.skip_until(b'\n').with_context(|| format!("cannot read {}", self.name))?;
            }
            let line = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if !line.iter().all(u8::is_ascii_whitespace) || line.len() > Recorded::MAX_LENGTH {
                return Ok(Some(Line { number: self.number, login: Recorded::parse(line) }));
            }
        }
    }
}
