//! What the layer costs a delivery that is signed with ed25519, beside the bare operation and the service alone.
//!
//! ```text
//! cargo bench -p benches --bench ed25519 --features ed25519
//! ```

mod support;

use criterion::{Criterion, criterion_group, criterion_main};

use self::support::cpu_time::CpuTime;
use self::support::{KIB, WHOLE, ed25519};

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

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(CpuTime);
    targets = accepted
}
criterion_main!(benches);
