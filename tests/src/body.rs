//! Request bodies that follow a script.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::buf::Chain;
use bytes::{Buf, Bytes};
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};

/// The data of one frame, in one piece or two.
pub type Data = Chain<Bytes, Bytes>;

/// One poll of the body.
#[derive(Debug)]
pub enum Step {
    /// There is no frame yet. The reader is woken at once.
    Pending,
    Data(Data),
    Trailers(Box<HeaderMap>),
    Error,
}

impl Step {
    pub fn data(bytes: Bytes) -> Self {
        Self::Data(bytes.chain(Bytes::new()))
    }

    /// Makes a frame in two pieces, split at `at`, or at the end if the data is shorter.
    pub fn parted_data(mut bytes: Bytes, at: usize) -> Self {
        let first = bytes.split_to(at.min(bytes.len()));
        Self::Data(first.chain(bytes))
    }
}

/// A body that takes one step with each poll, then ends.
#[derive(Debug)]
pub struct Script {
    steps: VecDeque<Step>,
    size_hint: SizeHint,
    end_stream: EndStream,
}

/// The answer of `is_end_stream`.
#[derive(Clone, Copy, Debug)]
pub enum EndStream {
    /// Correct.
    Known,
    /// Always `false`, as a chunked HTTP/1.1 body does.
    Never,
    /// Always `true`, against the contract.
    Always,
}

impl Script {
    pub fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self {
            steps: steps.into_iter().collect(),
            size_hint: SizeHint::default(),
            end_stream: EndStream::Known,
        }
    }

    pub fn size_hint_lower(mut self, lower: u64) -> Self {
        self.size_hint.set_lower(lower);
        self
    }

    pub fn end_stream(mut self, end_stream: EndStream) -> Self {
        self.end_stream = end_stream;
        self
    }
}

impl Body for Script {
    type Data = Data;
    type Error = BrokeOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Poll::Ready(match self.steps.pop_front() {
            Some(Step::Pending) => {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Some(Step::Data(data)) => Some(Ok(Frame::data(data))),
            Some(Step::Trailers(trailers)) => Some(Ok(Frame::trailers(*trailers))),
            Some(Step::Error) => Some(Err(BrokeOff)),
            None => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        match self.end_stream {
            EndStream::Known => self.steps.is_empty(),
            EndStream::Never => false,
            EndStream::Always => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.size_hint
    }
}

/// A body that must not be read: a poll fails the test.
#[derive(Debug)]
pub struct Untouchable;

impl Body for Untouchable {
    type Data = Bytes;
    type Error = BrokeOff;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        panic!("the body of a request that was rejected already is read");
    }
}

/// The error of a body that breaks off.
#[derive(Debug)]
pub struct BrokeOff;

impl fmt::Display for BrokeOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the body broke off")
    }
}

impl std::error::Error for BrokeOff {}
