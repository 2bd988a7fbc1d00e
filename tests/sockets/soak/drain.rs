//! The end of the work that follows the answers.

use std::time::Duration;

use tokio::time::{sleep, timeout};
use tower_svix_sqlx::Inbox;
use tower_svix_sqlx::inbox::Counts;
use tower_svix_tests::postgres_server;

const PAUSE: Duration = Duration::from_millis(100);

/// Waits until no event of the inbox is left to be processed, and tells what became of them.
pub(crate) async fn drain(url: &str, deadline: Duration) -> Counts {
    let inbox = Inbox::new(postgres_server::connect(url).await);
    let mut counts = inbox.counts().await.unwrap();
    let all = async {
        while counts.pending + counts.running > 0 {
            sleep(PAUSE).await;
            counts = inbox.counts().await.unwrap();
        }
    };
    let in_time = timeout(deadline, all).await.is_ok();
    assert!(in_time, "each event is processed in the end: {counts:?}");
    counts
}
