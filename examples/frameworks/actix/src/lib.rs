//! [`Verifier`] as an extractor of actix-web.
//!
//! actix-web has no Tower services, and its headers are those of `http` 0.2: [`Verified`] passes their values on to
//! `http` 1, byte by byte.

use std::pin::Pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::error::ErrorInternalServerError;
use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_LENGTH;
use actix_web::rt::time::timeout;
use actix_web::{FromRequest, HttpRequest, HttpResponse, ResponseError, web};
use http::{HeaderMap, HeaderName, HeaderValue};
use tower_svix::{Rejection, VerifiedEvent, Verifier};

/// Configures [`Verified`]: add it to the `App`, or to the scope of a tenant, with `app_data(web::Data::new(…))`.
pub struct Webhooks {
    pub verifier: Verifier,
    /// The maximum body size, in bytes.
    pub body_limit: usize,
    /// The longest time that a body may take to arrive.
    pub body_timeout: Duration,
}

/// A verified delivery. As the argument of a handler, it takes the body.
pub struct Verified(pub VerifiedEvent);

impl FromRequest for Verified {
    type Error = actix_web::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Self::Error>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let payload = web::Payload::from_request(&request, payload);
        Box::pin(async move {
            let webhooks = request
                .app_data::<web::Data<Webhooks>>()
                .ok_or_else(|| ErrorInternalServerError("no Webhooks in the app data"))?;
            let event = verify(webhooks, &request, payload.await?).await;
            Ok(Self(event.map_err(Rejected)?))
        })
    }
}

async fn verify(
    webhooks: &Webhooks,
    request: &HttpRequest,
    payload: web::Payload,
) -> Result<VerifiedEvent, Rejection> {
    // Rejects what the headers rule out before the body is read.
    let mut verification = webhooks.verifier.start(&headers(request))?;
    let length = request.headers().get(CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
    if length.is_some_and(|length: usize| length > webhooks.body_limit) {
        return Err(Rejection::BodyTooLarge);
    }
    let body = payload.to_bytes_limited(webhooks.body_limit);
    let body = timeout(webhooks.body_timeout, body).await;
    let body = body.map_err(|_| Rejection::BodyUnreadable)?;
    let body = body.map_err(|_| Rejection::BodyTooLarge)?;
    verification.update(body.map_err(|_| Rejection::BodyUnreadable)?);
    Ok(verification.finish()?)
}

/// The headers in the types of `http` 1. A repeated header stays repeated, so that it is rejected.
fn headers(request: &HttpRequest) -> HeaderMap {
    let headers = request.headers().iter().filter_map(|(name, value)| {
        let name = HeaderName::from_bytes(name.as_ref()).ok()?;
        Some((name, HeaderValue::from_bytes(value.as_bytes()).ok()?))
    });
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(name, value);
    }
    map
}

/// The response to a delivery that is not verified: the status and the code that the layer would answer with.
#[derive(Debug)]
struct Rejected(Rejection);

impl std::fmt::Display for Rejected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl ResponseError for Rejected {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.0.status().as_u16()).unwrap_or(StatusCode::UNAUTHORIZED)
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        match self.status_code() {
            StatusCode::UNAUTHORIZED => {
                response.insert_header(("www-authenticate", "Standard-Webhooks"));
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                response.insert_header(("retry-after", "30"));
            }
            _ => {}
        }
        response
            .content_type("application/problem+json")
            .body(format!(r#"{{"code":"{}"}}"#, self.0.code()))
    }
}

/// Runs for verified deliveries only. The payload of the event is the very bytes that were signed.
#[allow(clippy::unused_async, reason = "a handler of actix-web is async")]
pub async fn receive(Verified(event): Verified) -> String {
    format!("received {}\n", event.id())
}
