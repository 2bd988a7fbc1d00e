//! The path of a delivery.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Request, Response};
use sha2::{Digest as _, Sha256};
use tokio::runtime::Handle;
use tower_service::Service;
use tower_svix::VerifiedEvent;

use super::announcer::Waiting;
use super::receipt::Receipt;
use super::settings::Inbox;
use crate::database_error::DatabaseError;
use crate::engine::{Engine, NewEvent, Value};
use crate::telemetry;

/// Accepts a request with any body and does not read it, because the event has the payload.
impl<DB: Engine, B> Service<Request<B>> for Inbox<DB> {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = ResponseFuture;

    /// Is always ready. The timeout limits the wait for the database.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let event = request.extensions().get::<VerifiedEvent>().cloned();
        let inbox = self.clone();
        ResponseFuture(Box::pin(async move {
            let receipt = if let Some(event) = event {
                inbox.receive(&event).await
            } else {
                let detail =
                    "the inbox is not inside SvixVerifyLayer: nothing is stored on this route";
                telemetry::error(Receipt::EventMissing.code(), &detail);
                Receipt::EventMissing
            };
            telemetry::received(receipt.code());
            Ok(receipt.response())
        }))
    }
}

impl<DB: Engine> Inbox<DB> {
    /// Stores a verified event, as the [service](crate::inbox) does with the event of a request.
    pub async fn receive(&self, event: &VerifiedEvent) -> Receipt {
        // One timeout for both statements.
        let receipt = match self.database.within(self.store(event)).await {
            Ok(receipt) => receipt,
            Err(error) => {
                let detail = format!("{} is not stored: {error}", event.id());
                telemetry::error("event-not-stored", &detail);
                return Receipt::StoreUnavailable;
            }
        };
        match receipt {
            Receipt::Stored => self.announce(),
            Receipt::Conflict => {
                let detail = format!(
                    "{} was stored before, with another payload, which stays",
                    event.id()
                );
                telemetry::error(receipt.code(), &detail);
            }
            _ => {}
        }
        receipt
    }

    async fn store(&self, event: &VerifiedEvent) -> Result<Receipt, DatabaseError> {
        let key = Sha256::digest(self.key_of(event).as_str()).into();
        let new = NewEvent {
            key,
            tenant: event.tenant().map(storable),
            id: event.id().to_owned(),
            event_type: event.event_type().ok().map(|text| storable(&text)),
            // The times that headers can contain are far below `i64::MAX`.
            sent_at: i64::try_from(event.unix_seconds()).unwrap_or(i64::MAX),
            payload: event.payload().clone(),
            order_key: self.order_of(event).map(|key| Sha256::digest(key).into()),
            trace_context: self.context().as_deref().map(storable),
        };
        let insert = self.writer.insert(&self.database, &self.sql.insert, new);
        if insert.await? {
            return Ok(Receipt::Stored);
        }
        let values = [Value::Bytes(&key), Value::Bytes(event.payload())];
        let rows = self.database.read(&self.sql.compare, &values).await?;
        // If the row has been deleted since, the event was done.
        let is_same = match rows.first() {
            Some(row) => DB::int(row, 0)? == Some(1),
            None => true,
        };
        Ok(if is_same {
            Receipt::Duplicate
        } else {
            Receipt::Conflict
        })
    }

    /// Tells all workers that there is a new event.
    ///
    /// Workers of other processes are told in the background. While an announcement runs, all new events share the next
    /// one. If it is lost, workers find the events when they poll.
    pub(super) fn announce(&self) {
        self.wake.send_replace(());
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        if self.sql.announce.is_empty() {
            return;
        }
        let Some(waiting) = Waiting::new(&self.announcer) else {
            return;
        };
        let inbox = self.clone();
        runtime.spawn(async move {
            let _turn = inbox.announcer.turn.lock().await;
            // Events that are stored from here on need another announcement.
            drop(waiting);
            let _ = inbox.database.read(&inbox.sql.announce, &[]).await;
        });
    }
}

/// Replaces NUL, which Postgres does not accept in a text.
fn storable(text: impl AsRef<str>) -> String {
    text.as_ref().replace('\0', "\u{fffd}")
}

/// Response future of [`Inbox`].
///
/// If it is dropped, the event may or may not be stored. The sender tries again.
#[must_use = "futures do nothing unless polled"]
pub struct ResponseFuture(
    Pin<Box<dyn Future<Output = Result<Response<String>, Infallible>> + Send>>,
);

impl Future for ResponseFuture {
    type Output = Result<Response<String>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx)
    }
}

impl fmt::Debug for ResponseFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
