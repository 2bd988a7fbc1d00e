//! Receivers that are slow, busy or not available, and senders that give up.

use tower_svix_tests::http1::{Connection, head};
use tower_svix_tests::net::Delivery;

use super::proxy::{Config, KINDS, Kind, Proxy};
use super::receiver::Receiver;
use super::{away, genuine, post, said_to};

const RETRY_AFTER: &str = "\r\nretry-after: ";

/// The lines that `docs/PROXIES.md` adds to the configurations.
pub(crate) const RETRY_AFTER_NGINX: &str = include_str!("retry_after.conf");
pub(crate) const RETRY_AFTER_HAPROXY: &str = include_str!("retry_after.cfg");

/// Returns a configuration that waits three seconds for the receiver.
fn impatient(kind: Kind) -> Config {
    match kind {
        Kind::Nginx => Config::nginx().replace("proxy_read_timeout 30s", "proxy_read_timeout 3s"),
        Kind::HaProxy => Config::haproxy().replace("timeout server 30s", "timeout server 3s"),
    }
}

/// Sends the delivery, and waits until its handler runs.
async fn start(proxy: &Proxy, receiver: &Receiver, delivery: &Delivery) -> Connection {
    let started = receiver.seen().started;
    let mut connection = Connection::open(proxy.address).await;
    let length = format!("content-length: {}\r\n", delivery.body.len());
    connection.write(head(delivery, &length)).await;
    connection.write(&delivery.body).await;
    receiver.until(|seen| seen.started > started).await;
    connection
}

#[tokio::test]
async fn a_receiver_that_is_slow_is_a_504_and_the_retry_is_processed() {
    for kind in KINDS {
        let receiver = Receiver::start().await;
        let proxy = impatient(kind).start(&[receiver.address]);
        let delivery = genuine("msg_1");
        receiver.hold_next();
        let said = said_to(proxy.address, &delivery).await;
        assert!(said.starts_with("http/1.1 504 "), "{kind:?}: {said}");
        assert!(!said.contains(RETRY_AFTER), "{kind:?}: {said}");
        // The proxy closes the connection, which cancels the handler and releases the event.
        receiver.until(|seen| seen.open == 0).await;
        receiver.assert_processed(&[]);

        assert_eq!(post(proxy.address, &delivery).await, 200, "{kind:?}");
        assert_eq!(receiver.seen().started, 2, "{kind:?}");
        receiver.assert_processed(&[&delivery]);
    }
}

#[tokio::test]
async fn a_receiver_that_is_away_is_a_502_of_nginx_and_a_503_of_haproxy() {
    for (kind, status) in [(Kind::Nginx, 502), (Kind::HaProxy, 503)] {
        let (_socket, away) = away();
        let proxy = Config::of(kind).start(&[away]);
        let said = said_to(proxy.address, &genuine("msg_1")).await;
        let expected = format!("http/1.1 {status} ");
        assert!(said.starts_with(&expected), "{kind:?}: {said}");
        assert!(!said.contains(RETRY_AFTER), "{kind:?}: {said}");
    }
}

#[tokio::test]
async fn a_failure_of_the_proxy_can_be_a_503_with_retry_after() {
    for kind in KINDS {
        let config = match kind {
            Kind::Nginx => {
                let location = "    location = /webhook {";
                impatient(kind).replace(location, &format!("{RETRY_AFTER_NGINX}\n{location}"))
            }
            Kind::HaProxy => impatient(kind).with(RETRY_AFTER_HAPROXY.trim_end()),
        };
        let receiver = Receiver::start().await;
        let (_socket, away) = away();
        let slow = config.start(&[receiver.address]);
        let down = config.start(&[away]);
        let delivery = genuine("msg_1");
        receiver.hold_next();
        for (name, proxy) in [("slow", &slow), ("down", &down)] {
            let said = said_to(proxy.address, &delivery).await;
            let is_503 =
                said.starts_with("http/1.1 503 ") && said.contains("\r\nretry-after: 30\r\n");
            assert!(is_503, "{kind:?}, {name}: {said}");
        }
        // The proxy does not change the receiver's own response.
        receiver.until(|seen| seen.open == 0).await;
        receiver.hold_next();
        let running = start(&slow, &receiver, &delivery).await;
        let said = said_to(slow.address, &delivery).await;
        let (_, rest) = said.split_once(RETRY_AFTER).expect("it says when");
        assert!(!rest.starts_with("30\r\n"), "{kind:?}: {said}");
        drop(running);
        receiver.release();
        let forged = Delivery::forged("msg_2", "{}");
        assert_eq!(post(slow.address, &forged).await, 401, "{kind:?}");
    }
}

#[tokio::test]
async fn an_event_in_progress_is_a_503_with_retry_after_through_the_proxy() {
    for kind in KINDS {
        let receiver = Receiver::start().await;
        let proxy = Config::of(kind).start(&[receiver.address]);
        let delivery = genuine("msg_1");
        receiver.hold_next();
        let first = start(&proxy, &receiver, &delivery).await;

        let said = said_to(proxy.address, &delivery).await;
        assert!(said.starts_with("http/1.1 503 "), "{kind:?}: {said}");
        assert!(said.contains(RETRY_AFTER), "{kind:?}: {said}");
        receiver.assert_processed(&[]);
        drop(first);
    }
}

#[tokio::test]
async fn a_sender_that_gives_up_cancels_the_handler_behind_nginx() {
    let receiver = Receiver::start().await;
    let proxy = Config::nginx().start(&[receiver.address]);
    let delivery = genuine("msg_1");
    receiver.hold_next();
    drop(start(&proxy, &receiver, &delivery).await);
    receiver.until(|seen| seen.open == 0).await;
    receiver.assert_processed(&[]);

    assert_eq!(post(proxy.address, &delivery).await, 200);
    receiver.assert_processed(&[&delivery]);
}

#[tokio::test]
async fn a_sender_that_gives_up_leaves_the_handler_running_if_the_proxy_stays() {
    let nginx = Config::nginx().with("proxy_ignore_client_abort on;");
    for (name, config) in [("nginx", nginx), ("HAProxy", Config::haproxy())] {
        let receiver = Receiver::start().await;
        let proxy = config.start(&[receiver.address]);
        let delivery = genuine("msg_1");
        receiver.hold_next();
        drop(start(&proxy, &receiver, &delivery).await);
        // The event is still claimed.
        assert_eq!(post(proxy.address, &delivery).await, 503, "{name}");
        receiver.release();
        receiver.until(|seen| seen.open == 0).await;
        receiver.assert_processed(&[&delivery]);

        assert_eq!(post(proxy.address, &delivery).await, 200, "{name}");
        receiver.assert_processed(&[&delivery]);
    }
}
