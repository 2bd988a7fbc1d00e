//! The official packages for Python and Node as senders to the example server and as receivers of this crate's
//! deliveries, and grpcio as a client.
//!
//! `tests/interop/setup` installs them, and `./test` calls it.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod grpc;
mod package;
mod receivers;
mod requests;
mod senders;

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::HeaderName;
use tower_svix::HeaderFamily;
use tower_svix_tests::net;

const NEW: &str = net::SECRET;
const OLD: &str = concat!("whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
/// The secrets of one side before, during and after a rotation.
const ROTATION: [&[&str]; 3] = [&[OLD], &[NEW, OLD], &[NEW]];
const FAMILIES: [HeaderFamily; 2] = [HeaderFamily::SVIX, HeaderFamily::WEBHOOK];

const JSON: &str = r#"{"type": "job.completed", "data": "Grüße, 世界 🎉"}"#;

fn large_json() -> String {
    format!(
        r#"{{"type": "job.completed", "data": "{}"}}"#,
        "é".repeat(50 * 1024)
    )
}

/// Returns bodies of all kinds that the packages can sign.
fn texts() -> [(&'static str, Bytes); 4] {
    [
        ("no body", Bytes::new()),
        ("JSON", JSON.into()),
        ("100 KiB of JSON", large_json().into()),
        ("not JSON", "line\r\nline\0\u{2028}".into()),
    ]
}

#[derive(Clone)]
struct Delivery {
    family: HeaderFamily,
    id: String,
    unix_seconds: u64,
    signatures: String,
    body: Bytes,
}

impl Delivery {
    fn headers(&self) -> [(HeaderName, String); 3] {
        [
            (self.family.id_header(), self.id.clone()),
            (
                self.family.timestamp_header(),
                self.unix_seconds.to_string(),
            ),
            (self.family.signature_header(), self.signatures.clone()),
        ]
    }
}

type Alter = fn(&mut Delivery);

/// The changes that somebody between the two sides can make to a delivery.
const ALTERATIONS: [(&str, Alter); 5] = [
    ("a longer body", |delivery| {
        delivery.body = [&delivery.body[..], b" "].concat().into();
    }),
    ("another id", |delivery| delivery.id.push('2')),
    ("another time", |delivery| delivery.unix_seconds += 1),
    ("another signature", |delivery| {
        delivery.signatures = format!("v1,{}=", "A".repeat(43));
    }),
    ("another version", |delivery| {
        delivery.signatures = delivery.signatures.replace("v1,", "v2,");
    }),
];

fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap().as_secs()
}
