//! A raw hyper server behind the layer, for HTTP/1.1 and HTTP/2 on one port.
//!
//! ```text
//! WEBHOOK_SECRET=whsec_… cargo run --example hyper
//! cargo run -p tower-svix-cli -- send --url http://127.0.0.1:3001/ --secret whsec_…
//! ```
//!
//! `LISTEN` is the address to listen on, `127.0.0.1:3001` by default. A connection that says nothing stays open: see
//! `examples/production` for limits and a graceful stop.
#![allow(clippy::print_stdout, reason = "it shows what it receives")]

use std::convert::Infallible;
use std::env;
use std::error::Error;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::time::sleep;
use tower::ServiceBuilder;
use tower_svix::{Secret, SvixVerifyLayer, VerifiedBody, VerifiedEvent};

/// Runs for verified deliveries only; the body holds the very bytes that were signed.
async fn receive(request: Request<VerifiedBody>) -> Result<Response<Full<Bytes>>, Infallible> {
    let event: &VerifiedEvent = request.extensions().get().expect("behind SvixVerifyLayer");
    let version = request.version();
    let line = format!("{} over {version:?}", event.id());
    println!("{line}: {} bytes", event.payload().len());
    Ok(Response::new(format!("received {line}\n").into()))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let secret: Secret = env::var("WEBHOOK_SECRET")
        .map_err(|error| format!("WEBHOOK_SECRET: {error}"))?
        .parse()?;
    let service = ServiceBuilder::new()
        .layer(SvixVerifyLayer::new(secret))
        .service_fn(receive);

    let address = env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3001".into());
    let listener = TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    loop {
        let accepted = listener.accept().await;
        let Ok((stream, _)) = accepted.inspect_err(|error| println!("cannot accept: {error}"))
        else {
            // Too many open files, most likely: each connection that ends frees one.
            sleep(Duration::from_millis(100)).await;
            continue;
        };
        let service = TowerToHyperService::new(service.clone());
        tokio::spawn(async move {
            let mut http = auto::Builder::new(TokioExecutor::new());
            // With a timer, hyper ends a connection on which the head of a request takes more than 30 seconds.
            http.http1().timer(TokioTimer::new());
            // Each stream may hold a body until that is known to be forged; hyper allows 200.
            http.http2().max_concurrent_streams(16);
            if let Err(error) = http.serve_connection(TokioIo::new(stream), service).await {
                println!("connection ended: {error}");
            }
        });
    }
}
