//! Headers: repeated, joined, and with underscores in their names.

use std::sync::Arc;

use tower_svix::HeaderFamily;
use tower_svix_tests::http1::{Connection, head};
use tower_svix_tests::net::{Delivery, layer};

use super::genuine;
use super::proxy::{Config, KINDS, Kind};
use super::receiver::Receiver;

/// A well-formed signature that is not valid.
const OTHER_SIGNATURE: &str = "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

/// Sends the delivery with a second line of signatures. Returns the status and the body of the response.
async fn post_with_two_lines(config: &Config, receiver: &Receiver) -> (u16, String, Delivery) {
    let proxy = config.start(&[receiver.address]);
    let delivery = genuine("msg_1");
    let more = format!(
        "webhook-signature: {OTHER_SIGNATURE}\r\ncontent-length: {}\r\n",
        delivery.body.len()
    );
    let mut connection = Connection::open(proxy.address).await;
    connection.write(head(&delivery, &more)).await;
    connection.write(&delivery.body).await;
    let answer = connection.answer().await;
    (answer.status, answer.body, delivery)
}

#[tokio::test]
async fn repeated_header_lines_stay_apart_and_are_rejected() {
    for kind in KINDS {
        let receiver = Receiver::start().await;
        let (status, body, _) = post_with_two_lines(&Config::of(kind), &receiver).await;
        assert_eq!(status, 401, "{kind:?}");
        assert!(body.contains("header-duplicate"), "{kind:?}: {body}");
        assert_eq!(receiver.header("webhook-signature").len(), 2, "{kind:?}");
        receiver.assert_processed(&[]);
    }
}

#[tokio::test]
async fn signature_lines_that_the_proxy_joins_are_read_as_one_list() {
    for kind in KINDS {
        let config = match kind {
            // nginx up to 1.22 passes the first line only, and newer versions pass all.
            Kind::Nginx => {
                Config::nginx().with("proxy_set_header webhook-signature $http_webhook_signature;")
            }
            Kind::HaProxy => Config::haproxy().with(
                "    http-request set-header webhook-signature \
                 %[req.fhdr(webhook-signature,1)],\\ %[req.fhdr(webhook-signature,2)]",
            ),
        };
        let receiver = Receiver::start().await;
        let (status, body, delivery) = post_with_two_lines(&config, &receiver).await;
        assert_eq!(status, 200, "{kind:?}: {body}");
        let [signatures] = &receiver.header("webhook-signature")[..] else {
            panic!("{kind:?}: several lines");
        };
        if kind == Kind::HaProxy {
            assert!(signatures.ends_with(&format!(", {OTHER_SIGNATURE}")));
        }
        receiver.assert_processed(&[&delivery]);
    }
}

#[tokio::test]
async fn headers_with_underscores_are_dropped_by_nginx_unless_it_is_told_to_keep_them() {
    // The directive applies to the default server of the address.
    let listen = "    listen 127.0.0.1:8080;";
    let keeping =
        Config::nginx().replace(listen, &format!("{listen}\n    underscores_in_headers on;"));
    for (name, config, status) in [
        ("nginx", Config::nginx(), 401),
        ("nginx that keeps them", keeping, 200),
        ("HAProxy", Config::haproxy(), 200),
    ] {
        let names = ["webhook_id", "webhook_timestamp", "webhook_signature"];
        let [id, timestamp, signature] = names;
        let family = HeaderFamily::named(id, timestamp, signature).unwrap();
        let receiver = Receiver::with(layer().header_family(family), &Arc::default()).await;
        let proxy = config.start(&[receiver.address]);
        let delivery = genuine("msg_1");
        let length = format!("content-length: {}\r\n", delivery.body.len());
        let mut head = head(&delivery, &length);
        for name in names {
            head = head.replace(&name.replace('_', "-"), name);
        }
        let mut connection = Connection::open(proxy.address).await;
        connection.write(head).await;
        connection.write(&delivery.body).await;
        let answer = connection.answer().await;
        assert_eq!(answer.status, status, "{name}");
        let is_missing = answer.body.contains("header-missing");
        assert_eq!(is_missing, status == 401, "{name}: {}", answer.body);
        let expected: &[_] = if status == 200 { &[&delivery] } else { &[] };
        receiver.assert_processed(expected);
    }
}
