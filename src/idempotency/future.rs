//! What a request goes through from the claim to the response.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::claim::{ClaimAnswer, Claiming, Held, Settling};
use super::layer::Config;
use super::outcome::{Answer, Outcome};
use super::store::Store;
use crate::response_body::ResponseBody;
use crate::signature::envelope::is_grpc;
use crate::telemetry::meter;

pin_project! {
    /// Response future of [`Idempotency`](super::Idempotency).
    ///
    /// Dropping it before the inner service has answered releases the event, in the background if that takes time.
    pub struct ResponseFuture<S, B, St>
    where
        S: Service<Request<B>>,
        St: Store,
    {
        #[pin]
        state: State<S, B, St, S::Future, S::Response, S::Error>,
        config: Arc<Config>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, B, St: Store, F, T, E> {
        Claiming {
            claiming: Claiming<St>,
            request: Option<Request<B>>,
            inner: Option<S>,
        },
        /// The event is ours, and waits until the inner service has room for it.
        Readying {
            request: Option<Request<B>>,
            inner: S,
            held: Option<Held<St>>,
        },
        /// `held` is `None` if the store failed, and the event is processed nevertheless. It comes last, so that a
        /// handler that is dropped is gone before its claim is.
        Serving {
            #[pin]
            future: F,
            held: Option<Held<St>>,
        },
        /// The inner service answered, which is not passed on before the store knows of it.
        Settling {
            settling: Settling<St>,
            result: Option<Result<T, E>>,
        },
        Answered {
            answer: Answer,
            is_grpc: bool,
        },
    }
}

impl<S, B, St> ResponseFuture<S, B, St>
where
    S: Service<Request<B>>,
    St: Store,
{
    pub(super) fn claim(
        claiming: Claiming<St>,
        request: Request<B>,
        inner: S,
        config: Arc<Config>,
    ) -> Self {
        let state = State::Claiming {
            claiming,
            request: Some(request),
            inner: Some(inner),
        };
        Self { state, config }
    }

    /// Answers a request that has no event.
    pub(super) fn refuse(request: &Request<B>, config: Arc<Config>) -> Self {
        let state = State::Answered {
            answer: Answer::EventMissing,
            is_grpc: is_grpc(request.headers()),
        };
        Self { state, config }
    }
}

impl<S, B, St, ResBody> Future for ResponseFuture<S, B, St>
where
    S: Service<Request<B>, Response = Response<ResBody>>,
    St: Store,
{
    type Output = Result<Response<ResponseBody<ResBody>>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        const TAKEN: &str = "each state is left once";

        let mut this = self.project();
        loop {
            let next = match this.state.as_mut().project() {
                StateProj::Claiming {
                    claiming,
                    request,
                    inner,
                } => {
                    let held = match ready!(claiming.poll(cx)) {
                        ClaimAnswer::Claimed(held) => Ok(Some(held)),
                        ClaimAnswer::Completed => Err(Answer::Replayed),
                        ClaimAnswer::InProgress { expires_in } => {
                            Err(Answer::InProgress { expires_in })
                        }
                        ClaimAnswer::Unknown if this.config.processes_without_store => Ok(None),
                        ClaimAnswer::Unknown => Err(Answer::StoreUnavailable),
                    };
                    let request = request.take().expect(TAKEN);
                    match held {
                        Ok(held) => State::Readying {
                            request: Some(request),
                            inner: inner.take().expect(TAKEN),
                            held,
                        },
                        Err(answer) => State::Answered {
                            answer,
                            is_grpc: is_grpc(request.headers()),
                        },
                    }
                }
                StateProj::Readying {
                    request,
                    inner,
                    held,
                } => match ready!(inner.poll_ready(cx)) {
                    Ok(()) => {
                        let request = request.take().expect(TAKEN);
                        State::Serving {
                            future: inner.call(request),
                            held: held.take(),
                        }
                    }
                    Err(error) => match held.take() {
                        Some(held) => State::Settling {
                            settling: held.release(),
                            result: Some(Err(error)),
                        },
                        None => return Poll::Ready(Err(error)),
                    },
                },
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

/// Completes or releases the claim, as the inner service's answer demands.
fn settle<S, B, St: Store, F, ResBody, E>(
    result: Result<Response<ResBody>, E>,
    held: Held<St>,
    config: &Config,
) -> State<S, B, St, F, Response<ResBody>, E> {
    let (processed, result) = match result {
        Ok(response) => {
            let (parts, body) = response.into_parts();
            let processed = config.is_processed(&parts);
            (processed, Ok(Response::from_parts(parts, body)))
        }
        Err(error) => (false, Err(error)),
    };
    let settling = if processed {
        held.complete(config.retention)
    } else {
        held.release()
    };
    State::Settling {
        settling,
        result: Some(result),
    }
}

fn inner_response<B>(response: Response<B>, outcome: Outcome) -> Response<ResponseBody<B>> {
    with_outcome(response, outcome).map(ResponseBody::inner)
}

fn with_outcome<B>(mut response: Response<B>, outcome: Outcome) -> Response<B> {
    meter::settled(outcome.code());
    response.extensions_mut().insert(outcome);
    response
}

impl<S, B, St> fmt::Debug for ResponseFuture<S, B, St>
where
    S: Service<Request<B>>,
    St: Store,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
