//! What a database answers when it refuses, told apart in one place for every driver.

use keyferry_core::{Shown, SinkError, SinkErrorKind};

use crate::Dialect;

/// The most words that are shown of a message: a trigger can say what it likes.
const MAX_WORDS: usize = 40;

/// What follows from a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The connection is gone.
    Connection,
    /// One row is refused: by a constraint, a trigger, or because a value does not fit.
    Row,
    /// Two transactions stood in each other's way; doing it again may go well.
    Again,
    /// Another program holds what is needed.
    Busy,
    /// This user may not do that, or the database takes no writes.
    Denied,
    /// There is no such table or column, or it is another kind of file.
    Schema,
    /// No room is left.
    Full,
    /// The database cannot be opened.
    Unreachable,
    /// Anything else.
    Other,
}

/// A failure that a database or its driver reported.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct DatabaseError {
    /// What follows from it.
    pub class: Class,
    /// What happened, free of values and of what could steer a terminal.
    pub message: String,
}

/// A failure as a driver knows it; what it does not know is empty.
#[derive(Clone, Copy, Debug, Default)]
pub struct Raw<'a> {
    /// The SQLSTATE of PostgreSQL, or SQLite's extended result code as a number.
    pub code: &'a str,
    /// The number of the error in MySQL.
    pub number: u16,
    /// The words of the database.
    pub message: &'a str,
    /// The name of the constraint, where it is known.
    pub constraint: &'a str,
    /// What the driver itself says of the kind, where it hides the code.
    pub hint: Option<Class>,
}

impl DatabaseError {
    /// Makes the error of a connection that is gone or was never there.
    pub fn connection(message: &str) -> Self {
        Self { class: Class::Connection, message: shown(message) }
    }

    /// Makes the error of a database that cannot be opened.
    pub fn unreachable(message: &str) -> Self {
        Self { class: Class::Unreachable, message: shown(message) }
    }

    /// Makes an error that no database reported.
    pub fn other(message: &str) -> Self {
        Self { class: Class::Other, message: shown(message) }
    }

    /// Tells the failures of a database apart.
    pub fn of(dialect: Dialect, raw: Raw<'_>) -> Self {
        let class = match dialect {
            Dialect::Postgres => postgres(raw),
            Dialect::MySql => mysql(raw),
            Dialect::Sqlite => sqlite(raw),
        };
        let mut message = match dialect {
            // Its messages name tables and columns only.
            Dialect::Sqlite => shown(raw.message),
            Dialect::Postgres | Dialect::MySql => shown(&without_values(raw.message)),
        };
        let constraint = raw.constraint;
        if !constraint.is_empty() && !message.contains(constraint) {
            message = format!("{message} (constraint {})", Shown(constraint));
        }
        Self { class, message: message + hint(dialect, class, raw) }
    }

    /// Makes the error of a sink that was doing something.
    pub fn while_doing(&self, action: impl Into<String>) -> SinkError {
        let kind = match self.class {
            Class::Connection | Class::Unreachable => SinkErrorKind::Unreachable,
            Class::Busy | Class::Again => SinkErrorKind::Busy,
            Class::Schema => SinkErrorKind::SchemaMismatch,
            Class::Row | Class::Denied | Class::Full | Class::Other => SinkErrorKind::Refused,
        };
        SinkError::new(kind, action).because(self.message.clone())
    }
}

/// By SQLSTATE: <https://www.postgresql.org/docs/current/errcodes-appendix.html>
fn postgres(raw: Raw<'_>) -> Class {
    match raw.code {
        // Raised by a trigger.
        "P0001" => Class::Row,
        "40001" | "40P01" => Class::Again,
        "55P03" | "57014" => Class::Busy,
        "42501" | "25006" => Class::Denied,
        "42P01" | "42703" | "3F000" | "42P07" => Class::Schema,
        // No such database; too many connections, which would pass for a full disk.
        "3D000" | "53300" => Class::Unreachable,
        code => match code.get(..2) {
            Some("08") => Class::Connection,
            Some("22" | "23" | "44") => Class::Row,
            Some("28") => Class::Unreachable,
            // Memory and locks are not room that somebody could make.
            Some("53") if code != "53200" => Class::Full,
            // The server is going down, or an administrator ends the session.
            Some("57") => Class::Connection,
            _ => raw.hint.unwrap_or_else(|| by_words(raw.message)),
        },
    }
}

