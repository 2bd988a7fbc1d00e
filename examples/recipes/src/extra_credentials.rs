//! Basic auth, or a header with a fixed value, that the sender's portal adds to each delivery.
//!
//! This check goes outside of `SvixVerifyLayer`, where it ends a request before its body is read. It does not replace
//! the signature: only the signature covers the body, and anyone who sees one delivery knows the password.
//!
//! The last layer of an axum router is the outermost: a request passes `BasicAuth` first and then `SvixVerifyLayer`.
//!
//! The basic auth of tower-http is deprecated and compares with `==`. `ct_eq` takes a time that does not depend on how
//! much of the password is right. If an outer layer logs headers, put `SetSensitiveRequestHeadersLayer` around it.

use axum::Router;
use axum::body::Body;
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, Request, Response, StatusCode};
use axum::routing::post;
use subtle::ConstantTimeEq as _;
use tower_http::validate_request::{ValidateRequest, ValidateRequestHeaderLayer};
use tower_svix::{Secret, SvixVerifyLayer, VerifiedEvent};

/// `authorization` is the whole value, such as `Basic dXNlcjpwYXNz`: the base64 of `user:pass`.
pub fn app(secret: Secret, authorization: HeaderValue) -> Router {
    let webhook = post(receive)
        .route_layer(SvixVerifyLayer::new(secret))
        .route_layer(ValidateRequestHeaderLayer::custom(BasicAuth(authorization)));
    Router::new().route("/webhook", webhook)
}

#[derive(Clone)]
struct BasicAuth(HeaderValue);

impl<B> ValidateRequest<B> for BasicAuth {
    type ResponseBody = Body;

    fn validate(&mut self, request: &mut Request<B>) -> Result<(), Response<Body>> {
        let given = request.headers().get(AUTHORIZATION);
        let given = given.map_or(&b""[..], HeaderValue::as_bytes);
        if given.ct_eq(self.0.as_bytes()).into() {
            return Ok(());
        }
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::UNAUTHORIZED;
        let headers = response.headers_mut();
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic"));
        Err(response)
    }
}

async fn receive(event: VerifiedEvent) -> String {
    event.id().to_owned()
}

#[cfg(test)]
mod tests {
    use tower::ServiceExt as _;
    use tower_svix::Rejection;
    use tower_svix::sign::SignedBody;
    use tower_svix::test_util::SignedRequest;

    use super::*;

    const SECRET: &str = concat!("whsec_", "C2FVsBQIhrscChlQIMV+b5sSYspob7oD");
    const RIGHT: HeaderValue = HeaderValue::from_static("Basic dXNlcjpwYXNz");

    async fn answer(request: Request<SignedBody>) -> Response<Body> {
        let app = app(SECRET.parse().unwrap(), RIGHT);
        app.oneshot(request).await.unwrap()
    }

    fn delivery() -> SignedRequest {
        let secret: Secret = SECRET.parse().unwrap();
        SignedRequest::new(secret).uri("/webhook").body("{}")
    }

    #[tokio::test]
    async fn a_genuine_delivery_with_the_password_is_accepted() {
        let request = delivery().header(AUTHORIZATION, RIGHT).build();
        assert_eq!(answer(request).await.status(), 200);
    }

    #[tokio::test]
    async fn a_genuine_delivery_without_the_password_is_rejected_before_it_is_verified() {
        let wrong = HeaderValue::from_static("Basic dXNlcjpwYXNT");
        for request in [
            delivery().build(),
            delivery().header(AUTHORIZATION, wrong).build(),
        ] {
            let response = answer(request).await;
            assert_eq!(response.status(), 401);
            assert_eq!(response.headers()[WWW_AUTHENTICATE], "Basic");
            assert_eq!(response.extensions().get::<Rejection>(), None);
        }
    }

    #[tokio::test]
    async fn the_password_does_not_replace_the_signature() {
        let request = delivery().header(AUTHORIZATION, RIGHT).build_forged();
        let response = answer(request).await;
        assert_eq!(response.status(), 401);
        let rejection: &Rejection = response.extensions().get().unwrap();
        assert_eq!(rejection.code(), "signature-mismatch");
    }
}
