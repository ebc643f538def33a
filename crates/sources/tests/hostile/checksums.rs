//! The vendor's checksum, and the count in the name of the file.

use keyferry_sources::{Crc64Nvme, ExportFile, FileError, Limits};

use crate::{small, support::gzip};

#[test]
fn a_wrong_checksum_says_what_may_have_happened() {
    let plain = small().to_bytes();
    let packed = gzip(&plain);
    let of = |bytes: &[u8]| ExportFile::from_stream(bytes, "-", Limits::default()).unwrap();
    let announced = Crc64Nvme::of(&*packed).unwrap();
    assert!(of(&packed).expect_checksum(announced).is_ok());

    let mut damaged = packed.clone();
    damaged[20] ^= 1;
    let error = of(&damaged).expect_checksum(announced).unwrap_err();
    assert!(matches!(error, FileError::Checksum { is_gzip: true, expected, .. } if expected == announced));
    assert!(error.hint().unwrap().contains("fetch it again"), "{error}");
    assert!(error.to_string().contains(&announced.to_string()), "{error}");

    // A download that unpacked the file on its way: the value belongs to the packed one.
    let error = of(&plain).expect_checksum(announced).unwrap_err();
    assert!(matches!(error, FileError::Checksum { is_gzip: false, .. }));
    assert!(error.hint().unwrap().contains("Content-Encoding: gzip"), "{error}");

    // It is a checksum and not a signature, so no message may promise more.
    for error in [of(&plain), of(&damaged)].map(|file| file.expect_checksum(announced).unwrap_err()) {
        let text = format!("{error} {}", error.hint().unwrap()).to_lowercase();
        for promise in ["tamper", "authentic", "proof", "secure"] {
            assert!(!text.contains(promise), "{text}");
        }
    }
}

#[test]
fn the_count_in_the_name_is_that_of_the_rows() {
    let named = |name: &str| {
        ExportFile::from_stream(&small().to_bytes()[..], name, Limits::default()).unwrap().rows_in_name()
    };
    assert_eq!(named("2025-09-30-3.csv.gz"), Some(3));
    assert_eq!(named("2025-09-30-3.csv"), Some(3));
    assert_eq!(named("2025-09-30-0.csv"), Some(0));
    for name in [
        "2025-09-30.csv",
        "2025-09-30-3.csv.gz.part",
        "2025-09-30-3 (1).csv.gz",
        "2025-09-30-+3.csv",
        "2025-09-30--3.csv",
        "25-09-30-3.csv",
        "2025-9-30-3.csv",
        "x2025-09-30-3.csv",
        "2025-09-30-\u{663}.csv", // an Arabic digit three
        "2025-09-30-18446744073709551616.csv",
        "-",
        "",
    ] {
        assert_eq!(named(name), None, "{name}");
    }
}
