//! A row of the export to a record: CSV, base64, COSE, every check.

#![allow(missing_docs, reason = "made by criterion's macros")]
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot run is a failure")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use keyferry_micro::Export;

const ROWS: u64 = 10_000;

fn rows(criterion: &mut Criterion) {
    let export = Export::new(ROWS).unwrap();
    let mut group = criterion.benchmark_group("rows");
    group.throughput(Throughput::Elements(ROWS));
    group.bench_function("decode", |bencher| bencher.iter(|| export.decode().unwrap()));
    group.finish();
}

criterion_group!(benches, rows);
criterion_main!(benches);
