//! [`SvixVerifyLayer`] in front of a salvo handler.

use salvo::http::ReqBody;
use salvo::prelude::TowerLayerCompat as _;
use salvo::{Handler, Request, handler};
use tower_http::map_request_body::MapRequestBodyLayer;
use tower_svix::{SvixVerifyLayer, VerifiedBody, VerifiedEvent};

/// Runs for verified deliveries only.
///
/// The payload of the event is the very bytes that were signed. So is the body of the request, but salvo rejects to read
/// more than 64 KiB of it unless told otherwise.
#[handler]
pub async fn receive(request: &mut Request) -> String {
    let event: &VerifiedEvent = request.extensions().get().expect("behind the layer");
    format!("received {}\n", event.id())
}

/// Makes a hoop of the layer. salvo calls its handlers with bodies of its own type only.
#[must_use]
pub fn hoop(layer: SvixVerifyLayer) -> impl Handler {
    let body = MapRequestBodyLayer::new(|body: VerifiedBody| ReqBody::Once(body.into_bytes()));
    (layer, body).compat::<ReqBody>()
}
