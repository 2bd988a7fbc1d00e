//! What the application said to a delivery.

use bytes::Bytes;
use hyper::Response;
use serde::{Deserialize, Serialize};

use super::delivery::base64;
use super::headers::Pairs;

/// How much of an answer is kept, in bytes. The sender gets all of it.
const KEPT: usize = 256 * 1024;

/// What became of a delivery at the application.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reply {
    /// The application has not answered yet.
    Waiting,
    /// It was rejected, or there is no application.
    NotForwarded,
    Answered(AppAnswer),
    /// The application could not be reached, or did not answer in time.
    Failed {
        error: String,
        milliseconds: u64,
    },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct AppAnswer {
    pub(crate) status: u16,
    pub(crate) milliseconds: u64,
    pub(crate) headers: Pairs,
    /// The beginning of the body.
    #[serde(with = "base64")]
    pub(crate) body: Bytes,
    /// How long the whole body is, in bytes.
    pub(crate) size: usize,
}

impl AppAnswer {
    pub(crate) fn new(response: &Response<Bytes>, milliseconds: u64) -> Self {
        let body = response.body();
        let kept = if body.len() > KEPT {
            // A slice would keep the whole in memory.
            Bytes::copy_from_slice(&body[..KEPT])
        } else {
            body.clone()
        };
        Self {
            status: response.status().as_u16(),
            milliseconds,
            headers: Pairs::of(response.headers()),
            body: kept,
            size: body.len(),
        }
    }
}
