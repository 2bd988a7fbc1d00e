//! What the layer costs a delivery, beside the HMAC alone and the service alone.
//!
//! ```text
//! cargo bench -p benches --bench middleware
//! ```
//!
//! It is time on a core, which other processes disturb little. In each group, `HMAC` is the hash of the same bytes with
//! the key schedule done before, and `service` the same service without the layer: it clones the request and collects
//! its body. What verification costs is a row minus `service`, and `HMAC` is its limit. A `service` in a group of
//! rejections also reads the body, which a rejected request never gets to.

mod support;

use std::time::Duration;

use criterion::{
    BenchmarkGroup, Criterion, SamplingMode, Throughput, criterion_group, criterion_main,
};

use self::support::cpu_time::CpuTime;
use self::support::{Case, KIB, MIB, WHOLE};

const SIZES: [(&str, usize); 6] = [
    ("128 B", 128),
    ("1 KiB", KIB),
    ("20 KiB", 20 * KIB),
    ("350 KiB", 350 * KIB),
    ("2 MiB", 2 * MIB),
    ("8 MiB", 8 * MIB),
];
/// As much as hyper reads at once.
const FRAME: usize = 16 * KIB;

fn accepted(criterion: &mut Criterion<CpuTime>) {
    for (size, len) in SIZES {
        let whole = Case::genuine(len, WHOLE);
        let mut group = group(criterion, "accepted", size, len, &whole);
        bench(&mut group, "one frame", whole.verified());
        if len > FRAME {
            let framed = Case::genuine(len, FRAME);
            bench(&mut group, "service, 16 KiB frames", framed.bare());
            bench(&mut group, "16 KiB frames", framed.verified());
        }
    }
}

fn rejected(criterion: &mut Criterion<CpuTime>) {
    for (size, len) in [SIZES[1], SIZES[4]] {
        let genuine = Case::genuine(len, WHOLE);
        let forged = Case::forged(len, WHOLE);
        let mut group = group(criterion, "rejected", size, len, &genuine);
        bench(&mut group, "forged", forged.verified());
        bench(
            &mut group,
            "forged, 2 keys",
            forged.clone().keys(2, 0).verified(),
        );
        bench(&mut group, "forged, 8 keys", forged.keys(8, 0).verified());
        bench(&mut group, "stale", genuine.clone().stale().verified());
        bench(&mut group, "no signature", genuine.unsigned().verified());
    }
}

fn keys(criterion: &mut Criterion<CpuTime>) {
    for (size, len) in [SIZES[1], SIZES[2]] {
        let genuine = Case::genuine(len, WHOLE);
        let mut group = group(criterion, "keys", size, len, &genuine);
        for (name, keys, position) in [
            ("1 key", 1, 0),
            ("2 keys, the first signed", 2, 0),
            ("2 keys, the second signed", 2, 1),
            ("8 keys, the first signed", 8, 0),
            ("8 keys, the last signed", 8, 7),
        ] {
            let case = genuine.clone().keys(keys, position);
            bench(&mut group, name, case.verified());
        }
    }
}

fn signatures(criterion: &mut Criterion<CpuTime>) {
    let (size, len) = SIZES[2];
    let genuine = Case::genuine(len, WHOLE);
    let mut group = group(criterion, "signatures", size, len, &genuine);
    for listed in [1, 10, 1000] {
        let case = genuine.clone().listed(listed);
        bench(
            &mut group,
            &format!("service, {listed} listed"),
            case.bare(),
        );
        bench(&mut group, &format!("{listed} listed"), case.verified());
    }
}

/// A group that begins with what `case` would cost at least.
fn group<'c>(
    criterion: &'c mut Criterion<CpuTime>,
    what: &str,
    size: &str,
    len: usize,
    case: &Case,
) -> BenchmarkGroup<'c, CpuTime> {
    let mut group = criterion.benchmark_group(format!("{what}, {size}"));
    group.throughput(Throughput::Bytes(len as u64));
    if len >= MIB {
        group.sampling_mode(SamplingMode::Flat);
    }
    bench(&mut group, "HMAC", case.hmac());
    bench(&mut group, "service", case.bare());
    group
}

fn bench(group: &mut BenchmarkGroup<'_, CpuTime>, name: &str, mut work: impl FnMut()) {
    group.bench_function(name, |bencher| bencher.iter(&mut work));
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .with_measurement(CpuTime)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .sample_size(50);
    targets = accepted, rejected, keys, signatures
}
criterion_main!(benches);
