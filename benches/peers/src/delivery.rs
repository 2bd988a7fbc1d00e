//! The delivery that every contender verifies.

use std::fmt::Write as _;
use std::iter;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, HeaderValue, Request};
use http_body_util::Full;
use sha2::Sha256;
use standardwebhooks::Webhook;

/// A published example, for tests only.
pub const SECRET: &str = concat!("whsec_", "C2FVsBQIhrscChlQIMV+b5sSYspob7oD");
pub const ID: &str = "msg_2Jv7pYGL7UwXqF3v6RjLVxQYPZG";

/// A delivery that is signed now, with the headers that a sender's HTTP client adds.
#[derive(Clone)]
pub struct Delivery {
    pub timestamp: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Delivery {
    /// Signs a JSON text of `len` bytes: for Standard Webhooks with the official crate, and for GitHub's own scheme.
    #[must_use]
    pub fn signed(len: usize) -> Self {
        let body = json(len);
        let seconds = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("a clock after 1970")
            .as_secs();
        let signature = Webhook::new(SECRET)
            .and_then(|webhook| webhook.sign(ID, seconds.cast_signed(), &body))
            .expect("the secret is valid and the body is UTF-8");
        let timestamp = seconds.to_string();
        let headers = [
            ("host", "127.0.0.1"),
            ("user-agent", "Svix-Webhooks/1.62.0"),
            ("content-type", "application/json"),
            ("content-length", &len.to_string()),
            ("webhook-id", ID),
            ("webhook-timestamp", &timestamp),
            ("webhook-signature", &signature),
            ("x-hub-signature-256", &github_signature(&body)),
        ]
        .into_iter()
        .map(|(name, value)| {
            let name = name.parse().expect("a name");
            (name, HeaderValue::from_str(value).expect("visible ASCII"))
        })
        .collect();
        Self {
            timestamp,
            headers,
            body,
        }
    }

    /// Returns a delivery with the same headers and another body.
    #[must_use]
    pub fn forged(&self) -> Self {
        let mut body = self.body.to_vec();
        *body.last_mut().expect("not empty") = b' ';
        Self {
            body: body.into(),
            ..self.clone()
        }
    }

    /// Makes the delivery too old.
    #[must_use]
    pub fn stale(mut self) -> Self {
        "1700000000".clone_into(&mut self.timestamp);
        let old = HeaderValue::from_static("1700000000");
        self.headers.insert("webhook-timestamp", old);
        self
    }

    #[must_use]
    pub fn unsigned(mut self) -> Self {
        self.headers.remove("webhook-signature");
        self
    }

    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().expect("visible ASCII")
    }

    #[must_use]
    pub fn request(&self) -> Request<Full<Bytes>> {
        let mut request = Request::post("/webhook")
            .body(Full::new(self.body.clone()))
            .expect("a valid request");
        *request.headers_mut() = self.headers.clone();
        request
    }
}

fn json(len: usize) -> Bytes {
    const START: &str = r#"{"type":"job.completed","data":""#;
    const END: &str = r#""}"#;
    let filler = "0123456789abcdef".bytes().cycle();
    let filler_len = len
        .checked_sub(START.len() + END.len())
        .expect("room for the frame");
    iter::empty()
        .chain(START.bytes())
        .chain(filler.take(filler_len))
        .chain(END.bytes())
        .collect()
}

/// Signs as GitHub does: the text of the secret is the key, only the body is signed, in hexadecimal digits.
fn github_signature(body: &[u8]) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes())
        .expect("HMAC takes keys of any length")
        .chain_update(body)
        .finalize()
        .into_bytes();
    mac.iter().fold("sha256=".to_owned(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string has room");
        text
    })
}
