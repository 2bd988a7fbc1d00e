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

/// The state of the page.
struct Page {
    bench: Arc<Bench>,
    guard: Guard,
    /// The address that receives deliveries.
    address: SocketAddr,
}

/// Serves the page until the program ends. Without a page, this waits until then.
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
    /// Returns the facts about the program that the page shows.
    fn about(&self) -> serde_json::Value {
        let application = self.bench.application.as_ref();
        json!({
            "listening": format!("http://{}", self.address),
            "forward": application.map(|application| application.url().to_string()),
            "can_sign": self.bench.signing_keys.is_some(),
            "is_secret_new": self.bench.is_secret_new,
        })
    }

    /// Returns the address for a delivery by hand: that of the application, or of this program.
    fn sends_to(&self) -> String {
        match &self.bench.application {
            Some(application) => application.url().to_string(),
            None => format!("http://{}/", self.address),
        }
    }
}
