//! Deliveries with every outcome, and everything about them that is visible from outside.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::future::ready;
use std::io;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::routing::post;
use futures_util::stream;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use metrics_util::debugging::DebuggingRecorder;
use serde::Deserialize;
use tower::ServiceExt as _;
use tower_svix::extract::VerifiedJson;
use tower_svix::idempotency::{MemoryStore, Outcome};
use tower_svix::{
    IdempotencyLayer, KeySource, Keyring, KeyringMap, PublicKey, Rejection, Secret,
    SvixVerifyLayer, VerifiedEvent, VerifyingKey, key_source_fn,
};
use tower_svix_tests::clock::{At, Broken};
use tower_svix_tests::stores::{ManualTime, Remote};
use tower_svix_tests::subscriber;
use tracing::Level;
use tracing_subscriber::fmt::format::FmtSpan;

use super::canaries::{
    BODY_TEXT, COOKIE, ID, NOW, TEXT_KEY, UNVERIFIED_ID, body, hmac_text, public_text,
    right_signature, wrong_signature,
};

pub(crate) struct Delivery {
    /// The code of the outcome, which the response or the log must show.
    pub(crate) code: &'static str,
    app: Router,
    request: Request<Body>,
}

/// What is visible of a delivery.
pub(crate) struct Trace {
    pub(crate) answer: String,
    pub(crate) log: String,
    pub(crate) metrics: String,
}

pub(crate) fn all() -> Vec<Delivery> {
    let mut all = rejected_for_their_headers();
    let rejected = |code, layer: SvixVerifyLayer| Delivery {
        code,
        app: app(layer),
        request: forged(),
    };
    all.extend([
        rejected("signature-mismatch", layer()),
        rejected("clock-unavailable", layer().clock(Broken)),
        rejected("body-too-large", layer().body_limit(1)),
    ]);
    let broken = [
        Ok(Frame::data(body().into())),
        Err(io::Error::other(BODY_TEXT)),
    ];
    all.push(Delivery {
        code: "body-unreadable",
        app: app(layer()),
        request: forged().map(|_| Body::new(StreamBody::new(stream::iter(broken)))),
    });
    let fails = |_: &Parts| ready(Err::<Option<Keyring>, _>("the database is away"));
    all.push(Delivery {
        code: "keys-unavailable",
        app: app(SvixVerifyLayer::with_key_source(key_source_fn(fails)).clock(At(NOW))),
        request: forged(),
    });
    let tenants = KeyringMap::by_path_segment(0, [("acme", keyring())]);
    all.push(Delivery {
        code: "signature-mismatch",
        app: app(SvixVerifyLayer::with_key_source(tenants).clock(At(NOW))),
        request: forged(),
    });
    let mut grpc = rejected("signature-mismatch", layer());
    let content_type = HeaderValue::from_static("application/grpc");
    grpc.request
        .headers_mut()
        .insert("content-type", content_type);
    *grpc.request.version_mut() = http::Version::HTTP_2;
    all.push(grpc);
    all.extend(verified());
    all
}

type Change = fn(&mut HeaderMap);

fn rejected_for_their_headers() -> Vec<Delivery> {
    let changes: [(&str, Change); 7] = [
        ("header-missing", |headers| {
            headers.remove("webhook-id");
        }),
        ("header-duplicate", |headers| {
            headers.append("webhook-signature", wrong_signature().parse().unwrap());
        }),
        ("header-malformed", |headers| {
            let id = format!("{UNVERIFIED_ID}.{UNVERIFIED_ID}");
            headers.insert("webhook-id", id.parse().unwrap());
        }),
        ("timestamp-malformed", |headers| {
            headers.insert("webhook-timestamp", UNVERIFIED_ID.parse().unwrap());
        }),
        ("timestamp-too-old", |headers| {
            headers.insert("webhook-timestamp", (NOW - 301).into());
        }),
        ("timestamp-too-new", |headers| {
            headers.insert("webhook-timestamp", (NOW + 301).into());
        }),
        ("signature-unsupported", |headers| {
            let signature = wrong_signature().replace("v1,", "v9,");
            headers.insert("webhook-signature", signature.parse().unwrap());
        }),
    ];
    let rejected = changes.map(|(code, change)| {
        let mut request = forged();
        change(request.headers_mut());
        let app = app(layer());
        Delivery { code, app, request }
    });
    rejected.into()
}

