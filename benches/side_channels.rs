//! Whether the time of a rejection reveals anything about the keys.
//!
//! The method is that of dudect: two classes of requests in random order, and Welch's t-test on their times. The test
//! is made once with all times, and once for each of some percentiles, without the times above it, because most slow
//! times are caused by the machine. If t is above 4.5, the two classes can be distinguished. There are two controls: a
//! comparison that stops at the first difference must be distinguished, and two equal classes must not. The benchmark
//! fails if a control fails, or if the time reveals where a signature is wrong.
//!
//! ```text
//! cargo bench -p benches --bench side_channels --features side-channels
//! ```

use std::convert::Infallible;
use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::FutureExt as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use sha2::Sha256;
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_svix::{Clock, KeyringMap, Secret, SvixVerifyLayer, VerifiedBody, Verifier};

const KEY: [u8; 32] = [7; 32];
const ID: &str = "msg_2ZsXh8Qv0cR1kLw3TnYb5EfJdGa";
const NOW: u64 = 1_700_000_000;
const BODY: &[u8] = br#"{"type":"job.completed"}"#;

/// Measurements of each class. The environment variable `SAMPLES` can set another number.
const SAMPLES: usize = 1_000_000;
/// From this value on, dudect calls two classes different.
const TOLD_APART: f64 = 4.5;
const PERCENTILES: [f64; 7] = [1.0, 0.99, 0.95, 0.9, 0.8, 0.7, 0.5];

