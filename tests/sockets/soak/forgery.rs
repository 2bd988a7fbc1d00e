//! Deliveries that no receiver may accept.

use std::ops::Range;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use rand::RngExt as _;
use rand::rngs::StdRng;
use standardwebhooks::Webhook;
use tower_svix_tests::net::Delivery;

use super::event::payload;

/// A delivery, and its fault.
#[derive(Clone)]
pub(crate) struct Bogus {
    pub(crate) flaw: &'static str,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

const SIGNATURE: &str = standardwebhooks::HEADER_WEBHOOK_SIGNATURE;
const OTHER_SECRET: &str = concat!("whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
/// A receiver reads the whole body before it rejects the signature.
const PADDING: Range<usize> = 0..60_000;
/// A receiver rejects invalid headers at once, and may close the connection before it has read a large body.
const SMALL_PADDING: Range<usize> = 0..1_000;
/// Beyond the tolerance of 300 seconds, even for a delivery that arrives late.
const STALE_SECONDS: Range<i64> = 400..100_000;

impl Bogus {
    /// Returns a forgery with this id, which may be that of a genuine event.
    pub(crate) fn forged(id: &str, rng: &mut StdRng) -> Self {
        let kind = rng.random_range(0..8);
        let padding = if kind < 5 { PADDING } else { SMALL_PADDING };
        let body = payload("account 0", 1_000_000, rng.random_range(padding));
        let signature_of = |delivery: &Delivery| {
            let headers = delivery.headers();
            headers[SIGNATURE].to_str().unwrap().to_owned()
        };
        let genuine = Delivery::genuine(id, body.clone());
        let right = signature_of(&genuine);
        let longer = [&body, &b" "[..]].concat();
        let (flaw, wrong) = match kind {
            0 => (
                "of another body",
                signature_of(&Delivery::forged(id, body.clone())),
            ),
            1 => (
                "of a longer body",
                signature_of(&Delivery::genuine(id, longer)),
            ),
            2 => (
                "of another id",
                signature_of(&Delivery::genuine("msg", body.clone())),
            ),
            3 => (
                "of another time",
                signature_of(&Delivery::aged(id, body.clone(), 600)),
            ),
            4 => ("under another secret", under_another_secret(id, &body)),
            5 => ("of an unknown version", right.replace("v1,", "v2,")),
            6 => ("cut short", right[..20].to_owned()),
            _ => ("empty", String::new()),
        };
        let mut headers = genuine.headers();
        headers.insert(SIGNATURE, HeaderValue::from_str(&wrong).unwrap());
        Self {
            flaw,
            headers,
            body,
        }
    }

    /// Returns a delivery with a valid signature and an old or future timestamp.
    pub(crate) fn stale(id: &str, rng: &mut StdRng) -> Self {
        let body = payload("account 0", 1_000_000, rng.random_range(SMALL_PADDING));
        let age = rng.random_range(STALE_SECONDS);
        let (flaw, age) = if rng.random() {
            ("too old", age)
        } else {
            ("too new", -age)
        };
        let headers = Delivery::aged(id, body.clone(), age).headers();
        Self {
            flaw,
            headers,
            body,
        }
    }
}

fn under_another_secret(id: &str, body: &[u8]) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let timestamp = i64::try_from(now.as_secs()).unwrap();
    Webhook::new(OTHER_SECRET)
        .unwrap()
        .sign(id, timestamp, body)
        .unwrap()
}
