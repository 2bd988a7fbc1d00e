//! Server-sent events: all deliveries at first, and then each that arrives or changes.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::Response;
use hyper::body::{Body, Frame};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::time::timeout;

use super::super::bench::Bench;
use super::super::line::summary;
use super::PageResponse;

/// How often something is sent though nothing happens, so that a page that is gone is noticed.
const HEARTBEAT: Duration = Duration::from_secs(15);

pub(super) fn stream(bench: &Arc<Bench>, about: &Value) -> PageResponse {
    let (sender, receiver) = mpsc::channel(16);
    tokio::spawn(feed(Arc::clone(bench), about.clone(), sender));
    let mut response = Response::new(Events(receiver).boxed());
    let content_type = HeaderValue::from_static("text/event-stream");
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

/// Sends until nobody reads any more.
async fn feed(bench: Arc<Bench>, about: Value, events: Sender<Bytes>) {
    let send = |event: Bytes| async { events.send(event).await.is_ok() };
    loop {
        let (deliveries, mut changes) = bench.history.watch();
        let deliveries: Vec<Value> = deliveries.iter().map(|kept| summary(kept)).collect();
        let all = json!({"about": about, "deliveries": deliveries});
        if !send(event("all", &all)).await {
            return;
        }
        loop {
            let event = match timeout(HEARTBEAT, changes.recv()).await {
                Ok(Ok(delivery)) => {
                    let oldest = bench.history.oldest();
                    event(
                        "delivery",
                        &json!({"oldest": oldest, "delivery": summary(&delivery)}),
                    )
                }
                // The page was too slow: it gets all of it anew.
                Ok(Err(RecvError::Lagged(_))) => break,
                Ok(Err(RecvError::Closed)) => return,
                Err(_) => Bytes::from_static(b": still here\n\n"),
            };
            if !send(event).await {
                return;
            }
        }
    }
}

/// JSON has no line ends but escaped ones, so the data is one line.
fn event(name: &str, data: &Value) -> Bytes {
    format!("event: {name}\ndata: {data}\n\n").into()
}

struct Events(Receiver<Bytes>);

impl Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0
            .poll_recv(cx)
            .map(|event| event.map(|event| Ok(Frame::data(event))))
    }
}
