//! Two exports with one CRC64NVME: the checksum finds damage, and anybody can make a file that has it.
//!
//! A CRC is linear: over bits that may be chosen freely its value is that with none of them set, plus (exclusive or)
//! a fixed difference for each one that is. An optional field of the gzip header gives 64 free bits, which is as many as
//! the value has, so one system of 64 equations makes any content have any value.

use std::io::Write as _;

use flate2::{Compression, GzBuilder};
use keyferry_sources::{Crc64Nvme, ExportFile, Limits};

use crate::{
    small,
    support::{decode, read, rules},
};

/// Packs bytes with 64 free bits in a sub-field of the header (RFC 1952, section 2.3.1.1).
fn pack(plain: &[u8], free: u64) -> Vec<u8> {
    let field = [&b"KF\x08\0"[..], &free.to_be_bytes()].concat();
    let mut encoder = GzBuilder::new().extra(field).write(Vec::new(), Compression::default());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

/// Chooses the free bits so that the packed bytes have the wanted value.
fn forge(plain: &[u8], wanted: u64) -> Vec<u8> {
    let value = |free| Crc64Nvme::of(&*pack(plain, free)).unwrap().0;
    let base = value(0);
    // Gauss-Jordan elimination over GF(2): each row is what a set of free bits does to the value.
    let mut rows: Vec<(u64, u64)> =
        (0..64).map(|bit| 1_u64 << bit).map(|free| (value(free) ^ base, free)).collect();
    let mut solution = 0;
    let mut rest = wanted ^ base;
    for bit in (0..64).map(|bit| 1_u64 << bit) {
        let at = rows.iter().position(|(effect, _)| effect & bit != 0).expect("the bits are independent");
        let (pivot, bits) = rows.swap_remove(at);
        for (effect, free) in &mut rows {
            if *effect & bit != 0 {
                *effect ^= pivot;
                *free ^= bits;
            }
        }
        if rest & bit != 0 {
            rest ^= pivot;
            solution ^= bits;
        }
    }
    assert_eq!(rest, 0);
    pack(plain, solution)
}

#[test]
fn a_changed_file_can_have_the_checksum_of_the_true_one() {
    let plain = small().to_bytes();
    let changed = String::from_utf8(plain.clone()).unwrap().replace("bob@example.com", "eve@example.com");
    let delivered = pack(&plain, 0);
    let announced = Crc64Nvme::of(&*delivered).unwrap();
    let forged = forge(changed.as_bytes(), announced.0);

    let open =
        |bytes: &[u8]| ExportFile::from_stream(bytes, "2025-09-30-3.csv.gz", Limits::default()).unwrap();
    let (true_file, false_file) = (open(&delivered), open(&forged));
    // Every check that needs no secret passes: the checksum, gzip's own, the number of rows.
    assert!(true_file.expect_checksum(announced).is_ok());
    assert!(false_file.expect_checksum(announced).is_ok());
    let accounts =
        |file| read(file, &rules()).records().map(|r| r.account.as_str().to_owned()).collect::<Vec<_>>();
    // Only the SHA-256 tells the two apart, for who has it from elsewhere.
    assert_ne!(true_file.digests().unwrap().sha256, false_file.digests().unwrap().sha256);
    assert_eq!(true_file.rows_in_name(), false_file.rows_in_name());
    assert_eq!(accounts(true_file), ["alice@example.com", "bob@example.com", "carol@example.com"]);
    assert_eq!(accounts(false_file), ["alice@example.com", "eve@example.com", "carol@example.com"]);
}

#[test]
fn any_file_can_have_any_checksum() {
    let other = forge(&small().to_bytes(), 0);
    assert_eq!(Crc64Nvme::of(&*other).unwrap().to_string(), "AAAAAAAAAAA=");
    assert!(decode(&other, Limits::default()).stop.is_none());
}
