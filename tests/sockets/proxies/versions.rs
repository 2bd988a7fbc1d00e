//! The configurations of the page, over each version of HTTP, in front of the example for production.

use serde_json::json;
use tower_svix_tests::http1::{Connection, head};
use tower_svix_tests::http2;
use tower_svix_tests::net::{Delivery, SECRET};
use tower_svix_tests::process::{Server, program};

use super::proxy::{Config, KINDS, Kind};
use super::receiver::Receiver;
use super::{genuine, post};

#[tokio::test]
async fn the_minimal_configuration_lets_deliveries_through_byte_for_byte() {
    for kind in KINDS {
        let server = Server::start(program("production").env("WEBHOOK_SECRET", SECRET));
        let proxy = Config::of(kind).start(&[server.address]);
        let delivery = Delivery::genuine("msg_1", "{ \"type\" :\t\"\u{fc}\"}\n");
        for _ in 0..2 {
            assert_eq!(post(proxy.address, &delivery).await, 200, "{kind:?}");
        }
        let forged = Delivery::forged("msg_2", "{}");
        assert_eq!(post(proxy.address, &forged).await, 401, "{kind:?}");

        let events = server.get_json("/events");
        let expected = json!([{"id": "msg_1", "count": 1, "duplicates": 1}]);
        for (name, value) in expected[0].as_object().unwrap() {
            assert_eq!(&events[0][name], value, "{kind:?}: {name}");
        }
        assert_eq!(events.as_array().unwrap().len(), 1, "{kind:?}");
    }
}

#[tokio::test]
async fn no_other_path_of_the_receiver_is_reachable() {
    for kind in KINDS {
        let server = Server::start(program("production").env("WEBHOOK_SECRET", SECRET));
        let proxy = Config::of(kind).start(&[server.address]);
        for path in ["/events", "/metrics", "/webhook/", "/webhook/../events"] {
            let mut connection = Connection::open(proxy.address).await;
            let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
            connection.write(request).await;
            assert_eq!(connection.answer().await.status, 404, "{kind:?}: {path}");
        }
    }
}

#[tokio::test]
async fn a_delivery_over_http2_reaches_the_receiver_over_http1() {
    for kind in KINDS {
        let receiver = Receiver::start().await;
        let config = match kind {
            // In production, TLS negotiates the version. HAProxy also recognises it by the first bytes.
            Kind::Nginx => Config::nginx().replace("127.0.0.1:8080;", "127.0.0.1:8080 http2;"),
            Kind::HaProxy => Config::haproxy(),
        };
        let proxy = config.start(&[receiver.address]);
        let mut connection = http2::Connection::open(proxy.address).await;
        let delivery = Delivery::genuine("msg_1", vec![b'x'; 40_000]);
        let forged = Delivery::forged("msg_2", "{}");
        for (delivery, status) in [(&delivery, 200), (&delivery, 200), (&forged, 401)] {
            let body = http2::frames(&delivery.body, 1_000);
            let answer = connection.post("/webhook", delivery, &[], body).await;
            assert_eq!(answer.unwrap().status, status, "{kind:?}");
        }
        assert_eq!(receiver.header("host"), ["localhost"], "{kind:?}");
        receiver.assert_processed(&[&delivery]);
    }
}

#[tokio::test]
async fn an_expectation_of_100_is_met_by_a_proxy_that_buffers() {
    for kind in KINDS {
        let receiver = Receiver::start().await;
        let proxy = Config::of(kind).start(&[receiver.address]);
        let delivery = genuine("msg_1");
        let length = delivery.body.len();
        let expect = format!("content-length: {length}\r\nexpect: 100-continue\r\n");
        let mut connection = Connection::open(proxy.address).await;
        connection.write(head(&delivery, &expect)).await;
        assert_eq!(connection.answer().await.status, 100, "{kind:?}");
        assert!(receiver.seen().requests.is_empty(), "{kind:?}");
        connection.write(&delivery.body).await;
        assert_eq!(connection.answer().await.status, 200, "{kind:?}");
        receiver.assert_processed(&[&delivery]);
    }
}
