//! The cost of a delivery in Redis: one command, which is one round trip, for each operation of the store.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use redis::aio::ConnectionManager;
use tokio::sync::Semaphore;
use tower::util::BoxCloneSyncService;
use tower::{ServiceBuilder, ServiceExt};
use tower_svix::{IdempotencyLayer, VerifiedBody, VerifiedEvent};
use tower_svix_redis::RedisStore;
use tower_svix_tests::net::{self, Delivery, within};
use tower_svix_tests::redis_server::RedisServer;

type Receiver = BoxCloneSyncService<Request<Full<Bytes>>, StatusCode, Infallible>;

#[tokio::test]
async fn each_operation_of_a_delivery_is_one_command() {
    let server = RedisServer::start();
    let mut commands = Commands::of(&server).await;
    let gate = Arc::new(Semaphore::new(0));
    let receiver = receiver(&server, &gate).await;
    commands.since_last().await;

    let running = tokio::spawn(deliver(&receiver, "msg_1"));
    let claim = commands.next().await;
    assert!(claim.contains("EVAL") && claim.contains("msg_1"), "{claim}");

    for _ in 0..3 {
        assert_eq!(
            deliver(&receiver, "msg_1").await,
            StatusCode::SERVICE_UNAVAILABLE
        );
        assert_eq!(commands.since_last().await, 1, "a duplicate while it runs");
    }

    gate.add_permits(1);
    assert_eq!(running.await.unwrap(), StatusCode::OK);
    assert_eq!(commands.since_last().await, 1, "the completion");

    for _ in 0..3 {
        assert_eq!(deliver(&receiver, "msg_1").await, StatusCode::OK);
        assert_eq!(commands.since_last().await, 1, "a duplicate afterwards");
    }

    gate.add_permits(2);
    assert_eq!(deliver(&receiver, "msg_2").await, StatusCode::OK);
    assert_eq!(commands.since_last().await, 2, "a claim and a completion");

    let failed = deliver(&receiver, "msg_fails").await;
    assert_eq!(failed, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(commands.since_last().await, 2, "a claim and a release");
}

/// Returns a receiver whose handler waits for `gate`, and fails for one id.
async fn receiver(server: &RedisServer, gate: &Arc<Semaphore>) -> Receiver {
    let gate = Arc::clone(gate);
    let store = RedisStore::new(server.connect().await, "webhook:");
    let service = ServiceBuilder::new()
        .layer(net::layer())
        .layer(IdempotencyLayer::new(store))
        .service_fn(move |request: Request<VerifiedBody>| {
            let gate = Arc::clone(&gate);
            async move {
                gate.acquire().await.unwrap().forget();
                let event: &VerifiedEvent = request.extensions().get().unwrap();
                let mut response = Response::new(Full::<Bytes>::default());
                if event.id() == "msg_fails" {
                    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                }
                Ok::<_, Infallible>(response)
            }
        });
    let service =
        ServiceExt::<Request<Full<Bytes>>>::map_response(service, |response| response.status());
    BoxCloneSyncService::new(service)
}

fn deliver(receiver: &Receiver, id: &str) -> impl Future<Output = StatusCode> + use<> {
    let delivery = Delivery::genuine(id, "{}");
    let mut request = Request::new(Full::new(delivery.body.clone()));
    *request.headers_mut() = delivery.headers();
    let answer = receiver.clone().oneshot(request);
    async move {
        let Ok(status) = within(answer).await;
        status
    }
}

/// The commands that clients send to a Redis server, without those that its scripts run.
struct Commands {
    lines: BoxStream<'static, String>,
    connection: ConnectionManager,
}

impl Commands {
    async fn of(server: &RedisServer) -> Self {
        let client = redis::Client::open(server.url()).unwrap();
        let monitor = client.get_async_monitor().await.unwrap();
        Self {
            lines: monitor.into_on_message().boxed(),
            connection: server.connect().await,
        }
    }

    async fn next(&mut self) -> String {
        loop {
            // `time [database client] "command" …`, with `lua` for the client in a script.
            let line = within(self.lines.next()).await.unwrap();
            if !line.contains(" lua] ") {
                return line;
            }
        }
    }

    /// Returns the number of commands since the last call.
    async fn since_last(&mut self) -> usize {
        const MARK: &str = "that is all";
        let mut echo = redis::cmd("ECHO");
        let _: String = echo
            .arg(MARK)
            .query_async(&mut self.connection)
            .await
            .unwrap();
        let mut count = 0;
        while !self.next().await.contains(MARK) {
            count += 1;
        }
        count
    }
}