/// By number: <https://mariadb.com/kb/en/mariadb-error-code-reference/>
fn mysql(raw: Raw<'_>) -> Class {
    match raw.number {
        1022 | 1048 | 1062 | 1169 | 1216 | 1217 | 1264 | 1265 | 1292 | 1364 | 1366 | 1406 | 1451 | 1452
        | 1557 | 1586 | 1644 | 1761 | 1762 | 3140 | 3819 | 4025 => Class::Row,
        1213 | 1020 => Class::Again,
        1205 | 1099 | 1223 => Class::Busy,
        1044 | 1142 | 1143 | 1227 | 1290 | 1792 | 1836 => Class::Denied,
        1054 | 1146 | 1051 => Class::Schema,
        1021 | 1041 | 1114 | 1030 => Class::Full,
        1045 | 1049 | 1130 | 1698 | 1040 | 1203 => Class::Unreachable,
        1053 | 1077 | 1080 | 1152..=1161 | 1184 | 1927 | 2002 | 2003 | 2006 | 2013 | 2055 => {
            Class::Connection
        }
        _ => raw.hint.unwrap_or_else(|| by_words(raw.message)),
    }
}

/// By the primary result code, the low byte: <https://www.sqlite.org/rescode.html>
fn sqlite(raw: Raw<'_>) -> Class {
    match raw.code.parse::<i32>().unwrap_or(0) & 0xff {
        5 | 6 => Class::Busy,
        8 => Class::Denied,
        11 => Class::Other,
        13 => Class::Full,
        14 => Class::Unreachable,
        19 | 20 => Class::Row,
        26 => Class::Schema,
        _ => raw.hint.unwrap_or_else(|| by_words(raw.message)),
    }
}

/// What drivers that hide the code leave: the words.
fn by_words(message: &str) -> Class {
    let has = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if has(&["server closed the connection", "no connection to the server", "gone away", "Lost connection"])
        || has(&["terminating connection", "connection not open", "shutting down", "Can't connect"])
    {
        Class::Connection
    } else if has(&["database is locked", "table is locked", "schema is locked", "could not obtain lock"])
        || has(&["lock timeout", "Lock wait timeout", "canceling statement"])
    {
        Class::Busy
    } else if has(&["deadlock", "Deadlock"]) {
        Class::Again
    } else if has(&["readonly", "read-only", "permission denied", "denied to user", "must be owner"]) {
        Class::Denied
    } else if has(&["is full", "No space left", "out of disk"]) {
        Class::Full
    } else if has(&["not a database", "no such table", "no such column", "does not exist", "doesn't exist"]) {
        Class::Schema
    } else if has(&["unable to open"]) {
        Class::Unreachable
    } else if has(&[
        "too long",
        "out of range",
        "Out of range",
        "invalid input",
        "byte sequence",
        "constraint",
    ]) {
        Class::Row
    } else {
        Class::Other
    }
}

