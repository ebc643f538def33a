//! A guard that counts instead of timing: how often memory is allocated for a row, for a key and for a comparison.
//!
//! It sees what a clock would not on a busy machine: a copy of every field, a list for each row. Lower a bound when the
//! count has fallen; `cargo test -p keyferry-micro --test allocations -- --nocapture` prints what was counted.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test and its helpers")]

use std::alloc::System;

use keyferry_core::{Authority, CoseKey, SignCount, StoredRecord, compare};
use keyferry_micro::{ALGORITHMS, Export, keys};
use keyferry_testkit::{Algorithm, memory::FULL, records::record};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// At most so many allocations for each row of a generated export, from the CSV to the record.
const ROW: f64 = 4.5;
/// For the decoding and the checks of one COSE key in the layout and on the curves that nearly all have: its bytes.
const KEY: f64 = 1.0;
/// Where the general reader decides.
const RARE_KEY: f64 = 8.0;
const RSA_KEY: f64 = 2.0;
/// For the comparison with what a target holds, where nothing has changed, and where the sign count has.
const UNCHANGED: f64 = 10.0;
const UPDATE: f64 = 12.0;

/// One test, since the allocator counts for the whole process.
#[test]
fn allocations() {
    // The rows of the longer export but those of the shorter one: what a run allocates once does not count.
    let [short, long] = [1000, 3000].map(|rows| {
        let export = Export::new(rows).unwrap();
        count(1, || export.decode().unwrap())
    });
    let found = (long - short) / 2000.0;
    assert!(found > 1.0, "a record cannot be made without memory: the allocator does not count");
    at_most(ROW, "a row", found);

    for algorithm in ALGORITHMS {
        let keys = keys(algorithm);
        let found = count(16, || {
            for key in &keys {
                CoseKey::from_bytes(key.as_slice()).unwrap();
            }
        });
        let bound = match algorithm {
            Algorithm::Rs256 => RSA_KEY,
            Algorithm::Es512 | Algorithm::Es256k => RARE_KEY,
            _ => KEY,
        };
        at_most(bound, &format!("a key of {algorithm:?}"), found);
    }

    let record = record(1);
    let same = StoredRecord::from(&record);
    let older = StoredRecord { sign_count: SignCount(0), ..same.clone() };
    for (bound, what, stored) in
        [(UNCHANGED, "a comparison, unchanged", &same), (UPDATE, "a comparison, update", &older)]
    {
        let found = count(1, || drop(compare(Some(stored), &record, &FULL, Authority::Export)));
        at_most(bound, what, found);
    }
}

/// Counts what a second run allocates, for each of so many pieces; the first one may fill tables that stay.
fn count(pieces: u32, work: impl Fn()) -> f64 {
    work();
    let region = Region::new(ALLOCATOR);
    work();
    let change = region.change();
    let allocations = u32::try_from(change.allocations + change.reallocations).unwrap();
    f64::from(allocations) / f64::from(pieces)
}

fn at_most(bound: f64, what: &str, found: f64) {
    println!("{what}: {found:.2} allocations");
    assert!(found <= bound, "{what}: {found:.2} allocations, and not at most {bound}");
}
