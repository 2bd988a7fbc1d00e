//! The file of a result that can be downloaded only once, while it arrives. Each piece is written before the next is
//! requested.
//!
//! If the process is killed, the file `{job}.part` remains. The next attempt finds it, and needs no download if it is
//! complete: a JSON object or list shows whether its end is missing. Several machines must share one folder for this.
//!
//! This does not cover a power cut. The operating system writes a piece to disk some seconds later, and the whole
//! result is on disk only once [`Part::finish`] has returned. After a power cut before that, the end of the file may be
//! missing or be zeros, and Pulse does not send the result again. The event is then dead, and its error contains how
//! much has arrived. A sync after each piece could not save the rest of the download, and would slow the download down.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufReader, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use tokio::task::spawn_blocking;

use crate::whole::is_whole;

/// The file of a result that is being received.
///
/// The file is locked until this is dropped, so that a worker that was wrongly taken for dead does not write to it too.
#[derive(Debug)]
pub struct Part {
    file: Arc<File>,
    path: PathBuf,
    target: PathBuf,
    len: u64,
}

/// The pause before the next try to lock a file.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

impl Part {
    /// Opens or creates the file. Waits while another worker has it, or a download of this process that outlived its
    /// attempt. If the result exists by then, the error has the kind [`io::ErrorKind::AlreadyExists`].
    pub(crate) async fn open(path: PathBuf, target: PathBuf) -> io::Result<Self> {
        loop {
            let (path, target) = (path.clone(), target.clone());
            if let Some(part) = blocking(move || Self::try_open(path, target)).await? {
                return Ok(part);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Locks the file. Returns `None` if somebody else has the lock.
    fn try_open(path: PathBuf, target: PathBuf) -> io::Result<Option<Self>> {
        if target.is_file() {
            return Err(is_received());
        }
        let mut options = OpenOptions::new();
        let file = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let len = file.metadata()?.len();
        // Another worker may have just renamed the file. Writing would then change the finished result, or a file that
        // is no longer needed.
        if target.is_file() {
            if len == 0 {
                let _ = std::fs::remove_file(&path);
            }
            return Err(is_received());
        }
        let file = Arc::new(file);
        Ok(Some(Self {
            file,
            path,
            target,
            len,
        }))
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the number of bytes that have arrived.
    pub fn len(&self) -> u64 {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns whether the whole result has arrived.
    pub async fn is_whole(&self) -> io::Result<bool> {
        let file = Arc::clone(&self.file);
        blocking(move || {
            (&*file).rewind()?;
            is_whole(BufReader::new(&*file))
        })
        .await
    }

    /// Discards the bytes that have arrived, because they will be sent again.
    pub async fn restart(&mut self) -> io::Result<()> {
        let file = Arc::clone(&self.file);
        blocking(move || file.set_len(0)).await?;
        self.len = 0;
        Ok(())
    }

    /// Writes the next piece. After an error, it can be called again with the same piece.
    pub async fn append(&mut self, piece: Bytes) -> io::Result<()> {
        let (file, at, len) = (Arc::clone(&self.file), self.len, piece.len());
        blocking(move || {
            (&*file).seek(SeekFrom::Start(at))?;
            (&*file).write_all(&piece)
        })
        .await?;
        self.len += len as u64;
        Ok(())
    }

    /// Syncs and renames the file. It is then the result, and survives a power cut.
    pub async fn finish(self) -> io::Result<()> {
        blocking(move || {
            self.file.sync_all()?;
            std::fs::rename(&self.path, &self.target)?;
            match self.target.parent() {
                Some(folder) => File::open(folder)?.sync_all(),
                None => Ok(()),
            }
        })
        .await
    }
}

fn is_received() -> io::Error {
    io::Error::new(
        io::ErrorKind::AlreadyExists,
        "another worker has received it",
    )
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    spawn_blocking(work).await.map_err(io::Error::other)?
}