/// What to do about it, in the words that follow the database's own.
fn hint(dialect: Dialect, class: Class, raw: Raw<'_>) -> &'static str {
    match (dialect, class) {
        (Dialect::Sqlite, Class::Busy) => "; another program is writing to it",
        (Dialect::Sqlite, Class::Denied) => "; is the file or its folder read-only?",
        (Dialect::Sqlite, Class::Other) if raw.code == "11" => "; check it with PRAGMA integrity_check",
        (Dialect::Sqlite, Class::Schema) if raw.code == "26" => "; it is another kind of file",
        (Dialect::Sqlite, Class::Unreachable) => "; may this user read and write the file and its folder?",
        (_, Class::Full) => "; make room and run it again",
        (Dialect::Postgres | Dialect::MySql, Class::Busy) => "; another program holds a lock on it",
        (Dialect::Postgres | Dialect::MySql, Class::Denied) => {
            "; see the README for what an import may have to do"
        }
        _ => "",
    }
}

/// Leaves out what stands in quotes, but for names: a message may hold a value of the row.
///
/// PostgreSQL quotes names and values alike with `"`, MySQL values with `'` and names with `` ` `` or, after `key` and
/// `column`, with `'`.
fn without_values(message: &str) -> String {
    let mut text = String::with_capacity(message.len());
    let mut rest = message;
    while let Some(at) = rest.find(['"', '\'']) {
        let (before, quoted) = rest.split_at(at);
        let (quote, inside) = quoted.split_at(1);
        // A value may hold a quote itself: what ends it is a quote before a space, a punctuation mark or the end.
        let end = inside
            .match_indices(quote)
            .map(|(end, _)| end)
            .find(|end| inside[end + 1..].chars().next().is_none_or(|next| " .,;:)".contains(next)))
            .unwrap_or(inside.len());
        let word = before.trim_end().rsplit(' ').next().unwrap_or_default();
        let named = [
            "relation",
            "constraint",
            "column",
            "field",
            "key",
            "table",
            "schema",
            "database",
            "role",
            "type",
            "index",
        ];
        text.push_str(before);
        match named.contains(&&*word.to_ascii_lowercase()) {
            true => text.push_str(&quoted[..(end + 2).min(quoted.len())]),
            false => text.push_str("'…'"),
        }
        rest = inside.get(end + 1..).unwrap_or_default();
    }
    text + rest
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

    #[test]
    fn messages_hold_no_values() {
        for (message, expected) in [
            (
                "duplicate key value violates unique constraint \"one_each\"",
                "duplicate key value violates unique constraint \"one_each\"",
            ),
            ("invalid input syntax for type uuid: \"alice\"", "invalid input syntax for type uuid: '…'"),
            ("Duplicate entry 'alice' for key 'one_each'", "Duplicate entry '…' for key 'one_each'"),
            ("Duplicate entry 'al'ice' for key 'x.y'", "Duplicate entry '…' for key 'x.y'"),
            ("Data too long for column 'user_id' at row 1", "Data too long for column 'user_id' at row 1"),
            ("Column 'user_id' cannot be null", "Column 'user_id' cannot be null"),
            ("odd 'alice", "odd '…'"),
        ] {
            assert_eq!(without_values(message), expected);
        }
    }

    #[test]
    fn words_alone_tell_failures_apart() {
        for (message, class) in [
            ("database is locked", Class::Busy),
            ("database table is locked: passkeys", Class::Busy),
            ("could not obtain lock on row in relation \"passkeys\"", Class::Busy),
            ("canceling statement due to statement timeout", Class::Busy),
            ("invalid byte sequence for encoding \"UTF8\": 0xff", Class::Row),
            ("this account is locked", Class::Other), // a trigger's words
        ] {
            assert_eq!(by_words(message), class, "{message}");
        }
    }

    #[test]
    fn failures_are_told_apart() {
        let of = |dialect, code, number| {
            DatabaseError::of(dialect, Raw { code, number, message: "x", ..Raw::default() }).class
        };
        for (code, class) in [
            ("23505", Class::Row),
            ("22003", Class::Row),
            ("P0001", Class::Row),
            ("40P01", Class::Again),
            ("55P03", Class::Busy),
            ("42501", Class::Denied),
            ("42P01", Class::Schema),
            ("53100", Class::Full),
            ("53200", Class::Other),
            ("57P01", Class::Connection),
            ("28P01", Class::Unreachable),
            ("53300", Class::Unreachable),
            ("XX000", Class::Other),
        ] {
            assert_eq!(of(Dialect::Postgres, code, 0), class, "{code}");
        }
        for (number, class) in [
            (1062, Class::Row),
            (1213, Class::Again),
            (1205, Class::Busy),
            (1142, Class::Denied),
            (1146, Class::Schema),
            (1114, Class::Full),
            (2013, Class::Connection),
            (1, Class::Other),
        ] {
            assert_eq!(of(Dialect::MySql, "HY000", number), class, "{number}");
        }
        for (code, class) in
            [("2067", Class::Row), ("1811", Class::Row), ("5", Class::Busy), ("13", Class::Full)]
        {
            assert_eq!(of(Dialect::Sqlite, code, 0), class, "{code}");
        }
    }
}
