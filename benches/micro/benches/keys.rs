//! One COSE key from its bytes, with every check of it, for each algorithm; and RSA keys as a batch of rows has them.

#![allow(missing_docs, reason = "made by criterion's macros")]
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot run is a failure")]

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use keyferry_core::{CoseKey, with_keys_searched};
use keyferry_micro::{ALGORITHMS, keys};
use keyferry_testkit::Algorithm;

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

/// About as many as a batch of 512 rows has.
const AT_ONCE: usize = 64;

fn rsa_keys_at_once(criterion: &mut Criterion) {
    let keys: Vec<_> = keys(Algorithm::Rs256).into_iter().cycle().take(AT_ONCE).collect();
    let mut group = criterion.benchmark_group("keys");
    group.throughput(Throughput::Elements(AT_ONCE.try_into().unwrap()));
    group.bench_function("Rs256 at once", |bencher| {
        bencher.iter(|| {
            with_keys_searched(&keys, || {
                keys.iter().for_each(|key| drop(CoseKey::from_bytes(key.as_slice()).unwrap()));
            });
        });
    });
    group.finish();
}

criterion_group!(benches, keys_of_each_algorithm, rsa_keys_at_once);
criterion_main!(benches);
