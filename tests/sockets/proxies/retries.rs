//! Proxies that ask another receiver. The receivers share a store of ids.

use tower_svix::idempotency::Outcome;
use tower_svix_tests::http1::{Connection, head};
use tower_svix_tests::net::Delivery;

use super::proxy::{Config, KINDS, Kind};
use super::receiver::Receiver;
use super::{away, genuine, post};

/// Returns a configuration that repeats a POST in the cases that these words name.
fn repeating(kind: Kind, nginx: &str, haproxy: &str) -> Config {
    match kind {
        Kind::Nginx => {
            Config::nginx().with(&format!("proxy_next_upstream {nginx} non_idempotent;"))
        }
        Kind::HaProxy => Config::haproxy()
            .with_in_backend(&format!("retry-on {haproxy}"))
            .with_in_backend("option redispatch 1")
            .with_in_backend("retries 1"),
    }
}

#[track_caller]
fn assert_processed_once(receivers: &[Receiver; 2], delivery: &Delivery) {
    let processed = receivers
        .each_ref()
        .map(|receiver| receiver.seen().processed.clone());
    let expected = [(delivery.id.clone(), delivery.body.clone())];
    assert_eq!(processed.concat(), expected);
}

#[tokio::test]
async fn a_receiver_that_does_not_listen_is_left_out() {
    for kind in KINDS {
        let receiver = Receiver::start().await;
        let (_socket, away) = away();
        let config = match kind {
            // No byte of the POST was sent, so nginx may repeat it.
            Kind::Nginx => Config::nginx(),
            Kind::HaProxy => Config::haproxy().with_in_backend("option redispatch 1"),
        };
        let proxy = config.start(&[away, receiver.address]);
        let deliveries = ["msg_1", "msg_2"].map(genuine);
        for delivery in &deliveries {
            assert_eq!(post(proxy.address, delivery).await, 200, "{kind:?}");
        }
        receiver.assert_processed(&deliveries.each_ref());
    }
}

#[tokio::test]
async fn a_lost_answer_is_a_502_and_the_retry_of_the_sender_is_a_duplicate() {
    // The connection to the receiver is new, or was used before.
    for (kind, earlier) in [
        (Kind::Nginx, None),
        (Kind::Nginx, Some(genuine("msg_0"))),
        (Kind::HaProxy, None),
        (Kind::HaProxy, Some(genuine("msg_0"))),
    ] {
        let receiver = Receiver::start().await;
        let proxy = Config::of(kind).start(&[receiver.address]);
        if let Some(earlier) = &earlier {
            assert_eq!(post(proxy.address, earlier).await, 200, "{kind:?}");
        }
        let delivery = genuine("msg_1");
        receiver.lose_next_answer();
        assert_eq!(post(proxy.address, &delivery).await, 502, "{kind:?}");
        assert_eq!(post(proxy.address, &delivery).await, 200, "{kind:?}");
        let outcomes = receiver.seen().outcomes.clone();
        let expected = [Outcome::Processed, Outcome::Replayed];
        assert!(outcomes.ends_with(&expected), "{kind:?}: {outcomes:?}");
        let processed: Vec<_> = earlier.iter().chain([&delivery]).collect();
        receiver.assert_processed(&processed);
    }
}

#[tokio::test]
async fn a_proxy_that_repeats_after_a_lost_answer_makes_a_duplicate() {
    for kind in KINDS {
        let receivers = Receiver::pair().await;
        let config = repeating(kind, "error", "empty-response");
        let proxy = config.start(&receivers.each_ref().map(|receiver| receiver.address));
        let delivery = genuine("msg_1");
        receivers[0].lose_next_answer();
        assert_eq!(post(proxy.address, &delivery).await, 200, "{kind:?}");
        assert_eq!(receivers[0].seen().outcomes, [Outcome::Processed]);
        assert_eq!(receivers[1].seen().outcomes, [Outcome::Replayed]);
        assert_processed_once(&receivers, &delivery);
    }
}

/// The proxy closes the connection to the first receiver and asks the second. The event may or may not be free by then.
#[tokio::test]
async fn a_proxy_that_repeats_after_a_timeout_does_not_have_the_event_processed_twice() {
    for kind in KINDS {
        let receivers = Receiver::pair().await;
        let config = repeating(kind, "timeout", "response-timeout");
        let config = match kind {
            Kind::Nginx => config.replace("proxy_read_timeout 30s", "proxy_read_timeout 3s"),
            Kind::HaProxy => config.replace("timeout server 30s", "timeout server 3s"),
        };
        let proxy = config.start(&receivers.each_ref().map(|receiver| receiver.address));
        let delivery = genuine("msg_1");
        receivers[0].hold_next();
        let status = post(proxy.address, &delivery).await;
        assert!(matches!(status, 200 | 503), "{kind:?}: {status}");
        assert_eq!(receivers[1].seen().requests.len(), 1, "{kind:?}");
        receivers[0].until(|seen| seen.open == 0).await;

        // The sender does this after a 503, and may do it after a 200.
        assert_eq!(post(proxy.address, &delivery).await, 200, "{kind:?}");
        assert_processed_once(&receivers, &delivery);
    }
}

#[tokio::test]
async fn a_proxy_that_repeats_after_a_503_asks_each_receiver_and_passes_the_last_503_on() {
    for kind in KINDS {
        let receivers = Receiver::pair().await;
        let proxy = repeating(kind, "http_503", "503")
            .start(&receivers.each_ref().map(|receiver| receiver.address));
        let delivery = genuine("msg_1");
        let length = format!("content-length: {}\r\n", delivery.body.len());
        receivers[0].hold_next();
        let mut running = Connection::open(proxy.address).await;
        running.write(head(&delivery, &length)).await;
        running.write(&delivery.body).await;
        receivers[0].until(|seen| seen.started == 1).await;

        assert_eq!(post(proxy.address, &delivery).await, 503, "{kind:?}");
        let asked = receivers
            .each_ref()
            .map(|receiver| receiver.seen().requests.len());
        assert_eq!(asked, [2, 1], "{kind:?}: the running one, and each once");

        drop(running);
        drop(proxy);
        receivers[0].until(|seen| seen.open == 0).await;
        let proxy = Config::of(kind).start(&[receivers[1].address]);
        assert_eq!(post(proxy.address, &delivery).await, 200, "{kind:?}");
        assert_processed_once(&receivers, &delivery);
    }
}
