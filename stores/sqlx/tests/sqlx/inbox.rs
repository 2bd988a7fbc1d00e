//! Each acknowledged event is stored once, and unchanged.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use futures_util::future::join_all;
use http::{Request, StatusCode};
use http_body_util::Full;
use tower::ServiceExt as _;
use tower_svix::idempotency::EventKey;
use tower_svix::{Keyring, Secret, SvixVerifyLayer};
use tower_svix_sqlx::Inbox;
use tower_svix_sqlx::inbox::{Filter, Receipt, State};
use tower_svix_tests::net::{Delivery, SECRET, layer};
use tower_svix_tests::sender::Sender;

use super::support::{TestDatabase, answer, deliver, deliver_many, on_each_engine, send};

on_each_engine!(
    each_delivery_has_its_answer,
    any_payload_is_stored_as_it_is,
    of_many_deliveries_at_once_one_is_stored,
    tenants_and_keys_tell_events_apart,
    operators_see_and_change_what_is_there,
    done_events_are_deleted_after_their_retention,
    a_trace_context_comes_back,
);

async fn each_delivery_has_its_answer<T: TestDatabase>(database: T) {
    let inbox = database.inbox().await;
    for (name, body, status, receipt, text) in [
        ("new", "{}", 202, Receipt::Stored, "stored\n"),
        ("again", "{}", 200, Receipt::Duplicate, "stored before\n"),
        (
            "another payload",
            "{ }",
            200,
            Receipt::Conflict,
            "stored before\n",
        ),
        (
            "the first again",
            "{}",
            200,
            Receipt::Duplicate,
            "stored before\n",
        ),
    ] {
        let answer = deliver(&inbox, "msg_1", body).await;
        assert_eq!(answer.status, status, "{name}");
        assert_eq!(answer.receipt, Some(receipt), "{name}");
        assert_eq!(answer.body, text, "{name}");
        assert_eq!(answer.retry_after, None, "{name}");
    }
    assert_eq!(inbox.payload(1).await.unwrap().unwrap(), "{}");

    let forged = Delivery::forged("msg_2", "{}");
    let answer = send(&layer(), &inbox, &forged).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    let outside: Result<_, Infallible> = inbox.clone().oneshot(Request::new(())).await;
    let outside = outside.unwrap();
    assert_eq!(outside.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(outside.body().contains(r#""code":"event-missing""#));
    assert_eq!(inbox.counts().await.unwrap().pending, 1);

    database.execute("DROP TABLE webhook_inbox").await;
    let answer = deliver(&inbox, "msg_3", "{}").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.retry_after.unwrap(), "30");
    assert!(answer.body.contains(r#""code":"store-unavailable""#));
    inbox.migrate().await.unwrap();
    database.pool().close().await;
    let answer = deliver(&inbox, "msg_3", "{}").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.receipt, Some(Receipt::StoreUnavailable));
}

async fn any_payload_is_stored_as_it_is<T: TestDatabase>(database: T) {
    let inbox = database.inbox().await;
    let long = format!(r#"{{"type":"{}"}}"#, "x".repeat(60_000));
    let payloads: &[(&str, &[u8], Option<&str>)] = &[
        ("empty", b"", None),
        ("not UTF-8", b"{\"type\":\"\xff\"}", None),
        ("not JSON", b"type=job.completed", None),
        ("JSON of another kind", b"[1]", None),
        ("a type that is no text", br#"{"type":1}"#, None),
        (
            "a type",
            br#"{"type":"job.completed"}"#,
            Some("job.completed"),
        ),
        (
            "a NUL in the type",
            br#"{"type":"a\u0000b"}"#,
            Some("a\u{fffd}b"),
        ),
        ("a lone surrogate", br#"{"type":"\ud800"}"#, None),
        (
            "SQL in the type",
            br#"{"type":"'); DROP TABLE webhook_inbox; --"}"#,
            Some("'); DROP TABLE webhook_inbox; --"),
        ),
        ("NULs", b"\0\0", None),
        (
            "a long type",
            long.as_bytes(),
            Some(&long[9..long.len() - 2]),
        ),
    ];
    // The official library signs only text.
    let sender = Sender::with_secret(SECRET);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    for (number, (name, payload, event_type)) in (1..).zip(payloads) {
        let mut request = Request::new(Full::new(Bytes::copy_from_slice(payload)));
        *request.headers_mut() = sender.headers(&format!("msg_{number}"), now.as_secs(), payload);
        let answer = answer(&layer(), &inbox, request).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{name}");
        assert_eq!(
            inbox.payload(number).await.unwrap().unwrap(),
            *payload,
            "{name}"
        );
        let entry = inbox.show(number).await.unwrap().unwrap();
        assert_eq!(entry.event_type.as_deref(), *event_type, "{name}");
        assert_eq!(entry.payload_len, payload.len() as u64, "{name}");
    }
}

async fn of_many_deliveries_at_once_one_is_stored<T: TestDatabase>(database: T) {
    let inbox = database.inbox().await;
    let deliveries = (0..200).map(|number| {
        let inbox = inbox.clone();
        tokio::spawn(async move { deliver(&inbox, &format!("msg_{}", number % 5), "{}").await })
    });
    let answers = join_all(deliveries).await;
    let of = |receipt| {
        let of = answers
            .iter()
            .filter(|answer| answer.as_ref().unwrap().receipt == Some(receipt));
        of.count()
    };
    assert_eq!((of(Receipt::Stored), of(Receipt::Duplicate)), (5, 195));
    assert_eq!(
        database.number("SELECT count(*) FROM webhook_inbox").await,
        5
    );
}

async fn tenants_and_keys_tell_events_apart<T: TestDatabase>(database: T) {
    let secret: Secret = SECRET.parse().unwrap();
    let inbox = database.inbox().await;
    let long = "x".repeat(7000);
    for (name, tenant, id) in [
        ("no tenant", None, "msg_1"),
        ("a tenant", Some("a"), "msg_1"),
        ("another", Some("b"), "msg_1"),
        ("an empty one", Some(""), "msg_1"),
        ("a NUL", Some("\0"), "msg_1"),
        ("a colon", Some("a"), "a:msg_1"),
        ("upper case", None, "MSG_1"),
        ("a long id", None, &long),
        ("its neighbour", None, &long[1..]),
    ] {
        let mut keyring = Keyring::from(secret.clone());
        if let Some(tenant) = tenant {
            keyring = keyring.tenant(tenant);
        }
        let layer = SvixVerifyLayer::new(keyring);
        let delivery = Delivery::genuine(id, "{}");
        let first = send(&layer, &inbox, &delivery).await;
        assert_eq!(first.receipt, Some(Receipt::Stored), "{name}");
        let again = send(&layer, &inbox, &delivery).await;
        assert_eq!(again.receipt, Some(Receipt::Duplicate), "{name}");
    }

    // This sender gives each attempt a different id.
    let by_job = inbox.key(|event| {
        let event: serde_json::Value = event.json().unwrap();
        EventKey::new(None, &format!("job {}", event["job"]))
    });
    for (name, id, body, receipt) in [
        ("new", "a", r#"{"job":1}"#, Receipt::Stored),
        ("another id", "b", r#"{"job":1}"#, Receipt::Duplicate),
        ("another job", "b", r#"{"job":2}"#, Receipt::Stored),
        (
            "another payload",
            "c",
            r#"{"job":2,"a":1}"#,
            Receipt::Conflict,
        ),
    ] {
        assert_eq!(
            deliver(&by_job, id, body).await.receipt,
            Some(receipt),
            "{name}"
        );
    }
}

async fn operators_see_and_change_what_is_there<T: TestDatabase>(database: T) {
    let inbox = database.inbox().await;
    deliver_many(&inbox, 6).await;
    for (number, state) in [(2, "running"), (3, "done"), (4, "dead"), (5, "dead")] {
        let set = format!(
            "UPDATE webhook_inbox SET state = '{state}', attempts = 7, error = 'e' WHERE number = {number}"
        );
        database.execute(&set).await;
    }
    let counts = inbox.counts().await.unwrap();
    assert_eq!(
        (counts.pending, counts.running, counts.done, counts.dead),
        (2, 1, 1, 2)
    );
    assert!(
        counts.oldest_pending < Duration::from_mins(10),
        "{counts:?}"
    );

    let numbers = async |filter: &Filter, limit| -> Vec<i64> {
        let entries = inbox.list(filter, limit).await.unwrap();
        entries.iter().map(|entry| entry.number).collect()
    };
    assert_eq!(numbers(&Filter::new(), 100).await, [1, 2, 3, 4, 5, 6]);
    assert_eq!(numbers(&Filter::new(), 2).await, [1, 2]);
    assert_eq!(numbers(&Filter::new().after(2), 2).await, [3, 4]);
    let dead = Filter::new().state(State::Dead);
    assert_eq!(numbers(&dead, 100).await, [4, 5]);
    assert_eq!(numbers(&dead.clone().id("msg_4"), 100).await, [5]);

    let entry = inbox.show(4).await.unwrap().unwrap();
    assert_eq!(entry.id, "msg_3");
    assert_eq!((entry.state, entry.attempts), (State::Dead, 7));
    assert_eq!(entry.error.as_deref(), Some("e"));
    let age = SystemTime::now().duration_since(entry.received_at);
    assert!(
        age.unwrap_or_default() < Duration::from_mins(10),
        "{entry:?}"
    );
    assert!(inbox.show(7).await.unwrap().is_none());
    assert!(inbox.payload(7).await.unwrap().is_none());

    assert!(inbox.retry(4).await.unwrap());
    assert!(!inbox.retry(2).await.unwrap(), "a worker has it");
    assert!(!inbox.retry(7).await.unwrap(), "there is none");
    assert_eq!(inbox.retry_dead().await.unwrap(), 1);
    for number in [4, 5] {
        let entry = inbox.show(number).await.unwrap().unwrap();
        assert_eq!((entry.state, entry.attempts), (State::Pending, 0));
    }
    assert!(inbox.retry(3).await.unwrap(), "also what is done");

    assert!(inbox.forget(1).await.unwrap());
    assert!(!inbox.forget(1).await.unwrap());
    let again = deliver(&inbox, "msg_0", "{}").await;
    assert_eq!(again.receipt, Some(Receipt::Stored));
}

async fn done_events_are_deleted_after_their_retention<T: TestDatabase>(database: T) {
    const RETENTION: Duration = Duration::from_hours(1);

    let inbox = database.inbox().await;
    deliver_many(&inbox, 4).await;
    for (number, state) in [(1, "done"), (2, "dead"), (3, "done")] {
        let set = format!(
            "UPDATE webhook_inbox SET state = '{state}', ended_at = due_at WHERE number = {number}"
        );
        database.execute(&set).await;
    }
    assert_eq!(inbox.delete_done(RETENTION).await.unwrap(), 0);
    database.age("webhook_inbox", "ended_at", RETENTION).await;
    assert_eq!(inbox.delete_done(RETENTION).await.unwrap(), 2);
    let left = inbox.list(&Filter::new(), 10).await.unwrap();
    assert_eq!(
        left.iter().map(|entry| entry.number).collect::<Vec<_>>(),
        [2, 4]
    );
}

async fn a_trace_context_comes_back<T: TestDatabase>(database: T) {
    let inbox: Inbox<T::Engine> = database.inbox().await;
    let inbox = inbox.trace_context(|| Some("00-trace-span-01".to_owned()));
    deliver_many(&inbox, 1).await;
    let (sender, seen) = tokio::sync::oneshot::channel();
    let sender = Arc::new(std::sync::Mutex::new(Some(sender)));
    let worker = tower_svix_sqlx::Worker::new(inbox, move |event| {
        let sender = sender.lock().unwrap().take();
        async move {
            let _ = sender.unwrap().send(event);
            Ok::<_, Infallible>(())
        }
    });
    let running = tokio::spawn(worker.run());
    let event = tower_svix_tests::net::within(seen).await.unwrap();
    running.abort();
    assert_eq!(event.trace_context(), Some("00-trace-span-01"));
    assert_eq!(
        (event.id(), event.attempt(), event.number()),
        ("msg_0", 1, 1)
    );
    let age = SystemTime::now().duration_since(event.received_at());
    assert!(age.unwrap_or_default() < Duration::from_mins(10));
}
