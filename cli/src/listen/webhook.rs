//! The server for senders.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::bench::Bench;
use super::delivery::Origin;
use crate::output::{complain, say};

/// The number of deliveries that are received at once. Others wait, which bounds the memory.
const AT_ONCE: usize = 32;
/// The timeout for a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// Serves until the program ends.
pub(crate) async fn serve(listener: TcpListener, bench: Arc<Bench>, body_limit: usize) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Most likely, too many files are open. Each connection that ends closes one.
                complain(&error);
                sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let (bench, places) = (Arc::clone(&bench), Arc::clone(&places));
        tokio::spawn(async move {
            let service = service_fn(|request| {
                let (bench, places) = (Arc::clone(&bench), Arc::clone(&places));
                async move {
                    let response = receive(request, bench, &places, body_limit).await;
                    Ok::<_, Infallible>(response.map(Full::new))
                }
            });
            // Ignore a connection that breaks: the sender retries.
            let _ = http1::Builder::new()
                .preserve_header_case(true)
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn receive(
    request: Request<Incoming>,
    bench: Arc<Bench>,
    places: &Semaphore,
    body_limit: usize,
) -> Response<Bytes> {
    if request.method() != Method::POST {
        let text = "webhook listen: deliveries come by POST\n";
        return answer(StatusCode::METHOD_NOT_ALLOWED, text);
    }
    let _place = places.acquire().await;
    let (head, body) = request.into_parts();
    let body = match timeout(BODY_TIMEOUT, Limited::new(body, body_limit).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            say(format_args!(
                "a body is longer than {body_limit} bytes, which --body-limit can change"
            ));
            let text = "webhook listen: the body is too long\n";
            return answer(StatusCode::PAYLOAD_TOO_LARGE, text);
        }
        Ok(Err(_)) => {
            return answer(
                StatusCode::BAD_REQUEST,
                "webhook listen: the body broke off\n",
            );
        }
        Err(_) => {
            let text = "webhook listen: the body did not arrive in time\n";
            return answer(StatusCode::SERVICE_UNAVAILABLE, text);
        }
    };
    // In a separate task, so that it continues if the sender disconnects, and the application's response is still
    // shown.
    let processed = tokio::spawn(bench.process(head, body, Origin::Sender));
    match processed.await {
        Ok((_, response)) => response,
        Err(_) => answer(
            StatusCode::INTERNAL_SERVER_ERROR,
            "webhook listen: it failed\n",
        ),
    }
}

fn answer(status: StatusCode, text: &'static str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_static(text.as_bytes()));
    *response.status_mut() = status;
    response
}
