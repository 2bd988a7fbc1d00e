//! Find out why a delivery does not verify.
//!
//! A verifier says yes or no. [`Diagnosis`] says why: it runs the real verification, and if that fails, it tries what
//! usually goes wrong between a sender and a receiver, and tells what would have matched and what to do about it.
//!
//! **For development, never in the path of a request.** It needs the text of the secret, which a receiver had better not
//! keep, and it computes hundreds of MACs where verification computes one. What it says is for the developer who owns the
//! secret, not for the sender of the request.
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
//! // A proxy parsed the body, and printed it anew: there was a space after the colon.
//! let body = br#"{"test":2432232314}"#;
//!
//! let diagnosis = Diagnosis::of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", &headers, body).at(1_614_265_330);
//! assert!(diagnosis.verdict().is_err());
//! println!("{diagnosis}");
//! # Ok(())
//! # }
//! ```
//!
//! # What is tried
//!
//! One mistake at a time, and the few that usually come in pairs. What matches a signature is certain: no two hypotheses
//! give the same MAC by chance.
//!
//! | `code` of the finding | Mistake |
//! | --- | --- |
//! | `key-text`, `key-text-without-prefix` | The text of the secret is the key, with its prefix or without. |
//! | `key-decoded-twice` | The secret was encoded once more. |
//! | `key-url-safe-base64`, `key-hex`, `key-prefix-decoded` | The secret is decoded in another way. |
//! | `key-one-of-several`, `key-wrapped`, `key-rejected` | One of the given keys is right, or what is in the text, or all of it, but the receiver cannot read the text. |
//! | `key-ed25519`, `key-not-ed25519` | The keys and the signatures are of different kinds. |
//! | `signature-hex`, `signature-form` | The signature is right, but not written as the scheme asks. |
//! | `body-newline-added`, `body-newline-removed` | The last newline. |
//! | `body-crlf`, `body-lf` | Line ends were exchanged. |
//! | `body-bom-added`, `body-bom-removed` | The byte order mark. |
//! | `body-json-reprinted` | JSON was parsed, and printed anew: spaces, indentation, order, escapes, numbers. |
//! | `body-compressed` | The signature covers what gzip, deflate or br compressed. |
//! | `body-base64` | The body arrived in base64, as API Gateway passes it on. |
//! | `body-utf8-replaced` | Bytes that are not UTF-8 were replaced. |
//! | `headers-other-family`, `headers-mixed`, `headers-other-names` | The headers of another family, of two, or of none that is known. |
//! | `headers-joined`, `headers-repeated` | A proxy repeated the headers. |
//! | `timestamp-milliseconds`, `timestamp-reprinted` | The timestamp is in another form than the signed one. |
//! | `timestamp-old`, `timestamp-new` | All is right but the time. |
//! | `scheme-exchanged`, `scheme-separator`, `scheme-body-alone`, `scheme-timestamp-body` | Something else than `id.timestamp.body` is signed. |
//!
//! What is merely suspicious is apart, in [`Diagnosis::suspicions`]: `clock-whole-hours`, `key-placeholder`,
//! `content-encoding`, `content-length` and `replacement-characters`.
//!
//! # What it never shows
//!
//! No text of a key, no right signature, no value of a header and no part of the body is in the output, in whatever form
//! it is printed.
//!
//! # What it costs
//!
//! Work is bounded, whatever the keys, the headers and the body are: see [`Work`].

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
