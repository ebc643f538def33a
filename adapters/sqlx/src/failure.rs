//! What SQLite and the file system answer, as errors of a sink; the one place where they are told apart.

use keyferry_core::{Shown, SinkError, SinkErrorKind};

/// The most words that are shown of a message: a trigger can say what it likes.
const MAX_WORDS: usize = 40;

/// Makes the error of an action that the driver failed at.
pub(crate) fn failure(action: impl Into<String>, error: &sqlx::Error) -> SinkError {
    let Some(database) = error.as_database_error() else {
        let kind = if matches!(error, sqlx::Error::Io(_)) {
            SinkErrorKind::Unreachable
        } else {
            SinkErrorKind::Refused
        };
        return SinkError::new(kind, action).because(shown(&error.to_string()));
    };
    let code: i32 = database.code().and_then(|code| code.parse().ok()).unwrap_or(0);
    // The primary result code is the low byte: https://www.sqlite.org/rescode.html
    let (kind, hint) = match code & 0xff {
        5 | 6 => (SinkErrorKind::Busy, "; another program is writing to it"),
        8 => (SinkErrorKind::Refused, "; is the file or its folder read-only?"),
        11 => (SinkErrorKind::Refused, "; check it with PRAGMA integrity_check"),
        13 => (SinkErrorKind::Refused, "; make room and run it again"),
        14 => (SinkErrorKind::Unreachable, "; may this user read and write the file and its folder?"),
        26 => (SinkErrorKind::SchemaMismatch, "; it is another kind of file"),
        _ => (SinkErrorKind::Refused, ""),
    };
    SinkError::new(kind, action).because(format!("{}{hint}", shown(database.message())))
}

/// Escapes what could steer a terminal, word by word, so that a long message is not cut at its most useful place.
fn shown(message: &str) -> String {
    let mut words = message.split(' ');
    let mut text: Vec<String> = words.by_ref().take(MAX_WORDS).map(|word| Shown(word).to_string()).collect();
    if words.next().is_some() {
        text.push("…".to_owned());
    }
    text.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_whole_but_harmless() {
        let message = "UNIQUE constraint failed: webauthn_credentials.account, webauthn_credentials.rp_id";
        assert_eq!(shown(message), message);
        assert_eq!(shown("a\u{1b}[2Jb"), "a\\u{1b}[2Jb");
        assert!(shown(&"x ".repeat(10_000)).len() < 200);
    }
}
