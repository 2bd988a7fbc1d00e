//! What a request goes through from the first byte of its body to the response.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Buf;
use http::{Request, Response, request};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::body::{ResponseBody, VerifiedBody};
use super::layer::Config;
use super::rejection::Rejection;
use crate::signature::{Verification, VerifiedEvent};

/// How many bytes one poll may hash before it lets other tasks run: some 100 µs of work.
const POLL_BUDGET: usize = 128 * 1024;
/// What a frame costs of the budget at least, so that a flood of empty frames is interrupted too.
const FRAME_COST: usize = 64;

pin_project! {
    /// Response future of [`SvixVerify`](crate::SvixVerify).
    ///
    /// To drop it frees what was received of the body, and whatever the inner service reserved.
    pub struct ResponseFuture<S, B>
    where
        S: Service<Request<VerifiedBody>>,
    {
        #[pin]
        state: State<S, B, S::Future>,
        config: Arc<Config>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, B, F> {
        /// The body arrives; it is `None` once it ended.
        Receiving {
            head: Option<request::Parts>,
            #[pin]
            body: Option<B>,
            verification: Verification,
            inner: Option<S>,
        },
        /// The request is verified, and waits until the inner service has room for it.
        Readying {
            request: Option<Request<VerifiedBody>>,
            inner: S,
        },
        Serving {
            #[pin]
            future: F,
        },
        Refused {
            rejection: Rejection,
        },
    }
}

impl<S, B> ResponseFuture<S, B>
where
    S: Service<Request<VerifiedBody>>,
{
    pub(super) fn receive(
        request: Request<B>,
        verification: Verification,
        inner: S,
        config: Arc<Config>,
    ) -> Self {
        let (head, body) = request.into_parts();
        let state = State::Receiving {
            head: Some(head),
            body: Some(body),
            verification,
            inner: Some(inner),
        };
        Self { state, config }
    }

    pub(super) fn refuse(rejection: Rejection, config: Arc<Config>) -> Self {
        Self {
            state: State::Refused { rejection },
            config,
        }
    }
}

impl<S, B, ResBody> Future for ResponseFuture<S, B>
where
    S: Service<Request<VerifiedBody>, Response = Response<ResBody>>,
    B: Body,
{
    type Output = Result<Response<ResponseBody<ResBody>>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let next = match this.state.as_mut().project() {
                StateProj::Receiving {
                    head,
                    body,
                    verification,
                    inner,
                } => match ready!(poll_verdict(body, verification, this.config.body_limit, cx)) {
                    Ok(event) => State::Readying {
                        request: head.take().map(|head| verified_request(head, event)),
                        inner: inner.take().expect("taken with the state only"),
                    },
                    Err(rejection) => State::Refused { rejection },
                },
                StateProj::Readying { request, inner } => {
                    ready!(inner.poll_ready(cx))?;
                    let request = request.take().expect("taken with the state only");
                    State::Serving {
                        future: inner.call(request),
                    }
                }
                StateProj::Serving { future } => {
                    return future
                        .poll(cx)
                        .map_ok(|response| response.map(ResponseBody::inner));
                }
                StateProj::Refused { rejection } => {
                    return Poll::Ready(Ok(this
                        .config
                        .responder
                        .respond(*rejection)
                        .map(ResponseBody::refusal)));
                }
            };
            this.state.set(next);
        }
    }
}

/// Receives the body and hashes it as it comes, until there is a verdict.
fn poll_verdict<B: Body>(
    mut body: Pin<&mut Option<B>>,
    verification: &mut Verification,
    limit: usize,
    cx: &mut Context<'_>,
) -> Poll<Result<VerifiedEvent, Rejection>> {
    let mut budget = POLL_BUDGET;
    loop {
        budget -= verification.hash(budget);
        if budget == 0 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if let Some(unfinished) = body.as_mut().as_pin_mut() {
            match ready!(unfinished.poll_frame(cx)) {
                Some(Ok(frame)) => {
                    budget = budget.saturating_sub(FRAME_COST);
                    // Trailers are not signed: they are dropped.
                    if let Ok(data) = frame.into_data() {
                        if data.remaining() > limit - verification.received() {
                            return Poll::Ready(Err(Rejection::BodyTooLarge));
                        }
                        verification.receive(data);
                    }
                }
                Some(Err(_)) => return Poll::Ready(Err(Rejection::BodyUnreadable)),
                None => body.set(None),
            }
        } else if let Some(verdict) = verification.conclude() {
            return Poll::Ready(verdict.map_err(Rejection::from));
        }
    }
}

fn verified_request(mut head: request::Parts, event: VerifiedEvent) -> Request<VerifiedBody> {
    let body = VerifiedBody::new(event.payload().clone());
    head.extensions.insert(event);
    Request::from_parts(head, body)
}

impl<S, B> fmt::Debug for ResponseFuture<S, B>
where
    S: Service<Request<VerifiedBody>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
