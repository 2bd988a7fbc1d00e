//! Server-sent events: first all deliveries, then each delivery that arrives or changes.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures_util::stream::{self, Stream};
use serde_json::{Value, json};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::super::delivery::Delivery;
use super::super::line::summary;
use super::Page;

/// The interval of keep-alive messages, which detect that a page has disconnected.
const HEARTBEAT: Duration = Duration::from_secs(15);

pub(super) async fn stream(
    State(page): State<Arc<Page>>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let feed = Feed {
        page,
        changes: None,
    };
    let events = stream::unfold(feed, |mut feed| async {
        let event = feed.next().await?;
        Some((Ok(event), feed))
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT))
}

/// The stream of events for one page.
struct Feed {
    page: Arc<Page>,
    /// `None` means that the page gets all deliveries next.
    changes: Option<Receiver<Arc<Delivery>>>,
}

impl Feed {
    async fn next(&mut self) -> Option<Event> {
        let history = &self.page.bench.history;
        if let Some(changes) = &mut self.changes {
            match changes.recv().await {
                Ok(delivery) => {
                    let (oldest, delivery) = (history.oldest(), summary(&delivery));
                    let data = json!({"oldest": oldest, "delivery": delivery});
                    return Some(event("delivery", &data));
                }
                // The page was too slow, so it gets all deliveries again.
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
        let (deliveries, changes) = history.watch();
        self.changes = Some(changes);
        let deliveries: Vec<Value> = deliveries.iter().map(|kept| summary(kept)).collect();
        let data = json!({"about": self.page.about(), "deliveries": deliveries});
        Some(event("all", &data))
    }
}

/// Formats an event. Line ends in JSON are escaped, so the data is one line.
fn event(name: &str, data: &Value) -> Event {
    Event::default().event(name).data(data.to_string())
}
