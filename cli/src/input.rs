//! Input files of commands.

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

use bytes::Bytes;

use crate::Failure;

/// Returns whether this path means the standard input.
pub(crate) fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Reads a whole file; `-` is the standard input.
pub(crate) fn read(path: &Path) -> Result<Bytes, Failure> {
    let bytes = if is_stdin(path) {
        let mut bytes = Vec::new();
        io::stdin().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        fs::read(path)
    };
    bytes
        .map(Bytes::from)
        .map_err(|error| format!("{}: {error}", path.display()).into())
}
