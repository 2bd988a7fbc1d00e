//! A `tracing` subscriber for one test.

use std::sync::LazyLock;

use tracing::subscriber::{DefaultGuard, NoSubscriber};
use tracing::{Dispatch, Subscriber};

/// Sets the subscriber of this thread until the guard is dropped.
///
/// While there is only one subscriber in the process, `tracing` asks the first thread that reaches a span or event
/// whether anyone is interested in it, and keeps the answer. A test on another thread, which has no subscriber, would
/// turn it off for all threads. When there are more, `tracing` asks each of them.
pub fn set_default(subscriber: impl Subscriber + Send + Sync + 'static) -> DefaultGuard {
    set_default_dispatch(&Dispatch::new(subscriber))
}

/// Does the same for a subscriber that other threads of the test share.
pub fn set_default_dispatch(dispatch: &Dispatch) -> DefaultGuard {
    static ANOTHER: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(NoSubscriber::default()));
    LazyLock::force(&ANOTHER);
    tracing::dispatcher::set_default(dispatch)
}
