//! What an operator sees with the feature `tracing`.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use http::Request;
use http_body_util::Full;
use tower_svix::IdempotencyLayer;
use tower_svix::idempotency::{EventKey, MemoryStore};
use tower_svix_tests::net::{Delivery, within};
use tower_svix_tests::subscriber;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

use super::{Handler, deliver, receiver, remote, request};

/// Keeps the level, code and message of each event of the middleware.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<Line>>>);

#[derive(Debug)]
struct Line {
    level: Level,
    code: String,
    message: String,
}

impl<S: Subscriber> Layer<S> for Log {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut line = Line {
            level: *event.metadata().level(),
            code: String::new(),
            message: String::new(),
        };
        event.record(&mut line);
        if event.metadata().target().starts_with("tower_svix") {
            self.0.lock().unwrap().push(line);
        }
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "code" {
            value.clone_into(&mut self.code);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        }
    }
}

#[tokio::test]
async fn what_the_store_could_not_be_told_is_reported_with_the_id() {
    let log = Log::default();
    let _guard = subscriber::set_default(tracing_subscriber::registry().with(log.clone()));
    let (store, _) = remote();
    let service = receiver(IdempotencyLayer::new(store.clone()), &Handler::failing(1));

    store.claim.lose_replies(true);
    deliver(&service, request("msg_1")).await.unwrap();
    store.claim.lose_replies(false);
    within(store.run_spawned()).await;
    store.complete.lose_replies(true);
    store.release.lose_replies(true);
    deliver(&service, request("msg_1")).await.unwrap();
    deliver(&service, request("msg_1")).await.unwrap();

    let lines = log.0.lock().unwrap();
    let codes: Vec<_> = lines.iter().map(|line| &*line.code).collect();
    assert_eq!(
        codes,
        ["claim-failed", "release-failed", "completion-failed"]
    );
    for line in lines.iter() {
        assert_eq!(line.level, Level::ERROR);
        assert!(line.message.contains("msg_1"), "{line:?}");
        assert!(line.message.contains("the reply was lost"), "{line:?}");
    }
}

/// Nobody knows whether the claim was made. So it is expected that another delivery has it, or that it is completed.
#[tokio::test]
async fn the_release_of_a_claim_without_a_reply_reports_nothing_of_others() {
    let log = Log::default();
    let _guard = subscriber::set_default(tracing_subscriber::registry().with(log.clone()));
    let (store, _) = remote();
    let service = receiver(IdempotencyLayer::new(store.clone()), &Handler::default());

    deliver(&service, request("msg_1")).await.unwrap();
    store.claim.lose_replies(true);
    deliver(&service, request("msg_1")).await.unwrap();
    assert_eq!(within(store.run_spawned()).await, 1);

    let lines = log.0.lock().unwrap();
    let codes: Vec<_> = lines.iter().map(|line| &*line.code).collect();
    assert_eq!(codes, ["claim-failed"]);
}

#[tokio::test]
async fn a_payload_that_differs_is_reported_without_its_content() {
    let log = Log::default();
    let _guard = subscriber::set_default(tracing_subscriber::registry().with(log.clone()));
    let service = receiver(
        IdempotencyLayer::new(MemoryStore::new()),
        &Handler::default(),
    );
    for body in ["the-first-body", "the-second-body"] {
        let delivery = Delivery::genuine("msg_1", body);
        let mut request = Request::new(Full::new(delivery.body.clone()));
        *request.headers_mut() = delivery.headers();
        deliver(&service, request).await.unwrap();
    }
    let lines = log.0.lock().unwrap();
    let [line] = &lines[..] else {
        panic!("{lines:?}");
    };
    assert_eq!((line.level, &*line.code), (Level::ERROR, "payload-differs"));
    assert!(line.message.contains("msg_1"), "{line:?}");
    assert!(line.message.contains("IdempotencyLayer::key"), "{line:?}");
    assert!(!line.message.contains("body"), "{line:?}");
}

/// Whoever chooses an id in a payload must not be able to write lines of the log.
#[tokio::test]
async fn a_key_from_a_payload_cannot_forge_a_line_of_the_log() {
    let log = Log::default();
    let _guard = subscriber::set_default(tracing_subscriber::registry().with(log.clone()));
    let (store, _) = remote();
    store.claim.lose_replies(true);
    let layer = IdempotencyLayer::new(store).key(|event| {
        let payload = std::str::from_utf8(event.payload()).unwrap();
        EventKey::new(event.tenant(), payload)
    });
    let service = receiver(layer, &Handler::default());
    let body = format!("a\nERROR forged\u{202e}\u{1b}[2J{}", "x".repeat(10_000));
    let delivery = Delivery::genuine("msg_1", body);
    let mut request = Request::new(Full::new(delivery.body.clone()));
    *request.headers_mut() = delivery.headers();
    deliver(&service, request).await.unwrap();

    let lines = log.0.lock().unwrap();
    let [line] = &lines[..] else {
        panic!("{lines:?}");
    };
    assert!(
        line.message
            .contains(":a\\nERROR forged\\u{202e}\\u{1b}[2Jxxx"),
        "{line:?}"
    );
    assert!(
        line.message.bytes().all(|byte| matches!(byte, b' '..=b'~')),
        "{line:?}"
    );
    assert!(line.message.len() < 400, "{line:?}");
}
