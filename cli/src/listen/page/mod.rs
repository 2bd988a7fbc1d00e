//! The page that shows the deliveries, for whoever develops on this machine.
//!
//! It is served on a loopback address of its own, so that no tunnel leads to it. What another site's page might try is
//! turned down by [`guard`], and what deliveries might try by the content security policy of [`assets`] and by the script,
//! which takes nothing for markup.

mod api;
mod assets;
mod events;
mod guard;

use std::convert::Infallible;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::time::sleep;

use self::guard::Guard;
use super::bench::Bench;
use crate::keys::random_id;
use crate::output::complain;

pub(super) type PageResponse = Response<BoxBody<Bytes, Infallible>>;

/// What the page is about.
pub(super) struct Page {
    bench: Arc<Bench>,
    guard: Guard,
    /// Where deliveries are received.
    address: SocketAddr,
}

/// Serves for ever, even if there is no page.
pub(crate) async fn serve(listener: Option<TcpListener>, bench: Arc<Bench>, address: SocketAddr) {
    let (Some(listener), Ok(token)) = (listener, random_id()) else {
        return pending().await;
    };
    let guard = Guard::new(token);
    let page = Arc::new(Page {
        bench,
        guard,
        address,
    });
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                complain(&error);
                sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let page = Arc::clone(&page);
        tokio::spawn(async move {
            let service = service_fn(|request| {
                let page = Arc::clone(&page);
                async move {
                    let mut response = page.respond(request).await;
                    assets::protect(response.headers_mut());
                    Ok::<_, Infallible>(response)
                }
            });
            let _ = http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

impl Page {
    async fn respond(&self, request: Request<Incoming>) -> PageResponse {
        if let Err(why) = self.guard.check(&request) {
            return text(StatusCode::FORBIDDEN, why);
        }
        let path = request.uri().path().to_owned();
        let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        match (request.method(), &segments[..]) {
            (&Method::GET, [""]) => assets::html(self.guard.token()),
            (&Method::GET, ["page.js"]) => assets::script(),
            (&Method::GET, ["page.css"]) => assets::style(),
            (&Method::GET, ["events"]) => events::stream(&self.bench, &self.about()),
            (&Method::GET, ["deliveries", number, rest @ ..]) => {
                self.with_delivery(number, |delivery| match rest {
                    [] => Some(api::detail(delivery)),
                    ["curl"] => Some(api::curl(delivery, &self.sends_to())),
                    ["fixture"] => Some(api::fixture(delivery)),
                    _ => None,
                })
            }
            (&Method::POST, ["deliveries", number, "send"]) => {
                match number
                    .parse()
                    .ok()
                    .and_then(|number| self.bench.history.find(number))
                {
                    Some(delivery) => api::send(&self.bench, &delivery, request).await,
                    None => gone(),
                }
            }
            _ => gone(),
        }
    }

    fn with_delivery(
        &self,
        number: &str,
        show: impl FnOnce(&super::delivery::Delivery) -> Option<PageResponse>,
    ) -> PageResponse {
        let delivery = number
            .parse()
            .ok()
            .and_then(|number| self.bench.history.find(number));
        delivery
            .and_then(|delivery| show(&delivery))
            .unwrap_or_else(gone)
    }

    /// What the page says of the program.
    fn about(&self) -> serde_json::Value {
        let application = self.bench.application.as_ref();
        json!({
            "listening": format!("http://{}", self.address),
            "forward": application.map(|application| application.url().to_string()),
            "can_sign": self.bench.signing_keys.is_some(),
            "is_secret_new": self.bench.is_secret_new,
        })
    }

    /// Where a delivery would be sent by hand: to the application, or here.
    fn sends_to(&self) -> String {
        match &self.bench.application {
            Some(application) => application.url().to_string(),
            None => format!("http://{}/", self.address),
        }
    }
}

fn gone() -> PageResponse {
    text(
        StatusCode::NOT_FOUND,
        "there is no such thing, or not any more",
    )
}

fn text(status: StatusCode, text: &str) -> PageResponse {
    with_type(status, "text/plain; charset=utf-8", text.to_owned().into())
}

fn json_of(status: StatusCode, document: &serde_json::Value) -> PageResponse {
    with_type(status, "application/json", document.to_string().into())
}

fn with_type(status: StatusCode, content_type: &'static str, body: Bytes) -> PageResponse {
    let mut response = Response::new(Full::new(body).boxed());
    *response.status_mut() = status;
    let content_type = HeaderValue::from_static(content_type);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}
