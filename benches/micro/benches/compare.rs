//! A record beside what a target holds of it.

#![allow(missing_docs, reason = "made by criterion's macros")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use keyferry_core::{Authority, Comparison, SignCount, StoredRecord, compare};
use keyferry_testkit::{memory::FULL, records::record};

fn comparisons(criterion: &mut Criterion) {
    let record = record(1);
    let same = StoredRecord::from(&record);
    let older = StoredRecord { sign_count: SignCount(0), ..same.clone() };
    let run = |stored| compare(black_box(stored), black_box(&record), &FULL, Authority::Export);
    assert_eq!(run(Some(&same)), Comparison::Unchanged { stale_sign_count: false });
    assert!(matches!(run(Some(&older)), Comparison::Update { .. }));
    assert_eq!(run(None), Comparison::Insert);

    let mut group = criterion.benchmark_group("compare");
    for (name, stored) in [("unchanged", Some(&same)), ("update", Some(&older)), ("insert", None)] {
        group.bench_function(name, |bencher| bencher.iter(|| run(stored)));
    }
    group.finish();
}

criterion_group!(benches, comparisons);
criterion_main!(benches);
