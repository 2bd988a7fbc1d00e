//! The file of `--store`, with one delivery in JSON on each line.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::delivery::Delivery;
use super::history::{MOST, MOST_BYTES};

/// The size of the file, in bytes, above which forgotten deliveries are removed.
const LARGEST: u64 = 4 * MOST_BYTES as u64;

pub(crate) struct Journal {
    path: PathBuf,
    open: Mutex<Open>,
}

struct Open {
    file: File,
    lines: usize,
    bytes: u64,
}

impl Journal {
    /// Opens a file, or creates one that only its owner can read. Returns its deliveries, the oldest first.
    ///
    /// An incomplete last line is ignored, because it may be the result of a crash. A file with any other content is an
    /// error and is not changed.
    pub(crate) fn open(path: &Path) -> io::Result<(Self, Vec<Delivery>)> {
        let mut deliveries = match File::open(path) {
            Ok(file) => read(BufReader::new(file))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        deliveries.sort_by_key(|delivery| delivery.number);
        deliveries.dedup_by_key(|delivery| delivery.number);
        let excess = deliveries.len().saturating_sub(MOST);
        deliveries.drain(..excess);
        let journal = Self {
            path: path.to_owned(),
            open: Mutex::new(rewrite(path, deliveries.iter())?),
        };
        Ok((journal, deliveries))
    }

    /// Appends a delivery. If the file is too large, rewrites it with the `kept` deliveries.
    pub(crate) fn write(
        &self,
        delivery: &Delivery,
        kept: impl FnOnce() -> Vec<Arc<Delivery>>,
    ) -> io::Result<()> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let line = line(delivery)?;
        open.file.write_all(&line)?;
        open.lines += 1;
        open.bytes += line.len() as u64;
        if open.lines > 2 * MOST || open.bytes > LARGEST {
            *open = rewrite(&self.path, kept().iter().map(AsRef::as_ref))?;
        }
        Ok(())
    }
}

fn read(mut file: impl BufRead) -> io::Result<Vec<Delivery>> {
    let mut deliveries = Vec::new();
    let mut line = Vec::new();
    while file.read_until(b'\n', &mut line)? > 0 {
        match serde_json::from_slice(&line) {
            Ok(delivery) => deliveries.push(delivery),
            Err(_) if !line.ends_with(b"\n") && !deliveries.is_empty() => {}
            Err(_) => {
                let text = "there is something in it that `webhook listen` did not write";
                return Err(io::Error::new(io::ErrorKind::InvalidData, text));
            }
        }
        if deliveries.len() > 2 * MOST {
            deliveries.drain(..MOST);
        }
        line.clear();
    }
    Ok(deliveries)
}

fn line(delivery: &Delivery) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(delivery)?;
    line.push(b'\n');
    Ok(line)
}

/// Replaces the old file by a new one atomically.
fn rewrite<'d>(path: &Path, deliveries: impl Iterator<Item = &'d Delivery>) -> io::Result<Open> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = BufWriter::new(options.open(&beside)?);
    let (mut lines, mut bytes) = (0, 0);
    for delivery in deliveries {
        let line = line(delivery)?;
        file.write_all(&line)?;
        lines += 1;
        bytes += line.len() as u64;
    }
    let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    fs::rename(&beside, path)?;
    Ok(Open { file, lines, bytes })
}
