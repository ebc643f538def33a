//! Finds the records of a JSON file without holding more than one of them.

use std::{
    io::{self, BufRead},
    path::Path,
};

use memchr::memchr2;

/// The longest record in bytes; one of ours has less than 8 KiB.
const LONGEST: usize = 1 << 20;

/// How records stand in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// One JSON array.
    Array,
    /// One JSON object a line.
    Lines,
    /// One JSON object that has an array of records under the name of each account.
    Accounts,
}

impl Layout {
    /// Returns the layout that the name of a file says.
    pub(crate) fn of(path: &Path, keyed_by_account: bool) -> Self {
        match path.extension() {
            Some(extension) if extension.eq_ignore_ascii_case("jsonl") => Self::Lines,
            _ if keyed_by_account => Self::Accounts,
            _ => Self::Array,
        }
    }
}

/// Splits a file into its records and knows where each of them stands.
pub(crate) struct Splitter<R> {
    reader: R,
    layout: Layout,
    offset: u64,
    /// Array: whether `[` was seen.
    opened: bool,
    /// Array: whether `]` was seen.
    closed: bool,
    /// Whether a record was seen, after which an array wants a comma.
    any: bool,
    /// Accounts: the account whose array is open.
    account: Option<String>,
    /// Accounts: whether an array was seen, after which the object wants a comma.
    any_account: bool,
}

impl<R: BufRead> Splitter<R> {
    pub(crate) fn new(reader: R, layout: Layout) -> Self {
        Self {
            reader,
            layout,
            offset: 0,
            opened: false,
            closed: false,
            any: false,
            account: None,
            any_account: false,
        }
    }

