//! The rules of verification in their simplest form. They judge the crate.
//!
//! They are written from the documentation of `tower_svix::verify` and of the keys, the README and the Standard
//! Webhooks specification. They use nothing of the crate, and the cryptography of *ring*. What is signed is collected
//! in one `Vec` and hashed at once.
//!
//! Where the documentation does not say which cause of one numbered check is reported, all that apply are listed, and
//! the crate may report any. *Form*, in the documentation, means the version and the number of characters of a
//! signature.

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

/// The causes of a rejection. The crate must report one of them.
pub type Codes = Vec<&'static str>;

/// The settings of a receiver.
#[derive(Clone, Debug)]
pub struct Rules {
    pub family: Option<Family>,
    pub allow_dotted_ids: bool,
    /// `None`: deliveries of any age.
    pub tolerance: Option<Duration>,
    pub limit: u64,
}

/// The result of the lookup of a request's keys.
#[derive(Clone, Debug)]
pub enum Lookup {
    /// All requests belong to one receiver, with these keys.
    Single(Vec<Key>),
    /// The keys of a tenant.
    Found(Vec<Key>),
    /// There is no such tenant.
    Unknown,
    Failed,
}

/// A step of an arriving body.
#[derive(Clone, Debug)]
pub enum Arriving {
    Data(Vec<u8>),
    /// The next step takes time.
    Wait,
    Error,
}

/// A request, with the times at which its headers and its body had arrived.
#[derive(Clone, Debug)]
pub struct Request {
    pub headers: Vec<Line>,
    /// The least length that the body itself claims.
    pub least_length: u64,
    pub body: Vec<Arriving>,
    pub now: Option<u64>,
    pub later: Option<u64>,
}

/// The required result of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    Forward {
        signature_headers: SignatureHeaders,
        body: Vec<u8>,
        key_index: usize,
    },
    Reject {
        codes: Codes,
        /// Whether the body must not have been polled.
        before_body: bool,
    },
}

/// Makes the numbered checks of the documentation.
pub fn judge(rules: &Rules, lookup: &Lookup, request: &Request) -> Verdict {
    let before_body = |codes| Verdict::Reject {
        codes,
        before_body: true,
    };
    let after = |codes| Verdict::Reject {
        codes,
        before_body: false,
    };

    // 1. The three headers of one family are there, each once and well-formed.
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
    // 4. The keys that may have signed the request are found. Unless they are those of a tenant, a listed signature has
    // the form that one of them makes.
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
    // 5. The length of the body, if it is known in advance, is within the limit.
    let claimed = claimed_length(&request.headers).max(request.least_length);
    if claimed > rules.limit {
        return before_body(vec!["body-too-large"]);
    }
    // 6. The whole body arrives, within the limit.
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

/// Returns the position of the first key that made one of the listed signatures.
pub fn signer(keys: &[Key], signature_headers: &SignatureHeaders, body: &[u8]) -> Option<usize> {
    let signed = signed_content(&signature_headers.id, &signature_headers.timestamp, body);
    keys.iter()
        .position(|key| key.made_one_of(&signature_headers.signatures, &signed))
}

/// `id.timestamp.body`
pub fn signed_content(id: &[u8], timestamp: &[u8], body: &[u8]) -> Vec<u8> {
    [id, b".", timestamp, b".", body].concat()
}

/// Returns the status of a code, by the table of rejections.
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

/// Returns the first `content-length`, if it is a number, or 0.
fn claimed_length(headers: &[Line]) -> u64 {
    let first = headers.iter().find(|(name, _)| name == "content-length");
    first
        .filter(|(_, value)| value.iter().all(u8::is_ascii_digit))
        .and_then(|(_, value)| std::str::from_utf8(value).ok()?.parse().ok())
        .unwrap_or(0)
}
