//! A delivery as it is kept.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::answer::Reply;
use super::headers::Pairs;
use crate::explanation::Explanation;

/// A delivery and its outcome.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Delivery {
    /// The number, counted from 1. Numbers of forgotten deliveries are not used again.
    pub(crate) number: u64,
    /// The time of arrival, in milliseconds since 1970.
    pub(crate) received_at: u64,
    pub(crate) origin: Origin,
    pub(crate) method: String,
    /// The path and the query.
    pub(crate) target: String,
    pub(crate) headers: Pairs,
    #[serde(with = "base64")]
    pub(crate) body: Bytes,
    /// The id in the header, whether the delivery is valid or not.
    pub(crate) id: Option<String>,
    /// The type in the body, whether the delivery is valid or not.
    pub(crate) event_type: Option<String>,
    pub(crate) verdict: Verdict,
    /// The first valid delivery of the same id, if it is still known.
    pub(crate) duplicate_of: Option<u64>,
    /// Whether that delivery has another body.
    pub(crate) differs: bool,
    pub(crate) reply: Reply,
}

/// The origin of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Origin {
    Sender,
    /// The page, which sent the delivery with this number again unchanged.
    Again(u64),
    /// The page, which sent the delivery with this number with a new signature.
    SignedAnew(u64),
    /// The page, which sent the delivery with this number edited and with a new signature.
    Edited(u64),
}

/// The result of verification.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Verdict {
    /// `verified`, or the code of the rejection.
    pub(crate) code: String,
    pub(crate) text: String,
    /// Only for a rejection.
    pub(crate) explanation: Option<Explanation>,
}

impl Verdict {
    pub(crate) fn valid() -> Self {
        Self {
            code: "verified".to_owned(),
            text: "the signature is valid".to_owned(),
            explanation: None,
        }
    }

    pub(crate) fn is_valid(&self) -> bool {
        self.code == "verified"
    }
}

impl Delivery {
    /// Returns the approximate size in memory, in bytes.
    pub(crate) fn cost(&self) -> usize {
        let reply = match &self.reply {
            Reply::Answered(answer) => headers_cost(&answer.headers) + answer.body.len(),
            Reply::Waiting | Reply::NotForwarded | Reply::Failed { .. } => 0,
        };
        size_of::<Self>()
            + self.target.len()
            + headers_cost(&self.headers)
            + self.body.len()
            + reply
            + 1024
    }
}

fn headers_cost(pairs: &Pairs) -> usize {
    let cost =
        |(name, value): &(String, String)| size_of::<(String, String)>() + name.len() + value.len();
    pairs.0.iter().map(cost).sum()
}

/// Returns the `type` of a payload, if it has one.
pub(crate) fn event_type(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Payload {
        r#type: String,
    }
    let payload: Payload = serde_json::from_slice(body).ok()?;
    // It is shown in a list, so it must be short.
    Some(payload.r#type.chars().take(200).collect())
}

/// Bytes as base64 in JSON.
pub(crate) mod base64 {
    use ::base64::Engine as _;
    use ::base64::engine::general_purpose::STANDARD;
    use bytes::Bytes;
    use serde::{Deserialize as _, Deserializer, Serializer, de};

    pub(crate) fn serialize<S: Serializer>(
        bytes: &Bytes,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Bytes, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = STANDARD.decode(text).map_err(de::Error::custom)?;
        Ok(bytes.into())
    }
}
