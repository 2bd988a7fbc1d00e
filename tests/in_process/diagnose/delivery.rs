//! Deliveries with one mistake each, signed with only the crates `hmac` and `sha2`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, HeaderName, HeaderValue};
use sha2::Sha256;
use tower_svix::diagnose::{Diagnosis, Finding};

pub(crate) const NOW: u64 = 1_700_000_000;
pub(crate) const ID: &str = "msg_2ZsXh8Qv0cR1kLw3TnYb5EfJdGa";
pub(crate) const BODY: &str = r#"{"type":"job.completed","data":{"job_id":"1"}}"#;
/// The key of the sender. Its base64 has characters that are not in the URL-safe alphabet.
pub(crate) const KEY: &[u8] = b"\xfb\xef\xbeq7Vd2Xk9LzR4tYw8Nb\xff\xff\xff";

/// The configuration of the receiver, and what arrives.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) keys: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) now: u64,
}

impl Delivery {
    /// Returns a valid delivery.
    pub(crate) fn new() -> Self {
        Self::signed(BODY)
    }

    /// Returns a valid delivery of this body.
    pub(crate) fn signed(body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref().to_vec();
        let message = [format!("{ID}.{NOW}.").as_bytes(), &body].concat();
        Self {
            keys: secret(),
            headers: vec![
                ("webhook-id", ID.to_owned()),
                ("webhook-timestamp", NOW.to_string()),
                ("webhook-signature", v1(KEY, &message)),
            ],
            body,
            now: NOW,
        }
    }

    pub(crate) fn keys(mut self, keys: impl Into<String>) -> Self {
        self.keys = keys.into();
        self
    }

    pub(crate) fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = body.as_ref().to_vec();
        self
    }

    pub(crate) fn now(mut self, now: u64) -> Self {
        self.now = now;
        self
    }

    /// Sets a header. Replaces all lines of it.
    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.retain(|(other, _)| *other != name);
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn signature(self, list: impl Into<String>) -> Self {
        self.header("webhook-signature", list)
    }

    /// Gives the headers other names.
    pub(crate) fn renamed(mut self, names: [&'static str; 3]) -> Self {
        for (header, name) in self.headers.iter_mut().zip(names) {
            header.0 = name;
        }
        self
    }

    pub(crate) fn header_map(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let value = HeaderValue::from_str(value).expect("a legal value");
            headers.append(HeaderName::from_static(name), value);
        }
        headers
    }

    pub(crate) fn diagnose(&self) -> Diagnosis {
        Diagnosis::of(&self.keys, &self.header_map(), &self.body).at(self.now)
    }

    /// Asserts that the findings are exactly these.
    #[track_caller]
    pub(crate) fn assert_found(&self, name: &str, expected: &[&str]) {
        let diagnosis = self.diagnose();
        assert!(diagnosis.verdict().is_err(), "{name}: it is genuine");
        assert_eq!(codes(diagnosis.findings()), expected, "{name}: {diagnosis}");
        super::silence::assert_silent(name, self, &diagnosis);
    }
}

pub(crate) fn codes(findings: &[Finding]) -> Vec<&'static str> {
    findings.iter().map(Finding::code).collect()
}

/// The receiver's secret.
pub(crate) fn secret() -> String {
    format!("whsec_{}", STANDARD.encode(KEY))
}

pub(crate) fn mac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.chain_update(message).finalize().into_bytes().into()
}

/// Returns an element of a list of signatures.
pub(crate) fn v1(key: &[u8], message: &[u8]) -> String {
    format!("v1,{}", STANDARD.encode(mac(key, message)))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;

    let mut text = String::new();
    for byte in bytes {
        write!(text, "{byte:02x}").expect("a `String` takes any text");
    }
    text
}

/// Returns the bytes that the scheme signs.
pub(crate) fn message(body: &str) -> Vec<u8> {
    format!("{ID}.{NOW}.{body}").into_bytes()
}
