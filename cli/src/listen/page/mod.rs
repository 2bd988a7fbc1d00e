//! The page that shows the deliveries to the developer at this machine.
//!
//! It has a separate port on a loopback address, so no tunnel leads to it. [`guard`] rejects requests from other sites. The
//! content security policy in [`assets`] and the script, which uses texts only as texts, keep deliveries from becoming
//! markup or code.

mod api;
mod assets;
mod events;
mod guard;

use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn_with_state, map_response};
use axum::routing::{get, post};
use serde_json::json;
use tokio::net::TcpListener;

use self::guard::Guard;
use super::bench::Bench;
use crate::keys::random_id;
use crate::output::complain;

/// What the page is about.
struct Page {
    bench: Arc<Bench>,
    guard: Guard,
    /// Where deliveries are received.
    address: SocketAddr,
}

/// Serves until the program ends, even if there is no page.
pub(crate) async fn serve(listener: Option<TcpListener>, bench: Arc<Bench>, address: SocketAddr) {
    let (Some(listener), Ok(token)) = (listener, random_id()) else {
        return pending().await;
    };
    let page = Arc::new(Page {
        bench,
        guard: Guard::new(token),
        address,
    });
    let router = Router::new()
        .route("/", get(assets::html))
        .route("/page.js", get(assets::script))
        .route("/page.css", get(assets::style))
        .route("/events", get(events::stream))
        .route("/deliveries/{number}", get(api::detail))
        .route("/deliveries/{number}/curl", get(api::curl))
        .route("/deliveries/{number}/fixture", get(api::fixture))
        .route("/deliveries/{number}/send", post(api::send))
        .layer(DefaultBodyLimit::max(api::EDIT_LIMIT))
        .layer(from_fn_with_state(Arc::clone(&page), guard::guard))
        .layer(map_response(assets::protect))
        .with_state(page);
    if let Err(error) = axum::serve(listener, router).await {
        complain(&error);
    }
}

impl Page {
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
