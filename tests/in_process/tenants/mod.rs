//! One endpoint with the keys of many tenants.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod keyring_map;
mod lookups;
mod probing;

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::routing::post;
use axum::{Extension, Router};
use http::request::Parts;
use tower::ServiceExt as _;
use tower_svix::{KeySource, Keyring, SvixVerifyLayer, VerifiedEvent, key_source_fn};
use tower_svix_tests::clock::At;
use tower_svix_tests::keys::{Answer, NOW, delivery, secret, sender};

/// The keyrings of two tenants: `acme` has the key of sender 1, `globex` that of sender 2.
fn tenants() -> [(&'static str, Keyring); 2] {
    [("acme", 1), ("globex", 2)].map(|(tenant, number)| (tenant, secret(&sender(number)).into()))
}

fn layer<K: KeySource>(keys: K) -> SvixVerifyLayer<K> {
    SvixVerifyLayer::with_key_source(keys).clock(At(NOW))
}

#[tokio::test]
async fn a_layer_with_a_closure_fits_an_axum_router() {
    async fn tenant(Extension(event): Extension<VerifiedEvent>) -> String {
        event.tenant().unwrap_or("nobody").into()
    }

    let names: Arc<[&str]> = ["/acme"].into();
    let layer = layer(key_source_fn(move |head: &Parts| {
        let (names, path) = (Arc::clone(&names), head.uri.path().to_owned());
        async move {
            tokio::task::yield_now().await;
            let known = names.contains(&&*path);
            Ok::<_, Infallible>(known.then(|| Keyring::from(secret(&sender(1))).tenant(&path)))
        }
    }));
    let app: Router = Router::new()
        .route("/{tenant}", post(tenant))
        .layer(layer.clone());
    for (path, status) in [("/acme", 200), ("/globex", 401)] {
        let request = delivery(path, &sender(1)).map(Body::new);
        let response = app.clone().oneshot(request).await.unwrap();
        let answer = Answer::read(response).await;
        assert_eq!(answer.status, status);
        if status == 200 {
            assert_eq!(answer.body, path);
        }
    }
}
