//! A webhook receiver on AWS Lambda, behind an API Gateway, an Application Load Balancer or a function URL.
//!
//! The signature covers the body byte by byte, so the gateway must pass it on as it came: use a *proxy* integration, and
//! no mapping template, which would print the JSON anew. Whether the body then comes as text or in base64 is told by
//! `isBase64Encoded`, and `lambda_http` undoes it before the layer sees the body. A REST API takes a body that is not
//! UTF-8 for text, and breaks it, unless its content type is among the binary media types of the API.

use std::convert::Infallible;
use std::env;

use lambda_http::http::{Request, Response};
use lambda_http::tower::ServiceBuilder;
use tower_svix::{Secret, SvixVerifyLayer, VerifiedBody, VerifiedEvent};

/// Runs for verified deliveries only; the body holds the very bytes that were signed.
async fn receive(request: Request<VerifiedBody>) -> Result<Response<String>, Infallible> {
    let event: &VerifiedEvent = request.extensions().get().expect("behind the layer");
    let (id, length) = (event.id(), event.payload().len());
    Ok(Response::new(format!("received {id}: {length} bytes\n")))
}

#[tokio::main]
async fn main() -> Result<(), lambda_http::Error> {
    let secret: Secret = env::var("WEBHOOK_SECRET")
        .map_err(|_| "set WEBHOOK_SECRET to the secret that the sender shows")?
        .parse()?;
    let service = ServiceBuilder::new()
        .layer(SvixVerifyLayer::new(secret))
        .service_fn(receive);
    lambda_http::run(service).await
}
