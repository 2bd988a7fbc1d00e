//! Verification on a target without a system clock, such as `wasm32-unknown-unknown`, with a clock that you supply.
//!
//! ```text
//! cargo build -p on-wasm --target wasm32-unknown-unknown
//! node examples/wasm/run.mjs target/wasm32-unknown-unknown/debug/on-wasm.wasm
//! ```
//!
//! The program prints nothing if it succeeds, and panics if it fails.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{Request, Response};
use http_body_util::Full;
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_svix::{Clock, Secret, SvixVerifyLayer, VerifiedBody};

/// A clock with a fixed time. In a browser or a worker, ask the host: `js_sys::Date::now` returns milliseconds.
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

/// Returns the status of the response to a delivery that was signed at the time of the clock.
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
    // Nothing here waits, so no runtime is needed.
    let Ok(response) = response.now_or_never().expect("all is there already");
    response.status().as_u16()
}

fn main() {
    let secret = concat!("whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let secret: Secret = secret.parse().expect("the secret is well-formed");
    let layer = SvixVerifyLayer::new(secret.clone()).clock(HostClock);
    assert_eq!(deliver(&layer, r#"{"test": 2432232314}"#), 200);
    assert_eq!(deliver(&layer, r#"{"test": 2432232315}"#), 401);

    // Without a clock, no delivery can be verified. The response asks the sender to retry.
    if cfg!(target_family = "wasm") {
        let layer = SvixVerifyLayer::new(secret);
        assert_eq!(deliver(&layer, r#"{"test": 2432232314}"#), 503);
    }
}