/// Returns valid deliveries, with each result behind verification.
fn verified() -> Vec<Delivery> {
    let [unclaimed, uncompleted, unreleased] = [(); 3].map(|()| Remote::new(ManualTime::default()));
    unclaimed.claim.lose_replies(true);
    uncompleted.complete.lose_replies(true);
    unreleased.release.lose_replies(true);
    let ok = || post(|| async { StatusCode::OK });
    let fails = || post(|| async { StatusCode::INTERNAL_SERVER_ERROR });
    let typed = || post(|_: VerifiedJson<Event>| async {});
    let apps = [
        ("verified", Router::new().route("/", ok()).layer(layer())),
        (
            "claim-failed",
            Router::new()
                .route("/", ok())
                .layer(IdempotencyLayer::new(unclaimed))
                .layer(layer()),
        ),
        (
            "completion-failed",
            Router::new()
                .route("/", ok())
                .layer(IdempotencyLayer::new(uncompleted))
                .layer(layer()),
        ),
        (
            "release-failed",
            Router::new()
                .route("/", fails())
                .layer(IdempotencyLayer::new(unreleased))
                .layer(layer()),
        ),
        (
            "payload-mismatch",
            Router::new().route("/", typed()).layer(layer()),
        ),
        ("event-missing", Router::new().route("/", typed())),
        (
            "event-missing",
            Router::new()
                .route("/", ok())
                .layer(IdempotencyLayer::new(MemoryStore::new())),
        ),
    ];
    let delivery = |(code, app)| Delivery {
        code,
        app,
        request: genuine(),
    };
    apps.map(delivery).into()
}

#[derive(Deserialize)]
struct Event {
    #[expect(dead_code, reason = "it cannot be read")]
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    #[expect(dead_code, reason = "it is a text")]
    count: u64,
}

pub(crate) fn keyring() -> Keyring {
    let hmac: Secret = hmac_text().parse().unwrap();
    let text = Secret::text_key_with_hex_signatures(TEXT_KEY).unwrap();
    let public: PublicKey = public_text().parse().unwrap();
    Keyring::from([VerifyingKey::from(hmac), text.into(), public.into()]).tenant("acme")
}

pub(crate) fn layer() -> SvixVerifyLayer {
    SvixVerifyLayer::new(keyring()).clock(At(NOW))
}

fn app<K>(layer: SvixVerifyLayer<K>) -> Router
where
    K: KeySource<Future: Send> + Clone + Send + Sync + 'static,
{
    Router::new().route("/", post(|| async {})).layer(layer)
}

pub(crate) fn genuine() -> Request<Body> {
    request(ID, &right_signature(ID))
}

pub(crate) fn forged() -> Request<Body> {
    request(UNVERIFIED_ID, &wrong_signature())
}

fn request(id: &str, signature: &str) -> Request<Body> {
    Request::post("/")
        .header("cookie", COOKIE)
        .header("webhook-id", id)
        .header("webhook-timestamp", NOW)
        .header("webhook-signature", signature)
        .body(Body::from(body()))
        .unwrap()
}

impl Delivery {
    /// Sends the delivery, and keeps what is visible.
    pub(crate) fn run(self) -> Trace {
        let log = Log::default();
        let writer = log.clone();
        let _guard = subscriber::set_default(
            tracing_subscriber::fmt()
                .with_max_level(Level::TRACE)
                .with_span_events(FmtSpan::FULL)
                .with_writer(move || writer.clone())
                .finish(),
        );
        let recorder = DebuggingRecorder::new();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let send = || runtime.block_on(answer(self.app, self.request));
        let answer = metrics::with_local_recorder(&recorder, send);
        let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        let metrics = format!("{:?}", recorder.snapshotter().snapshot().into_vec());
        Trace {
            answer,
            log,
            metrics,
        }
    }
}

async fn answer(app: Router, request: Request<Body>) -> String {
    let response = app
        .oneshot(request)
        .await
        .unwrap_or_else(|never: Infallible| match never {});
    let (head, body) = response.into_parts();
    let mut answer = format!("{head:?}");
    if let Some(rejection) = head.extensions.get::<Rejection>() {
        write!(answer, "{rejection} {rejection:?}").unwrap();
    }
    if let Some(outcome) = head.extensions.get::<Outcome>() {
        write!(answer, "{outcome} {outcome:?}").unwrap();
    }
    assert!(head.extensions.get::<VerifiedEvent>().is_none());
    let body = body.collect().await.unwrap().to_bytes();
    answer + str::from_utf8(&body).unwrap()
}

/// The log.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
