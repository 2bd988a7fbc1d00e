//! A body whose bytes are all in memory.

use std::convert::Infallible;
use std::fmt;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// A body of one frame with all bytes, or without a frame if it is empty. The public bodies of the crate wrap it.
#[derive(Clone)]
pub(crate) struct FixedBody {
    bytes: Bytes,
}

impl FixedBody {
    pub(crate) fn new(bytes: Bytes) -> Self {
        Self { bytes }
    }

    pub(crate) fn into_bytes(self) -> Bytes {
        self.bytes
    }
}

impl Body for FixedBody {
    type Data = Bytes;
    type Error = Infallible;

    #[inline]
    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let bytes = mem::take(&mut self.bytes);
        Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.len() as u64)
    }
}

/// Omits the bytes: they are the sender's data, and do not belong in a log.
impl fmt::Debug for FixedBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.bytes.len())
    }
}

/// Defines a public body around [`FixedBody`]. Each use has its own type, whose name says what the bytes are.
macro_rules! define_fixed_body {
    ($(#[$attribute:meta])* $name:ident) => {
        $(#[$attribute])*
        #[derive(Clone, Debug)]
        pub struct $name($crate::body::FixedBody);

        impl $name {
            pub(crate) fn new(bytes: ::bytes::Bytes) -> Self {
                Self($crate::body::FixedBody::new(bytes))
            }

            /// Returns the bytes that have not been read yet, without copying them. Before the first poll, this is the
            /// whole body.
            #[must_use]
            pub fn into_bytes(self) -> ::bytes::Bytes {
                self.0.into_bytes()
            }
        }

        impl ::http_body::Body for $name {
            type Data = ::bytes::Bytes;
            type Error = ::std::convert::Infallible;

            #[inline]
            fn poll_frame(
                mut self: ::std::pin::Pin<&mut Self>,
                cx: &mut ::std::task::Context<'_>,
            ) -> ::std::task::Poll<Option<Result<::http_body::Frame<Self::Data>, Self::Error>>> {
                ::std::pin::Pin::new(&mut self.0).poll_frame(cx)
            }

            fn is_end_stream(&self) -> bool {
                self.0.is_end_stream()
            }

            fn size_hint(&self) -> ::http_body::SizeHint {
                self.0.size_hint()
            }
        }
    };
}

pub(crate) use define_fixed_body;
