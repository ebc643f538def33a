//! What diesel tells of a failure: the kind of a few, the words of all, and a code of none.

use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind, Error};
use keyferry_sql::{Class, DatabaseError, Dialect, Raw, Statement};

/// What the databases say of themselves when it is not about a row; what else they say may be a trigger's words.
const OWN_WORDS: [&str; 17] = [
    "SQL logic error",
    "aborted",
    "bad parameter",
    "cache lookup",
    "canceling",
    "could not",
    "disk I/O error",
    "empty query",
    "interrupted",
    "locking protocol",
    "malformed",
    "no such",
    "out of memory",
    "out of shared memory",
    "schema has changed",
    "syntax error",
    "too many",
];

/// What was being done when it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doing {
    /// Writing rows of a table, which may have triggers.
    Writing,
    /// Anything else.
    Anything,
}

impl Doing {
    /// Tells by the first word.
    pub(super) fn of(statement: &Statement) -> Self {
        let word = statement.text.split_whitespace().next().unwrap_or_default();
        let writes =
            ["INSERT", "UPDATE", "DELETE", "WITH"].iter().any(|verb| word.eq_ignore_ascii_case(verb));
        if writes { Self::Writing } else { Self::Anything }
    }
}

/// Translates a failure; `number` is MySQL's, or zero.
pub(super) fn failure(dialect: Dialect, error: &Error, number: u16, doing: Doing) -> DatabaseError {
    let Error::DatabaseError(kind, information) = error else {
        // Its words could hold what was to be sent or read.
        return DatabaseError::other(match error {
            Error::InvalidCString(_) => "the statements hold a zero byte",
            Error::SerializationError(_) => "diesel could not send a value",
            Error::DeserializationError(_) => "diesel could not read the answer",
            _ => "diesel could not run the statement",
        });
    };
    let constraint = information.constraint_name().unwrap_or_default();
    let raw = Raw { number, message: information.message(), constraint, hint: hint(kind), ..Raw::default() };
    let mut failure = DatabaseError::of(dialect, raw);
    let is_unknown = number == 0 && matches!(kind, DatabaseErrorKind::Unknown);
    if is_unknown && doing == Doing::Writing && is_a_triggers(dialect, failure.class, &**information) {
        failure.class = Class::Row;
    }
    failure
}

fn hint(kind: &DatabaseErrorKind) -> Option<Class> {
    match kind {
        DatabaseErrorKind::UniqueViolation
        | DatabaseErrorKind::ForeignKeyViolation
        | DatabaseErrorKind::NotNullViolation
        | DatabaseErrorKind::CheckViolation
        | DatabaseErrorKind::RestrictViolation
        | DatabaseErrorKind::ExclusionViolation => Some(Class::Row),
        DatabaseErrorKind::SerializationFailure => Some(Class::Again),
        DatabaseErrorKind::ReadOnlyTransaction => Some(Class::Denied),
        DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand => {
            Some(Class::Connection)
        }
        _ => None,
    }
}

/// Guesses that a trigger refused the row: nothing but its words is known of that, and they can be any.
fn is_a_triggers(
    dialect: Dialect,
    class: Class,
    information: &(dyn DatabaseErrorInformation + Send + Sync),
) -> bool {
    match (dialect, class) {
        // MySQL tells its number.
        (Dialect::MySql, _) => false,
        // PostgreSQL says where in the statement a name or a word is wrong; a trigger stands outside of it.
        (Dialect::Postgres, _) if information.statement_position().is_some() => false,
        (Dialect::Postgres, Class::Schema) => true,
        (_, Class::Other) => !OWN_WORDS.iter().any(|words| information.message().contains(words)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_writing_has_triggers() {
        let say = |words: &str| Error::DatabaseError(DatabaseErrorKind::Unknown, Box::new(words.to_owned()));
        for (dialect, words, doing, class) in [
            (Dialect::Sqlite, "this account is closed", Doing::Writing, Class::Row),
            (Dialect::Sqlite, "this account is closed", Doing::Anything, Class::Other),
            (Dialect::Sqlite, "disk I/O error", Doing::Writing, Class::Other),
            (Dialect::Sqlite, "database is locked", Doing::Writing, Class::Busy),
            (Dialect::Postgres, "no account alice does not exist", Doing::Writing, Class::Row),
            (Dialect::Postgres, "could not read block 1", Doing::Writing, Class::Other),
            (Dialect::MySql, "this account is closed", Doing::Writing, Class::Other),
        ] {
            assert_eq!(failure(dialect, &say(words), 0, doing).class, class, "{words}");
        }
        assert_eq!(
            failure(Dialect::MySql, &say("this account is closed"), 1644, Doing::Anything).class,
            Class::Row
        );
    }

    #[test]
    fn statements_that_write_are_known() {
        for (text, doing) in [
            ("INSERT INTO passkeys VALUES (1)", Doing::Writing),
            (" update passkeys SET id = 1", Doing::Writing),
            ("SELECT 1", Doing::Anything),
            ("", Doing::Anything),
        ] {
            assert_eq!(Doing::of(&Statement::once(text)), doing, "{text}");
        }
    }
}
