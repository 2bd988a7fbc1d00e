//! A webhook receiver on hyper without a framework, for HTTP/1.1 and HTTP/2 on one port.
//!
//! ```text
//! WEBHOOK_SECRET=whsec_… cargo run --example hyper
//! cargo run -p tower-svix-cli -- send --url http://127.0.0.1:3001/ --secret whsec_…
//! ```
//!
//! `LISTEN` is the address to listen on, `127.0.0.1:3001` by default. A client that
//! connects and sends nothing keeps its connection: see `examples/production` for limits and a graceful stop.
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

/// Runs only for verified deliveries. `VerifiedBody` has exactly the bytes that were signed, and only the layer makes
/// one, so this handler does not compile without the layer.
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
        .map_err(|_| "set WEBHOOK_SECRET to the secret that the sender shows")?
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
            // Most likely, too many files are open. Each connection that ends closes one.
            sleep(Duration::from_millis(100)).await;
            continue;
        };
        let service = TowerToHyperService::new(service.clone());
        tokio::spawn(async move {
            let mut http = auto::Builder::new(TokioExecutor::new());
            // With a timer, hyper closes a connection if the head of a request takes more than 30 seconds.
            http.http1().timer(TokioTimer::new());
            // Each stream may buffer a body that turns out to be forged. The default of hyper is 200 streams.
            http.http2().max_concurrent_streams(16);
            if let Err(error) = http.serve_connection(TokioIo::new(stream), service).await {
                println!("connection ended: {error}");
            }
        });
    }
}
