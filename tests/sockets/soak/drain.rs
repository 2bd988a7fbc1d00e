//! The end of the work after the responses.

use std::time::Duration;

use tokio::time::sleep;
use tower_svix_sqlx::Inbox;
use tower_svix_sqlx::inbox::Counts;
use tower_svix_tests::postgres_server;

const PAUSE: Duration = Duration::from_millis(100);

/// Waits until all events of the inbox are processed, and returns the counts.
pub(crate) async fn drain(url: &str, timeout: Duration) -> Counts {
    let inbox = Inbox::new(postgres_server::connect(url).await);
    let mut counts = inbox.counts().await.unwrap();
    let all = async {
        while counts.pending + counts.running > 0 {
            sleep(PAUSE).await;
            counts = inbox.counts().await.unwrap();
        }
    };
    let in_time = tokio::time::timeout(timeout, all).await.is_ok();
    assert!(in_time, "each event is processed in the end: {counts:?}");
    counts
}
