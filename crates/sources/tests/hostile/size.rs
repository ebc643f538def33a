//! Files that are swollen to cost memory or time.

use std::{fs::File, io::Write as _};

use keyferry_core::FaultCode;
use keyferry_sources::{ExportFile, FileError, Limits, corbado::Corbado};

use crate::{
    small,
    support::{Sheet, decode, gzip, person, rules},
};

#[test]
fn a_name_of_a_million_characters_refuses_its_row_only() {
    for quote_all in [false, true] {
        let long = person(1).with("externalUserId", "x".repeat(1 << 20));
        let sheet = Sheet { quote_all, ..Sheet::new([person(0), long, person(2)]) };
        let outcome = decode(&sheet.to_bytes(), Limits::default());
        assert!(outcome.stop.is_none());
        assert_eq!(outcome.records().count(), 2);
        let refused: Vec<_> = outcome.refused().collect();
        assert_eq!((refused.len(), refused[0].faults.len()), (1, 1));
        let fault = &refused[0].faults[0];
        assert_eq!((fault.code, fault.message.len() < 100), (FaultCode::FieldTooLong, true));
    }
}

/// Reads everything and returns why the file stopped and how much of it was read until then.
fn stop_of(file: ExportFile) -> (FileError, u64) {
    let corbado = Corbado::open(file).unwrap();
    let mut rows = corbado.rows(&rules()).unwrap();
    let last = rows.by_ref().last();
    let Some(Err(keyferry_core::DecodeError::Stop(error))) = last else { panic!("not stopped: {last:?}") };
    (*error.downcast().unwrap(), rows.position().bytes())
}

/// What is read of a file bounds what is held of it: the row's limit, and a few buffers.
#[test]
fn a_cell_that_never_ends_is_read_no_further_than_a_row_may_go() {
    let limits = Limits::default();
    for start in ["\"", "x", "usr-1,\"", ",,,,,,,,,,,,,,,,"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("swollen.csv");
        let mut file = File::create(&path).unwrap();
        file.write_all(&Sheet::new([]).to_bytes()).unwrap();
        file.write_all(start.as_bytes()).unwrap();
        file.set_len(64 << 20).unwrap(); // a hole, which reads as zeros
        let (stop, read) = stop_of(ExportFile::open(&path, limits).unwrap());
        assert!(matches!(stop, FileError::RowTooLong { line: 2, limit } if limit == limits.row), "{stop}");
        assert!(read <= limits.row + (2 << 20), "{read} bytes read");
    }
}

#[test]
fn a_row_of_nothing_but_commas_stops_the_file() {
    let limits = Limits { row: 1 << 16, ..Limits::default() };
    let bytes = [Sheet::new([person(0)]).to_bytes(), vec![b','; 1 << 20]].concat();
    let stop = decode(&bytes, limits).stop;
    assert!(matches!(stop, Some(FileError::RowTooLong { line: 3, .. })), "{stop:?}");
    // Below the limit it is a row with too many cells, and the next one is read.
    let bytes = [&*bytes, &b"\n"[..]].concat();
    let wide = Limits { row: 2 << 20, ..limits };
    let outcome = decode(&bytes, wide);
    assert_eq!(outcome.refused().next().unwrap().faults[0].code, FaultCode::ColumnCount);
}

#[test]
fn rows_without_end_stop_at_the_limit() {
    let bytes = [small().to_bytes(), b"x\n".repeat(1000)].concat();
    for (limit, stops) in [(1003, false), (1002, true), (2, true), (0, true)] {
        let outcome = decode(&bytes, Limits { rows: limit, ..Limits::default() });
        assert_eq!(outcome.rows.len(), usize::try_from(limit).unwrap());
        assert_eq!(stops, matches!(outcome.stop, Some(FileError::TooManyRows { limit: at }) if at == limit));
    }
}

#[test]
fn what_unpacks_to_too_much_stops() {
    let bytes = [small().to_bytes(), vec![b'\n'; 1 << 20]].concat();
    let limits = Limits { unpacked: 1 << 20, ..Limits::default() };
    for bytes in [gzip(&bytes), [gzip(&bytes[..1000]), gzip(&bytes[1000..])].concat()] {
        assert!(bytes.len() < 1 << 14);
        let stop = decode(&bytes, limits).stop;
        assert!(matches!(stop, Some(FileError::TooLarge { limit: 1_048_576 })), "{stop:?}");
        assert!(decode(&bytes, Limits { unpacked: 2 << 20, ..limits }).stop.is_none());
    }
    // Of a plain file and of a pipe, the limit is that of the bytes themselves.
    assert!(matches!(decode(&bytes, limits).stop, Some(FileError::TooLarge { .. })));
}

#[test]
fn a_bomb_of_many_members_stops() {
    let member = gzip(&[b'\n'; 1000]);
    let bytes = [gzip(&small().to_bytes()), member.repeat(2000)].concat();
    let stop = decode(&bytes, Limits { unpacked: 1 << 20, ..Limits::default() }).stop;
    assert!(matches!(stop, Some(FileError::TooLarge { .. })), "{stop:?}");
}
