//! Lookups that take time, and lookups that fail.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::{FutureExt as _, poll};
use http::request::Parts;
use http::{HeaderValue, Request, StatusCode};
use tokio::sync::oneshot;
use tower::{Layer as _, Service as _, service_fn};
use tower_svix::{KeySource, Keyring, KeyringMap, Rejection, key_source_fn};
use tower_svix_tests::body::Untouchable;
use tower_svix_tests::keys::{
    Answer, BODY, ID, PollCounter, answer, delivery, echo, request_with_body, secret, sender,
    signature,
};

use super::{layer, tenants};

/// Stands for a database. The tenant is in the path.
async fn look_up(tenant: String) -> Result<Option<Keyring>, &'static str> {
    // A real lookup does not end at its first poll.
    tokio::task::yield_now().await;
    match &*tenant {
        "/acme" => Ok(Some(Keyring::from(secret(&sender(1))).tenant("acme"))),
        "/broken" => Err("the database is away"),
        _ => Ok(None),
    }
}

#[tokio::test]
async fn a_closure_that_makes_a_future_finds_the_keys() {
    let layer = layer(key_source_fn(|head: &Parts| {
        look_up(head.uri.path().to_owned())
    }));
    let event = answer(&layer, delivery("/acme", &sender(1)))
        .await
        .accepted();
    assert_eq!(event.tenant(), Some("acme"));
    answer(&layer, delivery("/acme", &sender(2)))
        .await
        .assert_mismatch();
    answer(&layer, delivery("/globex", &sender(1)))
        .await
        .assert_mismatch();
}

#[test]
fn a_keyring_needs_no_lookup_and_a_map_does() {
    let (head, ()) = Request::new(()).into_parts();
    let keyring = tenants()[0].1.clone();
    assert!(keyring.known_keys(&head).is_some());
    assert!(Arc::new(keyring).known_keys(&head).is_some());
    let map = KeyringMap::by_path_segment(0, tenants());
    assert!(map.known_keys(&head).is_none());
}

#[tokio::test]
async fn a_failed_lookup_asks_the_sender_to_retry_and_leaves_the_body_alone() {
    let layer = layer(key_source_fn(|head: &Parts| {
        look_up(head.uri.path().to_owned())
    }));
    let body = Untouchable;
    let request = request_with_body("/broken", &signature(&sender(1)), body);
    let answer = answer(&layer, request).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.rejection, Some(Rejection::KeysUnavailable));
    let retry_after = answer.headers[http::header::RETRY_AFTER].to_str().unwrap();
    assert!(retry_after.parse::<u32>().unwrap() > 0);
    let problem: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(problem["code"], "keys-unavailable");
    assert!(!problem.to_string().contains("database"), "{problem}");
}

#[tokio::test]
async fn a_boxed_lookup_is_a_key_source_too() {
    type Boxed = Pin<Box<dyn Future<Output = Result<Option<Keyring>, &'static str>> + Send>>;

    /// A lookup with a type that has a name, in several variants.
    #[derive(Clone)]
    enum Source {
        Database,
        Nobody,
    }

    impl KeySource for Source {
        type Error = &'static str;
        type Future = Boxed;

        fn keys(&self, head: &Parts) -> Boxed {
            match self {
                Self::Database => Box::pin(look_up(head.uri.path().to_owned())),
                Self::Nobody => Box::pin(async { Ok(None) }),
            }
        }
    }

    let closure = |head: &Parts| -> Boxed { Box::pin(look_up(head.uri.path().to_owned())) };
    let genuine = || delivery("/acme", &sender(1));
    answer(&layer(key_source_fn(closure)), genuine())
        .await
        .accepted();
    let shared = Arc::new(Source::Database);
    answer(&layer(shared), genuine()).await.accepted();
    answer(&layer(Source::Database), genuine()).await.accepted();
    answer(&layer(Source::Nobody), genuine())
        .await
        .assert_mismatch();
}

