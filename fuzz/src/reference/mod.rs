//! The rules of verification, as naive as they can be written: the judge of the crate.
//!
//! Written from the documentation of `tower_svix::verify` and of the keys, the README and the Standard Webhooks
//! specification, with nothing of the crate in it, and with the cryptography of *ring*. Whatever is signed is put together
//! in one `Vec` and hashed in one go.
//!
//! Where the documentation leaves open which cause of one numbered check is told, all that hold are given, and the crate
//! may tell any. What it says of *form* is taken to mean the version and the number of characters of a signature.

mod base64;
mod ed25519;
mod headers;
mod key;

use std::time::Duration;

pub use self::base64::{decode as base64_decode, encode as base64_encode};
pub use self::ed25519::{GROUP_ORDER, SMALL_ORDER};
pub use self::headers::{Family, Line, SignatureHeaders};
pub use self::key::{
    Key, KeyError, has_prefix, hex, hmac_sha256, non_zero, parse_private, parts, trim, unversioned,
};

/// The causes of a rejection, one of which the crate must tell.
pub type Codes = Vec<&'static str>;

/// What a receiver asks of deliveries.
#[derive(Clone, Debug)]
pub struct Rules {
    pub family: Option<Family>,
    pub allow_dotted_ids: bool,
    /// `None`: deliveries of any age.
    pub tolerance: Option<Duration>,
    pub limit: u64,
}

/// What a receiver finds when it looks up the keys of a request.
#[derive(Clone, Debug)]
pub enum Lookup {
    /// All requests belong to one receiver, who has these.
    Single(Vec<Key>),
    /// Those of a tenant.
    Found(Vec<Key>),
    /// Nobody is known there.
    Unknown,
    Failed,
}

/// One event while a body arrives.
#[derive(Clone, Debug)]
pub enum Arriving {
    Data(Vec<u8>),
    /// What follows takes its time.
    Wait,
    Error,
}

/// A request, and the time when its headers and when its body were there.
#[derive(Clone, Debug)]
pub struct Request {
    pub headers: Vec<Line>,
    /// The length that the body itself claims to have at least.
    pub least_length: u64,
    pub body: Vec<Arriving>,
    pub now: Option<u64>,
    pub later: Option<u64>,
}

/// What must become of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    Forward {
        signature_headers: SignatureHeaders,
        body: Vec<u8>,
        key_index: usize,
    },
    Reject {
        codes: Codes,
        /// Whether the body must not have been touched.
        before_body: bool,
    },
}

/// Goes through the numbered checks of the documentation.
pub fn judge(rules: &Rules, lookup: &Lookup, request: &Request) -> Verdict {
    let before_body = |codes| Verdict::Reject {
        codes,
        before_body: true,
    };
    let after = |codes| Verdict::Reject {
        codes,
        before_body: false,
    };

    // 1. The three headers of one family are there, each once and in its proper form.
    let signature_headers =
        match SignatureHeaders::read(&request.headers, rules.family, rules.allow_dotted_ids) {
            Ok(signature_headers) => signature_headers,
            Err(codes) => return before_body(codes),
        };
    // 2. The timestamp is within the tolerance of the clock.
    if let Some(code) = untimely(rules, &signature_headers, request.now) {
        return before_body(vec![code]);
    }
    // 3. A listed signature has a supported version and form.
    if !signature_headers.lists_supported_signature() {
        return before_body(vec!["signature-unsupported"]);
    }
    // 4. The keys that may have signed the request are there. Unless they are those of a tenant, a listed signature has the
    // form that one of them makes.
    let keys: &[Key] = match lookup {
        Lookup::Single(keys) => {
            let list = &signature_headers.signatures;
            if !keys.iter().any(|key| key.can_match(list)) {
                return before_body(vec!["signature-unsupported"]);
            }
            keys
        }
        Lookup::Found(keys) => keys,
        Lookup::Unknown => &[],
        Lookup::Failed => return before_body(vec!["keys-unavailable"]),
    };
    // 5. The length of the body, where it is known in advance, is within the limit.
    let claimed = claimed_length(&request.headers).max(request.least_length);
    if claimed > rules.limit {
        return before_body(vec!["body-too-large"]);
    }
    // 6. The body arrives whole, within the limit.
    let mut body = Vec::new();
    for event in &request.body {
        match event {
            Arriving::Data(data) => body.extend_from_slice(data),
            // Each time that a request is woken, the timestamp must still be within the tolerance.
            Arriving::Wait => {
                if let Some(code) = untimely(rules, &signature_headers, request.later) {
                    return after(vec![code]);
                }
            }
            Arriving::Error => return after(vec!["body-unreadable"]),
        }
        if body.len() as u64 > rules.limit {
            return after(vec!["body-too-large"]);
        }
    }
    // 7. One of the listed signatures was made with one of the keys, and the timestamp is still within the tolerance.
    let mut codes = Vec::new();
    let signer = signer(keys, &signature_headers, &body);
    if signer.is_none() {
        codes.push("signature-mismatch");
    }
    codes.extend(untimely(rules, &signature_headers, request.later));
    match signer {
        Some(key_index) if codes.is_empty() => Verdict::Forward {
            signature_headers,
            body,
            key_index,
        },
        _ => after(codes),
    }
}

/// The position of the first of the keys that made one of the listed signatures.
pub fn signer(keys: &[Key], signature_headers: &SignatureHeaders, body: &[u8]) -> Option<usize> {
    let signed = signed_content(&signature_headers.id, &signature_headers.timestamp, body);
    keys.iter()
        .position(|key| key.made_one_of(&signature_headers.signatures, &signed))
}

/// `id.timestamp.body`
pub fn signed_content(id: &[u8], timestamp: &[u8], body: &[u8]) -> Vec<u8> {
    [id, b".", timestamp, b".", body].concat()
}

/// The status that comes with a code, after the table of rejections.
pub fn status_of(code: &str) -> u16 {
    match code {
        "header-missing"
        | "header-duplicate"
        | "header-malformed"
        | "timestamp-malformed"
        | "timestamp-too-old"
        | "timestamp-too-new"
        | "signature-unsupported"
        | "signature-mismatch" => 401,
        "body-too-large" => 413,
        "body-unreadable" | "clock-unavailable" | "keys-unavailable" | "memory-exhausted" => 503,
        _ => panic!("{code} is not in the table of rejections"),
    }
}

fn untimely(
    rules: &Rules,
    signature_headers: &SignatureHeaders,
    now: Option<u64>,
) -> Option<&'static str> {
    let tolerance = rules.tolerance?;
    let Some(now) = now else {
        return Some("clock-unavailable");
    };
    let then = signature_headers.unix_seconds;
    if Duration::from_secs(now.abs_diff(then)) <= tolerance {
        None
    } else if then < now {
        Some("timestamp-too-old")
    } else {
        Some("timestamp-too-new")
    }
}

/// What the first `content-length` says, if it is a number, and 0 if none is known.
fn claimed_length(headers: &[Line]) -> u64 {
    let first = headers.iter().find(|(name, _)| name == "content-length");
    first
        .filter(|(_, value)| value.iter().all(u8::is_ascii_digit))
        .and_then(|(_, value)| std::str::from_utf8(value).ok()?.parse().ok())
        .unwrap_or(0)
}
