//! A body in memory that arrives in frames.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// A body in frames of one length. Neither a clone nor a frame allocates.
#[derive(Clone)]
pub(crate) struct Frames {
    rest: Bytes,
    frame: usize,
}

impl Frames {
    pub(crate) fn new(body: Bytes, frame: usize) -> Self {
        Self { rest: body, frame }
    }

    /// Returns what has not arrived yet.
    pub(crate) fn rest(&self) -> &[u8] {
        &self.rest
    }
}

impl Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let len = self.frame.min(self.rest.len());
        let next = self.rest.split_to(len);
        Poll::Ready((len > 0).then(|| Ok(Frame::data(next))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}
