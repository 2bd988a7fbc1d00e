//! Several senders on one server, each with a route, and a nested router for many tenants.
//!
//! Each route has a layer with the key of its sender only. If one keyring held all keys, each sender could sign events
//! in the name of the others.
//!
//! A layer within a nested router sees the path without the prefix: for the layer of the tenants below, segment 0 of
//! `/webhooks/tenants/acme` is `acme`.

use std::error::Error;

use axum::Router;
use axum::routing::post;
use tower_svix::{
    HeaderFamily, InvalidHeaderNames, Keyring, KeyringMap, Secret, SvixVerifyLayer, VerifiedEvent,
};

/// The text of each key, as the portal of the sender shows it.
pub struct Texts<'t> {
    pub clerk: &'t str,
    pub finch: &'t str,
    pub composio: &'t str,
    /// Pairs of a tenant and its keys.
    pub tenants: &'t [(&'t str, &'t str)],
}

/// Makes the router.
///
/// # Errors
///
/// If a text is not that of a key.
pub fn app(texts: &Texts<'_>) -> Result<Router, Box<dyn Error>> {
    // Without `header_family`, both `svix-*` and `webhook-*` are read.
    let clerk: Secret = texts.clerk.parse()?;
    let clerk = SvixVerifyLayer::new(clerk).header_family(HeaderFamily::SVIX);

    // Other names. No other header is read then.
    let finch: Secret = texts.finch.parse()?;
    let finch = SvixVerifyLayer::new(finch).header_family(finch_headers()?);

    // The text itself is the key: it is not decoded from base64.
    let composio = SvixVerifyLayer::new(Secret::from_text(texts.composio)?);

    let mut keyrings = Vec::new();
    for (tenant, text) in texts.tenants {
        keyrings.push((*tenant, text.parse::<Keyring>()?));
    }
    let tenants = SvixVerifyLayer::with_key_source(KeyringMap::by_path_segment(0, keyrings));
    let tenants = Router::new()
        .route("/{tenant}", post(receive_tenant))
        .route_layer(tenants);

    let webhooks = Router::new()
        .route("/clerk", post(receive).route_layer(clerk))
        .route("/finch", post(receive).route_layer(finch))
        .route("/composio", post(receive).route_layer(composio))
        .nest("/tenants", tenants);
    Ok(Router::new().nest("/webhooks", webhooks))
}

fn finch_headers() -> Result<HeaderFamily, InvalidHeaderNames> {
    HeaderFamily::named("finch-event-id", "finch-timestamp", "finch-signature")
}

async fn receive(event: VerifiedEvent) -> String {
    event.id().to_owned()
}

/// The tenant of the event is the one whose keys verified it. The path is not signed.
async fn receive_tenant(event: VerifiedEvent) -> String {
    let tenant = event.tenant().unwrap_or_default();
    format!("{} of {tenant}", event.id())
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use tower::ServiceExt as _;
    use tower_svix::test_util::SignedRequest;

    use super::*;

    const TEXTS: Texts<'static> = Texts {
        clerk: concat!("whsec_", "C2FVsBQIhrscChlQIMV+b5sSYspob7oD"),
        finch: concat!("whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        composio: "6f1c0a9be2d47753a8c1440e97b6f02d6f1c0a9be2d47753a8c1440e97b6f02d",
        tenants: &[
            ("acme", concat!("whsec_", "YWNtZSBzaGFyZXMgdGhpcyBvbmU")),
            (
                "globex",
                concat!("whsec_", "Z2xvYmV4IHNoYXJlcyB0aGlzIG9uZQ"),
            ),
        ],
    };

    fn secret(text: &str) -> Secret {
        text.parse().unwrap()
    }

    /// A genuine delivery to each route, and the answer of its handler.
    fn deliveries() -> Vec<(SignedRequest, &'static str)> {
        let tenant = |index: usize| secret(TEXTS.tenants[index].1);
        let request = |path, secret| SignedRequest::new(secret).uri(path).id("msg_1");
        vec![
            (
                request("/webhooks/clerk", secret(TEXTS.clerk)).header_family(HeaderFamily::SVIX),
                "msg_1",
            ),
            (
                request("/webhooks/finch", secret(TEXTS.finch))
                    .header_family(finch_headers().unwrap()),
                "msg_1",
            ),
            (
                request(
                    "/webhooks/composio",
                    Secret::from_text(TEXTS.composio).unwrap(),
                ),
                "msg_1",
            ),
            (
                request("/webhooks/tenants/acme", tenant(0)),
                "msg_1 of acme",
            ),
            (
                request("/webhooks/tenants/globex", tenant(1)),
                "msg_1 of globex",
            ),
        ]
    }

    #[tokio::test]
    async fn each_sender_has_its_route() {
        let app = app(&TEXTS).unwrap();
        for (delivery, answer) in deliveries() {
            let response = app.clone().oneshot(delivery.build()).await.unwrap();
            let body = to_bytes(response.into_body(), 1024).await.unwrap();
            assert_eq!(body, answer);
        }
    }

    #[tokio::test]
    async fn forged_deliveries_are_rejected() {
        let app = app(&TEXTS).unwrap();
        for (delivery, _) in deliveries() {
            let forged = delivery.build_forged();
            let path = forged.uri().clone();
            let response = app.clone().oneshot(forged).await.unwrap();
            assert_eq!(response.status(), 401, "{path}");
        }
    }

    #[tokio::test]
    async fn a_sender_is_not_believed_on_the_route_of_another() {
        let app = app(&TEXTS).unwrap();
        for (index, (delivery, _)) in deliveries().into_iter().enumerate() {
            for (other, (elsewhere, _)) in deliveries().into_iter().enumerate() {
                let path = elsewhere.build().uri().clone();
                let response = app
                    .clone()
                    .oneshot(delivery.clone().uri(path.clone()).build())
                    .await
                    .unwrap();
                assert_eq!(
                    response.status() == 200,
                    index == other,
                    "{index} at {path}"
                );
            }
        }
    }

    #[tokio::test]
    async fn an_unknown_tenant_is_answered_like_a_forgery() {
        let app = app(&TEXTS).unwrap();
        let acme = SignedRequest::new(secret(TEXTS.tenants[0].1));
        for (path, request) in [
            ("/webhooks/tenants/nobody", acme.clone()),
            ("/webhooks/tenants/acme", acme),
        ] {
            let forged = request.uri(path).build_forged();
            let response = app.clone().oneshot(forged).await.unwrap();
            assert_eq!(response.status(), 401);
            let body = to_bytes(response.into_body(), 1024).await.unwrap();
            let body = String::from_utf8(body.to_vec()).unwrap();
            assert!(body.contains("signature-mismatch"), "{body}");
        }
    }
}
