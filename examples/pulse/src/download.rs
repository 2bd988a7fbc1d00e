//! Downloads that are possible only once. Each continues to its end, even if the attempt that started it ends.

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
    /// Each download has a receiver of this channel.
    running: watch::Sender<()>,
}

/// The pause before the next write to a full disk.
const DISK_PAUSE: Duration = Duration::from_secs(1);

impl Downloads {
    /// Receives a result. If the caller is dropped, because it outlived its lease or the worker stops, the download
    /// continues, and the next attempt finds its file.
    pub(crate) async fn receive(&self, part: Part, incoming: LargeResult) -> Result<(), Failure> {
        let running = self.running.subscribe();
        let download = tokio::spawn(async move {
            let received = receive(part, incoming).await;
            drop(running);
            received
        });
        download.await.map_err(io::Error::other)?
    }

    /// Waits until no download is running.
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

/// Writes a piece, which may not exist anywhere else. While the disk is full, this logs the reason and waits for space.
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

/// Returns whether there may be space later, after somebody has freed some or raised a limit. A broken disk stays
/// broken.
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
