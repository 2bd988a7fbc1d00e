//! The response future: the states of a request, from the first byte of its body to the response.

use std::fmt;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{Request, request};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::body::SignedBody;
use super::error::SvixSignError;
use super::signer::Signer;
use crate::body::BodyBuffer;
use crate::inner_service::Call;

pin_project! {
    /// Response future of [`SvixSign`](super::SvixSign), whose [module docs](crate::sign) have an example.
    pub struct ResponseFuture<S, B>
    where
        S: Service<Request<SignedBody>>,
    {
        #[pin]
        state: State<S, B, S::Future>,
        signer: Arc<Signer>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, B, F> {
        /// The body is being received.
        Receiving {
            head: Option<request::Parts>,
            #[pin]
            body: B,
            received: BodyBuffer,
            inner: Option<S>,
        },
        /// The request is signed, and waits until the client is ready.
        Readying {
            call: Option<Call<S, Request<SignedBody>>>,
        },
        Sending {
            #[pin]
            future: F,
        },
    }
}

impl<S, B> ResponseFuture<S, B>
where
    S: Service<Request<SignedBody>>,
{
    pub(super) fn new(request: Request<B>, inner: S, signer: Arc<Signer>) -> Self {
        let (head, body) = request.into_parts();
        let state = State::Receiving {
            head: Some(head),
            body,
            received: BodyBuffer::default(),
            inner: Some(inner),
        };
        Self { state, signer }
    }
}

impl<S, B> Future for ResponseFuture<S, B>
where
    S: Service<Request<SignedBody>>,
    B: Body,
{
    type Output = Result<S::Response, SvixSignError<S::Error, B::Error>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        const TAKEN: &str = "each state is left once";

        let mut this = self.project();
        loop {
            let next = match this.state.as_mut().project() {
                StateProj::Receiving {
                    head,
                    mut body,
                    received,
                    inner,
                } => {
                    // The application itself states this length, so it can be trusted, within bounds.
                    let claimed = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
                    while let Some(frame) = ready!(body.as_mut().poll_frame(cx)) {
                        if let Ok(data) = frame.map_err(SvixSignError::Body)?.into_data() {
                            received.push(data, claimed);
                        }
                    }
                    let mut head = head.take().expect(TAKEN);
                    let body = mem::take(received).into_bytes();
                    this.signer.sign(&mut head.headers, &body)?;
                    let request = Request::from_parts(head, SignedBody::new(body));
                    State::Readying {
                        call: Some(Call::new(inner.take().expect(TAKEN), request)),
                    }
                }
                StateProj::Readying { call } => {
                    let ready = ready!(call.as_mut().expect(TAKEN).poll_ready(cx));
                    ready.map_err(SvixSignError::Client)?;
                    State::Sending {
                        future: call.take().expect(TAKEN).make(),
                    }
                }
                StateProj::Sending { future } => {
                    return future.poll(cx).map_err(SvixSignError::Client);
                }
            };
            this.state.set(next);
        }
    }
}

impl<S, B> fmt::Debug for ResponseFuture<S, B>
where
    S: Service<Request<SignedBody>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
