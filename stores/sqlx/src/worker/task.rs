//! A task that does not outlive its owner.

use tokio::task::{JoinError, JoinHandle};

/// A task that is aborted when this is dropped.
pub(super) struct EndsWhenDropped<T>(pub(super) JoinHandle<T>);

impl<T> EndsWhenDropped<T> {
    /// Waits for the end of the task. If the returned future is dropped before that, this can be called again.
    pub(super) async fn join(&mut self) -> Result<T, JoinError> {
        (&mut self.0).await
    }
}

impl<T> Drop for EndsWhenDropped<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
