//! Events that arrive at once are stored together, and each delivery gets its own response.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::timeout;

use tower_svix_sqlx::inbox::{Filter, Receipt};

use super::support::{OnPostgres, TestDatabase, deliver, on_each_engine};

on_each_engine!(
    an_event_that_the_database_rejects_alone_is_not_stored,
    deliveries_that_are_cut_off_take_no_other_with_them,
    clones_with_another_table_store_in_their_own,
    of_several_payloads_at_once_the_one_that_was_new_is_stored,
);

/// Returns a body with this type.
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
                // The delivery is polled once, then dropped.
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

async fn clones_with_another_table_store_in_their_own<T: TestDatabase>(database: T) {
    const EVENTS: usize = 100;

    let base = database.inbox().await;
    let inboxes = ["one", "other"].map(|name| base.clone().table(name.parse().unwrap()));
    for inbox in &inboxes {
        inbox.migrate().await.unwrap();
    }
    let deliveries = (0..2 * EVENTS).map(|number| {
        let inbox = inboxes[number % 2].clone();
        let id = format!("msg_{}", number / 2);
        tokio::spawn(async move { deliver(&inbox, &id, "{}").await })
    });
    for answer in join_all(deliveries).await {
        assert_eq!(answer.unwrap().status, 202);
    }
    for table in ["one", "other"] {
        let sql = format!("SELECT count(*) FROM {table}");
        let stored = usize::try_from(database.number(&sql).await).unwrap();
        assert_eq!(stored, EVENTS, "{table}");
    }
}

async fn of_several_payloads_at_once_the_one_that_was_new_is_stored<T: TestDatabase>(database: T) {
    const IDS: usize = 8;

    let inbox = database.inbox().await;
    let deliveries = (0..200).map(|number| {
        let inbox = inbox.clone();
        tokio::spawn(async move {
            let (id, body) = (
                format!("msg_{}", number % IDS),
                format!("{{\"n\":{number}}}"),
            );
            let receipt = deliver(&inbox, &id, body.clone()).await.receipt;
            (id, body, receipt)
        })
    });
    let mut stored = 0;
    for answer in join_all(deliveries).await {
        let (id, body, receipt) = answer.unwrap();
        if receipt == Some(Receipt::Stored) {
            let [entry] = &inbox.list(&Filter::new().id(&id), 2).await.unwrap()[..] else {
                panic!("{id} is stored once");
            };
            assert_eq!(inbox.payload(entry.number).await.unwrap().unwrap(), body);
            stored += 1;
        } else {
            assert_eq!(receipt, Some(Receipt::Conflict), "{id}");
        }
    }
    assert_eq!(stored, IDS);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_somebody_holds_keeps_no_other_event_waiting() {
    let database = OnPostgres::new().await;
    let inbox = database.inbox().await.timeout(Duration::from_secs(5));
    deliver(&inbox, "msg_held", "{}").await;
    let pool = database.pool();
    let mut open = pool.begin().await.unwrap();
    sqlx::query("UPDATE webhook_inbox SET error = 'held'")
        .execute(&mut *open)
        .await
        .unwrap();

    let deliveries = (0..100).map(|number| {
        let inbox = inbox.clone();
        let id = match number {
            50 => "msg_held".to_owned(),
            _ => format!("msg_{number}"),
        };
        tokio::spawn(async move { deliver(&inbox, &id, "{}").await.status })
    });
    for (number, status) in join_all(deliveries).await.into_iter().enumerate() {
        let expected = if number == 50 { 200 } else { 202 };
        assert_eq!(status.unwrap(), expected, "{number}");
    }
    open.rollback().await.unwrap();
}
