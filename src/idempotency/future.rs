//! The response future: drives a request from the claim to the response.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::claim::Claiming;
use super::config::Config;
use super::outcome::{Answer, Outcome};
use super::report::{Report, report};
use super::state::{State, StateProj, claimed, hashed, settle};
use crate::body::ResponseBody;
use crate::grpc;
use crate::inner_service::Call;
use crate::signature::VerifiedEvent;
use crate::telemetry;

/// The number of bytes that one poll may hash before it lets other tasks run: about 100 to 300 µs of work.
const POLL_BUDGET: usize = 128 * 1024;

pin_project! {
    /// Response future of [`Idempotency`](super::Idempotency), whose [module docs](crate::idempotency) have an example.
    ///
    /// Dropping it before the inner service has answered releases the event, in the background if that takes time.
    pub struct ResponseFuture<S, B>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        state: State<S, B, S::Future, S::Response, S::Error>,
        config: Arc<Config>,
    }
}

impl<S, B> ResponseFuture<S, B>
where
    S: Service<Request<B>>,
{
    pub(super) fn claim(
        claiming: Claiming,
        request: Request<B>,
        inner: S,
        config: Arc<Config>,
    ) -> Self {
        let state = State::Claiming {
            claiming,
            call: Some(Call::new(inner, request)),
        };
        Self { state, config }
    }

    /// Makes the future that answers a request without an event.
    pub(super) fn reject(request: &Request<B>, config: Arc<Config>) -> Self {
        let state = State::Answered {
            answer: Answer::EventMissing,
            is_grpc: grpc::is_call(request.version(), request.headers()),
        };
        Self { state, config }
    }
}

impl<S, B, ResBody> Future for ResponseFuture<S, B>
where
    S: Service<Request<B>, Response = Response<ResBody>>,
{
    type Output = Result<Response<ResponseBody<ResBody>>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        const TAKEN: &str = "each state is left once";

        let mut this = self.project();
        loop {
            let next = match this.state.as_mut().project() {
                StateProj::Claiming { claiming, call } => {
                    let claim = ready!(claiming.poll(cx));
                    claimed(claim, call.take().expect(TAKEN), this.config)
                }
                StateProj::Tracing {
                    search,
                    key,
                    otherwise,
                    is_grpc,
                } => {
                    let answer = if ready!(search.as_mut().poll(cx)) {
                        report(&Report::LayersShareStore(key));
                        Answer::LayersShareStore
                    } else {
                        *otherwise
                    };
                    State::Answered {
                        answer,
                        is_grpc: *is_grpc,
                    }
                }
                StateProj::Hashing {
                    hasher,
                    call,
                    purpose,
                } => {
                    let request = call.as_ref().expect(TAKEN).request();
                    let event: &VerifiedEvent = request
                        .extensions()
                        .get()
                        .expect("it had an event, and nobody else has it");
                    let so_far = hasher.as_mut().expect(TAKEN);
                    if !so_far.advance(event.payload(), POLL_BUDGET) {
                        cx.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                    let fingerprint = hasher.take().expect(TAKEN).finish();
                    let call = call.take().expect(TAKEN);
                    hashed(fingerprint, purpose.take().expect(TAKEN), call)
                }
                StateProj::Readying { call, held } => {
                    match ready!(call.as_mut().expect(TAKEN).poll_ready(cx)) {
                        Ok(()) => State::Serving {
                            future: call.take().expect(TAKEN).make(),
                            held: held.take(),
                        },
                        Err(error) => match held.take() {
                            Some(hashed) => State::Settling {
                                settling: hashed.held.release(),
                                result: Some(Err(error)),
                            },
                            None => return Poll::Ready(Err(error)),
                        },
                    }
                }
                StateProj::Serving { future, held } => {
                    let result = ready!(future.poll(cx));
                    let Some(held) = held.take() else {
                        return Poll::Ready(
                            result.map(|response| inner_response(response, Outcome::Unprotected)),
                        );
                    };
                    settle(result, held, this.config)
                }
                StateProj::Settling { settling, result } => {
                    let outcome = ready!(settling.poll(cx));
                    let result = result.take().expect(TAKEN);
                    return Poll::Ready(result.map(|response| inner_response(response, outcome)));
                }
                StateProj::Answered { answer, is_grpc } => {
                    let response = answer.into_response(*is_grpc);
                    let response = with_outcome(response, Outcome::from(*answer));
                    return Poll::Ready(Ok(response.map(ResponseBody::own)));
                }
            };
            this.state.set(next);
        }
    }
}

fn inner_response<B>(response: Response<B>, outcome: Outcome) -> Response<ResponseBody<B>> {
    with_outcome(response, outcome).map(ResponseBody::inner)
}

fn with_outcome<B>(mut response: Response<B>, outcome: Outcome) -> Response<B> {
    telemetry::settled(outcome.code());
    response.extensions_mut().insert(outcome);
    response
}

impl<S, B> fmt::Debug for ResponseFuture<S, B>
where
    S: Service<Request<B>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
