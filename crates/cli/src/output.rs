//! The one module that prints: data to standard output, everything else to standard error.

use std::io::{self, Write as _};

use anyhow::Context as _;
use keyferry_core::Shown;
use keyferry_sources::FileError;

/// The most characters of a message of somebody else's making.
const LONGEST_MESSAGE: usize = 500;

/// Writes data to standard output.
pub(crate) fn data(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // Who reads may stop reading; the exit code still says what was found.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.context("cannot write to standard output"),
    }
}

/// Writes one JSON object to standard output.
///
/// serde_json escapes what JSON demands; what else could steer a terminal is escaped here, which changes no value.
pub(crate) fn json(object: serde_json::Map<String, serde_json::Value>) -> anyhow::Result<()> {
    let mut text = String::new();
    for character in serde_json::Value::Object(object).to_string().chars() {
        if keyferry_core::Shown(character.encode_utf8(&mut [0; 4])).to_string().starts_with("\\u{") {
            for unit in character.encode_utf16(&mut [0; 2]) {
                text.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            text.push(character);
        }
    }
    text.push('\n');
    data(&text)
}

/// Returns a boxed error as what it is, so that its hint can be found.
pub(crate) fn unboxed(error: Box<dyn std::error::Error + Send + Sync>) -> anyhow::Error {
    match error.downcast::<FileError>() {
        Ok(error) => (*error).into(),
        Err(other) => match other.downcast::<keyferry_core::SinkError>() {
            Ok(error) => (*error).into(),
            Err(other) => anyhow::Error::from_boxed(other),
        },
    }
}

/// Writes a line for the operator to standard error.
pub(crate) fn say(text: &str) {
    // Nobody is left to be told when standard error is closed.
    let _ = writeln!(io::stderr(), "{text}");
}

/// Writes a hint: what to do next.
pub(crate) fn hint(text: &str) {
    say(&format!("hint: {text}"));
}

/// Says why the command stopped, with every cause and what to do.
pub(crate) fn stopped(error: &anyhow::Error) {
    let mut text = format!("error: {}", line(&error.to_string()));
    let mut cause = error.source();
    while let Some(inner) = cause {
        let message = inner.to_string();
        // Some wrappers repeat their cause word for word.
        if !text.ends_with(&message) {
            text.push_str(&format!("\n  because: {}", line(&message)));
        }
        cause = inner.source();
    }
    say(&text);
    if let Some(advice) =
        error.chain().find_map(|cause| cause.downcast_ref::<FileError>()).and_then(FileError::hint)
    {
        say("");
        hint(advice);
    }
}

/// Returns a message of unknown origin on one line, without characters that steer a terminal.
fn line(message: &str) -> String {
    let text = message.lines().map(str::trim).collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(LONGEST_MESSAGE) {
        Some((end, _)) => format!("{}…", shown_whole(&text[..end])),
        None => shown_whole(&text),
    }
}

fn shown_whole(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    characters.chunks(50).map(|chunk| Shown(&chunk.iter().collect::<String>()).to_string()).collect()
}

/// Writes a number with a comma at each thousand.
pub(crate) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Lays out names and numbers in two columns, numbers to the right.
pub(crate) fn columns(rows: &[(String, u64)]) -> String {
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let numbers: Vec<String> = rows.iter().map(|(_, count)| number(*count)).collect();
    let number_width = numbers.iter().map(String::len).max().unwrap_or(0);
    rows.iter()
        .zip(&numbers)
        .map(|((name, _), count)| format!("  {name:width$}  {count:>number_width$}\n"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands() {
        for (value, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn messages_of_others_cannot_steer_the_terminal() {
        assert_eq!(line("a\u{1b}[31m\nb"), "a\\u{1b}[31m b");
    }
}
