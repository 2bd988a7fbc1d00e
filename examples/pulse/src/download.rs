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
        append(&mut part, piece).await;
    }
    if !part.is_whole().await? {
        let problem = format!("the large result is no JSON: see {}", part.path().display());
        return Err(Failure::Permanent(problem));
    }
    Ok(part.finish().await?)
}

/// Writes what may not exist anywhere else any more. While the disk is full, this waits and logs the reason, and it goes on
/// once there is room.
async fn append(part: &mut Part, piece: Bytes) {
    while let Err(error) = part.append(piece.clone()).await {
        let path = part.path().display();
        tracing::error!(%path, %error, "the download waits until the file can be written");
        tokio::time::sleep(DISK_PAUSE).await;
    }
}
