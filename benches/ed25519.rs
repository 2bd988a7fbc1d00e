//! The cost of the layer for a delivery that is signed with ed25519, beside the bare operation and the service alone,
//! and the cost of a forged list of such signatures: the table in `SECURITY.md`.
//!
//! ```text
//! cargo bench -p benches --bench ed25519 --features ed25519
//! ```

mod support;

use criterion::{Criterion, criterion_group, criterion_main};

use self::support::cpu_time::CpuTime;
use self::support::{Case, KIB, MIB, WHOLE, ed25519};

fn accepted(criterion: &mut Criterion<CpuTime>) {
    for (size, len) in [("128 B", 128), ("1 KiB", KIB), ("20 KiB", 20 * KIB)] {
        let (case, mut bare) = ed25519::genuine(len, WHOLE);
        let (mut alone, mut verified) = (case.bare(), case.verified());
        let mut group = criterion.benchmark_group(format!("ed25519, {size}"));
        group.bench_function("ed25519", |bencher| bencher.iter(&mut bare));
        group.bench_function("service", |bencher| bencher.iter(&mut alone));
        group.bench_function("one frame", |bencher| bencher.iter(&mut verified));
    }
}

fn forged(criterion: &mut Criterion<CpuTime>) {
    for (size, len) in [("1 KiB", KIB), ("2 MiB", 2 * MIB)] {
        let mut group = criterion.benchmark_group(format!("forged, {size}"));
        for (name, case) in [
            ("one", ed25519::forged(len, 1)),
            ("eleven", ed25519::forged(len, 11)),
            ("two hundred", ed25519::forged(len, 200)),
            (
                "two hundred of small order",
                ed25519::forged_of_small_order(len, 200),
            ),
            ("a MAC", Case::forged(len, WHOLE)),
        ] {
            let mut verified = case.verified();
            group.bench_function(name, |bencher| bencher.iter(&mut verified));
        }
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(CpuTime);
    targets = accepted, forged
}
criterion_main!(benches);
