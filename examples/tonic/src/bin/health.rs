use tower_svix::{Secret, SvixVerifyLayer};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let secret: Secret = std::env::var("WEBHOOK_SECRET")
        .map_err(|_| "set WEBHOOK_SECRET to the secret that the sender shows")?
        .parse()?;
    let (_reporter, service) = tonic_health::server::health_reporter();
    tonic::transport::Server::builder()
        // Each stream may hold a body. By default, tonic sets no limit.
        .max_concurrent_streams(16)
        .layer(SvixVerifyLayer::new(secret))
        .add_service(service)
        .serve("127.0.0.1:3000".parse()?)
        .await?;
    Ok(())
}
