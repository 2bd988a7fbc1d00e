//! The outcome of a delivery and the response to it. No other file chooses a status.

use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};

/// The outcome of a delivery.
///
/// [`Inbox`](crate::Inbox) puts it into the extensions of its response, so that an outer layer can log or count it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Receipt {
    /// The event is new and was stored.
    Stored,
    /// The event was stored before.
    Duplicate,
    /// An event with this key was stored before with another payload, and is kept.
    Conflict,
    /// The event could not be stored, or not within the timeout.
    StoreUnavailable,
    /// The request has no [`VerifiedEvent`](tower_svix::VerifiedEvent), because the inbox is not inside
    /// [`SvixVerifyLayer`](tower_svix::SvixVerifyLayer).
    EventMissing,
}

impl Receipt {
    /// Returns the stable, machine-readable name of the outcome. A response to a delivery that was not stored contains it.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Duplicate => "duplicate",
            Self::Conflict => "conflict",
            Self::StoreUnavailable => "store-unavailable",
            Self::EventMissing => "event-missing",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::Stored => StatusCode::ACCEPTED,
            // Not 409: the sender would regard it as a failure, and retry.
            Self::Duplicate | Self::Conflict => StatusCode::OK,
            Self::StoreUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::EventMissing => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    pub(super) fn response(self) -> Response<String> {
        const RETRY_SECONDS: HeaderValue = HeaderValue::from_static("30");

        let (media_type, body) = match self {
            Self::Stored => ("text/plain", "stored\n"),
            Self::Duplicate | Self::Conflict => ("text/plain", "stored before\n"),
            Self::StoreUnavailable => (
                "application/problem+json",
                r#"{"title":"Service Unavailable","status":503,"code":"store-unavailable","detail":"the event could not be stored"}"#,
            ),
            Self::EventMissing => (
                "application/problem+json",
                r#"{"title":"Internal Server Error","status":500,"code":"event-missing","detail":"the inbox is not inside SvixVerifyLayer"}"#,
            ),
        };
        let mut response = Response::new(body.to_owned());
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        if self == Self::StoreUnavailable {
            headers.insert(RETRY_AFTER, RETRY_SECONDS);
        }
        response.extensions_mut().insert(self);
        response
    }
}
