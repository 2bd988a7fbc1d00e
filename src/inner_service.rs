//! The inner service of a middleware: accessors, and a call that waits for capacity.

use std::task::{Context, Poll};

use tower_service::Service;

/// A call of the inner service, which waits until the service has capacity. Each response future has one.
pub(crate) struct Call<S, R> {
    inner: S,
    request: R,
}

impl<S: Service<R>, R> Call<S, R> {
    pub(crate) fn new(inner: S, request: R) -> Self {
        Self { inner, request }
    }

    #[cfg(feature = "idempotency")]
    pub(crate) fn request(&self) -> &R {
        &self.request
    }

    #[cfg(feature = "idempotency")]
    pub(crate) fn request_mut(&mut self) -> &mut R {
        &mut self.request
    }

    #[inline]
    pub(crate) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    /// Makes the call. The service must be [ready](Self::poll_ready).
    #[inline]
    pub(crate) fn make(mut self) -> S::Future {
        self.inner.call(self.request)
    }
}

/// Defines the accessors that Tower's middlewares have, for a struct with a field `inner: S`.
macro_rules! define_inner_service_accessors {
    () => {
        /// Gets a reference to the inner service.
        pub fn get_ref(&self) -> &S {
            &self.inner
        }

        /// Gets a mutable reference to the inner service.
        pub fn get_mut(&mut self) -> &mut S {
            &mut self.inner
        }

        /// Returns the inner service.
        pub fn into_inner(self) -> S {
            self.inner
        }
    };
}

pub(crate) use define_inner_service_accessors;
