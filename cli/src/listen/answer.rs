//! The application's response to a delivery.

use bytes::Bytes;
use hyper::Response;
use serde::{Deserialize, Serialize};

use super::delivery::base64;
use super::headers::Pairs;

/// The maximum size of the part of a response that is kept, in bytes. The sender gets the whole response.
const KEPT: usize = 256 * 1024;

/// The outcome of a delivery at the application.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reply {
    /// The application has not responded yet.
    Waiting,
    /// The delivery was rejected, or there is no application.
    NotForwarded,
    Answered(AppAnswer),
    /// The application could not be reached, or did not respond in time.
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
    /// The size of the whole body, in bytes.
    pub(crate) size: usize,
}

impl AppAnswer {
    pub(crate) fn new(response: &Response<Bytes>, milliseconds: u64) -> Self {
        let body = response.body();
        let kept = if body.len() > KEPT {
            // A slice would keep the whole body in memory.
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
