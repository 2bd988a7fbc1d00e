//! Events that arrive at once are stored together, and answered each for itself.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::timeout;

use super::support::{TestDatabase, deliver, on_each_engine};

on_each_engine!(
    an_event_that_the_database_rejects_alone_is_not_stored,
    deliveries_that_are_cut_off_take_no_other_with_them,
);

/// A body whose type is this.
fn of_type(event_type: &str) -> String {
    format!(r#"{{"type":"{event_type}"}}"#)
}

async fn an_event_that_the_database_rejects_alone_is_not_stored<T: TestDatabase>(database: T) {
    const EVENTS: usize = 100;
    const REJECTED: usize = 60;

    let inbox = database.inbox().await;
    database
        .execute("CREATE UNIQUE INDEX one_of_a_type ON webhook_inbox (type)")
        .await;
    let first = deliver(&inbox, "msg_first", of_type("taken")).await;
    assert_eq!(first.status, 202);

    let deliveries = (0..EVENTS).map(|number| {
        let inbox = inbox.clone();
        let event_type = match number {
            REJECTED => "taken".to_owned(),
            _ => format!("type_{number}"),
        };
        let id = format!("msg_{number}");
        tokio::spawn(async move { deliver(&inbox, &id, of_type(&event_type)).await })
    });
    for (number, answer) in join_all(deliveries).await.into_iter().enumerate() {
        let expected = if number == REJECTED { 503 } else { 202 };
        assert_eq!(answer.unwrap().status, expected, "{number}");
    }
    let stored = database.number("SELECT count(*) FROM webhook_inbox").await;
    assert_eq!(usize::try_from(stored).unwrap(), EVENTS);
}

async fn deliveries_that_are_cut_off_take_no_other_with_them<T: TestDatabase>(database: T) {
    const EVENTS: usize = 100;

    let inbox = database.inbox().await;
    let deliveries = (0..EVENTS).map(|number| {
        let inbox = inbox.clone();
        tokio::spawn(async move {
            let id = format!("msg_{number}");
            let delivery = deliver(&inbox, &id, "{}");
            if number % 2 == 0 {
                // Polled once, then dropped.
                let _ = timeout(Duration::ZERO, delivery).await;
                None
            } else {
                Some(delivery.await.status)
            }
        })
    });
    let statuses = join_all(deliveries).await;
    let answered = statuses
        .iter()
        .filter_map(|status| *status.as_ref().unwrap());
    assert_eq!(answered.filter(|status| *status == 202).count(), EVENTS / 2);
    for number in (1..EVENTS).step_by(2) {
        let again = deliver(&inbox, &format!("msg_{number}"), "{}").await;
        assert_eq!(again.status, 200, "{number}");
    }
}
