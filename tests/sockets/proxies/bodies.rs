//! Bodies: whether the proxy buffers them, how long they may be, and how they are framed and compressed.

use std::io::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use tower_svix::{Secret, SvixVerifyLayer};
use tower_svix_tests::http1::{Connection, head};
use tower_svix_tests::net::{BODY_LIMIT, Delivery, SECRET};
use tower_svix_tests::sender::Sender;

use super::proxy::{Config, KINDS, Kind};
use super::receiver::Receiver;
use super::{genuine, post, said_to};

/// Returns a configuration that buffers, with a short timeout for a client that stalls.
fn buffering(kind: Kind) -> Config {
    match kind {
        Kind::Nginx => Config::nginx().with("client_body_timeout 3s;"),
        Kind::HaProxy => {
            Config::haproxy().replace("timeout http-request 10s", "timeout http-request 3s")
        }
    }
}

fn unbuffered(kind: Kind) -> Config {
    match kind {
        Kind::Nginx => Config::nginx().with("proxy_request_buffering off;"),
        Kind::HaProxy => Config::haproxy().without("option http-buffer-request"),
    }
}

#[tokio::test]
async fn a_stalled_upload_never_reaches_the_receiver_if_the_proxy_buffers() {
    for kind in KINDS {
        let receiver = Receiver::start().await;
        let proxy = buffering(kind).start(&[receiver.address]);
        let delivery = genuine("msg_1");
        let mut connection = Connection::open(proxy.address).await;
        let length = format!("content-length: {}\r\n", delivery.body.len());
        connection.write(head(&delivery, &length)).await;
        connection.write(&delivery.body[..9]).await;
        let said = connection.rest().await;
        match kind {
            Kind::Nginx => assert_eq!(said, ""),
            Kind::HaProxy => assert!(said.starts_with("HTTP/1.1 408 "), "{said}"),
        }
        assert!(receiver.seen().requests.is_empty(), "{kind:?}");
        assert_eq!(post(proxy.address, &delivery).await, 200, "{kind:?}");
        receiver.assert_processed(&[&delivery]);
    }
}

#[tokio::test]
async fn a_stalled_upload_occupies_the_receiver_if_the_proxy_does_not_buffer() {
    for kind in KINDS {
        let receiver = Receiver::start().await;
        let proxy = unbuffered(kind).start(&[receiver.address]);
        let delivery = genuine("msg_1");
        let mut connection = Connection::open(proxy.address).await;
        let length = format!("content-length: {}\r\n", delivery.body.len());
        connection.write(head(&delivery, &length)).await;
        connection.write(&delivery.body[..9]).await;
        receiver.until(|seen| seen.open == 1).await;
        receiver.assert_processed(&[]);
        connection.write(&delivery.body[9..]).await;
        assert_eq!(connection.answer().await.status, 200, "{kind:?}");
        receiver.assert_processed(&[&delivery]);
    }
}

/// HAProxy buffers what fits into `tune.bufsize`, 16 KiB.
#[tokio::test]
async fn a_long_upload_that_stalls_passes_the_buffer_of_haproxy() {
    let receiver = Receiver::start().await;
    let proxy = Config::haproxy().start(&[receiver.address]);
    let delivery = Delivery::genuine("msg_1", vec![b'x'; 50_000]);
    let mut connection = Connection::open(proxy.address).await;
    connection
        .write(head(&delivery, "content-length: 50000\r\n"))
        .await;
    connection.write(&delivery.body[..40_000]).await;
    receiver.until(|seen| seen.open == 1).await;
    connection.write(&delivery.body[40_000..]).await;
    assert_eq!(connection.answer().await.status, 200);
    receiver.assert_processed(&[&delivery]);
}

#[tokio::test]
async fn a_chunked_upload_arrives_whole() {
    for (kind, config, by_length) in [
        (Kind::Nginx, Config::nginx(), true),
        (Kind::Nginx, unbuffered(Kind::Nginx), false),
        (Kind::HaProxy, Config::haproxy(), false),
        (Kind::HaProxy, unbuffered(Kind::HaProxy), false),
    ] {
        let receiver = Receiver::start().await;
        let proxy = config.start(&[receiver.address]);
        let delivery = Delivery::genuine("msg_1", vec![b'x'; 40_000]);
        let mut connection = Connection::open(proxy.address).await;
        let chunked = "transfer-encoding: chunked\r\n";
        connection.write(head(&delivery, chunked)).await;
        for chunk in delivery.body.chunks(10_000) {
            connection.write(b"2710\r\n").await;
            connection.write(chunk).await;
            connection.write("\r\n").await;
        }
        connection.write("0\r\n\r\n").await;
        assert_eq!(connection.answer().await.status, 200, "{kind:?}");
        let length = receiver.header("content-length");
        let coding = receiver.header("transfer-encoding");
        if by_length {
            assert_eq!((length, coding), (vec!["40000".to_owned()], vec![]));
        } else {
            assert_eq!((length, coding), (vec![], vec!["chunked".to_owned()]));
        }
        receiver.assert_processed(&[&delivery]);
    }
}

