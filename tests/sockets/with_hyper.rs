//! The layer in front of hyper, over sockets, with deliveries signed by the official library.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tower::ServiceBuilder;
use tower_svix::{VerifiedBody, VerifiedEvent};
use tower_svix_tests::hyper_server;
use tower_svix_tests::net::{Inbox, Receiver, layer};

async fn start() -> Receiver {
    let inbox = Inbox::default();
    let handler_inbox = inbox.clone();
    let service =
        ServiceBuilder::new()
            .layer(layer())
            .service_fn(move |request: Request<VerifiedBody>| {
                let event: &VerifiedEvent = request.extensions().get().unwrap();
                let id = event.id().to_owned();
                handler_inbox.put(&event.clone(), request.into_body().into_bytes());
                async { Ok::<_, Infallible>(Response::new(Full::<Bytes>::from(id))) }
            });
    let address = hyper_server::serve(service).await;
    Receiver { address, inbox }
}

mod over_http1 {
    use super::start;

    tower_svix_tests::http1::http1_tests!(start);
}

mod over_http2 {
    use bytes::Bytes;
    use tower_svix_tests::http2::{self, Connection, frames, stalled};
    use tower_svix_tests::net::{BODY_LIMIT, Delivery};

    use super::start;

    #[tokio::test]
    async fn a_genuine_delivery_reaches_the_handler_in_any_frames() {
        let receiver = start().await;
        let mut connection = Connection::open(receiver.address).await;
        let deliveries = ["msg_1", "msg_2", "msg_3"]
            .map(|id| Delivery::genuine(id, r#"{"type": "job.completed"}"#));
        for (delivery, size) in deliveries.iter().zip([1, 7, 1024]) {
            let body = frames(&delivery.body, size);
            let answer = connection.post("/", delivery, &[], body).await.unwrap();
            assert_eq!(
                (answer.status, &*answer.body),
                (200, delivery.id.as_bytes())
            );
        }
        receiver.inbox.assert_holds(&deliveries.each_ref());
    }

    #[tokio::test]
    async fn a_body_up_to_the_limit_is_taken_and_no_longer_one() {
        let receiver = start().await;
        let mut connection = Connection::open(receiver.address).await;
        let fits = Delivery::genuine("msg_1", Bytes::from(vec![b'x'; BODY_LIMIT]));
        let too_long = Delivery::genuine("msg_2", Bytes::from(vec![b'x'; BODY_LIMIT + 1]));
        // Neither has a `Content-Length`: each is received until it is too long.
        for (delivery, status) in [(&fits, 200), (&too_long, 413)] {
            let body = frames(&delivery.body, 10_000);
            let answer = connection.post("/", delivery, &[], body).await.unwrap();
            assert_eq!(answer.status, status);
        }
        receiver.inbox.assert_holds(&[&fits]);
    }

    #[tokio::test]
    async fn a_forged_delivery_is_rejected_and_the_connection_lives_on() {
        let receiver = start().await;
        let mut connection = Connection::open(receiver.address).await;
        let forged = Delivery::forged("msg_1", "{}");
        let body = frames(&forged.body, 1);
        let answer = connection.post("/", &forged, &[], body).await.unwrap();
        assert_eq!(answer.status, 401);
        assert!(answer.headers.contains_key("www-authenticate"));
        receiver.inbox.assert_holds(&[]);

        let delivery = Delivery::genuine("msg_2", "{}");
        let body = frames(&delivery.body, 1);
        let answer = connection.post("/", &delivery, &[], body).await.unwrap();
        assert_eq!(answer.status, 200);
        receiver.inbox.assert_holds(&[&delivery]);
    }

    #[tokio::test]
    async fn a_delivery_that_breaks_off_never_reaches_the_handler() {
        let body = Bytes::from("a body of some length");
        http2::a_delivery_that_breaks_off_never_reaches_the_handler(start().await, "/", &[], body)
            .await;
    }

    #[tokio::test]
    async fn a_body_that_claims_to_be_too_long_is_not_waited_for() {
        let receiver = start().await;
        let mut connection = Connection::open(receiver.address).await;
        let delivery = Delivery::genuine("msg_1", "{}");
        let claim = [("content-length", "1000000")];
        let answer = connection
            .post("/", &delivery, &claim, stalled())
            .await
            .unwrap();
        assert_eq!(answer.status, 413);
        receiver.inbox.assert_holds(&[]);
    }
}
