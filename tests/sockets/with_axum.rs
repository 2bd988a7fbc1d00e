//! The layer in front of axum, over sockets, with deliveries signed by the official library.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use axum::extract::State;
use axum::routing::post;
use axum::{Extension, Router};
use bytes::Bytes;
use tokio::net::TcpListener;
use tower_svix::VerifiedEvent;
use tower_svix_tests::http1;
use tower_svix_tests::net::{Inbox, Receiver, layer};

async fn receive(
    State(inbox): State<Inbox>,
    Extension(event): Extension<VerifiedEvent>,
    body: Bytes,
) -> String {
    assert_eq!(body, event.payload());
    inbox.put(&event, body);
    event.id().into()
}

async fn serve(router: Router<Inbox>) -> Receiver {
    let inbox = Inbox::default();
    let router = router.with_state(inbox.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async { axum::serve(listener, router).await });
    Receiver { address, inbox }
}

mod with_layer {
    use super::*;

    async fn start() -> Receiver {
        serve(
            Router::new()
                .route("/webhook", post(receive))
                .layer(layer()),
        )
        .await
    }

    http1::http1_tests!(start);
}

mod with_route_layer {
    use super::*;

    async fn start() -> Receiver {
        serve(
            Router::new()
                .route("/webhook", post(receive))
                .route_layer(layer())
                .route("/health", axum::routing::get(|| async { "well" })),
        )
        .await
    }

    http1::http1_tests!(start);

    #[tokio::test]
    async fn a_route_added_after_the_layer_needs_no_signature() {
        let receiver = start().await;
        let mut connection = http1::Connection::open(receiver.address).await;
        let request = "GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n";
        connection.write(request).await;
        assert_eq!(connection.answer().await.body, "well");
    }
}
