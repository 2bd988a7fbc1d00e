//! A gRPC server that verifies its calls, and a client that signs them.
//!
//! ```text
//! cargo run -p on-tonic
//! ```
//!
//! The client calls the health service of `tonic-health` twice: signed with the right secret, and then with another
//! one. `LISTEN` is the address of the server, `127.0.0.1:50051` by default.
//!
//! A signature covers the whole body of a request, so the layer must read all of it before the call starts. This suits
//! calls whose request is one message, or a stream that ends without waiting for responses. A bidirectional stream in
//! which the client waits for responses never starts.
#![allow(clippy::print_stdout, reason = "it shows how the calls end")]

use std::env;
use std::error::Error;

use http::Request;
use tokio::net::TcpListener;
use tonic::body::Body;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tower::ServiceBuilder;
use tower_svix::SvixSignLayer;
use tower_svix::sign::SignedBody;
use tower_svix::sign::generate;
use tower_svix::{Secret, SvixVerifyLayer};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let secret = new_secret()?;
    let stranger = new_secret()?;

    let (_reporter, health) = tonic_health::server::health_reporter();
    let layer = SvixVerifyLayer::new(secret.clone());
    let address = env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:50051".into());
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    println!("listening on http://{address}");
    tokio::spawn(
        Server::builder()
            // Each stream may buffer a body that turns out to be forged.
            .max_concurrent_streams(16)
            .layer(layer)
            .add_service(health)
            .serve_with_incoming(TcpIncoming::from(listener)),
    );

    let channel = Endpoint::try_from(format!("http://{address}"))?
        .connect()
        .await?;
    let answer = check(channel.clone(), secret).await?;
    println!("signed: {answer}");

    match check(channel, stranger).await {
        Err(status) if status.code() == Code::Unauthenticated => {
            println!("forged: {:?}: {}", status.code(), status.message());
            Ok(())
        }
        other => Err(format!("the forged call ended in {other:?}").into()),
    }
}

/// Asks for the health of the whole server, over a channel that signs each request.
async fn check(channel: Channel, secret: Secret) -> Result<String, Status> {
    let signing = ServiceBuilder::new()
        .layer(SvixSignLayer::new(secret))
        .map_request(|request: Request<SignedBody>| request.map(Body::new))
        .service(channel);
    let response = HealthClient::new(signing)
        .check(HealthCheckRequest::default())
        .await?
        .into_inner();
    Ok(response.status().as_str_name().into())
}

fn new_secret() -> Result<Secret, Box<dyn Error>> {
    let text = generate::secret()?;
    Ok(text.expose().parse()?)
}