#[tokio::test]
async fn a_body_over_the_limit_of_the_proxy_is_a_413_that_the_receiver_does_not_see() {
    for kind in KINDS {
        let receiver = Receiver::start().await;
        let config = match kind {
            Kind::Nginx => {
                Config::nginx().replace("client_max_body_size 2m", "client_max_body_size 1k")
            }
            Kind::HaProxy => Config::haproxy().replace("gt 2097152", "gt 1024"),
        };
        let proxy = config.start(&[receiver.address]);
        let at_limit = Delivery::genuine("msg_1", vec![b'x'; 1_024]);
        assert_eq!(post(proxy.address, &at_limit).await, 200, "{kind:?}");
        receiver.until(|seen| seen.open == 0).await;
        let above = Delivery::genuine("msg_2", vec![b'x'; 1_025]);
        assert_eq!(post(proxy.address, &above).await, 413, "{kind:?}");
        assert_eq!(receiver.seen().requests.len(), 1, "{kind:?}");
        receiver.assert_processed(&[&at_limit]);
    }
}

/// nginx allows 1 MiB, and the layer 2 MiB by default.
#[tokio::test]
async fn the_default_limit_of_nginx_rejects_what_the_receiver_would_take() {
    let layer = SvixVerifyLayer::new(SECRET.parse::<Secret>().unwrap());
    let receiver = Receiver::with(layer, &Arc::default()).await;
    let delivery = Delivery::genuine("msg_1", vec![b'x'; 1_500_000]);
    let proxy = Config::nginx()
        .without("client_max_body_size 2m;")
        .start(&[receiver.address]);
    let mut connection = Connection::open(proxy.address).await;
    connection
        .write(head(&delivery, "content-length: 1500000\r\n"))
        .await;
    assert_eq!(connection.answer().await.status, 413);
    assert!(receiver.seen().requests.is_empty());
    // nginx writes it to a file.
    let proxy = Config::nginx().start(&[receiver.address]);
    assert_eq!(post(proxy.address, &delivery).await, 200);
    receiver.assert_processed(&[&delivery]);
}

#[tokio::test]
async fn a_body_over_the_limit_of_the_receiver_is_its_413() {
    for kind in KINDS {
        let receiver = Receiver::start().await;
        let proxy = Config::of(kind).start(&[receiver.address]);
        let delivery = Delivery::genuine("msg_1", vec![b'x'; BODY_LIMIT + 1]);
        let said = said_to(proxy.address, &delivery).await;
        assert_rejected_unread(kind, &said, "413", "body-too-large");
        receiver.assert_processed(&[]);
    }
}

/// The receiver responds before it has read the body, and closes the connection. The proxy or the sender may find the
/// connection broken while it still sends, and then the response may be lost.
#[track_caller]
fn assert_rejected_unread(kind: Kind, said: &str, status: &str, code: &str) {
    let is_answer = said.starts_with(&format!("http/1.1 {status} ")) && said.contains(code);
    let is_lost = match kind {
        Kind::Nginx => said.starts_with("http/1.1 502 "),
        // HAProxy passes the response on, and then closes the connection, too.
        Kind::HaProxy => said.is_empty(),
    };
    assert!(is_answer || is_lost, "{kind:?}: {said}");
}

#[tokio::test]
async fn a_compressed_body_is_passed_on_as_it_was_signed() {
    for kind in KINDS {
        let receiver = Receiver::start().await;
        // Both may compress the response. They do not change the sender's body.
        let config = match kind {
            Kind::Nginx => Config::nginx().with("gzip_types *;"),
            Kind::HaProxy => Config::haproxy().with("    compression algo gzip"),
        };
        let proxy = config.start(&[receiver.address]);
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&[b'x'; 10_000]).unwrap();
        let body = Bytes::from(encoder.finish().unwrap());
        let mut delivery = Delivery::forged("msg_1", body.clone());
        let signature = Sender::with_secret(SECRET).sign(b"msg_1", delivery.timestamp(), &body);
        delivery.set("webhook-signature", &signature);

        let mut connection = Connection::open(proxy.address).await;
        let more = format!(
            "content-encoding: gzip\r\naccept-encoding: gzip\r\nconnection: close\r\ncontent-length: {}\r\n",
            body.len()
        );
        connection.write(head(&delivery, &more)).await;
        connection.write(&body).await;
        let said = connection.rest().await.to_lowercase();
        assert!(said.starts_with("http/1.1 200 "), "{kind:?}: {said}");
        let compressed = said.contains("\r\ncontent-encoding: gzip\r\n");
        assert!(compressed, "{kind:?}: {said}");
        assert_eq!(receiver.header("content-encoding"), ["gzip"], "{kind:?}");
        receiver.assert_processed(&[&delivery]);
    }
}

#[tokio::test]
async fn a_long_body_that_is_rejected_unread_may_be_a_502_instead() {
    for (kind, config) in [
        (Kind::Nginx, Config::nginx()),
        (Kind::Nginx, unbuffered(Kind::Nginx)),
        (Kind::HaProxy, Config::haproxy()),
        (Kind::HaProxy, unbuffered(Kind::HaProxy)),
    ] {
        let receiver = Receiver::start().await;
        let proxy = config.start(&[receiver.address]);
        let mut malformed = Delivery::genuine("msg_1", vec![b'x'; 1_500_000]);
        malformed.set("webhook-id", "msg.1");
        for _ in 0..10 {
            let said = said_to(proxy.address, &malformed).await;
            assert_rejected_unread(kind, &said, "401", "header-malformed");
        }
        let delivery = genuine("msg_2");
        assert_eq!(post(proxy.address, &delivery).await, 200, "{kind:?}");
        receiver.assert_processed(&[&delivery]);
    }
}
