//! Events, and how often each is sent.

use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use rand::RngExt as _;
use rand::rngs::StdRng;
use serde_json::json;
use tower_svix_tests::net::Delivery;

/// Large enough that the memory would grow if bodies were kept.
const PADDING: Range<usize> = 0..30_000;

/// A genuine event.
pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) account: String,
    pub(crate) pages: u32,
    pub(crate) body: Bytes,
    /// The number of its deliveries that start at the same time.
    pub(crate) at_once: usize,
    /// When it is sent again, although it was acknowledged.
    pub(crate) resent_after: Option<Duration>,
    /// Whether a forgery has the same id at the same time.
    pub(crate) is_impersonated: bool,
}

impl Event {
    /// `resend` is the longest time until an event is sent again.
    pub(crate) fn random(number: u64, resend: Duration, rng: &mut StdRng) -> Self {
        let account = format!("account {}", rng.random_range(0..10));
        let pages = rng.random_range(1..100);
        Self {
            id: format!("msg_{number}"),
            body: payload(&account, pages, rng.random_range(PADDING)),
            account,
            pages,
            at_once: if rng.random_ratio(1, 4) {
                rng.random_range(2..=4)
            } else {
                1
            },
            resent_after: rng
                .random_ratio(1, 5)
                .then(|| rng.random_range(Duration::ZERO..=resend)),
            is_impersonated: rng.random_ratio(1, 10),
        }
    }

    /// Returns the headers of a delivery that is sent now.
    pub(crate) fn headers(&self) -> HeaderMap {
        Delivery::genuine(&self.id, self.body.clone()).headers()
    }
}

pub(crate) fn payload(account: &str, pages: u32, padding: usize) -> Bytes {
    let padding = "x".repeat(padding);
    json!({"type": "job.completed", "account": account, "pages": pages, "padding": padding})
        .to_string()
        .into()
}
