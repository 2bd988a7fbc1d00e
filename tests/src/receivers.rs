//! Receivers that share a store of ids, and a record of their handlers' effects.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tokio::sync::Semaphore;
use tokio::time::sleep;
use tower::util::BoxCloneSyncService;
use tower::{ServiceBuilder, ServiceExt};
use tower_svix::idempotency::{Outcome, Store};
use tower_svix::{IdempotencyLayer, VerifiedBody, VerifiedEvent};

use crate::net::{Delivery, layer, within};

/// The middleware with a handler. It returns the status and the outcome.
pub type Receiver = BoxCloneSyncService<Request<Full<Bytes>>, (StatusCode, Outcome), Infallible>;

/// The effects of the handlers of all receivers.
#[derive(Clone, Default)]
pub struct Effects {
    of_ids: Arc<Mutex<HashMap<String, usize>>>,
    /// How many handlers have started.
    pub started: Arc<AtomicUsize>,
}

impl Effects {
    pub fn add(&self, id: &str) {
        *self
            .of_ids
            .lock()
            .unwrap()
            .entry(id.to_owned())
            .or_default() += 1;
    }

    pub fn of(&self, id: &str) -> usize {
        self.of_ids.lock().unwrap().get(id).copied().unwrap_or(0)
    }
}

/// Makes a receiver. Its handler has an effect after a short time, if `gate` lets it.
pub fn receiver(
    store: impl Store,
    lease: Duration,
    effects: &Effects,
    gate: Option<&Arc<Semaphore>>,
) -> Receiver {
    let (effects, gate) = (effects.clone(), gate.cloned());
    let service = ServiceBuilder::new()
        .layer(layer())
        .layer(IdempotencyLayer::new(store).lease(lease))
        .service_fn(move |request: Request<VerifiedBody>| {
            let (effects, gate) = (effects.clone(), gate.clone());
            async move {
                effects.started.fetch_add(1, Ordering::SeqCst);
                let event: &VerifiedEvent = request.extensions().get().unwrap();
                sleep(Duration::from_millis(rand::random_range(0..10))).await;
                if let Some(gate) = gate {
                    gate.acquire().await.unwrap().forget();
                }
                effects.add(event.id());
                Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
            }
        });
    let service = ServiceExt::<Request<Full<Bytes>>>::map_response(service, |response| {
        let outcome = *response.extensions().get::<Outcome>().unwrap();
        (response.status(), outcome)
    });
    BoxCloneSyncService::new(service)
}

pub async fn deliver(receiver: &Receiver, id: &str) -> (StatusCode, Outcome) {
    let delivery = Delivery::genuine(id, "{}");
    let mut request = Request::new(Full::new(delivery.body.clone()));
    *request.headers_mut() = delivery.headers();
    let Ok(seen) = within(receiver.clone().oneshot(request)).await;
    seen
}

/// Delivers until the event is acknowledged. Returns the outcome of each attempt.
pub async fn deliver_until_acknowledged(receivers: &[Receiver], id: &str) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    loop {
        let receiver = &receivers[rand::random_range(0..receivers.len())];
        let (status, outcome) = deliver(receiver, id).await;
        outcomes.push(outcome);
        match status {
            StatusCode::OK => return outcomes,
            StatusCode::SERVICE_UNAVAILABLE => {}
            other => panic!("{other}"),
        }
        sleep(Duration::from_millis(20)).await;
    }
}
