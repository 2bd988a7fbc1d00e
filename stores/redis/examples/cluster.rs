//! A webhook receiver that processes each event once, with a Redis Cluster that remembers the ids. It also works while
//! one of the masters hangs: `WEBHOOK_SECRET=whsec_… REDIS_URLS=redis://10.0.0.1/,redis://10.0.0.2/ cargo run --example
//! cluster`.

use std::error::Error;
use std::time::Duration;

use axum::{Extension, Router, routing::post};
use redis::aio::ConnectionLike;
use redis::cluster::ClusterClientBuilder;
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{RoutingInfo, SingleNodeRoutingInfo};
use redis::{Cmd, Pipeline, RedisFuture, Value};
use tower_svix::{IdempotencyLayer, Secret, SvixVerifyLayer, VerifiedEvent};
use tower_svix_redis::RedisStore;

/// A connection to a cluster that asks another node if a master does not answer.
///
/// If a master closes its connections, the driver looks for its successor. If a master hangs, it does not. This
/// connection sends the command to another node, which redirects it to the successor, so that the driver learns of it.
/// A script of the store may then run twice, which changes nothing, because both runs have the same token.
#[derive(Clone)]
pub(crate) struct Attentive(ClusterConnection);

impl Attentive {
    pub(crate) async fn connect(urls: Vec<String>) -> redis::RedisResult<Self> {
        let client = ClusterClientBuilder::new(urls)
            // The timeout of the store is two seconds, which is long enough to ask twice.
            .response_timeout(Duration::from_millis(500))
            .build()?;
        Ok(Self(client.get_async_connection().await?))
    }
}

impl ConnectionLike for Attentive {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(async move {
            match self.0.req_packed_command(command).await {
                Err(error) if error.is_timeout() => {
                    let any = RoutingInfo::SingleNode(SingleNodeRoutingInfo::Random);
                    self.0.route_command(command.clone(), any).await
                }
                answer => answer,
            }
        })
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        commands: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        self.0.req_packed_commands(commands, offset, count)
    }

    fn get_db(&self) -> i64 {
        self.0.get_db()
    }
}

/// Runs once for each event.
async fn receive(Extension(event): Extension<VerifiedEvent>) {
    println!("{}: {} bytes", event.id(), event.payload().len());
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let secret: Secret = std::env::var("WEBHOOK_SECRET")
        .map_err(|_| "set WEBHOOK_SECRET to the secret that the sender shows")?
        .parse()?;
    let urls = std::env::var("REDIS_URLS")?;
    let connection = Attentive::connect(urls.split(',').map(str::to_owned).collect()).await?;
    let store = RedisStore::new(connection, "webhooks:");
    let app = Router::new()
        .route("/webhook", post(receive))
        .layer(IdempotencyLayer::new(store))
        .layer(SvixVerifyLayer::new(secret));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    Ok(axum::serve(listener, app).await?)
}
