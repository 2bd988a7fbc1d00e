//! How many announcements are under way.

use std::sync::atomic::AtomicBool;

use tokio::sync::Mutex;

/// Has one announcement at most under way, and one more waiting.
#[derive(Debug, Default)]
pub(super) struct Announcer {
    pub(super) turn: Mutex<()>,
    pub(super) is_waiting: AtomicBool,
}
