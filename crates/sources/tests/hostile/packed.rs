//! Damage to the gzip file.

use std::io::Write as _;

use flate2::{Compression, GzBuilder};
use keyferry_sources::{ExportFile, FileError, Limits};

use crate::{
    small,
    support::{decode, gzip, read, rules},
};

fn is_gzip_fault(stop: &FileError) -> bool {
    matches!(stop, FileError::GzipTruncated | FileError::GzipDamaged(_) | FileError::GzipTrailing)
}

#[test]
fn cut_at_any_byte_the_file_stops() {
    let packed = gzip(&small().to_bytes());
    for length in 0..packed.len() {
        let outcome = decode(&packed[..length], Limits::default());
        // The first two bytes are what makes it gzip; with less it is an empty or a meaningless text file.
        let stop = outcome.stop.unwrap_or_else(|| panic!("cut to {length} bytes: accepted"));
        assert!(length < 2 || matches!(stop, FileError::GzipTruncated), "cut to {length} bytes: {stop}");
    }
}

#[test]
fn one_wrong_byte_stops_the_file_or_changes_nothing() {
    let packed = gzip(&small().to_bytes());
    let whole: Vec<_> = decode(&packed, Limits::default()).records().cloned().collect();
    let mut harmless = Vec::new();
    for at in 0..packed.len() {
        let mut damaged = packed.clone();
        damaged[at] ^= 0x55;
        let outcome = decode(&damaged, Limits::default());
        match outcome.stop {
            Some(_) => {}
            None => {
                assert!(outcome.records().eq(&whole), "byte {at}: other rows");
                harmless.push(at);
            }
        }
    }
    // Time, compression level and system stand in the header, and no check covers them.
    assert_eq!(harmless, [4, 5, 6, 7, 8, 9]);
}

#[test]
fn whatever_follows_the_end_stops_the_file() {
    let packed = gzip(&small().to_bytes());
    for more in [
        &b"x"[..],
        b"\0",
        b"\0\0\0\0\0\0\0\0",
        b"\n",
        b"userId,status\n",
        b"\x1f",
        b"\x1f\x8b",
        b"PK\x03\x04",
    ] {
        let stop = decode(&[&packed, more].concat(), Limits::default()).stop;
        assert!(stop.as_ref().is_some_and(is_gzip_fault), "{more:?}: {stop:?}");
    }
}

#[test]
fn all_members_are_read_as_one_file() {
    let plain = small().to_bytes();
    let whole: Vec<_> = decode(&plain, Limits::default()).records().cloned().collect();
    assert_eq!(whole.len(), 3);
    // A member may end anywhere, in the middle of a cell too, and may be empty.
    for at in [0, 1, plain.len() / 2, plain.len() - 1, plain.len()] {
        let (start, end) = plain.split_at(at);
        let outcome = decode(&[gzip(start), gzip(b""), gzip(end)].concat(), Limits::default());
        assert!(outcome.stop.is_none() && outcome.records().eq(&whole), "split at {at}");
    }
    // A second member that is cut is a cut file, not the end of one.
    let two = [gzip(&plain), gzip(&plain)].concat();
    let stop = decode(&two[..two.len() - 1], Limits::default()).stop;
    assert!(matches!(stop, Some(FileError::GzipTruncated)), "{stop:?}");
}

#[test]
fn the_name_inside_the_file_means_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for (number, name) in ["../../etc/x", "/etc/passwd", "2025-09-30-99.csv", "\x1b[2J"].iter().enumerate() {
        let builder = GzBuilder::new().filename(*name).comment("made on 1 April").mtime(1);
        let mut encoder = builder.write(Vec::new(), Compression::best());
        encoder.write_all(&small().to_bytes()).unwrap();
        let path = folder.path().join(format!("{number}.csv.gz"));
        std::fs::write(&path, encoder.finish().unwrap()).unwrap();
        let file = ExportFile::open(&path, Limits::default()).unwrap();
        assert_eq!((file.name(), file.rows_in_name()), (&*format!("{number}.csv.gz"), None));
        assert_eq!(read(file, &rules()).records().count(), 3);
    }
    // Reading wrote nothing anywhere near the file.
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 4);
}
