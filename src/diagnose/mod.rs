//! Find out why a delivery does not verify.
//!
//! A [`Verifier`](crate::Verifier) says whether a delivery is valid. A [`Diagnosis`] also says why it is not:
//!
//! 1. It runs the real verification.
//! 2. If that fails, it tries what usually goes wrong between a sender and a receiver.
//! 3. It reports [what would have matched](Diagnosis::findings) and what to do about it, and
//!    [what is suspicious](Diagnosis::suspicions).
//!
//! **Use it for development, never while serving requests.** It needs the text of the secret, which a receiver should
//! not keep, and it computes hundreds of MACs where verification computes one. Its output is for the developer who has
//! the secret, and not for the sender of the request.
//!
//! # Example
//!
//! ```
//! use http::HeaderMap;
//! use tower_svix::diagnose::Diagnosis;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut headers = HeaderMap::new();
//! headers.insert("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek".parse()?);
//! headers.insert("webhook-timestamp", "1614265330".parse()?);
//! headers.insert("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=".parse()?);
//! // A proxy parsed the body and printed it again, without the space after the colon.
//! let body = br#"{"test":2432232314}"#;
//!
//! let diagnosis = Diagnosis::of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", &headers, body).at(1_614_265_330);
//! assert!(diagnosis.verdict().is_err());
//! assert_eq!(diagnosis.findings()[0].code(), "body-json-reprinted");
//! println!("{diagnosis}");
//! # Ok(())
//! # }
//! ```
//!
//! # What is tried
//!
//! Single mistakes are tried, and the few pairs of mistakes that usually come together. A match with a signature is
//! certain, because no two hypotheses give the same MAC by chance.
//!
//! | `code` of the finding | Mistake |
//! | --- | --- |
//! | `key-text`, `key-text-without-prefix` | The sender uses the text of the secret as the key, with its prefix or without. |
//! | `key-decoded-twice` | The secret was encoded once more. |
//! | `key-url-safe-base64`, `key-hex`, `key-prefix-decoded` | The sender decodes the secret in another way. |
//! | `key-one-of-several`, `key-wrapped`, `key-rejected` | The receiver cannot read the text of the keys, but one of several keys in it, a key within other text, or the whole text is the right key. |
//! | `key-ed25519`, `key-not-ed25519` | The keys and the signatures are of different kinds. |
//! | `signature-hex`, `signature-form` | The signature is right, but not written in the form of the scheme. |
//! | `body-newline-added`, `body-newline-removed` | The last newline was added or removed. |
//! | `body-crlf`, `body-lf` | The line ends were converted. |
//! | `body-bom-added`, `body-bom-removed` | The byte order mark was added or removed. |
//! | `body-json-reprinted` | JSON was parsed and printed again: spaces, indentation, order, escapes, numbers. |
//! | `body-compressed` | The body was compressed with gzip, deflate or br after it was signed. |
//! | `body-base64` | The body arrived in base64, as API Gateway passes it on. |
//! | `body-utf8-replaced` | Bytes that are not UTF-8 were replaced. |
//! | `headers-other-family`, `headers-mixed`, `headers-other-names` | The headers have the names of another family, of two families, or of no known family. |
//! | `headers-malformed` | The signature is right, but a header has a form that the receiver does not accept. |
//! | `headers-joined`, `headers-repeated` | A proxy repeated the headers. |
//! | `timestamp-milliseconds`, `timestamp-reprinted`, `timestamp-form` | The timestamp is in another form than the signed one, or than seconds. |
//! | `timestamp-old`, `timestamp-new` | Only the time is wrong. |
//! | `scheme-exchanged`, `scheme-separator`, `scheme-body-alone`, `scheme-timestamp-body` | The sender signs something other than `id.timestamp.body`. |
//!
//! [`Diagnosis::suspicions`] has what is only suspicious: `clock-whole-hours`, `key-placeholder`, `content-encoding`,
//! `content-length` and `replacement-characters`.
//!
//! # What it never shows
//!
//! The output never contains the text of a key, a right signature, the value of a header or a part of the body, in any
//! form.
//!
//! # What it costs
//!
//! The work is bounded, whatever the keys, the headers and the body are: see [`Work`].

mod body;
mod compression;
mod diagnosis;
mod encoding;
mod examination;
mod examine;
mod finding;
mod headers;
mod json;
mod json_text;
mod keys;
mod reprint;
mod scheme;
mod search;
mod signatures;
mod suspicion;
mod time;
mod work;

pub use self::diagnosis::{Diagnosis, Failure};
pub use self::examination::Examination;
pub use self::finding::Finding;
pub use self::work::Work;
