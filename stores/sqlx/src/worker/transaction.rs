//! The transaction of a handler, which also marks its event as done.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use sqlx::Transaction;
use tokio::time::timeout;
use tower_svix::idempotency::ClaimToken;

use super::end::{End, fenced, panicked};
use super::failure::BoxError;
use super::settings::{BoxFuture, Transactional, Worker};
use super::verdict::Verdict;
use crate::database_error::DatabaseError;
use crate::engine::{Engine, InboxSql, Value};
use crate::inbox::StoredEvent;
use crate::table::Sql;

/// How much longer than its handler a transaction may be idle before the database ends it.
const MARGIN: Duration = Duration::from_secs(1);

/// Runs the handler in a transaction.
pub(super) async fn run<DB: Engine>(
    worker: &Worker<DB>,
    handler: &Transactional<DB>,
    event: &StoredEvent,
    token: &ClaimToken,
) -> End {
    let idle = worker.timeout.saturating_add(MARGIN);
    let mut turn = match worker.inbox.database.begin(idle).await {
        Ok(turn) => turn,
        Err(error) => return End::Interrupted(error),
    };
    let sql = &worker.inbox.sql;
    let mut end = within(&mut turn.of, handler, event, token, worker).await;
    if let End::Failed(verdict) = end {
        end = if record(&mut turn.of, &verdict, event, token, sql).await {
            End::Recorded(verdict)
        } else {
            End::Failed(verdict)
        };
    }
    let committed = match end {
        End::Succeeded => End::Committed,
        End::Recorded(_) => end,
        _ => {
            if !sql.reset.is_empty() {
                let _ = DB::script(&mut turn.of, &sql.reset).await;
            }
            // If this times out, the connection rolls back before anyone else uses it.
            let at_most = worker.inbox.database.timeout();
            let _ = timeout(at_most, turn.of.rollback()).await;
            return end;
        }
    };
    match turn.of.commit().await.map_err(DatabaseError::from) {
        Ok(()) => committed,
        Err(error) => failed(error, worker, event),
    }
}

/// Undoes the handler's changes and writes its failure in the same transaction, if the engine does not renew the lease
/// during a transaction. Otherwise, another process could take the event between the two. Returns `false` if a separate
/// statement must write the failure.
async fn record<DB: Engine>(
    transaction: &mut Transaction<'static, DB>,
    verdict: &Verdict,
    event: &StoredEvent,
    token: &ClaimToken,
    sql: &InboxSql<Sql>,
) -> bool {
    if sql.undo.is_empty() || DB::script(transaction, &sql.undo).await.is_err() {
        return false;
    }
    let values = fenced(event, token, &verdict.values());
    matches!(DB::execute(transaction, &sql.fail, &values).await, Ok(1))
}

async fn within<DB: Engine>(
    transaction: &mut Transaction<'static, DB>,
    handler: &Transactional<DB>,
    event: &StoredEvent,
    token: &ClaimToken,
    worker: &Worker<DB>,
) -> End {
    let sql = &worker.inbox.sql;
    let values = fenced(event, token, &[]);
    if !sql.savepoint.is_empty()
        && let Err(error) = DB::script(transaction, &sql.savepoint).await
    {
        return End::Interrupted(error.into());
    }
    if !sql.enter.is_empty() {
        match DB::execute(transaction, &sql.enter, &values).await {
            Ok(0) => return End::Superseded,
            Ok(_) => {}
            Err(error) => return End::Interrupted(error.into()),
        }
    }
    let verdict = |error: BoxError| Verdict::new(worker, event, &error);
    // Formatting an error can panic too.
    let work = async { handler(event.clone(), transaction).await.map_err(verdict) };
    match CatchesPanic(Box::pin(work)).await {
        Ok(Ok(())) => {}
        Ok(Err(verdict)) => return End::Failed(verdict),
        Err(panic) => return End::Failed(verdict(panicked(&*panic))),
    }
    match mark(transaction, &values, sql).await {
        Ok(Marked::Done) => End::Succeeded,
        Ok(Marked::Superseded) => End::Superseded,
        Ok(Marked::TooLate) => End::Failed(verdict(
            "the transaction had ended before its handler returned".into(),
        )),
        Err(error) => failed(error, worker, event),
    }
}

/// The result of marking the event.
enum Marked {
    Done,
    /// Another worker has the event, or it was forgotten.
    Superseded,
    /// The transaction is not the one that was begun.
    TooLate,
}

/// Marks the event as done, if the transaction is still the one that was begun.
async fn mark<DB: Engine>(
    transaction: &mut Transaction<'static, DB>,
    values: &[Value<'_>],
    sql: &InboxSql<Sql>,
) -> Result<Marked, DatabaseError> {
    if DB::execute(transaction, &sql.leave, values).await? > 0 {
        return Ok(Marked::Done);
    }
    let rows = DB::rows(transaction, &sql.is_inside, &[]).await?;
    let is_inside = match rows.first() {
        Some(row) => DB::int(row, 0)? == Some(1),
        None => false,
    };
    Ok(if is_inside {
        Marked::Superseded
    } else {
        Marked::TooLate
    })
}

/// Returns the end for an error of the last statements. Deferred constraints of the handler's tables are checked only
/// then.
fn failed<DB: Engine>(error: DatabaseError, worker: &Worker<DB>, event: &StoredEvent) -> End {
    if error.is_unavailable() {
        End::Interrupted(error)
    } else {
        End::Failed(Verdict::new(worker, event, &error.into()))
    }
}

/// A future that returns a panic as a result, so that the transaction can be ended afterwards.
struct CatchesPanic<'a, T>(BoxFuture<'a, T>);

impl<T> Future for CatchesPanic<'_, T> {
    type Output = thread::Result<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match catch_unwind(AssertUnwindSafe(|| self.0.as_mut().poll(cx))) {
            Ok(poll) => poll.map(Ok),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    }
}
