//! Bodies of responses, with limits.

use std::fmt;

use axum::body::Bytes;
use reqwest::Response;

use super::error::ApiError;

/// The maximum size of a response that is read into memory, in bytes.
const MAX_ANSWER: usize = 16 << 20;
/// The same for an error response.
const MAX_MESSAGE: usize = 2 << 10;
/// The maximum size of a result that is written to disk, in bytes.
const MAX_RESULT: u64 = 16 << 30;

/// Reads a response.
pub(super) async fn read(response: Response) -> Result<Vec<u8>, ApiError> {
    let body = collect(response, MAX_ANSWER).await?;
    body.map_err(|_| ApiError::TooLong(MAX_ANSWER as u64))
}

/// Reads the beginning of an error response, for a message.
pub(super) async fn beginning(response: Response) -> Result<Vec<u8>, ApiError> {
    match collect(response, MAX_MESSAGE).await? {
        Ok(body) | Err(body) => Ok(body),
    }
}

/// Returns the body, or its beginning if it is longer than `limit`.
async fn collect(
    mut response: Response,
    limit: usize,
) -> Result<Result<Vec<u8>, Vec<u8>>, ApiError> {
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await? {
        let room = limit - body.len();
        body.extend_from_slice(&piece[..room.min(piece.len())]);
        if piece.len() > room {
            return Ok(Err(body));
        }
    }
    Ok(Ok(body))
}

/// A large result that is being received, without keeping it in memory.
pub struct LargeResult {
    response: Response,
    received: u64,
}

impl LargeResult {
    pub(super) fn new(response: Response) -> Self {
        Self {
            response,
            received: 0,
        }
    }

    /// Returns the next piece, or `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        let piece = self.response.chunk().await?;
        self.received += piece.as_ref().map_or(0, |piece| piece.len() as u64);
        if self.received > MAX_RESULT {
            return Err(ApiError::TooLong(MAX_RESULT));
        }
        Ok(piece)
    }
}

/// Omits the URL of the response.
impl fmt::Debug for LargeResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LargeResult")
            .field("received", &self.received)
            .finish_non_exhaustive()
    }
}
