use serde::Deserialize;
use tower_svix::idempotency::{EventKey, MemoryStore};
use tower_svix::{IdempotencyLayer, VerifiedEvent};

#[derive(Deserialize)]
struct Payload {
    id: String,
}

pub fn once() -> IdempotencyLayer {
    IdempotencyLayer::new(MemoryStore::new()).key(|event: &VerifiedEvent| {
        match event.json::<Payload>() {
            Ok(payload) => EventKey::new(event.tenant(), &payload.id),
            Err(_) => EventKey::from(event),
        }
    })
}
