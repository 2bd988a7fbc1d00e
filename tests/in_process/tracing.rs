//! The log of a rejection.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::error::Error;
use std::fmt::{self, Debug};
use std::future::ready;
use std::io;
use std::mem;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{FutureExt as _, stream};
use http::request::Parts;
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame};
use http_body_util::{Full, StreamBody};
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_svix::idempotency::{
    BoxFuture, ClaimStatus, ClaimToken, EventKey, Fingerprint, Settlement, Store, StoreError,
};
use tower_svix::test_util::ManualClock;
use tower_svix::{
    IdempotencyLayer, KeySource, Keyring, Rejection, SvixVerifyLayer, VerifiedBody, key_source_fn,
};
use tower_svix_tests::requests::{
    BODY, ID, NOW, SECRET, Stopped, forged, genuine, head_with_signature, layer,
    layer_without_memory, signature,
};
use tower_svix_tests::subscriber;
use tracing::field::{Field, Visit};
use tracing::{Dispatch, Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

/// The level, and each field by its name.
type Line = (Level, BTreeMap<&'static str, String>);

/// Keeps all events.
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

/// An error with a source.
#[derive(Debug)]
struct QueryFailed(io::Error);

impl fmt::Display for QueryFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the query failed")
    }
}

impl Error for QueryFailed {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

/// Returns what is logged while `request` passes through `layer`.
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

/// Returns requests that are rejected before, while and after their body is read, with the level and code of the log.
fn rejected() -> [(Level, &'static str, SvixVerifyLayer, Request<Full<Bytes>>); 6] {
    [
        (
            Level::WARN,
            "header-missing",
            layer(),
            Request::new(Full::from(BODY)),
        ),
        (
            Level::WARN,
            "signature-unsupported",
            layer(),
            head_with_signature("v9,AAAA")
                .body(Full::from(BODY))
                .unwrap(),
        ),
        (
            Level::WARN,
            "body-too-large",
            layer().body_limit(1),
            genuine(),
        ),
        (
            Level::WARN,
            "memory-exhausted",
            layer_without_memory(),
            genuine(),
        ),
        (Level::WARN, "signature-mismatch", layer(), forged()),
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
    let fails = |_: &Parts| {
        let reason = io::Error::other("no shard for \"a\\z\nb\x1b\u{2028}é\u{202e}\"");
        ready(Err::<Option<Keyring>, _>(QueryFailed(reason)))
    };
    let layer = SvixVerifyLayer::with_key_source(key_source_fn(fails)).clock(Stopped(Some(NOW)));
    let lines = logged(layer, genuine()).await;
    let message = &lines[0].1["message"];
    let expected = "the query failed: no shard for \"a\\z\\nb\\u{1b}\\u{2028}é\\u{202e}\"";
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
        assert_eq!(logged(layer, forged()).await[0].0, Level::WARN, "{status}");
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_no_error_of_the_receiver() {
    let broken = stream::iter([Err::<Frame<Bytes>, _>(io::Error::other("reset"))]);
    let request = genuine().map(|_| StreamBody::new(broken));
    let lines = logged(layer(), request).await;
    let level = (lines[0].0, lines[0].1["code"].as_str());
    assert_eq!(level, (Level::WARN, "body-unreadable"));
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

/// A line about one rejection, or about several that have no line of their own.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    code: String,
    is_one: bool,
    suppressed: u64,
}

/// Returns how many rejections these lines report.
fn total(told: &[Told]) -> u64 {
    let counts = told
        .iter()
        .map(|line| u64::from(line.is_one) + line.suppressed);
    counts.sum()
}

/// A receiver under a flood. The test sets its clock.
struct Flooded {
    log: Log,
    clock: ManualClock,
    layer: SvixVerifyLayer,
}

impl Flooded {
    fn new() -> Self {
        let clock = ManualClock::new(NOW);
        Self {
            log: Log::default(),
            layer: layer().clock(clock.clone()),
            clock,
        }
    }

    fn dispatch(&self) -> Dispatch {
        Dispatch::new(tracing_subscriber::registry().with(self.log.clone()))
    }

    /// Delivers to a new service, because each route of axum has one.
    fn deliver<B: Body>(&self, request: Request<B>) {
        deliver(&self.layer, request);
    }

    /// Returns the lines since the last call.
    fn told(&self) -> Vec<Told> {
        let lines = mem::take(&mut *self.log.0.lock().unwrap());
        let told = lines.into_iter().map(|(_, fields)| Told {
            code: fields["code"].clone(),
            is_one: fields["message"].starts_with("webhook rejected: "),
            suppressed: fields
                .get("suppressed")
                .map_or(0, |count| count.parse().unwrap()),
        });
        told.collect()
    }
}

fn deliver<B: Body>(layer: &SvixVerifyLayer, request: Request<B>) {
    let accept = |_: Request<VerifiedBody>| async {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    };
    let answer = layer.layer(service_fn(accept)).oneshot(request);
    answer.now_or_never().expect("nothing in it waits").unwrap();
}

fn bare() -> Request<Full<Bytes>> {
    Request::new(Full::from(BODY))
}

#[test]
fn a_flood_of_forgeries_is_a_few_lines_a_second_and_none_is_lost() {
    let flooded = Flooded::new();
    let _guard = subscriber::set_default_dispatch(&flooded.dispatch());
    for _ in 0..1000 {
        flooded.deliver(forged());
    }
    let told = flooded.told();
    assert_eq!(told.len(), 10, "{told:?}");
    assert_eq!(total(&told), 10);

    flooded.clock.advance(1);
    for _ in 0..1000 {
        flooded.deliver(forged());
    }
    let told = flooded.told();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!((told[0].is_one, told[0].suppressed), (true, 990));

    for _ in 0..60 {
        flooded.clock.advance(1);
        for _ in 0..100 {
            flooded.deliver(forged());
        }
    }
    let told = flooded.told();
    assert_eq!(told.len(), 60, "{told:?}");
    drop(flooded.layer);
    let after = mem::take(&mut *flooded.log.0.lock().unwrap());
    assert_eq!(
        total(&told) + after[0].1["suppressed"].parse::<u64>().unwrap(),
        999 + 6000
    );
}

#[test]
fn the_count_of_a_flood_comes_with_the_next_verified_delivery() {
    let flooded = Flooded::new();
    let _guard = subscriber::set_default_dispatch(&flooded.dispatch());
    for _ in 0..50 {
        flooded.deliver(forged());
    }
    assert_eq!(total(&flooded.told()), 10);
    // In the same second, there would be one line more.
    flooded.deliver(genuine());
    assert_eq!(flooded.told(), []);

    flooded.clock.advance(1);
    flooded.deliver(genuine());
    let rest = Told {
        code: "signature-mismatch".to_owned(),
        is_one: false,
        suppressed: 40,
    };
    assert_eq!(flooded.told(), [rest]);
    flooded.deliver(genuine());
    assert_eq!(flooded.told(), []);
}

#[test]
fn the_count_of_a_flood_comes_with_the_next_rejection_of_any_kind() {
    let flooded = Flooded::new();
    let _guard = subscriber::set_default_dispatch(&flooded.dispatch());
    for _ in 0..50 {
        flooded.deliver(forged());
    }
    flooded.told();
    flooded.clock.advance(1);
    flooded.deliver(bare());
    let mut told = flooded.told();
    told.sort_by(|a, b| a.code.cmp(&b.code));
    let [missing, mismatch] = &told[..] else {
        panic!("{told:?}");
    };
    assert_eq!((&*missing.code, missing.is_one), ("header-missing", true));
    assert_eq!(
        (&*mismatch.code, mismatch.is_one, mismatch.suppressed),
        ("signature-mismatch", false, 40)
    );
}

#[test]
fn the_count_of_a_flood_comes_at_the_latest_when_the_layer_is_dropped() {
    let mut flooded = Flooded::new();
    let _guard = subscriber::set_default_dispatch(&flooded.dispatch());
    for _ in 0..50 {
        flooded.deliver(forged());
    }
    flooded.told();
    flooded.layer = layer();
    let told = flooded.told();
    assert_eq!((told.len(), total(&told)), (1, 40), "{told:?}");
}

/// Scanners that send no headers must not hide that the secret is wrong.
#[test]
fn a_flood_of_one_kind_does_not_silence_another() {
    let flooded = Flooded::new();
    let _guard = subscriber::set_default_dispatch(&flooded.dispatch());
    for _ in 0..1000 {
        flooded.deliver(bare());
    }
    flooded.told();
    flooded.deliver(forged());
    let told = flooded.told();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].code, "signature-mismatch");

    for _ in 1..50 {
        flooded.deliver(forged());
    }
    flooded.told();
    flooded.clock.advance(1);
    flooded.deliver(genuine());
    let rest = [("header-missing", 990), ("signature-mismatch", 40)];
    let rest = rest.map(|(code, suppressed)| Told {
        code: code.to_owned(),
        is_one: false,
        suppressed,
    });
    assert_eq!(flooded.told(), rest);
}

#[test]
fn failures_of_the_receiver_cannot_fill_the_disk_either() {
    let log = Log::default();
    let _guard = subscriber::set_default(tracing_subscriber::registry().with(log.clone()));
    let layer = layer().clock(Stopped(None));
    for _ in 0..1000 {
        deliver(&layer, genuine());
    }
    assert_eq!(log.lines().len(), 10);
    drop(layer);
    let (level, fields) = log.lines().pop().unwrap();
    assert_eq!((level, &*fields["suppressed"]), (Level::ERROR, "990"));
}

#[test]
fn no_rejection_is_lost_between_threads() {
    const THREADS: u64 = 4;
    const EACH: u64 = 2000;

    let flooded = Flooded::new();
    let dispatch = flooded.dispatch();
    let _guard = subscriber::set_default_dispatch(&dispatch);
    thread::scope(|scope| {
        for number in 0..THREADS {
            let (layer, clock, dispatch) = (&flooded.layer, &flooded.clock, &dispatch);
            scope.spawn(move || {
                let _guard = subscriber::set_default_dispatch(dispatch);
                for delivery in 0..EACH {
                    if number == 0 && delivery % 100 == 0 {
                        clock.advance(1);
                    }
                    match delivery % 4 {
                        0 => deliver(layer, bare()),
                        1 => deliver(layer, genuine()),
                        _ => deliver(layer, forged()),
                    }
                }
            });
        }
    });
    drop(flooded.layer);
    let lines = flooded.log.lines();
    let counts = lines.iter().map(|(_, fields)| {
        let suppressed = fields.get("suppressed").map_or(0, |n| n.parse().unwrap());
        u64::from(fields["message"].starts_with("webhook rejected: ")) + suppressed
    });
    assert_eq!(counts.sum::<u64>(), THREADS * EACH * 3 / 4);
    assert!(lines.len() < 200, "{} lines", lines.len());
}

/// The subscriber that the documentation sets up.
#[test]
fn a_subscriber_of_the_default_kind_shows_a_rejection() {
    #[derive(Clone, Default)]
    struct Screen(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Screen {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let screen = Screen::default();
    let writer = screen.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = subscriber::set_default(subscriber);
    deliver(&layer(), forged());
    let shown = String::from_utf8(screen.0.lock().unwrap().clone()).unwrap();
    let expected = "WARN tower_svix::telemetry::trace: webhook rejected: no listed signature matches the body under one \
                    of the keys code=\"signature-mismatch\"\n";
    assert!(shown.ends_with(expected), "{shown}");
}

#[tokio::test]
async fn a_failure_of_the_store_is_told_with_all_that_caused_it() {
    #[derive(Debug)]
    struct Away;

    impl Away {
        fn fail<T>() -> Result<T, StoreError> {
            let refused = io::Error::other("connection refused");
            Err(StoreError::new(QueryFailed(refused)))
        }
    }

    impl Store for Away {
        async fn claim(
            &self,
            _: &EventKey,
            _: ClaimToken,
            _: Duration,
        ) -> Result<ClaimStatus, StoreError> {
            Self::fail()
        }

        async fn complete(
            &self,
            _: &EventKey,
            _: ClaimToken,
            _: Fingerprint,
            _: Duration,
        ) -> Result<Settlement, StoreError> {
            Self::fail()
        }

        async fn release(&self, _: &EventKey, _: ClaimToken) -> Result<Settlement, StoreError> {
            Self::fail()
        }

        async fn forget(&self, _: &EventKey) -> Result<bool, StoreError> {
            Self::fail()
        }

        fn spawn(&self, _: BoxFuture<()>) {}
    }

    let log = Log::default();
    let _guard = subscriber::set_default(tracing_subscriber::registry().with(log.clone()));
    let accept = |_: Request<VerifiedBody>| async {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    };
    let inner = IdempotencyLayer::new(Away).layer(service_fn(accept));
    layer().layer(inner).oneshot(genuine()).await.unwrap();
    let (level, fields) = &log.lines()[0];
    assert_eq!((*level, &*fields["code"]), (Level::ERROR, "claim-failed"));
    let message = &fields["message"];
    let expected = ": the idempotency store failed: the query failed: connection refused";
    assert!(message.ends_with(expected), "{message}");
}
