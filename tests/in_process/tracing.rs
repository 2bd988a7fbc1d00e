//! What a rejection leaves in the log.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt::Debug;
use std::future::ready;
use std::io;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::stream;
use http::request::Parts;
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame};
use http_body_util::{Full, StreamBody};
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_svix::{KeySource, Keyring, Rejection, SvixVerifyLayer, VerifiedBody, key_source_fn};
use tower_svix_tests::requests::{
    BODY, ID, NOW, SECRET, Stopped, forged, genuine, head_with_signature, layer, signature,
};
use tower_svix_tests::subscriber;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

/// The level, and each field by its name.
type Line = (Level, BTreeMap<&'static str, String>);

/// Keeps every event.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<Line>>>);

impl Log {
    fn lines(&self) -> Vec<Line> {
        self.0.lock().unwrap().clone()
    }
}

impl<S: Subscriber> Layer<S> for Log {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let line = (*event.metadata().level(), fields.0);
        self.0.lock().unwrap().push(line);
    }
}

#[derive(Default)]
struct Fields(BTreeMap<&'static str, String>);

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

/// What is logged while `request` passes through `layer`.
async fn logged<K: KeySource, B: Body>(
    layer: SvixVerifyLayer<K>,
    request: Request<B>,
) -> Vec<Line> {
    let log = Log::default();
    let _guard = subscriber::set_default(tracing_subscriber::registry().with(log.clone()));
    let accept = |_: Request<VerifiedBody>| async {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    };
    layer
        .layer(service_fn(accept))
        .oneshot(request)
        .await
        .unwrap();
    log.lines()
}

/// Requests that are rejected before, while and after their body is read, with the level and code they are logged with.
fn rejected() -> [(Level, &'static str, SvixVerifyLayer, Request<Full<Bytes>>); 6] {
    [
        (
            Level::DEBUG,
            "header-missing",
            layer(),
            Request::new(Full::from(BODY)),
        ),
        (
            Level::DEBUG,
            "signature-unsupported",
            layer(),
            head_with_signature("v9,AAAA")
                .body(Full::from(BODY))
                .unwrap(),
        ),
        (
            Level::DEBUG,
            "body-too-large",
            layer().body_limit(1),
            genuine(),
        ),
        // Forged uploads can take all memory, and must not fill the log.
        (
            Level::DEBUG,
            "memory-exhausted",
            layer().memory_limit(1),
            genuine(),
        ),
        (Level::DEBUG, "signature-mismatch", layer(), forged()),
        (
            Level::ERROR,
            "clock-unavailable",
            layer().clock(Stopped(None)),
            genuine(),
        ),
    ]
}

#[tokio::test]
async fn a_rejection_is_one_event_with_its_code() {
    for (level, code, layer, request) in rejected() {
        let lines = logged(layer, request).await;
        assert_eq!(lines.len(), 1, "{code}: {lines:?}");
        assert_eq!(lines[0].0, level, "{code}");
        assert_eq!(lines[0].1["code"], code);
    }
}

#[tokio::test]
async fn a_replaced_or_opaque_rejection_is_logged_all_the_same() {
    let opaque = logged(layer().opaque_rejections(), forged()).await;
    assert_eq!(opaque.len(), 1, "{opaque:?}");
    let replaced = layer().rejection_response(|_| Response::default());
    let replaced = logged(replaced, forged()).await;
    assert_eq!(replaced, opaque);
}

#[tokio::test]
async fn a_failed_lookup_is_logged_with_its_cause() {
    let fails = |_: &Parts| ready(Err::<Option<Keyring>, _>("the database is away"));
    let layer = SvixVerifyLayer::with_key_source(key_source_fn(fails)).clock(Stopped(Some(NOW)));
    let lines = logged(layer, genuine()).await;
    let [(level, fields)] = &lines[..] else {
        panic!("not one line: {lines:?}");
    };
    assert_eq!(*level, Level::ERROR);
    assert_eq!(fields["code"], "keys-unavailable");
    let message = &fields["message"];
    assert!(message.contains("the database is away"), "{message}");
}

#[tokio::test]
async fn the_cause_of_a_failed_lookup_is_told_with_its_sources_on_one_line() {
    #[derive(Debug)]
    struct Wrapped(io::Error);

    impl std::fmt::Display for Wrapped {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("the query failed")
        }
    }

    impl std::error::Error for Wrapped {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            Some(&self.0)
        }
    }

    let fails = |_: &Parts| {
        let reason = io::Error::other("no shard for \"a\nb\x1b\"");
        ready(Err::<Option<Keyring>, _>(Wrapped(reason)))
    };
    let layer = SvixVerifyLayer::with_key_source(key_source_fn(fails)).clock(Stopped(Some(NOW)));
    let lines = logged(layer, genuine()).await;
    let message = &lines[0].1["message"];
    let expected = "the query failed: no shard for \"a\\nb\\u{1b}\"";
    assert!(message.ends_with(expected), "{message}");
}

#[tokio::test]
async fn the_level_follows_the_cause_whatever_the_answer_is() {
    let answer = |status: u16| {
        move |_: &Rejection| {
            let mut response = Response::default();
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            response
        }
    };
    for status in [200, 404] {
        let layer = layer()
            .clock(Stopped(None))
            .rejection_response(answer(status));
        assert_eq!(
            logged(layer, genuine()).await[0].0,
            Level::ERROR,
            "{status}"
        );
    }
    for status in [500, 503] {
        let layer = layer().rejection_response(answer(status));
        assert_eq!(logged(layer, forged()).await[0].0, Level::DEBUG, "{status}");
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_no_error_of_the_receiver() {
    let broken = stream::iter([Err::<Frame<Bytes>, _>(io::Error::other("reset"))]);
    let request = genuine().map(|_| StreamBody::new(broken));
    let lines = logged(layer(), request).await;
    let level = (lines[0].0, lines[0].1["code"].as_str());
    assert_eq!(level, (Level::DEBUG, "body-unreadable"));
}

#[tokio::test]
async fn a_verified_delivery_is_not_logged() {
    assert_eq!(logged(layer(), genuine()).await, []);
}

#[tokio::test]
async fn the_log_holds_nothing_that_a_sender_can_fill_and_no_secret() {
    let right = signature(NOW, BODY);
    for (_, code, layer, request) in rejected() {
        let text = format!("{:?}", logged(layer, request).await);
        let canaries = [
            &SECRET["whsec_".len()..],
            right.trim_start_matches("v1,"),
            ID,
            &NOW.to_string(),
            "v9",
            "AAAA",
            "job.completed",
            "job_id",
        ];
        for canary in canaries {
            assert!(!text.contains(canary), "{code} logs {canary}: {text}");
        }
    }
}
