//! The cases of `tests/vectors/senders.json`: what real senders do beyond the specification.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SenderCase {
    pub name: String,
    /// Who does so.
    pub why: String,
    /// The receiver's keys, as text.
    pub keys: Vec<String>,
    /// How the texts become keys, or what else the receiver is told. `None`: each is parsed.
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

    /// Whether it is about the texts of keys, rather than about lists and names.
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
