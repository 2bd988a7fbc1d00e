//! The progress of a measurement, as a line on standard error if that is a terminal.

use std::convert::Infallible;
use std::future::pending;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::time::sleep;

const PERIOD: Duration = Duration::from_millis(100);

/// A progress line, which is drawn until this is dropped.
pub(crate) async fn draw(done: &AtomicU64, count: u64, started: Instant) -> Infallible {
    if !io::stderr().is_terminal() {
        return pending().await;
    }
    let _clear = Clear;
    loop {
        sleep(PERIOD).await;
        let line = line(done.load(Ordering::Relaxed), count, started.elapsed());
        // Returns to the start of the line, and erases the rest of a longer one.
        let _ = write!(io::stderr(), "\r{line}\x1b[K");
    }
}

/// Erases the line.
struct Clear;

impl Drop for Clear {
    fn drop(&mut self) {
        let _ = write!(io::stderr(), "\r\x1b[K");
    }
}

#[allow(
    clippy::cast_precision_loss,
    reason = "they are printed without decimals"
)]
fn line(done: u64, count: u64, elapsed: Duration) -> String {
    if done == 0 {
        return format!("0 of {count}");
    }
    let percent = 100.0 * done as f64 / count as f64;
    let per_second = done as f64 / elapsed.as_secs_f64();
    let left = (count - done) as f64 / per_second;
    format!("{done} of {count} ({percent:.0} %), {per_second:.0} per second, {left:.0} s left")
}
