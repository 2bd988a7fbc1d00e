//! Keyrings that are chosen by a part of the request.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request};
use http_body_util::Full;
use tower_svix::{KeyringMap, VerifiedEvent};
use tower_svix_tests::keys::{answer, delivery, secret, sender};

use super::{layer, tenants};

const TENANT: HeaderName = HeaderName::from_static("x-tenant");

fn with_header(mut request: Request<Full<Bytes>>, values: &[&'static str]) -> Request<Full<Bytes>> {
    for value in values {
        let value = HeaderValue::from_static(value);
        request.headers_mut().append(TENANT, value);
    }
    request
}

#[tokio::test]
async fn the_segment_of_the_path_chooses_the_keyring() {
    for (index, path, tenant) in [
        (1, "/webhooks/acme", Some("acme")),
        (1, "/webhooks/acme?tenant=globex", Some("acme")),
        (1, "/webhooks/acme/", Some("acme")),
        (1, "https://example.com/webhooks/acme", Some("acme")),
        (0, "/acme", Some("acme")),
        (2, "/api/webhooks/acme/more", Some("acme")),
        (0, "/webhooks/acme", None),
        (2, "/webhooks/acme", None),
        (9, "/webhooks/acme", None),
        (1, "/webhooks/globex", None),
        (1, "/webhooks/unknown", None),
        (1, "/webhooks/ACME", None),
        (1, "/webhooks/acm%65", None),
        (1, "/webhooks/acme;v=1", None),
        (1, "//webhooks/acme", None),
        (1, "/webhooks/", None),
        (1, "/", None),
        (1, "*", None),
    ] {
        let layer = layer(KeyringMap::by_path_segment(index, tenants()));
        let answer = answer(&layer, delivery(path, &sender(1))).await;
        let name = answer.event.as_ref().and_then(VerifiedEvent::tenant);
        assert_eq!(name, tenant, "segment {index} of {path}");
        if tenant.is_none() {
            answer.assert_mismatch();
        }
    }
}

#[tokio::test]
async fn the_header_chooses_the_keyring() {
    for (values, tenant) in [
        (&["acme"][..], Some("acme")),
        (&["globex"], None),
        (&["unknown"], None),
        (&[""], None),
        (&[], None),
        (&["acme", "acme"], None),
        (&["acme", "globex"], None),
        (&["globex", "acme"], None),
        (&["acme, acme"], None),
    ] {
        let layer = layer(KeyringMap::by_header(TENANT, tenants()));
        let answer = answer(&layer, with_header(delivery("/", &sender(1)), values)).await;
        let name = answer.event.as_ref().and_then(VerifiedEvent::tenant);
        assert_eq!(name, tenant, "{values:?}");
        if tenant.is_none() {
            answer.assert_mismatch();
        }
    }
}

#[tokio::test]
async fn a_delivery_to_one_tenant_is_rejected_by_another() {
    let layer = layer(KeyringMap::by_path_segment(1, tenants()));
    for (to, number, genuine) in [
        ("/webhooks/acme", 1, true),
        ("/webhooks/globex", 2, true),
        ("/webhooks/globex", 1, false),
        ("/webhooks/acme", 2, false),
    ] {
        let answer = answer(&layer, delivery(to, &sender(number))).await;
        if genuine {
            answer.accepted();
        } else {
            answer.assert_mismatch();
        }
    }
}

#[tokio::test]
async fn the_keys_of_one_tenant_can_be_replaced() {
    let [acme, globex] = tenants();
    let handle = acme.1.clone();
    let layer = layer(KeyringMap::by_path_segment(0, [acme, globex]));
    handle.replace([secret(&sender(3))]);

    let event = answer(&layer, delivery("/acme", &sender(3)))
        .await
        .accepted();
    assert_eq!(event.tenant(), Some("acme"));
    answer(&layer, delivery("/acme", &sender(1)))
        .await
        .assert_mismatch();
    answer(&layer, delivery("/globex", &sender(2)))
        .await
        .accepted();
}
