//! [`Verifier`] as a data guard of Rocket.
//!
//! Rocket has no Tower services, and its own types of headers: [`Verified`] passes their values on to `http` 1, byte by
//! byte.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use rocket::data::{self, Data, FromData, ToByteUnit as _};
use rocket::http::{ContentType, Header, Status};
use rocket::response::{self, Responder, Response};
use rocket::tokio::time::timeout;
use rocket::{Ignite, Request, Rocket, Sentinel, async_trait, catch, post};
use tower_svix::{Rejection, VerifiedEvent, Verifier};

/// Configures [`Verified`]: hand it to `manage`.
pub struct Webhooks {
    pub verifier: Verifier,
    /// The maximum body size, in bytes.
    pub body_limit: usize,
    /// The longest time that a body may take to arrive.
    pub body_timeout: Duration,
}

/// A verified delivery. It is the data guard of a handler: `data = "<event>"`.
///
/// Register [`rejected`] too, so that a sender is told why a delivery is rejected.
pub struct Verified(pub VerifiedEvent);

#[async_trait]
impl<'r> FromData<'r> for Verified {
    type Error = Rejection;

    async fn from_data(request: &'r Request<'_>, data: Data<'r>) -> data::Outcome<'r, Self> {
        let webhooks: Option<&Webhooks> = request.rocket().state();
        let webhooks = webhooks.expect("the sentinel has seen it");
        match verify(webhooks, request, data).await {
            Ok(event) => data::Outcome::Success(Self(event)),
            Err(rejection) => {
                // For the catcher.
                request.local_cache(|| Some(rejection));
                data::Outcome::Error((Status::new(rejection.status().as_u16()), rejection))
            }
        }
    }
}

/// Without [`Webhooks`], a server with such a handler does not start.
impl Sentinel for Verified {
    fn abort(rocket: &Rocket<Ignite>) -> bool {
        rocket.state::<Webhooks>().is_none()
    }
}

async fn verify(
    webhooks: &Webhooks,
    request: &Request<'_>,
    data: Data<'_>,
) -> Result<VerifiedEvent, Rejection> {
    // Rejects what the headers rule out before the body is read.
    let mut verification = webhooks.verifier.start(&headers(request))?;
    let length = request.headers().get_one("content-length");
    let length = length.and_then(|length| length.parse().ok());
    if length.is_some_and(|length: usize| length > webhooks.body_limit) {
        return Err(Rejection::BodyTooLarge);
    }
    let body = data.open(webhooks.body_limit.bytes()).into_bytes();
    let body = timeout(webhooks.body_timeout, body).await;
    let body = body.map_err(|_| Rejection::BodyUnreadable)?;
    let body = body.map_err(|_| Rejection::BodyUnreadable)?;
    if !body.is_complete() {
        return Err(Rejection::BodyTooLarge);
    }
    verification.update(&**body);
    Ok(verification.finish()?)
}

/// The headers in the types of `http` 1. A repeated header stays repeated, so that it is rejected.
fn headers(request: &Request<'_>) -> HeaderMap {
    let mut map = HeaderMap::new();
    for header in request.headers().iter() {
        let name = HeaderName::from_bytes(header.name().as_str().as_bytes());
        let value = HeaderValue::from_bytes(header.value().as_bytes());
        if let (Ok(name), Ok(value)) = (name, value) {
            map.append(name, value);
        }
    }
    map
}

/// The response to a delivery that is not verified: the status and the code that the layer would answer with.
pub struct Rejected(Status, Option<Rejection>);

impl<'r> Responder<'r, 'static> for Rejected {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        let Self(status, Some(rejection)) = self else {
            return self.0.respond_to(request);
        };
        let body = format!(r#"{{"code":"{}"}}"#, rejection.code());
        let mut response = Response::build_from(body.respond_to(request)?);
        response
            .status(status)
            .header(ContentType::new("application", "problem+json"));
        if status == Status::Unauthorized {
            response.header(Header::new("www-authenticate", "Standard-Webhooks"));
        }
        if status == Status::ServiceUnavailable {
            response.header(Header::new("retry-after", "30"));
        }
        response.ok()
    }
}

#[catch(default)]
pub fn rejected(status: Status, request: &Request<'_>) -> Rejected {
    Rejected(status, *request.local_cache(|| None::<Rejection>))
}

/// Runs for verified deliveries only. The payload of the event is the very bytes that were signed.
#[post("/webhook", data = "<verified>")]
pub fn receive(verified: Verified) -> String {
    let Verified(event) = verified;
    format!("received {}\n", event.id())
}
