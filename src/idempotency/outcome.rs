//! What became of a delivery, and what the sender is told: the only place that chooses a status.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{HeaderName, HeaderValue, Response, StatusCode};

use crate::grpc;
use crate::problem::problem;

/// What became of a delivery.
///
/// [`Idempotency`](super::Idempotency) leaves it in the extensions of its response, for an outer layer to log or count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The inner service processed the event, which is written down.
    Processed,
    /// The inner service did not process the event. The claim was released, and a retry is processed.
    Released,
    /// The event had been processed before: the inner service was not called.
    Replayed,
    /// Another delivery of the event is being processed: the inner service was not called.
    InProgress {
        /// When the lease of that delivery ends, from now.
        expires_in: Duration,
    },
    /// The inner service took longer than the lease, and another delivery claimed the event since. The event may have
    /// been processed twice. The response is the inner service's.
    Superseded,
    /// The inner service's response stands, but the store failed to write it down, or to release the claim. Until the
    /// lease has passed, another delivery of the event is told that it is in progress; after that, it is processed.
    Unsettled,
    /// The store failed, and the inner service was called nevertheless, as
    /// [`fail_open`](crate::IdempotencyLayer::fail_open) asks for.
    Unprotected,
    /// The store failed: the inner service was not called.
    StoreUnavailable,
    /// The request has no [`VerifiedEvent`](crate::VerifiedEvent), because the layer is not inside
    /// [`SvixVerifyLayer`](crate::SvixVerifyLayer): the inner service was not called.
    EventMissing,
}

impl Outcome {
    /// The stable, machine-readable name of the outcome. A response that the middleware itself made shows it.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Processed => "processed",
            Self::Released => "released",
            Self::Replayed => "replayed",
            Self::InProgress { .. } => "event-in-progress",
            Self::Superseded => "superseded",
            Self::Unsettled => "unsettled",
            Self::Unprotected => "unprotected",
            Self::StoreUnavailable => "store-unavailable",
            Self::EventMissing => "event-missing",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Processed => "the event was processed",
            Self::Released => "the event was not processed",
            Self::Replayed => "the event had been processed before",
            Self::InProgress { .. } => "another delivery of the event is being processed",
            Self::Superseded => "the event was claimed again while it was being processed",
            Self::Unsettled => "the outcome could not be written down",
            Self::Unprotected => "the event was processed without a look for duplicates",
            Self::StoreUnavailable => "the receiver cannot tell whether the event was processed",
            Self::EventMissing => "the receiver does not verify signatures before duplicates",
        })
    }
}

/// A response of the middleware's own: the inner service was not called.
#[derive(Clone, Copy, Debug)]
pub(super) enum Answer {
    Replayed,
    InProgress { expires_in: Duration },
    StoreUnavailable,
    EventMissing,
}

impl Answer {
    /// `is_grpc`: whether the request is a gRPC call.
    pub(super) fn into_response(self, is_grpc: bool) -> Response<Bytes> {
        const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

        let outcome = Outcome::from(self);
        let status = match self {
            Self::Replayed => StatusCode::OK,
            // Not a 2xx: the other delivery can still fail.
            Self::InProgress { .. } => StatusCode::CONFLICT,
            Self::StoreUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::EventMissing => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let mut response = if status.is_success() {
            Response::new(Bytes::new())
        } else {
            problem(status, outcome.code(), &outcome)
        };
        let headers = response.headers_mut();
        match self {
            Self::Replayed => {
                headers.insert(REPLAYED, HeaderValue::from_static("true"));
            }
            Self::InProgress { expires_in } => {
                headers.insert(RETRY_AFTER, whole_seconds(expires_in).into());
            }
            Self::StoreUnavailable | Self::EventMissing => {}
        }
        if is_grpc {
            let code = match self {
                // Not `OK`, with which a call must have a message.
                Self::Replayed => grpc::Code::AlreadyExists,
                Self::InProgress { .. } => grpc::Code::Aborted,
                Self::StoreUnavailable => grpc::Code::Unavailable,
                Self::EventMissing => grpc::Code::Internal,
            };
            grpc::end_call(
                headers,
                code,
                Some(format!("{}: {outcome}", outcome.code())),
            );
        }
        response
    }
}

impl From<Answer> for Outcome {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Replayed => Self::Replayed,
            Answer::InProgress { expires_in } => Self::InProgress { expires_in },
            Answer::StoreUnavailable => Self::StoreUnavailable,
            Answer::EventMissing => Self::EventMissing,
        }
    }
}

/// Rounds up, since the lease is still valid within its last second.
fn whole_seconds(duration: Duration) -> u64 {
    let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    seconds.max(1)
}
