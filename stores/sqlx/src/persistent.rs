//! A future that goes on in the background when it is dropped.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;

type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Finishes in the background when it is dropped.
///
/// It is for making connections. On a machine so busy that a connection takes longer to make than any delivery waits, none
/// would ever be made if each was dropped with its delivery. Finished in the background, it goes back to the pool, and the
/// next delivery has it.
pub(crate) struct Persistent<T: Send + 'static> {
    /// `None` once it is done.
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
        // Taken out, so that if it panics, it is not polled once more by `drop`.
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
