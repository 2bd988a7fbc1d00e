//! Cores, network and Redis, by the number of deliveries a second.

use crate::inputs::{BODIES, Inputs};

const RATES: [(&str, f64); 3] = [("1 k", 1e3), ("100 k", 1e5), ("10 M", 1e7)];
const HOUR: f64 = 3600.0;
const DEFAULT_RETENTION: f64 = 48.0 * HOUR;
/// A script for the claim, and one for the completion.
const SCRIPTS: f64 = 2.0;
const GIGABYTE: f64 = 1e9;

pub(crate) fn inputs(inputs: &Inputs) -> String {
    let own = "`cargo bench -p scaling --features measure`";
    let by_body = [
        ("HTTP: one axum request, not verified", inputs.http, own),
        (
            "Verification: beyond that",
            inputs.verify,
            "`benches/peers/run`: *tower-svix, on axum*",
        ),
        ("JSON: four fields, the rest skipped", inputs.json, own),
        ("JSON: all fields kept", inputs.json_kept, own),
        (
            "TLS: AES-128-GCM of the body",
            inputs.tls,
            "`openssl speed -evp aes-128-gcm -bytes 1024`, `16384`",
        ),
    ];
    let stores = "`cargo bench -p benches --bench idempotency --features idempotency`";
    let by_id = [
        (
            "TLS: one handshake",
            inputs.handshake,
            "ns",
            "`openssl speed ecdsap256 ecdhx25519`: a signature, two X25519",
        ),
        (
            "Redis: claim and completion, in the receiver",
            inputs.redis_client,
            "ns",
            own,
        ),
        (
            "Redis: one script, in Redis",
            inputs.redis_server,
            "ns",
            own,
        ),
        ("Redis: memory of an id", inputs.redis_bytes, "bytes", own),
        (
            "Memory store: claim and completion",
            inputs.memory_store,
            "ns",
            stores,
        ),
        (
            "Memory store: memory of an id",
            inputs.memory_bytes,
            "bytes",
            stores,
        ),
    ];
    let assumed = [
        (
            "Requests on one connection",
            inputs.requests_per_connection,
            "",
        ),
        (
            "How busy a core may be on average",
            100.0 * inputs.busy,
            " %",
        ),
        (
            "What one Redis server holds of ids",
            inputs.redis_gigabytes,
            " GB",
        ),
    ];
    let mut table =
        "| Measured | 1 KiB | 20 KiB | With |\n| --- | ---: | ---: | --- |\n".to_owned();
    for (what, [small, large], with) in by_body {
        let [small, large] = [small, large].map(count);
        table += &format!("| {what} | {small} ns | {large} ns | {with} |\n");
    }
    for (what, value, unit, with) in by_id {
        let value = count(value);
        table += &format!("| {what} | {value} {unit} | the same | {with} |\n");
    }
    for (what, value, unit) in assumed {
        let value = count(value);
        table += &format!("| {what} | {value}{unit} | the same | assumed |\n");
    }
    table
}

/// What makes up a delivery.
pub(crate) fn deliveries(inputs: &Inputs) -> String {
    let mut table =
        "| ns of a receiver's core | 1 KiB | 20 KiB |\n| --- | ---: | ---: |\n".to_owned();
    let [small, large] = [0, 1].map(|body| (inputs.delivery(body), inputs.nanos(body)));
    for ((what, in_small), (_, in_large)) in small.0.into_iter().zip(large.0) {
        table += &format!(
            "| {what} | {} ({}) | {} ({}) |\n",
            count(in_small),
            percent(in_small / small.1),
            count(in_large),
            percent(in_large / large.1),
        );
    }
    let totals = [small.1, large.1];
    let [small, large] = totals.map(count);
    table += &format!("| **All** | **{small}** | **{large}** |\n");
    let [small, large] = totals.map(|nanos| count(1e9 / nanos * inputs.busy));
    table + &format!("| Deliveries a second and core, as busy as assumed | {small} | {large} |\n")
}

pub(crate) fn sizes(inputs: &Inputs) -> String {
    let mut table = rates_head("Deliveries a second");
    for (body, (name, bytes)) in BODIES.into_iter().enumerate() {
        table += &row(&format!("Receivers' cores, {name}"), |rate| {
            count((rate * inputs.nanos(body) / 1e9 / inputs.busy).ceil())
        });
        table += &row(&format!("… of these for verification, {name}"), |rate| {
            count((rate * inputs.verify[body] / 1e9 / inputs.busy).ceil())
        });
        table += &row(&format!("Network, bodies of {name}"), |rate| {
            bits(8.0 * bytes * rate)
        });
    }
    table += &row("Redis: scripts a second", |rate| count(SCRIPTS * rate));
    table += &row("Redis: servers for the time", |rate| {
        count((SCRIPTS * rate * inputs.redis_server / 1e9 / inputs.busy).ceil())
    });
    table += &row("Redis: ids in 48 hours", |rate| {
        count(rate * DEFAULT_RETENTION)
    });
    table += &row("Redis: memory for 48 hours", |rate| {
        memory(rate * DEFAULT_RETENTION * inputs.redis_bytes)
    });
    table
        + &row("Redis: servers for that memory", |rate| {
            servers(inputs, rate, DEFAULT_RETENTION)
        })
}

/// What a shorter retention saves.
pub(crate) fn retentions(inputs: &Inputs) -> String {
    let mut table = rates_head("Redis: memory (and servers for it), by retention");
    for (name, hours) in [
        ("10 minutes", 10.0 / 60.0),
        ("12 hours", 12.0),
        ("34 hours", 34.0),
        ("48 hours, the default", 48.0),
        ("76 hours", 76.0),
    ] {
        table += &row(name, |rate| {
            let bytes = memory(rate * hours * HOUR * inputs.redis_bytes);
            format!("{bytes} ({})", servers(inputs, rate, hours * HOUR))
        });
    }
    table
}

fn servers(inputs: &Inputs, rate: f64, retention: f64) -> String {
    let bytes = rate * retention * inputs.redis_bytes;
    count((bytes / GIGABYTE / inputs.redis_gigabytes).ceil())
}

fn rates_head(what: &str) -> String {
    let [(first, _), (second, _), (third, _)] = RATES;
    format!("| {what} | {first} | {second} | {third} |\n| --- | ---: | ---: | ---: |\n")
}

fn row(what: &str, value: impl Fn(f64) -> String) -> String {
    let values = RATES.map(|(_, rate)| value(rate)).join(" | ");
    format!("| {what} | {values} |\n")
}

/// A whole number with commas.
fn count(value: f64) -> String {
    let digits = format!("{value:.0}");
    let groups: Vec<_> = (digits.as_bytes().rchunks(3).rev())
        .map(|group| String::from_utf8_lossy(group))
        .collect();
    groups.join(",")
}

fn percent(part: f64) -> String {
    format!("{:.0} %", 100.0 * part)
}

fn memory(bytes: f64) -> String {
    scaled(bytes, ["MB", "GB", "TB"])
}

fn bits(bits: f64) -> String {
    scaled(bits, ["Mbit/s", "Gbit/s", "Tbit/s"])
}

fn scaled(value: f64, [mega, giga, tera]: [&str; 3]) -> String {
    let (value, unit) = match value {
        value if value < 1e9 => (value / 1e6, mega),
        value if value < 1e12 => (value / 1e9, giga),
        value => (value / 1e12, tera),
    };
    format!("{} {unit}", short(value))
}

fn short(value: f64) -> String {
    if value < 10.0 {
        format!("{value:.1}")
    } else {
        count(value)
    }
}
