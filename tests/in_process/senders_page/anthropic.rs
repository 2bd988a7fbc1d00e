use serde::Deserialize;
use tower_svix::IdempotencyLayer;
use tower_svix::idempotency::{EventKey, Store};

#[derive(Deserialize)]
struct Payload {
    id: String,
}

pub fn once(store: impl Store) -> IdempotencyLayer {
    IdempotencyLayer::new(store).key(|event| match event.json::<Payload>() {
        Ok(payload) => EventKey::new(event.tenant(), &format!("payload.{}", payload.id)),
        Err(_) => EventKey::from(event),
    })
}
