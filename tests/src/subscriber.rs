//! A subscriber of tracing for one test.

use std::sync::LazyLock;

use tracing::subscriber::{DefaultGuard, NoSubscriber};
use tracing::{Dispatch, Subscriber};

/// Makes `subscriber` that of this thread, until the guard is dropped.
///
/// While there is one in the whole process, tracing asks whichever thread reaches a span or an event first whether
/// anyone is interested in it, and keeps the answer. A test on another thread, without a subscriber, would so turn it
/// off for all. When there is more than one, tracing asks each of them instead.
pub fn set_default(subscriber: impl Subscriber + Send + Sync + 'static) -> DefaultGuard {
    set_default_dispatch(&Dispatch::new(subscriber))
}

/// The same, for a subscriber that other threads of the test share.
pub fn set_default_dispatch(dispatch: &Dispatch) -> DefaultGuard {
    static ANOTHER: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(NoSubscriber::default()));
    LazyLock::force(&ANOTHER);
    tracing::dispatcher::set_default(dispatch)
}
