//! The figures of one receiver, as text.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};
use std::time::Duration;

use super::audit::Audit;
use super::memory::Observation;
use super::receiver::Receiver;

pub(crate) fn report(
    receiver: &Receiver,
    audit: &Audit,
    memory: &Observation,
    lasted: Duration,
) -> String {
    let genuine: u64 = audit.answers.values().sum();
    let bogus: u64 = audit.bogus.values().sum();
    let deliveries = genuine + bogus;
    #[allow(clippy::cast_precision_loss, reason = "it is printed without decimals")]
    let rate = deliveries as f64 / lasted.as_secs_f64();
    let processings: u64 = receiver.processings.values().sum();

    let mut text = format!(
        "{}: {deliveries} deliveries, {rate:.0} per second\n",
        receiver.name
    );
    let _ = writeln!(text, "  {genuine} genuine, with the answer");
    list(&mut text, &audit.answers);
    let _ = writeln!(text, "  {bogus} not genuine, since the signature is");
    list(&mut text, &audit.bogus);
    let _ = writeln!(
        text,
        "  {processings} that reached the handler, of these for a second time after"
    );
    list(&mut text, &audit.reprocessed);
    if let Some(max) = audit.latencies.last() {
        // The latency of the fastest `percent` of the responses.
        let within = |percent: usize| {
            let count = (audit.latencies.len() * percent).div_ceil(100);
            audit.latencies[count - 1]
        };
        let (p50, p99) = (within(50), within(99));
        let _ = writeln!(
            text,
            "  latency p50 {p50:.1?}, p99 {p99:.1?}, max {max:.1?}"
        );
    }
    let Observation { trend, body_bytes } = memory;
    let _ = writeln!(text, "  memory at most {} KiB", receiver.peak_kib);
    let _ = writeln!(
        text,
        "  memory while undisturbed {:.0} to {:.0} KiB, growth {:+.0} KiB, {:+.1} KiB a minute, for {} KiB of bodies",
        trend.min_kib(),
        trend.max_kib(),
        trend.growth_kib(),
        trend.kib_per_minute(),
        body_bytes / 1024,
    );
    text
}

fn list<K: Display>(text: &mut String, counts: &BTreeMap<K, u64>) {
    for (what, count) in counts {
        let _ = writeln!(text, "    {count} {what}");
    }
}
