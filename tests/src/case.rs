//! The cases of `tests/vectors/cases.json`. Its `README.md` describes them.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use tower_svix::{HeaderFamily, KeyError, SvixVerifyLayer, Verifier, VerifyingKey};

use crate::body::{EndStream, Script, Step};
use crate::clock::At;

/// The cases with a key that parsing must reject.
pub const REJECTED_FOR_THEIR_KEY: &[&str] = &[
    "secret-prefix-only",
    "secret-one-pad",
    "secret-not-base64",
    "secret-urlsafe-base64",
    "secret-urlsafe-base64-dropped",
    "secret-double-prefix",
    "secret-upper-prefix",
    "secret-inner-padding",
    "secret-length-1-mod-4",
    "secret-all-zero-24",
    "secret-whsk-as-hmac",
    "asym-key-33-bytes",
    "asym-key-empty",
    "asym-key-not-base64",
    "asym-key-whsk-given-to-verifier",
    "asym-small-order-key-identity",
    "asym-small-order-key-y0-order4",
    "asym-small-order-key-order8",
    "asym-small-order-key-order2",
];

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Expect {
    Accept,
    Reject,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Strictness {
    Spec,
    Hardening,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub name: String,
    pub group: String,
    pub strictness: Strictness,
    pub expect: Expect,
    status_hint: Option<u16>,
    pub reason: String,
    secret: String,
    #[serde(default)]
    extra_secrets: Vec<String>,
    headers: Vec<(String, String)>,
    body_base64: String,
    body_repeat: Option<usize>,
    now: u64,
    tolerance: Option<u64>,
    #[serde(default)]
    ignore_timestamp: bool,
    #[serde(default)]
    pub delivery: Delivery,
}

/// The body of a case, and how it arrives.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delivery {
    frames: Option<Vec<usize>>,
    #[serde(default)]
    pending: bool,
    end_stream_flag: Option<Late>,
    #[serde(default)]
    trailers: Vec<(String, String)>,
    pub error_after: Option<usize>,
    pub content_length: Option<u64>,
    pub size_hint_lower: Option<u64>,
    limit: Option<usize>,
    #[serde(default)]
    chained_buf: bool,
    pub http: Option<HttpVersion>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Late {
    Late,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub enum HttpVersion {
    #[serde(rename = "1.1-chunked")]
    Http1Chunked,
    #[serde(rename = "2")]
    Http2,
}

/// Returns all cases.
pub fn all() -> Vec<Case> {
    let cases: Vec<Case> =
        serde_json::from_str(include_str!("../vectors/cases.json")).expect("cases.json is valid");
    assert!(!cases.is_empty());
    cases
}

/// Returns all cases. Without ed25519, those with a valid delivery for a public key are left out.
pub fn expressible() -> impl Iterator<Item = Case> {
    all().into_iter().filter(|case| {
        cfg!(feature = "ed25519") || case.expect == Expect::Reject || !case.has_public_key()
    })
}

/// Returns the cases whose delivery is valid.
pub fn genuine() -> impl Iterator<Item = Case> {
    expressible().filter(|case| case.expect == Expect::Accept)
}

impl Case {
    /// Returns the texts of the receiver's keys.
    pub fn secret_texts(&self) -> impl Iterator<Item = &str> {
        [&self.secret]
            .into_iter()
            .chain(&self.extra_secrets)
            .map(String::as_str)
    }

    pub fn has_public_key(&self) -> bool {
        self.secret_texts().any(|text| text.starts_with("whpk_"))
    }

    pub fn keys(&self) -> Result<Vec<VerifyingKey>, KeyError> {
        self.secret_texts().map(str::parse).collect()
    }

    pub fn body(&self) -> Bytes {
        let unit = STANDARD.decode(&self.body_base64).expect("base64");
        unit.repeat(self.body_repeat.unwrap_or(1)).into()
    }

    /// Returns the header lines as they are sent: each character of a value is one byte.
    pub fn header_lines(&self) -> impl Iterator<Item = (&str, Vec<u8>)> {
        self.headers.iter().map(|(name, value)| {
            let bytes = value
                .chars()
                .map(|char| u8::try_from(char).expect("Latin-1"));
            (name.as_str(), bytes.collect())
        })
    }

    pub fn header_map(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in self.header_lines() {
            headers.append(
                name.parse::<HeaderName>().expect("a legal name"),
                HeaderValue::from_bytes(&value).expect("a legal value"),
            );
        }
        if let Some(length) = self.delivery.content_length {
            headers.insert(http::header::CONTENT_LENGTH, length.into());
        }
        headers
    }

    /// Returns the family that the receiver must read: `svix-*` if it is complete.
    pub fn family(&self) -> HeaderFamily {
        let has = |wanted| self.headers.iter().any(|(name, _)| name == wanted);
        if has("svix-id") && has("svix-timestamp") && has("svix-signature") {
            HeaderFamily::SVIX
        } else {
            HeaderFamily::WEBHOOK
        }
    }

    /// Returns the names of the three headers of [`family`](Self::family): id, timestamp, signature.
    pub fn header_names(&self) -> [&'static str; 3] {
        if self.family() == HeaderFamily::SVIX {
            ["svix-id", "svix-timestamp", "svix-signature"]
        } else {
            ["webhook-id", "webhook-timestamp", "webhook-signature"]
        }
    }

    pub fn verifier(&self, keys: Vec<VerifyingKey>) -> Verifier {
        let mut verifier = Verifier::new(keys).clock(At(self.now));
        if let Some(seconds) = self.tolerance {
            verifier = verifier.tolerance(Duration::from_secs(seconds));
        }
        if self.ignore_timestamp {
            verifier = verifier.insecure_ignore_timestamp();
        }
        verifier
    }

    pub fn layer(&self, keys: Vec<VerifyingKey>) -> SvixVerifyLayer {
        let layer = SvixVerifyLayer::from(self.verifier(keys));
        match self.delivery.limit {
            Some(limit) => layer.body_limit(limit),
            None => layer,
        }
    }

    /// Returns the frames of the body.
    pub fn frames(&self) -> Vec<Bytes> {
        let mut rest = self.body();
        let lengths = self.delivery.frames.clone().unwrap_or(vec![rest.len()]);
        let frames = lengths
            .into_iter()
            .map(|length| rest.split_to(length))
            .collect();
        assert!(rest.is_empty(), "{}: the frames leave a rest", self.name);
        frames
    }

    /// Returns the body as it arrives.
    pub fn script(&self) -> Script {
        let delivery = &self.delivery;
        let mut steps = Vec::new();
        for frame in self.frames() {
            if delivery.pending {
                steps.push(Step::Pending);
            }
            steps.push(if delivery.chained_buf {
                let half = frame.len() / 2;
                Step::parted_data(frame, half)
            } else {
                Step::data(frame)
            });
        }
        if let Some(frames) = delivery.error_after {
            assert!(!delivery.pending, "counts frames, not steps");
            steps.truncate(frames);
            steps.push(Step::Error);
        } else if !delivery.trailers.is_empty() {
            steps.push(Step::Trailers(Box::new(self.trailers())));
        }
        Script::new(steps)
            .size_hint_lower(delivery.size_hint_lower.unwrap_or(0))
            .end_stream(match delivery.end_stream_flag {
                Some(Late::Late) => EndStream::Never,
                None => EndStream::Known,
            })
    }

    /// Returns the status of the rejection.
    pub fn rejection_status(&self) -> u16 {
        self.status_hint.unwrap_or(401)
    }

    pub fn trailers(&self) -> HeaderMap {
        let mut trailers = HeaderMap::new();
        for (name, value) in &self.delivery.trailers {
            let name: HeaderName = name.parse().expect("a legal name");
            trailers.append(name, value.parse().expect("a legal value"));
        }
        trailers
    }
}
