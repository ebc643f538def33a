//! Quotes that are lost or added: one of them can hide thousands of rows in a single cell.

use std::collections::BTreeMap;

use keyferry_core::{CredentialId, CredentialRecord};
use keyferry_sources::Limits;

use crate::{
    joints, quoted,
    support::{Outcome, Sheet, decode, person},
};

/// Asserts that no row vanished without a fault and that no record was made of two rows.
fn check(outcome: &Outcome, whole: &BTreeMap<CredentialId, CredentialRecord>, what: &str) {
    if outcome.stop.is_some() {
        return;
    }
    let (good, refused) = (outcome.records().count(), outcome.refused().count());
    assert!(good + refused == whole.len() || refused > 0, "{what}: {good} of {} rows, no fault", whole.len());
    let bare = |text: &str| text.replace('"', "");
    for record in outcome.records() {
        let Some(was) = whole.get(&record.credential_id) else { panic!("{what}: {record:?}") };
        assert_eq!(record.public_key, was.public_key, "{what}");
        assert_eq!(record.sign_count, was.sign_count, "{what}");
        // A quote inside a cell without quotes is an ordinary character, so it may stand in a name.
        assert_eq!(bare(record.account.as_str()), bare(was.account.as_str()), "{what}");
    }
}

fn whole(bytes: &[u8]) -> BTreeMap<CredentialId, CredentialRecord> {
    let outcome = decode(bytes, Limits::default());
    assert!(outcome.stop.is_none() && outcome.refused().count() == 0);
    outcome.records().map(|record| (record.credential_id.clone(), record.clone())).collect()
}

fn sheets() -> impl Iterator<Item = Vec<u8>> {
    let forms = [("\n", false), ("\r\n", true)];
    forms.into_iter().map(|(line_end, quote_all)| Sheet { line_end, quote_all, ..quoted() }.to_bytes())
}

#[test]
fn a_quote_added_anywhere_hides_no_row() {
    for bytes in sheets() {
        let whole = whole(&bytes);
        for at in joints(&bytes) {
            let mut spoilt = bytes.clone();
            spoilt.insert(at, b'"');
            check(&decode(&spoilt, Limits::default()), &whole, &format!("a quote at {at}"));
        }
    }
}

#[test]
fn a_quote_lost_anywhere_hides_no_row() {
    for bytes in sheets() {
        let whole = whole(&bytes);
        let quotes = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'"').map(|(at, _)| at);
        for at in quotes {
            let mut spoilt = bytes.clone();
            spoilt.remove(at);
            check(&decode(&spoilt, Limits::default()), &whole, &format!("no quote at {at}"));
        }
    }
}

/// A lost quote in a column that nobody reads, and further down a name that begins with a comma: the opening quote of
/// the name closes the cell, and the comma after it begins the next one. The row has as many cells as it should, and
/// would give the passkey of one person the user of another.
#[test]
fn two_rows_never_become_one() {
    let row = |number: u8, name: &str| {
        let mut row = person(number).with("externalUserId", name);
        row.0.insert(1, b"note".to_vec());
        row
    };
    let mut sheet = Sheet::new([row(0, "alice"), row(1, "bob"), row(2, ", carol")]);
    sheet.header.insert(1, "note".to_owned());
    let text = String::from_utf8(sheet.to_bytes()).unwrap();
    let whole = whole(text.as_bytes());
    check(
        &decode(text.replacen(",note,alice", ",\"note,alice", 1).as_bytes(), Limits::default()),
        &whole,
        "merged",
    );
}
