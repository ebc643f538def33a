//! Files that cannot be trusted: cut, damaged, forged, swollen, or changed while they are read.
//!
//! What must hold for all of them: a file stops, or every row that is not as it was delivered is visible.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "the helpers here are part of the tests")]

mod changes;
mod checksums;
mod cuts;
mod forged_pair;
mod packed;
mod quotes;
mod size;
#[path = "../support/mod.rs"]
mod support;

use support::{Row, Sheet, person};

/// A small ordinary export, three people.
fn small() -> Sheet {
    Sheet::new([person(0), person(1), person(2)])
}

/// Rows whose cells make life hard for whoever loses count of quotes.
fn quoted() -> Sheet {
    let row =
        |number: u8, name: &str, note: &str| -> Row { person(number).with("externalUserId", name).and(note) };
    let rows = [
        row(0, "Alice, of example.com", "asked\nby letter"),
        row(1, "Bob \"the builder\"", ""),
        row(2, "carol@example.com", "a, b; \"c\"\r\nd"),
        row(3, "Dave, Jr.", "plain"),
    ];
    Sheet::new(rows).column("note")
}

/// Returns the places between two bytes of which one has a meaning in CSV, and the two ends.
///
/// Inside a run of ordinary characters every place is like the next one; there it is enough to try some.
fn joints(bytes: &[u8]) -> Vec<usize> {
    let is_ordinary =
        |byte: Option<&u8>| byte.is_some_and(|byte| !matches!(byte, b',' | b'"' | b'\n' | b'\r'));
    (0..=bytes.len())
        .filter(|at| {
            *at % 16 == 0
                || !is_ordinary(at.checked_sub(1).and_then(|at| bytes.get(at)))
                || !is_ordinary(bytes.get(*at))
        })
        .collect()
}
