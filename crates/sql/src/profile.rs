//! What is true of our own table as a target, without one at hand.

use std::borrow::Cow;

use keyferry_core::{CredentialRecord, Profile, StoredRecord, Verdict};

use crate::{Dialect, encode::has_plain_year};

/// Returns what is true of our own table in a database of this kind.
pub const fn profile_of(dialect: Dialect) -> Profile {
    Profile {
        name: match dialect {
            Dialect::Sqlite => "sqlite",
            Dialect::Postgres => "postgres",
            Dialect::MySql => "mysql",
        },
        library: Cow::Borrowed("whichever your application takes; a row holds the whole COSE key"),
        keeps_status: true,
        represent: Verdict::Fixed(match dialect {
            Dialect::Sqlite => |record| Ok(with_time(record, has_plain_year)),
            Dialect::Postgres => |record| Ok(with_time(record, |_| true)),
            Dialect::MySql => |record| Ok(with_time(record, |time| time >= YEAR_1000)),
        }),
        verifies: Verdict::Fixed(|_| Ok(())),
    }
}

/// The first moment that MySQL promises to keep, in microseconds since 1970.
pub(crate) const YEAR_1000: i64 = -30_610_224_000_000_000;

/// Only a time zone at the very edge, or a year before 1000, can bring the time of an export outside.
fn with_time(record: &CredentialRecord, keeps: fn(i64) -> bool) -> StoredRecord {
    let created_at = record.created_at.filter(|time| keeps(time.microseconds()));
    StoredRecord { created_at, ..StoredRecord::from(record) }
}
