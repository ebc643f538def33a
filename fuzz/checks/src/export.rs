//! A whole export: read, decoded, passed through the gate and kept for the second pass.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    io::{Read as _, Write as _},
};

use flate2::{Compression, bufread::MultiGzDecoder, write::GzEncoder};
use keyferry_core::{
    AccountRule, DecodeError, RpId, Rules, SpoolReader, SumNumber, UserHandleRule, gate, keep_in_spool,
};
use keyferry_sources::{ExportFile, FileError, Limits, Note, corbado::Corbado};

use crate::{
    choice::choice,
    one_file::{self, Row},
};

/// The most bytes that a file may unpack to here.
const LIMIT: u64 = 1 << 20;

/// Takes a file, plain or gzip.
pub fn check(bytes: &[u8]) {
    let rules = rules(choice(bytes, HANDLES.len() * 2));
    let found = read(bytes, &rules);
    if bytes.starts_with(MAGIC) {
        match unpacked(bytes) {
            Some(plain) if plain.starts_with(MAGIC) => {} // gzip in gzip is no export
            Some(plain) => assert_eq!(found, read(&plain, &rules), "packed, and unpacked by flate2"),
            None => assert!(found.stop.is_some(), "flate2 does not unpack it"),
        }
        return;
    }
    // Two members, of which one may be empty: the boundary cuts rows, line ends and characters.
    let (one, other) = bytes.split_at(choice(bytes, bytes.len() + 1));
    assert_eq!(read(&[pack(one), pack(other)].concat(), &rules), found, "packed");
    account_for_rows(bytes, &found, &rules);
}

const MAGIC: &[u8] = b"\x1f\x8b";

/// What became of a file.
#[derive(Debug, PartialEq)]
struct Outcome {
    rows: Vec<Row>,
    notes: BTreeMap<Note, u64>,
    /// Why the file cannot be trusted; then no row of it counts.
    stop: Option<String>,
}

fn read(bytes: &[u8], rules: &Rules) -> Outcome {
    let limits = Limits { unpacked: LIMIT, ..Limits::default() };
    let mut outcome = Outcome { rows: Vec::new(), notes: BTreeMap::new(), stop: None };
    let corbado = match ExportFile::from_stream(bytes, "-", limits).and_then(Corbado::open) {
        Ok(corbado) => corbado,
        Err(error) => return Outcome { stop: Some(reason(&error)), ..outcome },
    };
    let notes = RefCell::new(BTreeMap::new());
    let open = || {
        let mut rows = corbado.rows(rules)?;
        let notes = &notes;
        Ok(std::iter::from_fn(move || {
            let row = rows.next();
            if !matches!(row, Some(Ok(_) | Err(DecodeError::Row(_)))) {
                notes.replace(rows.notes().clone());
                assert!(rows.next().is_none(), "nothing follows the end");
            }
            row.map(|row| [row])
        }))
    };
    let gate = gate(open, |row| match row {
        Ok(located) => outcome.rows.push(Ok(located.clone())),
        Err(DecodeError::Row(faults)) => outcome.rows.push(Err(faults.clone())),
        Err(DecodeError::Stop(_)) => {}
    });
    outcome.notes = notes.take();
    match gate {
        Ok(gate) => {
            assert_eq!(gate.rows, count(&outcome.rows), "every row is accepted or refused");
            one_file::check(&outcome.rows, &gate.one_file);
        }
        Err(error) => outcome.stop = Some(reason(error.downcast_ref().expect("a source's own error"))),
    }
    outcome
}

/// Nothing here can fail but the file itself: an error of reading is a thread that has died.
fn reason(error: &FileError) -> String {
    assert!(!matches!(error, FileError::Read(_) | FileError::Changed | FileError::Open { .. }), "{error:?}");
    format!("{error:?}")
}

/// As many rows as the csv crate sees, each refused for a reason or kept without a change.
fn account_for_rows(bytes: &[u8], found: &Outcome, rules: &Rules) {
    let mut kept = Vec::new();
    for (row, number) in found.rows.iter().zip(1..) {
        match row {
            Ok(located) => {
                assert_eq!(located.location.row, number);
                keep_in_spool(located, SumNumber::NONE, &mut kept);
            }
            Err(faults) => assert!(faults.location.row == number && !faults.faults.is_empty()),
        }
    }
    let kept = SpoolReader::new(&kept, rules.rp_id.clone()).map(|row| row.expect("what was written"));
    assert!(kept.eq(found.rows.iter().flatten().cloned()), "kept for the second pass, rows are others");
    if found.stop.is_none() {
        let reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes);
        assert_eq!(found.rows.len(), reader.into_byte_records().count());
    }
}

fn count(rows: &[Row]) -> u64 {
    u64::try_from(rows.len()).expect("memory")
}

const HANDLES: [UserHandleRule; 5] = [
    UserHandleRule::None,
    UserHandleRule::UserId,
    UserHandleRule::ExternalUserId,
    UserHandleRule::UserIdUuid,
    UserHandleRule::ExternalUserIdUuid,
];

/// Returns one of the combinations of rules, which are twice as many as [`HANDLES`].
fn rules(which: usize) -> Rules {
    let account = if which < HANDLES.len() { AccountRule::ExternalUserId } else { AccountRule::UserId };
    let rp_id = RpId::parse("example.com").expect("a domain");
    Rules { rp_id, account, user_handle: HANDLES[which % HANDLES.len()] }
}

fn pack(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn unpacked(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    MultiGzDecoder::new(bytes).take(LIMIT + 1).read_to_end(&mut plain).ok()?;
    u64::try_from(plain.len()).is_ok_and(|length| length <= LIMIT).then_some(plain)
}
