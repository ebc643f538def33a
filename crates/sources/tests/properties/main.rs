//! What must hold for every export, tried with random ones. A failing case prints its seed and its smallest form.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "the helpers here are part of the tests")]

mod encode;
mod records;
#[path = "../support/mod.rs"]
mod support;

use std::collections::{BTreeMap, BTreeSet};

use keyferry_core::{CredentialRecord, Located, OneFileBuilder, Standing};
use keyferry_sources::Limits;
use proptest::prelude::*;

use crate::{
    encode::{Form, encode, form},
    support::{Outcome, decode, gzip},
};

/// The runs of one property: enough to find what a change breaks, few enough to run with every change.
fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// Returns how the rows stand to each other, by credential ID and in no order.
fn standings(rows: &[Located<CredentialRecord>]) -> BTreeMap<Vec<u8>, Vec<&'static str>> {
    let mut builder = OneFileBuilder::default();
    rows.iter().for_each(|row| builder.add(&row.value));
    let mut one_file = builder.build();
    rows.iter().for_each(|row| one_file.look_again(row.location, &row.value));
    let mut found: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for row in rows {
        found.entry(row.value.credential_id.as_bytes().to_vec()).or_default().push(
            match one_file.standing(row.location, &row.value) {
                Standing::First => "first",
                Standing::Duplicate => "duplicate",
                // Messages name rows, and rows were moved.
                Standing::Conflict(fault) => fault.code.as_str(),
            },
        );
    }
    found.values_mut().for_each(|list| list.sort_unstable());
    found
}

/// Asserts what holds for whatever was read of whatever file.
fn check_places(outcome: &Outcome) -> Result<(), TestCaseError> {
    let places = outcome.rows.iter().map(|row| match row {
        Ok(located) => located.location,
        Err(refused) => refused.location,
    });
    let mut line = 1;
    for (place, row) in places.zip(1..) {
        prop_assert_eq!(place.row, row);
        prop_assert!(place.line > line, "{:?} after line {}", place, line);
        line = place.line;
    }
    for refused in outcome.refused() {
        prop_assert!(!refused.faults.is_empty());
        // A message is for a person and a terminal: short, and nothing in it steers.
        for fault in &refused.faults {
            prop_assert!(fault.message.chars().count() < 200 && !fault.message.contains(char::is_control));
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(config(96))]

    #[test]
    fn what_was_written_is_what_is_read(
        records in prop::collection::vec(records::record(), 1..6),
        form in form(),
    ) {
        let bytes = encode(&records, &form);
        let outcome = decode(&bytes, Limits::default());
        prop_assert!(outcome.stop.is_none(), "{:?}", outcome.stop);
        prop_assert!(outcome.refused().count() == 0, "{:?}", outcome.refused().next());
        for (found, record) in outcome.records().zip(&records) {
            // Debug output hides what names a person, so say which item it is.
            prop_assert_eq!(records::difference(found, record), None);
            prop_assert_eq!(found, record);
        }
        prop_assert_eq!(outcome.rows.len(), records.len());
        prop_assert_eq!(outcome.extra_columns.len(), form.extra_columns.len());
        check_places(&outcome)?;
    }

    #[test]
    fn the_order_of_rows_changes_nothing(
        (rows, moved) in prop::collection::vec(records::crowded(), 1..10)
            .prop_flat_map(|rows| (Just(rows.clone()), Just(rows).prop_shuffle())),
        form in form(),
    ) {
        let read = |records: &[CredentialRecord]| -> Vec<_> {
            decode(&encode(records, &form), Limits::default()).rows.into_iter().map(Result::unwrap).collect()
        };
        let (before, after) = (read(&rows), read(&moved));
        prop_assert_eq!(standings(&before), standings(&after));
        let contents = |rows: &[Located<CredentialRecord>]| -> BTreeSet<_> {
            rows.iter().map(|row| records::content(&row.value)).collect()
        };
        prop_assert_eq!(contents(&before), contents(&after));
    }
}

proptest! {
    #![proptest_config(config(192))]

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), pack in any::<bool>()) {
        check_places(&decode(&if pack { gzip(&bytes) } else { bytes }, Limits::default()))?;
    }

    /// Behind a true header, so that cells are looked at.
    #[test]
    fn no_rows_make_it_panic(rows in "([,\"\n\ra0=_é+/-]|true|null|active|pQECAyYg|cre-){0,120}", fill in any::<bool>()) {
        let header = support::Sheet::new([]).to_bytes();
        let commas = if fill { ",".repeat(12) } else { String::new() };
        let bytes = [&header[..], rows.as_bytes(), commas.as_bytes()].concat();
        check_places(&decode(&bytes, Limits::default()))?;
    }

    /// A true export with a few bytes changed, gone or added, before or after it was packed.
    #[test]
    fn no_damage_makes_it_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..3, any::<u8>()), 1..5),
        pack in any::<bool>(),
    ) {
        let whole = support::Sheet::new([support::person(0), support::person(1)]).to_bytes();
        let mut bytes = if pack { gzip(&whole) } else { whole };
        for (index, kind, byte) in changes {
            let at = index.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => drop(bytes.remove(at)),
            }
        }
        check_places(&decode(&bytes, Limits::default()))?;
    }
}

/// The forms that the first property tries are many; this one says that each of them is tried at all.
#[test]
fn the_plainest_form_is_the_documented_one() {
    let bytes = encode(&[], &Form::default());
    assert_eq!(bytes, support::Sheet::new([]).to_bytes());
}
