//! The cases of `tests/vectors/senders.json`: what real senders do beyond the specification.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SenderCase {
    pub name: String,
    /// The sender that does so, or why the case is there.
    pub why: String,
    /// The texts of the receiver's keys.
    pub keys: Vec<String>,
    /// How the texts become keys, or another setting of the receiver. With `None`, each text is parsed.
    pub how: Option<String>,
    pub expect: String,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    #[serde(default)]
    pub body: String,
    #[serde(default)]
    pub now: u64,
}

impl SenderCase {
    pub fn all() -> Vec<Self> {
        serde_json::from_str(include_str!("../vectors/senders.json")).unwrap()
    }

    /// Returns whether the case is about the texts of keys, and not about lists or names.
    pub fn is_about_keys(&self) -> bool {
        self.name.starts_with("key-")
    }

    pub fn header_map(&self) -> HeaderMap {
        let header = |(name, value): (&String, &String)| -> (HeaderName, _) {
            (name.parse().unwrap(), value.parse().unwrap())
        };
        self.headers.iter().map(header).collect()
    }
}
