//! [`SvixVerifyLayer`] in front of a poem endpoint.
//!
//! poem's `TowerLayerCompatExt` gives a layer requests of poem's own type, where Tower's middlewares take `http::Request`.
//! Its `TowerCompatExt` fits, for a handler that is a Tower service (as one of the tests has it), but drops what poem
//! knows of a request, such as the parameters of its path. [`behind`] is for any endpoint, and keeps that.

use std::sync::Mutex;

use http_body_util::combinators::BoxBody;
use poem::http;
use poem::web::Data;
use poem::{Endpoint, EndpointExt as _, IntoEndpoint, IntoResponse as _};
use poem::{Request, Response, Result, handler};
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_svix::{SvixVerifyLayer, VerifiedBody, VerifiedEvent};

/// Runs for verified deliveries only. Its body, as an extractor reads it, is the very bytes that were signed.
#[handler]
pub fn receive(Data(event): Data<&VerifiedEvent>) -> String {
    format!("received {}\n", event.id())
}

/// Calls the endpoint for verified deliveries only.
pub fn behind<E>(layer: SvixVerifyLayer, endpoint: E) -> impl Endpoint<Output = Response>
where
    E: IntoEndpoint<Endpoint: 'static>,
{
    endpoint.around(move |endpoint, request| {
        let layer = layer.clone();
        async move { verify(&layer, &endpoint, request).await }
    })
}

async fn verify(
    layer: &SvixVerifyLayer,
    endpoint: &impl Endpoint,
    mut request: Request,
) -> Result<Response> {
    let body: BoxBody<_, _> = request.take_body().into();
    let mut outer = http::Request::new(body);
    outer.method_mut().clone_from(request.method());
    outer.uri_mut().clone_from(request.uri());
    outer.headers_mut().clone_from(request.headers());
    outer.extensions_mut().clone_from(request.extensions());

    // The request as poem knows it waits here until it is verified.
    let waiting = &Mutex::new(Some(request));
    let inner = service_fn(|verified: http::Request<VerifiedBody>| async move {
        let request = waiting.lock().expect("no panic holds it").take();
        let mut request = request.expect("the layer calls once");
        let (head, body) = verified.into_parts();
        *request.extensions_mut() = head.extensions;
        request.set_body(body.into_bytes());
        let response = endpoint.call(request).await?.into_response();
        Ok::<http::Response<BoxBody<_, _>>, poem::Error>(response.into())
    });
    Ok(layer.layer(inner).oneshot(outer).await?.into())
}