fn main() -> ExitCode {
    let samples = std::env::var("SAMPLES").map_or(SAMPLES, |text| text.parse().expect("a number"));
    println!("{:<50} {:>9} {:>9} {:>9}", "", "ns", "ns more", "max |t|");

    let (last, first) = (with_wrong(&[42]), with_wrong(&[0]));
    let everywhere: Vec<_> = (0..43).collect();
    let all = with_wrong(&everywhere);
    let leaky = |signatures: [&str; 2]| {
        let prepare = |class: Class| signatures[class as usize].to_owned();
        measure(samples, prepare, |signature| differs(&signature))
    };
    let verifier = |signatures: [&str; 2]| {
        let verifier = Verifier::new(Secret::from_bytes(&KEY).expect("a key")).clock(Stopped);
        let prepare = |class: Class| headers(signatures[class as usize]);
        measure(samples, prepare, |headers| {
            verifier.verify(&headers, BODY).is_err()
        })
    };
    let sees_leaks =
        leaky([&last, &first]).print("a comparison that leaks: wrong at the end, start");
    let sees_none = verifier([&first, &first]).print("the verifier: wrong at the start, start");
    let position = verifier([&last, &first]).print("the verifier: wrong at the end, start");
    let extent = verifier([&first, &all]).print("the verifier: wrong at the start, everywhere");
    // The rest is the lookup, which does not promise to take the same time.
    tenants(samples, &first).print("the middleware: tenant has another key, is unknown");

    let controls_hold = sees_leaks.is_told_apart() && !sees_none.is_told_apart();
    if controls_hold && !position.is_told_apart() && !extent.is_told_apart() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Measures deliveries to a tenant with another key, and to a tenant that does not exist.
fn tenants(samples: usize, signature: &str) -> Verdict {
    let secret = Secret::from_bytes(&KEY).expect("a key");
    let tenants = KeyringMap::by_path_segment(0, [("acme", secret)]);
    let layer = SvixVerifyLayer::with_key_source(tenants).clock(Stopped);
    let service = layer.layer(service_fn(|_: Request<VerifiedBody>| async {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    }));
    let prepare = |class: Class| {
        let path = ["/acme", "/ecma"][class as usize];
        let mut request = Request::new(Full::from(BODY));
        *request.uri_mut() = path.parse().expect("a path");
        *request.headers_mut() = headers(signature);
        (service.clone(), request)
    };
    measure(
        samples,
        prepare,
        |(service, request): (_, Request<Full<Bytes>>)| {
            let response = service.oneshot(request).now_or_never();
            let response = response.expect("it waits for nothing").expect("a response");
            response.status() == StatusCode::UNAUTHORIZED
        },
    )
}

/// Compares as a verifier must not: it stops at the first difference.
fn differs(signature: &str) -> bool {
    let mut pairs = signature.bytes().zip(right_signature().into_bytes());
    pairs.any(|(a, b)| black_box(a) != black_box(b))
}

fn right_signature() -> String {
    let mac = Hmac::<Sha256>::new_from_slice(black_box(&KEY))
        .expect("HMAC takes keys of any length")
        .chain_update(format!("{ID}.{NOW}."))
        .chain_update(BODY)
        .finalize();
    format!("v1,{}", STANDARD.encode(mac.as_bytes()))
}

/// Returns the valid signature with other characters at these places of its base64.
fn with_wrong(places: &[usize]) -> String {
    let mut text = right_signature().into_bytes();
    for place in places {
        let character = &mut text["v1,".len() + place];
        // Every fourth character may be the last one before the padding.
        *character = if *character == b'A' { b'E' } else { b'A' };
    }
    String::from_utf8(text).expect("ASCII")
}

fn headers(signature: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("webhook-id", HeaderValue::from_static(ID));
    headers.insert("webhook-timestamp", NOW.into());
    headers.insert(
        "webhook-signature",
        signature.parse().expect("visible ASCII"),
    );
    headers
}

#[derive(Debug)]
struct Stopped;

impl Clock for Stopped {
    fn unix_seconds(&self) -> Option<u64> {
        Some(NOW)
    }
}

#[derive(Clone, Copy)]
enum Class {
    First,
    Second,
}

/// The strongest difference between the classes.
struct Verdict {
    /// The mean of the first class, in nanoseconds.
    mean: f64,
    /// How much longer the second class takes.
    difference: f64,
    t: f64,
}

impl Verdict {
    fn is_told_apart(&self) -> bool {
        self.t > TOLD_APART
    }

    fn print(self, name: &str) -> Self {
        let Self {
            mean,
            difference,
            t,
        } = self;
        println!("{name:<50} {mean:>9.1} {difference:>+9.2} {t:>9.2}");
        self
    }
}

/// Measures both classes in random order. Each request is made anew and in the same way, so that the classes differ in
/// their contents only, and not in their place in memory.
fn measure<R>(
    samples: usize,
    mut prepare: impl FnMut(Class) -> R,
    mut reject: impl FnMut(R) -> bool,
) -> Verdict {
    let mut rng = StdRng::seed_from_u64(0);
    let mut times = [(); 2].map(|()| Vec::with_capacity(samples * 2));
    let warm_up = samples / 10;
    for round in 0..warm_up + samples * 2 {
        let class = if rng.random() {
            Class::First
        } else {
            Class::Second
        };
        let request = black_box(prepare(black_box(class)));
        let start = Instant::now();
        let rejected = black_box(reject(request));
        let time = start.elapsed();
        assert!(rejected, "it is forged");
        if round >= warm_up {
            times[class as usize].push(time.as_secs_f64() * 1e9);
        }
    }

    let mut all = times.concat();
    all.sort_by(f64::total_cmp);
    let verdicts = PERCENTILES.map(|percentile| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            clippy::cast_sign_loss,
            reason = "it is an index, and far from 2^53"
        )]
        let limit = all[((all.len() - 1) as f64 * percentile) as usize];
        let [first, second] = times.each_ref().map(|times| Moments::of(times, limit));
        let difference = second.mean - first.mean;
        Verdict {
            mean: first.mean,
            difference,
            t: difference.abs() / (first.error() + second.error()).sqrt(),
        }
    });
    let worst = verdicts.into_iter().max_by(|a, b| a.t.total_cmp(&b.t));
    worst.expect("there are percentiles")
}

/// The mean and the variance of some times.
struct Moments {
    count: f64,
    mean: f64,
    variance: f64,
}

impl Moments {
    fn of(times: &[f64], limit: f64) -> Self {
        let times = || times.iter().filter(|time| **time <= limit);
        #[expect(clippy::cast_precision_loss, reason = "it is far from 2^53")]
        let count = times().count() as f64;
        let mean = times().sum::<f64>() / count;
        let squares: f64 = times().map(|time| (time - mean).powi(2)).sum();
        Self {
            count,
            mean,
            variance: squares / (count - 1.0),
        }
    }

    fn error(&self) -> f64 {
        self.variance / self.count
    }
}
