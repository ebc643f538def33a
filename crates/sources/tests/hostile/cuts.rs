//! Plain files that end too early. Nothing checks them as gzip does, so what is left must tell.

use keyferry_core::{CredentialRecord, Status};
use keyferry_sources::{FileError, Limits, Note};
use keyferry_testkit::HEADER;

use crate::{
    joints, quoted, small,
    support::{Outcome, Sheet, decode},
};

fn decoded(bytes: &[u8]) -> Outcome {
    decode(bytes, Limits::default())
}

fn records(outcome: &Outcome) -> Vec<CredentialRecord> {
    outcome.records().cloned().collect()
}

/// Asserts what holds for a cut file in the documented order of columns.
fn check(bytes: &[u8], length: usize, whole: &[CredentialRecord]) {
    let cut = &bytes[..length];
    let outcome = decoded(cut);
    if outcome.stop.is_some() {
        return;
    }
    // As many rows are accounted for as were begun, so the count in the name or from the vendor finds the lost ones.
    let lines = cut.split(|byte| *byte == b'\n').filter(|line| !matches!(*line, [] | [b'\r'])).count();
    assert_eq!(outcome.rows.len(), lines - 1, "cut to {length}");
    // Rows before the cut are as they were.
    let found = records(&outcome);
    let same = found.iter().zip(whole).take_while(|(found, whole)| found == whole).count();
    assert!(outcome.rows.len() - same <= 1, "cut to {length}: {found:?}");
    // A last row that differs is refused, or it can log in nowhere and its status is noted.
    if let Some(last) = found.get(same) {
        assert!(matches!(last.status, Status::Other(_)), "cut to {length}: {last:?}");
        assert_eq!(outcome.notes.get(&Note::UnknownStatus), Some(&1), "cut to {length}");
    }
}

#[test]
fn cut_at_any_byte_the_file_stops_or_shows_it_or_has_fewer_rows() {
    for (line_end, quote_all) in [("\n", false), ("\r\n", false), ("\n", true)] {
        let sheet = Sheet { line_end, quote_all, ..small() };
        let bytes = sheet.to_bytes();
        let whole = records(&decoded(&bytes));
        assert_eq!(whole.len(), 3);
        // Every byte of the plainest form; of the others, where they differ from it.
        let lengths =
            if quote_all || line_end == "\r\n" { joints(&bytes) } else { (0..bytes.len()).collect() };
        for length in lengths {
            check(&bytes, length, &whole);
        }
    }
}

#[test]
fn a_cut_header_stops_the_file() {
    let bytes = small().to_bytes();
    let header = bytes.iter().position(|byte| *byte == b'\n').unwrap();
    for length in 0..header {
        assert!(decoded(&bytes[..length]).stop.is_some(), "cut to {length}");
    }
}

/// The end of a plain file without a final line end is the one place where a cut leaves no trace of its own: in the last
/// cell of the last row. In the documented order that is the status, of which no beginning is another status. In other
/// orders it may be a name or a counter, so this states how far the damage goes.
#[test]
fn in_another_order_of_columns_no_more_than_the_last_cell_is_shortened_unseen() {
    for last in ["externalUserId", "credentialId", "publicKey", "authenticatorSignCount", "created"] {
        let last = HEADER.iter().position(|name| *name == last).unwrap();
        let order: Vec<_> = (0..HEADER.len()).filter(|at| *at != last).chain([last]).collect();
        let sheet = small().reordered(&order);
        let bytes = sheet.to_bytes();
        let whole = records(&decoded(&bytes));
        let cell = bytes.len() - 1 - sheet.rows[2].0[HEADER.len() - 1].len();
        // From the middle of the cell before on; an earlier cut leaves a row with too few cells, as in every order.
        for length in cell - 3..bytes.len() {
            let outcome = decoded(&bytes[..length]);
            assert!(outcome.stop.is_none() && outcome.rows.len() == 3, "column {last}, cut to {length}");
            let found = records(&outcome);
            assert_eq!(found[..2], whole[..2], "column {last}, cut to {length}");
            if length < cell {
                assert_eq!(outcome.refused().count(), 1, "column {last}, cut to {length}");
            }
        }
    }
}

#[test]
fn cut_inside_quotes_the_file_stops() {
    let bytes = quoted().to_bytes();
    for length in joints(&bytes) {
        let open = bytes[..length].iter().filter(|byte| **byte == b'"').count() % 2 == 1;
        let outcome = decoded(&bytes[..length]);
        assert_eq!(open, matches!(outcome.stop, Some(FileError::UnclosedQuote { .. })), "{length}");
    }
}
