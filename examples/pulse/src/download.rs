//! Downloads that there is only once: each goes on to its end, whatever becomes of the attempt that began it.

use std::io;
use std::time::Duration;

use axum::body::Bytes;
use tokio::sync::watch;

use crate::api::LargeResult;
use crate::failure::Failure;
use crate::part::Part;

/// The downloads of this process.
#[derive(Clone, Debug, Default)]
pub struct Downloads {
    /// Each of them has a receiver.
    running: watch::Sender<()>,
}

/// How long to wait until a disk that is full may have room again.
const DISK_PAUSE: Duration = Duration::from_secs(1);

impl Downloads {
    /// Receives a result. If the caller is cut off, since it outlived its lease or the worker stops, this goes on, and the next
    /// attempt finds what was received.
    pub(crate) async fn receive(&self, part: Part, incoming: LargeResult) -> Result<(), Failure> {
        let running = self.running.subscribe();
        let download = tokio::spawn(async move {
            let received = receive(part, incoming).await;
            drop(running);
            received
        });
        download.await.map_err(io::Error::other)?
    }

    /// Waits until none is running.
    pub async fn finished(&self) {
        self.running.closed().await;
    }
}

async fn receive(mut part: Part, mut incoming: LargeResult) -> Result<(), Failure> {
    part.restart().await?;
    while let Some(piece) = incoming.next().await? {
        append(&mut part, piece).await?;
    }
    if !part.is_whole().await? {
        let problem = format!("the large result is no JSON: see {}", part.path().display());
        return Err(Failure::Permanent(problem));
    }
    Ok(part.finish().await?)
}

/// Writes what may not exist anywhere else any more. While the disk is full, this waits and logs the reason, and it goes on
/// once there is room.
async fn append(part: &mut Part, piece: Bytes) -> io::Result<()> {
    while let Err(error) = part.append(piece.clone()).await {
        if !may_pass(&error) {
            return Err(error);
        }
        let path = part.path().display();
        tracing::error!(%path, %error, "the download waits until the file can be written");
        tokio::time::sleep(DISK_PAUSE).await;
    }
    Ok(())
}

/// Whether there may be room later, once somebody has made it or has lifted a limit. A disk that is broken stays so.
fn may_pass(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_waited_for_and_a_broken_one_is_not() {
        const WAITED_FOR: [(&str, i32); 3] = [("EFBIG", 27), ("ENOSPC", 28), ("EDQUOT", 122)];
        const NOT: [(&str, i32); 4] = [("EIO", 5), ("EBADF", 9), ("EROFS", 30), ("ESTALE", 116)];
        for (name, code) in WAITED_FOR {
            assert!(may_pass(&io::Error::from_raw_os_error(code)), "{name}");
        }
        for (name, code) in NOT {
            assert!(!may_pass(&io::Error::from_raw_os_error(code)), "{name}");
        }
    }
}
