//! The layer on a target without a system clock, such as `wasm32-unknown-unknown`: the clock is the user's.
//!
//! ```text
//! cargo build -p on-wasm --target wasm32-unknown-unknown
//! node examples/wasm/run.mjs target/wasm32-unknown-unknown/debug/on-wasm.wasm
//! ```
//!
//! It ends without a word if all went as it should, and panics otherwise.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{Request, Response};
use http_body_util::Full;
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_svix::{Clock, Secret, SvixVerifyLayer, VerifiedBody};

/// A clock that stands still. In a browser or a worker, ask the host: `js_sys::Date::now`, in milliseconds.
#[derive(Debug)]
struct HostClock;

impl Clock for HostClock {
    fn unix_seconds(&self) -> Option<u64> {
        Some(1_614_265_330)
    }
}

async fn receive(request: Request<VerifiedBody>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::new(request.into_body().into_bytes().into()))
}

/// The status of the answer to a delivery that was signed when the clock stood still.
fn deliver(layer: &SvixVerifyLayer, body: &'static str) -> u16 {
    let request = Request::post("/webhook")
        .header("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek")
        .header("webhook-timestamp", "1614265330")
        .header(
            "webhook-signature",
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        )
        .body(Full::new(Bytes::from(body)))
        .expect("the head is well-formed");
    let response = layer.layer(service_fn(receive)).oneshot(request);
    // Nothing in here waits, so that no runtime is needed.
    let Ok(response) = response.now_or_never().expect("all is there already");
    response.status().as_u16()
}

fn main() {
    let secret = concat!("whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let secret: Secret = secret.parse().expect("the secret is well-formed");
    let layer = SvixVerifyLayer::new(secret.clone()).clock(HostClock);
    assert_eq!(deliver(&layer, r#"{"test": 2432232314}"#), 200);
    assert_eq!(deliver(&layer, r#"{"test": 2432232315}"#), 401);

    // Where nobody supplied a clock, no delivery can be judged: the sender is asked to come again.
    if cfg!(target_family = "wasm") {
        let layer = SvixVerifyLayer::new(secret);
        assert_eq!(deliver(&layer, r#"{"test": 2432232314}"#), 503);
    }
}
