//! The target of the attacks: the middleware and a recorder, behind hyper, over sockets.

use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper_util::rt::TokioExecutor;
use hyper_util::server::conn::auto;
use tokio::sync::watch;
use tower::limit::ConcurrencyLimitLayer;
use tower::{BoxError, Layer as _, Service, ServiceBuilder};
use tower_svix_tests::hyper_server;
use tower_svix_tests::net::{Delivery, layer, within};
use tower_svix_tests::recorder::Recorder;

pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    recorder: Recorder,
    requests: watch::Receiver<Requests>,
}

/// The requests that hyper found on its connections.
#[derive(Default)]
pub(crate) struct Requests {
    /// The path of each request, verified or not.
    pub(crate) paths: Vec<String>,
    /// The number of bodies that still exist.
    pub(crate) held: usize,
    /// The most bodies that existed at the same time.
    pub(crate) most_held: usize,
}

impl Target {
    pub(crate) async fn start() -> Self {
        Self::start_with(|recorder| layer().layer(recorder)).await
    }

    /// Starts a target whose handler takes one request at a time.
    pub(crate) async fn start_with_one_permit() -> Self {
        Self::start_with(|recorder| {
            ServiceBuilder::new()
                .layer(layer())
                .layer(ConcurrencyLimitLayer::new(1))
                .service(recorder)
        })
        .await
    }

    /// Starts a target that allows tunnels with the extended CONNECT of RFC 8441, as for a WebSocket.
    pub(crate) async fn start_with_tunnels() -> Self {
        let mut http = auto::Builder::new(TokioExecutor::new());
        http.http2().enable_connect_protocol();
        Self::start_on(http, |recorder| layer().layer(recorder)).await
    }

    /// Starts a target that serves what `build` makes of the recorder.
    pub(crate) async fn start_with<S, B>(build: impl FnOnce(Recorder) -> S) -> Self
    where
        S: Service<Request<Counted>, Response = Response<B>> + Clone + Send + 'static,
        S::Error: Into<BoxError>,
        S::Future: Send,
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        Self::start_on(auto::Builder::new(TokioExecutor::new()), build).await
    }

    async fn start_on<S, B>(
        http: auto::Builder<TokioExecutor>,
        build: impl FnOnce(Recorder) -> S,
    ) -> Self
    where
        S: Service<Request<Counted>, Response = Response<B>> + Clone + Send + 'static,
        S::Error: Into<BoxError>,
        S::Future: Send,
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        let recorder = Recorder::default();
        let (counter, requests) = watch::channel(Requests::default());
        let service = ServiceBuilder::new()
            .map_request(move |request: Request<Incoming>| {
                let path = request.uri().path().to_owned();
                request.map(|body| Counted::new(body, path, counter.clone()))
            })
            .service(build(recorder.clone()));
        Self {
            address: hyper_server::serve_with(http, service).await,
            recorder,
            requests,
        }
    }

    /// Waits until the requests match.
    pub(crate) async fn requests_until(&self, are: impl FnMut(&Requests) -> bool) {
        let mut requests = self.requests.clone();
        within(requests.wait_for(are)).await.unwrap();
    }

    /// Waits until no body exists.
    pub(crate) async fn holds_nothing(&self) {
        self.requests_until(|requests| requests.held == 0).await;
    }

    pub(crate) fn requests(&self) -> watch::Ref<'_, Requests> {
        self.requests.borrow()
    }

    /// Asserts that, since the last call, the handler got exactly these deliveries, with exactly their bytes.
    #[track_caller]
    pub(crate) fn assert_received(&self, expected: &[&Delivery]) {
        self.assert_received_in("the only row", expected);
    }

    /// Does the same for a row of a table.
    #[track_caller]
    pub(crate) fn assert_received_in(&self, row: &str, expected: &[&Delivery]) {
        let calls = self.recorder.take_calls();
        let received: Vec<_> = calls
            .iter()
            .map(|call| (call.event.id(), &call.body))
            .collect();
        let expected: Vec<_> = expected
            .iter()
            .map(|delivery| (&*delivery.id, &delivery.body))
            .collect();
        assert_eq!(received, expected, "{row}");
        for call in &calls {
            assert_eq!(call.event.payload(), &call.body);
            assert_eq!(call.trailers, None);
        }
    }
}

/// The body of a request. It counts until it is dropped.
pub(crate) struct Counted {
    body: Incoming,
    counter: watch::Sender<Requests>,
}

impl Counted {
    fn new(body: Incoming, path: String, counter: watch::Sender<Requests>) -> Self {
        counter.send_modify(|requests| {
            requests.paths.push(path);
            requests.held += 1;
            requests.most_held = requests.most_held.max(requests.held);
        });
        Self { body, counter }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.counter.send_modify(|requests| requests.held -= 1);
    }
}

impl Body for Counted {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
