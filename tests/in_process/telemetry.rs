//! The span and the metrics of a delivery.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_svix::{KeySource, Keyring, SvixVerifyLayer, VerifiedBody};
use tower_svix_tests::requests::{BODY, ID, NOW, SECRET, Stopped, forged, genuine, head, layer};
use tower_svix_tests::stores;
use tower_svix_tests::subscriber;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Level, Span, Subscriber};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;

/// The name of a span, and the name of its parent.
type Opened = (&'static str, Option<&'static str>);

/// The fields of all spans with one name.
#[derive(Clone)]
struct Spans {
    name: &'static str,
    fields: Arc<Mutex<BTreeMap<&'static str, String>>>,
    /// All spans, in the order in which they were opened.
    opened: Arc<Mutex<Vec<Opened>>>,
}

impl Spans {
    /// Collects the spans of verified deliveries.
    fn of_verified() -> Self {
        Self::named("webhook")
    }

    fn of_unverified() -> Self {
        Self::named("webhook.verification")
    }

    fn named(name: &'static str) -> Self {
        Self {
            name,
            fields: Arc::default(),
            opened: Arc::default(),
        }
    }

    fn fields(&self) -> BTreeMap<&'static str, String> {
        self.fields.lock().unwrap().clone()
    }

    fn opened(&self) -> Vec<Opened> {
        self.opened.lock().unwrap().clone()
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Spans {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let span = context.span(id).unwrap();
        let parent = span.parent().map(|parent| parent.name());
        self.opened.lock().unwrap().push((span.name(), parent));
        if span.name() == self.name {
            attributes.record(&mut Fields(&mut self.fields.lock().unwrap()));
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if context.span(id).unwrap().name() == self.name {
            values.record(&mut Fields(&mut self.fields.lock().unwrap()));
        }
    }
}

struct Fields<'a>(&'a mut BTreeMap<&'static str, String>);

impl Visit for Fields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

/// Sends `request` through `layer`. Returns the fields of `spans`, and the metrics with their labels.
fn observed<K>(
    spans: &Spans,
    layer: &SvixVerifyLayer<K>,
    request: Request<Full<Bytes>>,
) -> (BTreeMap<&'static str, String>, Vec<String>)
where
    K: KeySource + Clone,
{
    let _guard = subscriber::set_default(tracing_subscriber::registry().with(spans.clone()));
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let handler = |_: Request<VerifiedBody>| async {
        let metadata = Span::current().metadata().unwrap();
        assert_eq!(
            metadata.name(),
            "webhook",
            "the inner service runs within the span"
        );
        assert_eq!(*metadata.level(), Level::INFO);
        let mut response = Response::new(Full::<Bytes>::default());
        *response.status_mut() = StatusCode::ACCEPTED;
        Ok::<_, Infallible>(response)
    };
    let service = layer.layer(service_fn(handler));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    metrics::with_local_recorder(&recorder, || {
        runtime.block_on(service.oneshot(request)).unwrap()
    });
    let metrics = snapshotter
        .snapshot()
        .into_vec()
        .into_iter()
        .map(|(key, _, _, value)| {
            let labels: Vec<_> = key
                .key()
                .labels()
                .map(|label| label.value().to_owned())
                .collect();
            let value = match value {
                DebugValue::Counter(count) => count.to_string(),
                DebugValue::Gauge(value) => value.to_string(),
                DebugValue::Histogram(values) => {
                    assert!(values.iter().all(|value| **value > 0.0), "{values:?}");
                    format!("{} values", values.len())
                }
            };
            format!("{} {} {value}", key.key().name(), labels.join(","))
        });
    let mut metrics: Vec<_> = metrics.collect();
    metrics.sort();
    (spans.fields(), metrics)
}

#[test]
fn a_verified_delivery_tells_what_it_is_and_how_it_ended() {
    let keyring = Keyring::from(SECRET.parse::<tower_svix::Secret>().unwrap()).tenant("acme");
    let layer = SvixVerifyLayer::new(keyring).clock(Stopped(Some(NOW)));

    let (fields, metrics) = observed(&Spans::of_verified(), &layer, genuine());

    let body_size = BODY.len().to_string();
    for (field, expected) in [
        ("messaging.message.id", ID),
        ("messaging.message.body.size", &body_size),
        ("webhook.event.type", "job.completed"),
        ("webhook.tenant", "acme"),
        ("webhook.key_index", "0"),
        ("webhook.outcome", "verified"),
        ("http.response.status_code", "202"),
    ] {
        assert_eq!(fields[field], expected, "{field}");
    }
    for phase in ["keys", "body", "capacity", "handler"] {
        let seconds: f64 = fields[&*format!("webhook.{phase}.duration")]
            .parse()
            .unwrap();
        assert!(seconds > 0.0, "{phase}");
    }
    assert!(!fields.contains_key("error.type"), "{fields:?}");
    assert_eq!(
        metrics,
        [
            "webhook_body_bytes  1 values",
            "webhook_deliveries_total verified 1",
            "webhook_verification_seconds  1 values",
        ]
    );
}

/// Finding it takes a walk through the payload.
#[test]
fn the_type_is_told_from_where_the_sender_has_it() {
    for (payload, pointer, expected) in [
        (
            r#"{"type":"event","data":{"type":"batch.ended"}}"#,
            "/data/type",
            Some("batch.ended"),
        ),
        (r#"{"type":"event","data":{}}"#, "/data/type", None),
        (
            r#"{"event_type":"receipt.paid"}"#,
            "/event_type",
            Some("receipt.paid"),
        ),
    ] {
        let request = head(payload.as_bytes()).body(Full::from(payload)).unwrap();
        let (fields, _) = observed(
            &Spans::of_verified(),
            &layer().span_event_type_at(pointer),
            request,
        );
        let told = fields.get("webhook.event.type").map(String::as_str);
        assert_eq!(told, expected, "{payload}");
    }
}

#[test]
#[should_panic(expected = "a JSON pointer starts with a slash")]
fn a_place_that_is_no_json_pointer_is_found_out_at_the_start() {
    let _ = layer().span_event_type_at("data.type");
}

#[test]
fn the_type_of_an_event_is_told_up_to_64_kib() {
    for (len, is_told) in [(2_000, true), (64 * 1024, true), (64 * 1024 + 1, false)] {
        let (start, end) = (r#"{"type":"job.completed","text":""#, r#""}"#);
        let text = "a".repeat(len - start.len() - end.len());
        let body = format!("{start}{text}{end}");
        let request = head(body.as_bytes()).body(Full::from(body)).unwrap();
        let (fields, _) = observed(&Spans::of_verified(), &layer(), request);
        let expected = is_told.then_some("job.completed");
        let told = fields.get("webhook.event.type").map(String::as_str);
        assert_eq!(told, expected, "{len} bytes");
    }
}

#[test]
fn a_rejected_delivery_tells_its_cause_and_nothing_that_the_sender_filled() {
    let (fields, metrics) = observed(&Spans::of_unverified(), &layer(), forged());

    assert_eq!(fields["webhook.outcome"], "signature-mismatch");
    assert_eq!(fields["error.type"], "signature-mismatch");
    assert_eq!(fields["http.response.status_code"], "401");
    for field in [
        "messaging.message.id",
        "messaging.message.body.size",
        "webhook.event.type",
        "webhook.tenant",
    ] {
        assert!(!fields.contains_key(field), "{field}");
    }
    assert!(!format!("{fields:?}").contains(ID), "{fields:?}");
    assert_eq!(metrics, ["webhook_deliveries_total signature-mismatch 1"]);
}

/// Returns the values of a counter with one label, by the value of the label.
fn counts(snapshotter: &Snapshotter, name: &str) -> BTreeMap<String, u64> {
    let metrics = snapshotter.snapshot().into_vec();
    let counters = metrics.into_iter().filter_map(|(key, _, _, value)| {
        let DebugValue::Counter(count) = value else {
            return None;
        };
        let label = key.key().labels().next().unwrap().value().to_owned();
        (key.key().name() == name).then_some((label, count))
    });
    counters.collect()
}

#[test]
fn duplicates_are_counted_by_what_became_of_them() {
    use tower_svix::IdempotencyLayer;
    use tower_svix::idempotency::MemoryStore;

    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let handler = |_: Request<VerifiedBody>| async {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    };
    let service =
        layer().layer(IdempotencyLayer::new(MemoryStore::new()).layer(service_fn(handler)));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    metrics::with_local_recorder(&recorder, || {
        for _ in 0..3 {
            runtime
                .block_on(service.clone().oneshot(genuine()))
                .unwrap();
        }
    });

    assert_eq!(
        counts(&snapshotter, "webhook_idempotency_total"),
        BTreeMap::from(
            [("processed", 1), ("replayed", 2)].map(|(outcome, count)| (outcome.to_owned(), count))
        )
    );
}

#[test]
fn failures_of_a_store_are_counted_by_what_it_was_asked_for() {
    use tower_svix::IdempotencyLayer;

    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let handler = |_: Request<VerifiedBody>| async {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    };
    let store = stores::Remote::new(stores::ManualTime::default());
    let inner = IdempotencyLayer::new(store.clone()).layer(service_fn(handler));
    let service = layer().layer(inner);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let deliver = || {
        runtime
            .block_on(service.clone().oneshot(genuine()))
            .unwrap()
    };
    metrics::with_local_recorder(&recorder, || {
        store.complete.lose_replies(true);
        deliver();
        store.claim.lose_replies(true);
        deliver();
        deliver();
    });

    assert_eq!(
        counts(&snapshotter, "webhook_store_errors_total"),
        BTreeMap::from(
            [("claim", 2), ("complete", 1)].map(|(operation, count)| (operation.to_owned(), count))
        )
    );
}

#[test]
fn a_replaced_rejection_tells_the_status_that_was_sent() {
    let layer = layer().rejection_response(|_| {
        let mut response = Response::default();
        *response.status_mut() = StatusCode::NO_CONTENT;
        response
    });
    let (fields, _) = observed(&Spans::of_unverified(), &layer, forged());
    assert_eq!(fields["http.response.status_code"], "204");
    assert_eq!(fields["webhook.outcome"], "signature-mismatch");
}

#[test]
fn an_inner_service_that_fails_tells_so() {
    let spans = Spans::of_verified();
    let _guard = subscriber::set_default(tracing_subscriber::registry().with(spans.clone()));
    let service = layer().layer(service_fn(|_: Request<VerifiedBody>| async {
        Err::<Response<Full<Bytes>>, _>("broken")
    }));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(service.oneshot(genuine())).unwrap_err();
    let fields = spans.fields();
    assert_eq!(fields["webhook.outcome"], "inner-service-failed");
    assert_eq!(fields["error.type"], "inner-service-failed");
}

/// Returns the spans that a subscriber at `level` sees while these requests pass through a layer.
fn opened(
    level: LevelFilter,
    requests: impl IntoIterator<Item = Request<Full<Bytes>>>,
) -> (Vec<Opened>, Spans) {
    let spans = Spans::of_verified();
    let registry = tracing_subscriber::registry().with(spans.clone().with_filter(level));
    let _guard = subscriber::set_default(registry);
    let handler = |_: Request<VerifiedBody>| async {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    };
    let service = layer().layer(service_fn(handler));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    for request in requests {
        runtime.block_on(service.clone().oneshot(request)).unwrap();
    }
    (spans.opened(), spans)
}

/// Anyone can send a request that is rejected. At the usual level, only the rejection is recorded.
#[test]
fn a_request_opens_no_span_at_info_before_it_is_verified() {
    let (names, _) = opened(LevelFilter::INFO, [forged(), forged()]);
    assert_eq!(names, []);

    let (names, spans) = opened(LevelFilter::INFO, [genuine()]);
    assert_eq!(names, [("webhook", None)]);
    for phase in ["keys", "body", "capacity", "handler"] {
        let seconds: f64 = spans.fields()[&*format!("webhook.{phase}.duration")]
            .parse()
            .unwrap();
        assert!(seconds > 0.0, "{phase}");
    }
}

#[test]
fn at_debug_the_verification_has_a_span_that_ends_with_it() {
    let (names, _) = opened(LevelFilter::DEBUG, [forged(), genuine()]);
    let verification = ("webhook.verification", None);
    // The handler's span is not inside the other, which has ended.
    assert_eq!(names, [verification, verification, ("webhook", None)]);
}

#[test]
fn a_flood_is_counted_whole_though_it_is_not_logged_whole() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    metrics::with_local_recorder(&recorder, || {
        opened(LevelFilter::INFO, (0..100).map(|_| forged()));
    });
    let counted = counts(&snapshotter, "webhook_deliveries_total");
    assert_eq!(
        counted,
        BTreeMap::from([("signature-mismatch".to_owned(), 100)])
    );
}
