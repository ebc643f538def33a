//! Files that change between two readings: what was checked must be what is imported.

use std::{fs, path::Path};

use keyferry_core::DecodeError;
use keyferry_sources::{ExportFile, FileError, Limits, corbado::Corbado};

use crate::{
    small,
    support::{Sheet, gzip, person, rules},
};

fn open(path: &Path) -> Corbado {
    Corbado::open(ExportFile::open(path, Limits::default()).unwrap()).unwrap()
}

/// Reads all rows and returns the accounts and whether the file was found changed.
fn read(corbado: &Corbado) -> (Vec<String>, bool) {
    let rows = match corbado.rows(&rules()) {
        Ok(rows) => rows,
        Err(FileError::Changed) => return (Vec::new(), true),
        Err(other) => panic!("{other}"),
    };
    let mut accounts = Vec::new();
    for row in rows {
        match row {
            Ok(located) => accounts.push(located.value.account.as_str().to_owned()),
            Err(DecodeError::Stop(error)) => {
                assert!(matches!(error.downcast_ref(), Some(FileError::Changed)), "{error}");
                return (accounts, true);
            }
            Err(other) => panic!("{other}"),
        }
    }
    (accounts, false)
}

#[test]
fn rows_that_the_first_pass_did_not_see_are_never_given_out() {
    let folder = tempfile::tempdir().unwrap();
    let before = small().to_bytes();
    let text = String::from_utf8(before.clone()).unwrap();
    let other_user = text.replace("bob@example.com", "eve@example.com").into_bytes();
    let more = Sheet::new([person(0), person(1), person(2), person(3)]).to_bytes();
    let fewer = Sheet::new([person(0), person(1)]).to_bytes();
    for after in [other_user, more, fewer, Vec::new()] {
        for pack in [|bytes: &[u8]| bytes.to_vec(), |bytes: &[u8]| gzip(bytes)] {
            let path = folder.path().join("export");
            fs::write(&path, pack(&before)).unwrap();
            let corbado = open(&path);
            assert_eq!(read(&corbado).0.len(), 3);
            // Written into the same file, as a download does that starts again.
            fs::write(&path, pack(&after)).unwrap();
            assert_eq!(read(&corbado), (Vec::new(), true));
        }
    }
}

/// In a long file the rows before the changed chunk were seen by the first pass, and none after it comes.
#[test]
fn a_change_far_into_the_file_is_found_when_it_is_reached() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.csv");
    let note = "x".repeat(5000);
    let rows = (0..1000).map(|count| person(0).with("authenticatorSignCount", count.to_string()).and(&note));
    let mut bytes = Sheet::new(rows).column("note").to_bytes();
    fs::write(&path, &bytes).unwrap();
    let corbado = open(&path);
    assert_eq!(read(&corbado).0.len(), 1000);
    let at = bytes.len() - 100;
    bytes[at] = b'y';
    fs::write(&path, &bytes).unwrap();
    let (seen, is_changed) = read(&corbado);
    assert!(is_changed && seen.len() > 100 && seen.len() < 1000, "{} rows", seen.len());
}

#[test]
fn another_file_under_the_same_name_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (path, other) = (folder.path().join("export.csv"), folder.path().join("other"));
    fs::write(&path, small().to_bytes()).unwrap();
    fs::write(&other, Sheet::new([person(7)]).to_bytes()).unwrap();
    let corbado = open(&path);
    fs::rename(other, path).unwrap();
    // The file was opened once, and a name is only a name.
    let (accounts, is_changed) = read(&corbado);
    assert_eq!((accounts.len(), is_changed), (3, false));
}
