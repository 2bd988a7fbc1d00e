//! A task that does not outlive who waits for it.

use tokio::task::{JoinError, JoinHandle};

/// A task that ends when this is dropped.
pub(super) struct EndsWhenDropped<T>(pub(super) JoinHandle<T>);

impl<T> EndsWhenDropped<T> {
    /// Waits for the end of the task. Can be called again if it was dropped before that.
    pub(super) async fn join(&mut self) -> Result<T, JoinError> {
        (&mut self.0).await
    }
}

impl<T> Drop for EndsWhenDropped<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
