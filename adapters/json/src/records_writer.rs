//! Writes records in a layout.

use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Write as _},
};

use crate::splitter::Layout;

/// Writes records, one a line in every layout, so that two versions of a file can be compared line by line.
pub(crate) struct RecordsWriter<'a> {
    out: &'a mut BufWriter<File>,
    layout: Layout,
    any: bool,
    account: Option<String>,
}

impl<'a> RecordsWriter<'a> {
    pub(crate) fn new(out: &'a mut BufWriter<File>, layout: Layout) -> io::Result<Self> {
        match layout {
            Layout::Array => out.write_all(b"[")?,
            Layout::Accounts => out.write_all(b"{")?,
            Layout::Lines => {}
        }
        Ok(Self { out, layout, any: false, account: None })
    }

    /// Writes a record; those of one account come one after the other.
    pub(crate) fn put(&mut self, account: &str, text: &[u8]) -> io::Result<()> {
        match self.layout {
            Layout::Lines => {
                self.line(text)?;
                self.out.write_all(b"\n")?;
            }
            Layout::Array => {
                self.out.write_all(if self.any { b",\n" } else { b"\n" })?;
                self.out.write_all(text)?;
            }
            Layout::Accounts => {
                if self.account.as_deref() == Some(account) {
                    self.out.write_all(b",\n")?;
                } else {
                    self.out.write_all(if self.any { b"\n],\n" } else { b"\n" })?;
                    serde_json::to_writer(&mut self.out, account)?;
                    self.out.write_all(b": [\n")?;
                    self.account = Some(account.to_owned());
                }
                self.out.write_all(text)?;
            }
        }
        self.any = true;
        Ok(())
    }

    /// Writes many records that stand in lines already, into a file of lines.
    pub(crate) fn put_lines(&mut self, lines: &mut BufReader<File>) -> io::Result<()> {
        io::copy(lines, self.out)?;
        self.any = true;
        Ok(())
    }

    /// Writes what closes the file.
    pub(crate) fn end(self) -> io::Result<()> {
        self.out.write_all(match (self.layout, self.any) {
            (Layout::Array, true) => b"\n]\n",
            (Layout::Array, false) => b"]\n",
            (Layout::Accounts, true) => b"\n]\n}\n",
            (Layout::Accounts, false) => b"}\n",
            (Layout::Lines, _) => b"",
        })
    }

    /// Writes a record on one line, whatever somebody's formatting did to it.
    fn line(&mut self, text: &[u8]) -> io::Result<()> {
        if !text.contains(&b'\n') {
            return self.out.write_all(text);
        }
        let value: serde_json::Value = serde_json::from_slice(text)?;
        serde_json::to_writer(&mut self.out, &value)?;
        Ok(())
    }
}