    /// Reads the next record into `record` and returns where it begins.
    pub(crate) fn next(&mut self, record: &mut Vec<u8>) -> io::Result<Option<u64>> {
        record.clear();
        if self.layout == Layout::Accounts {
            return self.next_of_accounts(record);
        }
        let mut wants_comma = self.layout == Layout::Array && self.any;
        let mut after_comma = false;
        loop {
            let Some(byte) = self.peek()? else {
                return if self.layout == Layout::Lines || self.closed {
                    Ok(None)
                } else {
                    Err(self.bad("the array is not closed"))
                };
            };
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' => self.advance(1),
                _ if self.closed => return Err(self.bad("something follows the array")),
                b'[' if self.layout == Layout::Array && !self.opened => {
                    self.advance(1);
                    self.opened = true;
                }
                _ if self.layout == Layout::Array && !self.opened => {
                    return Err(
                        self.bad("expected a JSON array; one record a line belongs into a file named .jsonl")
                    );
                }
                b']' if self.layout == Layout::Array && !after_comma => {
                    self.advance(1);
                    self.closed = true;
                }
                b',' if wants_comma => {
                    self.advance(1);
                    wants_comma = false;
                    after_comma = true;
                }
                b'{' if !wants_comma => break,
                b'[' if self.layout == Layout::Lines => {
                    return Err(
                        self.bad("expected one record a line; an array belongs into a file named .json")
                    );
                }
                _ => return Err(self.bad("expected a record")),
            }
        }
        let begin = self.offset;
        self.object(record)?;
        self.any = true;
        Ok(Some(begin))
    }

    /// Returns the account under which the last record stands, in a file of accounts.
    pub(crate) fn account(&self) -> Option<&str> {
        self.account.as_deref()
    }

    fn next_of_accounts(&mut self, record: &mut Vec<u8>) -> io::Result<Option<u64>> {
        let mut after_comma = false;
        loop {
            let Some(byte) = self.peek()? else {
                return if self.closed { Ok(None) } else { Err(self.bad("the object is not closed")) };
            };
            let (in_array, any) = match self.account {
                Some(_) => (true, self.any),
                None => (false, self.any_account),
            };
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' => self.advance(1),
                _ if self.closed => return Err(self.bad("something follows the object")),
                b'{' if !self.opened => {
                    self.advance(1);
                    self.opened = true;
                }
                _ if !self.opened => {
                    return Err(self
                        .bad("expected a JSON object that has the records of each account under its name"));
                }
                b',' if any && !after_comma => {
                    self.advance(1);
                    after_comma = true;
                }
                b']' if in_array && !after_comma => {
                    self.advance(1);
                    (self.account, self.any_account) = (None, true);
                }
                b'}' if !in_array && !after_comma => {
                    self.advance(1);
                    self.closed = true;
                }
                b'"' if !in_array && (after_comma || !any) => {
                    self.account = Some(self.name_of_array()?);
                    (self.any, after_comma) = (false, false);
                }
                b'{' if in_array && (after_comma || !any) => {
                    let begin = self.offset;
                    self.object(record)?;
                    self.any = true;
                    return Ok(Some(begin));
                }
                _ => return Err(self.bad("expected the records of an account")),
            }
        }
    }

    /// Reads a name, a colon and the opening bracket of an array.
    fn name_of_array(&mut self) -> io::Result<String> {
        let mut text = Vec::new();
        let mut escaped = false;
        loop {
            let Some(byte) = self.peek()? else { return Err(self.bad("the file ends inside a name")) };
            self.advance(1);
            text.push(byte);
            if byte == b'"' && !escaped && text.len() > 1 {
                break;
            }
            escaped = byte == b'\\' && !escaped;
            if text.len() > LONGEST {
                return Err(self.bad("a name is longer than 1 MiB"));
            }
        }
        for wanted in [b':', b'['] {
            while matches!(self.peek()?, Some(b' ' | b'\t' | b'\n' | b'\r')) {
                self.advance(1);
            }
            if self.peek()? != Some(wanted) {
                return Err(self.bad("expected an array of records after the name of an account"));
            }
            self.advance(1);
        }
        serde_json::from_slice(&text).map_err(|_| self.bad("the name of an account is not text"))
    }

    /// Copies an object up to its closing brace; whether it is JSON is found out when it is decoded.
    fn object(&mut self, record: &mut Vec<u8>) -> io::Result<()> {
        let mut depth = 0_u32;
        let mut in_text = false;
        let mut escaped = false;
        loop {
            let available = self.reader.fill_buf()?;
            if available.is_empty() {
                return Err(self.bad("the file ends inside a record"));
            }
            let mut taken = 0;
            let mut complete = false;
            while let Some(&byte) = available.get(taken) {
                if in_text && !escaped {
                    // Texts are most of a record: jump to what can end one.
                    let next = memchr2(b'"', b'\\', &available[taken..]).unwrap_or(available.len() - taken);
                    if next > 0 {
                        taken += next;
                        continue;
                    }
                }
                taken += 1;
                match byte {
                    _ if escaped => escaped = false,
                    b'\\' if in_text => escaped = true,
                    b'"' => in_text = !in_text,
                    b'{' | b'[' if !in_text => depth += 1,
                    b'}' | b']' if !in_text => {
                        depth = depth.saturating_sub(1);
                        if depth == 0 {
                            complete = true;
                            break;
                        }
                    }
                    _ => {}
                }
            }
            record.extend_from_slice(&available[..taken]);
            self.advance(taken);
            if record.len() > LONGEST {
                return Err(self.bad("a record is longer than 1 MiB"));
            }
            if complete {
                return Ok(());
            }
        }
    }

    fn peek(&mut self) -> io::Result<Option<u8>> {
        Ok(self.reader.fill_buf()?.first().copied())
    }

    fn advance(&mut self, length: usize) {
        self.reader.consume(length);
        self.offset += u64::try_from(length).unwrap_or(u64::MAX);
    }

    fn bad(&self, message: &str) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, format!("{message} (byte {})", self.offset + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str, layout: Layout, capacity: usize) -> Result<Vec<(u64, String)>, String> {
        let reader = io::BufReader::with_capacity(capacity, text.as_bytes());
        let mut splitter = Splitter::new(reader, layout);
        let mut record = Vec::new();
        let mut found = Vec::new();
        while let Some(offset) = splitter.next(&mut record).map_err(|error| error.to_string())? {
            found.push((offset, String::from_utf8(record.clone()).unwrap()));
        }
        Ok(found)
    }

    #[test]
    fn records_and_their_places() {
        for capacity in [1, 2, 7, 1000] {
            let tricky = r#"{"a":"}]\"\\","b":[{"c":1},[]]}"#;
            for (text, layout) in [
                (format!("[\n{tricky},\n{tricky}\n]\n"), Layout::Array),
                (format!("{tricky}\n\n{tricky}"), Layout::Lines),
                (format!(" [ {tricky} , {tricky} ] "), Layout::Array),
            ] {
                let found = split(&text, layout, capacity).unwrap();
                assert_eq!(found.len(), 2, "{text}");
                for (offset, record) in found {
                    assert_eq!(record, tricky);
                    assert!(text[usize::try_from(offset).unwrap()..].starts_with(tricky));
                }
            }
            for empty in ["[]", " [ ]\n"] {
                assert_eq!(split(empty, Layout::Array, capacity), Ok(vec![]));
            }
            assert_eq!(split("\n", Layout::Lines, capacity), Ok(vec![]));
        }
    }

    #[test]
    fn records_of_accounts() {
        for capacity in [1, 3, 1000] {
            let text = r#" { "a\"]" : [ {"x":"}"} , {} ] , "b":[],"ü":[{}] } "#;
            let reader = io::BufReader::with_capacity(capacity, text.as_bytes());
            let mut splitter = Splitter::new(reader, Layout::Accounts);
            let mut record = Vec::new();
            let mut found = Vec::new();
            while let Some(offset) = splitter.next(&mut record).unwrap() {
                let offset = usize::try_from(offset).unwrap();
                assert!(text.as_bytes()[offset..].starts_with(&record));
                found.push(splitter.account().unwrap().to_owned());
            }
            assert_eq!(found, ["a\"]", "a\"]", "ü"]);
            assert_eq!(split("{}", Layout::Accounts, capacity), Ok(vec![]));
        }
        for text in [
            "",
            "{",
            "[]",
            "[{}]",
            r#"{"a":{}}"#,
            r#"{"a":[{}]"#,
            r#"{"a":[{},]}"#,
            r#"{"a":[{}],}"#,
            r#"{"a":[{}] "b":[]}"#,
            r#"{"a":[{} {}]}"#,
            r#"{"a" [{}]}"#,
            r#"{"a":[{}]}x"#,
            r#"{,"a":[]}"#,
            r#"{"a":[1]}"#,
            r#"{a:[]}"#,
        ] {
            assert!(split(text, Layout::Accounts, 2).is_err(), "{text}");
        }
    }

    #[test]
    fn damage_is_an_error() {
        for text in
            ["", "[", "[{}", "[{},]", "[{} {}]", "[,{}]", "[{}]x", "[1]", "{}", "[{\"a\":\"}]", "[[{}]]"]
        {
            assert!(split(text, Layout::Array, 3).is_err(), "{text}");
        }
        for text in ["[{}]", "{}\n{", "{},{}", "x", "\"{}\""] {
            assert!(split(text, Layout::Lines, 3).is_err(), "{text}");
        }
    }
}