#[tokio::test]
async fn the_lookup_sees_the_head_of_the_request() {
    #[derive(Clone)]
    struct Environment(&'static str);

    let layer = layer(key_source_fn(|head: &Parts| {
        let chosen = head.extensions.get() == Some(&"test")
            && head.uri.host() == Some("hooks.example")
            && head.headers["webhook-id"] == ID
            && head.method == http::Method::PUT;
        let environment = head.extensions.get::<Environment>().map(|found| found.0);
        let keys = chosen.then(|| Keyring::from(secret(&sender(1))).tenant(environment.unwrap()));
        async { Ok::<_, Infallible>(keys) }
    }));
    let mut request = delivery("https://hooks.example/", &sender(1));
    *request.method_mut() = http::Method::PUT;
    request.extensions_mut().insert("test");
    request.extensions_mut().insert(Environment("staging"));
    let event = answer(&layer, request).await.accepted();
    assert_eq!(event.tenant(), Some("staging"));
}

#[tokio::test]
async fn a_request_with_invalid_headers_costs_no_lookup() {
    let lookups = AtomicUsize::new(0);
    let layer = layer(key_source_fn(|_: &Parts| {
        lookups.fetch_add(1, Ordering::Relaxed);
        async { Ok::<_, Infallible>(Some(secret(&sender(1)).into())) }
    }));
    let genuine = || delivery("/", &sender(1));
    answer(&layer, genuine()).await.accepted();
    assert_eq!(lookups.swap(0, Ordering::Relaxed), 1);

    for (name, value) in [
        ("webhook-id", None),
        ("webhook-id", Some("msg_1.1")),
        ("webhook-timestamp", None),
        ("webhook-timestamp", Some("01")),
        ("webhook-timestamp", Some("1699999699")),
        ("webhook-timestamp", Some("1700000301")),
        ("webhook-signature", None),
        ("webhook-signature", Some("v2,AAAA")),
    ] {
        let mut request = genuine();
        request.headers_mut().remove(name);
        if let Some(value) = value {
            let value = HeaderValue::from_static(value);
            request.headers_mut().insert(name, value);
        }
        let answer = answer(&layer, request).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{name}: {value:?}");
        assert_eq!(lookups.load(Ordering::Relaxed), 0, "{name}: {value:?}");
    }
}

#[tokio::test]
async fn the_body_waits_for_the_lookup() {
    let (found, lookup) = oneshot::channel();
    let lookup = lookup.shared();
    let layer = layer(key_source_fn(move |_: &Parts| lookup.clone()));
    let mut service = layer.layer(service_fn(echo));

    let polls = Arc::new(AtomicUsize::new(0));
    let body = PollCounter::new(&[BODY], &polls);
    let request = request_with_body("/", &signature(&sender(1)), body);
    let mut response = pin!(service.call(request));
    for _ in 0..3 {
        assert!(poll!(&mut response).is_pending());
        assert_eq!(polls.load(Ordering::Relaxed), 0);
    }
    found.send(Some(secret(&sender(1)).into())).unwrap();
    let Ok(response) = response.await;
    Answer::read(response).await.accepted();
    assert!(polls.load(Ordering::Relaxed) > 0);
}

#[tokio::test]
async fn a_lookup_that_does_not_end_is_dropped_with_the_request() {
    let lookup = Arc::new(());
    let held = Arc::downgrade(&lookup);
    let layer = layer(key_source_fn(move |_: &Parts| {
        let lookup = Arc::clone(&lookup);
        async move {
            let result = std::future::pending().await;
            drop(lookup);
            Ok::<_, Infallible>(result)
        }
    }));
    let mut service = layer.layer(service_fn(echo));
    drop(layer);
    let idle = held.strong_count();
    {
        let body = Untouchable;
        let request = request_with_body("/", &signature(&sender(1)), body);
        let mut response = pin!(service.call(request));
        assert!(poll!(&mut response).is_pending());
        assert!(held.strong_count() > idle);
    }
    assert_eq!(held.strong_count(), idle);
}

#[tokio::test]
async fn keys_that_are_replaced_during_the_lookup_are_those_that_count() {
    let keyring = Keyring::from(secret(&sender(1)));
    let (found, lookup) = oneshot::channel();
    let lookup = lookup.shared();
    let layer = layer(key_source_fn(move |_: &Parts| lookup.clone()));
    let mut service = layer.layer(service_fn(echo));
    let mut response = pin!(service.call(delivery("/", &sender(2))));
    assert!(poll!(&mut response).is_pending());
    keyring.replace([secret(&sender(2))]);
    found.send(Some(keyring)).unwrap();
    let Ok(response) = response.await;
    Answer::read(response).await.accepted();
}
