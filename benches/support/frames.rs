//! A body that is in memory, and comes in frames.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// A body in frames of a certain length. Neither a clone nor a frame is an allocation.
#[derive(Clone)]
pub(crate) struct Frames {
    rest: Bytes,
    frame: usize,
}

impl Frames {
    pub(crate) fn new(body: Bytes, frame: usize) -> Self {
        Self { rest: body, frame }
    }

    /// What is still to come.
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
