//! A result that can be downloaded once, while it arrives: each piece is written to a file before the next is asked for.
//!
//! A process that is killed leaves the file `{job}.part`. The next attempt finds it, and needs no download if all had
//! arrived: an object or a list of JSON tells by itself whether it is whole. Several machines need one folder for that.
//!
//! A power cut is another matter. The operating system has a piece on disk some seconds later, and all of the result for
//! certain once [`Part::finish`] has returned: before that, the end can be missing, or be zeros, and Pulse gives the result
//! out once. Its event is dead then, and says how much is left. A sync after each piece would not help against the rest of
//! the download, and would slow it down.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufReader, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use tokio::task::spawn_blocking;

use crate::whole::is_whole;

/// The file that a result is received in.
///
/// It is locked as long as this lives: a worker that was taken for dead, and is not, does not write beside another.
#[derive(Debug)]
pub struct Part {
    file: Arc<File>,
    path: PathBuf,
    target: PathBuf,
    len: u64,
}

/// How long to wait until a file may be another's no more.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

impl Part {
    /// Waits while another worker receives it, or a download of this process that outlived its attempt. If the result is there
    /// by then, the error is of the kind [`io::ErrorKind::AlreadyExists`].
    pub(crate) async fn open(path: PathBuf, target: PathBuf) -> io::Result<Self> {
        loop {
            let (path, target) = (path.clone(), target.clone());
            if let Some(part) = blocking(move || Self::try_open(path, target)).await? {
                return Ok(part);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Returns `None` if it is another's.
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
        // Another worker may have renamed it in this moment: then this would write to the result, or to a file that nobody
        // needs.
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

    /// How many bytes have arrived.
    pub fn len(&self) -> u64 {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Tells whether all has arrived.
    pub async fn is_whole(&self) -> io::Result<bool> {
        let file = Arc::clone(&self.file);
        blocking(move || {
            (&*file).rewind()?;
            is_whole(BufReader::new(&*file))
        })
        .await
    }

    /// Forgets what has arrived: it comes again.
    pub async fn restart(&mut self) -> io::Result<()> {
        let file = Arc::clone(&self.file);
        blocking(move || file.set_len(0)).await?;
        self.len = 0;
        Ok(())
    }

    /// Writes the next piece. If that fails, it can be called with the same piece again.
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

    /// Renames the file, which is on disk before that: from now on, it is the result, and survives a power cut.
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
