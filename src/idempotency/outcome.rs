//! The outcome of a delivery, and the answer to the sender. This is the only place that chooses a status.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderName, HeaderValue, Response, StatusCode};

use crate::grpc;
use crate::problem::problem;

/// The outcome of a delivery.
///
/// [`Idempotency`](super::Idempotency) puts it into the extensions of its response, for an outer layer to log or count.
///
/// # Example
///
/// ```
/// use http::Response;
/// use tower_svix::idempotency::Outcome;
///
/// fn log<B>(response: &Response<B>) {
///     if let Some(outcome) = response.extensions().get::<Outcome>() {
///         println!("{}: {outcome}", outcome.code());
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The inner service processed the event, and the store has recorded this.
    Processed,
    /// The inner service did not process the event. The claim was released, and a retry is processed.
    Released,
    /// The event had been processed before: the inner service was not called.
    Replayed,
    /// Another delivery of the event is being processed: the inner service was not called.
    InProgress {
        /// The time until the lease of that delivery ends.
        expires_in: Duration,
    },
    /// An event with the same key and another payload had been processed before: the inner service was not called.
    ///
    /// Either the sender gives one id to several events, or it changes the payload from one attempt to the next: see
    /// [`key`](crate::IdempotencyLayer::key) and [`any_payload`](crate::IdempotencyLayer::any_payload).
    PayloadDiffers,
    /// The inner service took longer than the lease, and another delivery has claimed the event. The event may have
    /// been processed twice. The response is the inner service's.
    Superseded,
    /// The store failed to complete or to release the claim. The response is the inner service's. Another delivery of
    /// the event is answered as if the event were in progress until the lease has passed, and is processed after that.
    Unsettled,
    /// The store failed, and the inner service was called anyway, because
    /// [`fail_open`](crate::IdempotencyLayer::fail_open) is set.
    Unprotected,
    /// The store failed: the inner service was not called.
    StoreUnavailable,
    /// The request has no [`VerifiedEvent`](crate::VerifiedEvent), because the layer is not inside
    /// [`SvixVerifyLayer`](crate::SvixVerifyLayer): the inner service was not called.
    EventMissing,
    /// An outer [`IdempotencyLayer`](crate::IdempotencyLayer) has claimed the event in the same store: the inner
    /// service was not called. Remove one of the layers, or give each its own store.
    LayersShareStore,
}

impl Outcome {
    /// Returns the stable, machine-readable name of the outcome. The responses that the middleware itself makes show
    /// it, except for the 200 to a duplicate.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Processed => "processed",
            Self::Released => "released",
            Self::Replayed => "replayed",
            Self::InProgress { .. } => "event-in-progress",
            Self::PayloadDiffers => "payload-differs",
            Self::Superseded => "superseded",
            Self::Unsettled => "unsettled",
            Self::Unprotected => "unprotected",
            Self::StoreUnavailable => "store-unavailable",
            Self::EventMissing => "event-missing",
            Self::LayersShareStore => "layers-share-store",
        }
    }

    /// Returns whether a response with this outcome can mean that the event was processed: the inner service was called
    /// and did not fail, or had been called before.
    pub(super) fn may_be_processed(self) -> bool {
        match self {
            Self::Processed
            | Self::Replayed
            | Self::Superseded
            | Self::Unsettled
            | Self::Unprotected => true,
            Self::Released
            | Self::InProgress { .. }
            | Self::PayloadDiffers
            | Self::StoreUnavailable
            | Self::EventMissing
            | Self::LayersShareStore => false,
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
            Self::PayloadDiffers => "another payload was processed under the same key before",
            Self::Superseded => "the event was claimed again while it was being processed",
            Self::Unsettled => "the outcome could not be written down",
            Self::Unprotected => "the event was processed without a look for duplicates",
            Self::StoreUnavailable => "the receiver cannot tell whether the event was processed",
            Self::EventMissing => "the receiver does not verify signatures before duplicates",
            Self::LayersShareStore => {
                "two of the receiver's layers look for duplicates in the same store"
            }
        })
    }
}

/// A response that the middleware makes itself, without a call of the inner service.
#[derive(Clone, Copy, Debug)]
pub(super) enum Answer {
    Replayed,
    InProgress { expires_in: Duration },
    PayloadDiffers,
    StoreUnavailable,
    EventMissing,
    LayersShareStore,
}

impl Answer {
    /// `is_grpc`: whether the request is a gRPC call.
    pub(super) fn into_response(self, is_grpc: bool) -> Response<Bytes> {
        const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

        let mut response = if is_grpc {
            self.end_call()
        } else {
            self.into_http()
        };
        if let Self::Replayed = self {
            let headers = response.headers_mut();
            headers.insert(REPLAYED, HeaderValue::from_static("true"));
        }
        response
    }

    fn into_http(self) -> Response<Bytes> {
        const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

        let outcome = Outcome::from(self);
        let status = match self {
            Self::Replayed => StatusCode::OK,
            // These are not final: the other delivery can still fail, and the receiver's operators can still set a key
            // that distinguishes two events. Many senders never retry after a 4xx.
            Self::InProgress { .. } | Self::PayloadDiffers | Self::StoreUnavailable => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::EventMissing | Self::LayersShareStore => StatusCode::INTERNAL_SERVER_ERROR,
        };
        if status.is_success() {
            let text = "the event had been processed before: nothing was processed again\n";
            let mut response = Response::new(Bytes::from_static(text.as_bytes()));
            response.headers_mut().insert(CONTENT_TYPE, TEXT);
            return response;
        }
        let mut response = problem(status, outcome.code(), &outcome);
        if let Self::InProgress { expires_in } = self {
            let seconds = retry_seconds(expires_in);
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response
    }

    fn end_call(self) -> Response<Bytes> {
        let outcome = Outcome::from(self);
        let code = match self {
            // Not `OK`, because a call that ends with `OK` must have a message.
            Self::Replayed => grpc::Code::AlreadyExists,
            Self::InProgress { .. } | Self::PayloadDiffers | Self::StoreUnavailable => {
                grpc::Code::Unavailable
            }
            Self::EventMissing | Self::LayersShareStore => grpc::Code::Internal,
        };
        grpc::end_call(code, Some(&format_args!("{}: {outcome}", outcome.code())))
    }
}

impl From<Answer> for Outcome {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Replayed => Self::Replayed,
            Answer::InProgress { expires_in } => Self::InProgress { expires_in },
            Answer::PayloadDiffers => Self::PayloadDiffers,
            Answer::StoreUnavailable => Self::StoreUnavailable,
            Answer::EventMissing => Self::EventMissing,
            Answer::LayersShareStore => Self::LayersShareStore,
        }
    }
}

/// Returns how long a sender is asked to wait for another delivery, in seconds: the rest of the lease, rounded up, but
/// at most a minute. The other delivery may end long before a long lease does, and a sender that waits longer may reach
/// the end of its schedule.
fn retry_seconds(lease: Duration) -> u64 {
    let is_begun = u64::from(lease.subsec_nanos() > 0);
    lease.as_secs().saturating_add(is_begun).clamp(1, 60)
}
