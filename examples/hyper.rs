//! A raw hyper server behind the layer, for HTTP/1.1 and HTTP/2 on one port.
//!
//! ```text
//! WEBHOOK_SECRET=whsec_… cargo run --example hyper
//! cargo run --example send -- --url http://127.0.0.1:3001/ --secret whsec_…
//! ```
//!
//! `LISTEN` is the address to listen on, `127.0.0.1:3001` by default. See the `server` example for limits and a graceful
//! shutdown.
#![allow(clippy::print_stdout, reason = "it shows what it receives")]

use std::convert::Infallible;
use std::env;
use std::error::Error;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
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
        let (stream, _) = listener.accept().await?;
        let service = TowerToHyperService::new(service.clone());
        tokio::spawn(async move {
            let http = auto::Builder::new(TokioExecutor::new());
            if let Err(error) = http.serve_connection(TokioIo::new(stream), service).await {
                println!("connection ended: {error}");
            }
        });
    }
}
