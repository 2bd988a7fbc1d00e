//! How far a measurement is: a line on standard error, if that is a terminal.

use std::convert::Infallible;
use std::future::pending;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::time::interval;

const PERIOD: Duration = Duration::from_millis(100);
const BAR_WIDTH: u64 = 40;

/// Draws until it is dropped.
pub(crate) async fn draw(done: &AtomicU64, count: u64, started: Instant) -> Infallible {
    if !io::stderr().is_terminal() {
        return pending().await;
    }
    let _clear = Clear;
    let mut ticks = interval(PERIOD);
    loop {
        ticks.tick().await;
        let line = line(done.load(Ordering::Relaxed), count, started.elapsed());
        let _ = write!(io::stderr(), "\r{line}\x1b[K");
    }
}

/// Leaves the terminal as it was.
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
    let full = usize::try_from(BAR_WIDTH * done / count).unwrap_or_default();
    let per_second = done as f64 / elapsed.as_secs_f64();
    let left = (count - done) as f64 / per_second;
    let bar = "#".repeat(full);
    format!("[{bar:<40}] {done} of {count}, {per_second:.0}/s, {left:.0} s left")
}
