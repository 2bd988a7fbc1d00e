//! A future that continues in the background when it is dropped.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;

type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A future that finishes in the background when it is dropped.
///
/// It is for opening connections. On a busy machine, opening one may take longer than any delivery waits. If each was
/// dropped with its delivery, no connection would ever be opened. Finished in the background, it goes to the pool, for
/// the next delivery.
pub(crate) struct Persistent<T: Send + 'static> {
    /// `None` once the future has finished.
    work: Option<Work<T>>,
}

impl<T: Send + 'static> Persistent<T> {
    pub(crate) fn new(work: impl Future<Output = T> + Send + 'static) -> Self {
        Self {
            work: Some(Box::pin(work)),
        }
    }
}

impl<T: Send + 'static> Future for Persistent<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        // Taken out, so that `drop` does not poll it again after a panic.
        let mut work = self.work.take().expect("polled until it is done");
        let poll = work.as_mut().poll(cx);
        if poll.is_pending() {
            self.work = Some(work);
        }
        poll
    }
}

impl<T: Send + 'static> Drop for Persistent<T> {
    fn drop(&mut self) {
        if let Some(work) = self.work.take()
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(async move { drop(work.await) });
        }
    }
}
