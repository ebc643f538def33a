//! One COSE key from its bytes, with every check of it, for each algorithm.

#![allow(missing_docs, reason = "made by criterion's macros")]
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot run is a failure")]

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use keyferry_core::CoseKey;
use keyferry_micro::{ALGORITHMS, keys};

fn keys_of_each_algorithm(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("keys");
    for algorithm in ALGORITHMS {
        let mut keys = keys(algorithm).into_iter().cycle();
        group.bench_function(format!("{algorithm:?}"), |bencher| {
            // A copy of the key, which is not measured, for each check.
            let next = || keys.next().unwrap();
            bencher.iter_batched(next, |key| CoseKey::from_bytes(key).unwrap(), BatchSize::SmallInput);
        });
    }
    group.finish();
}

criterion_group!(benches, keys_of_each_algorithm);
criterion_main!(benches);
