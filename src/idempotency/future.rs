//! What a request goes through from the claim to the response.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::claim::{Claiming, Held, Settling};
use super::config::Config;
use super::outcome::{Answer, Outcome};
use crate::body::ResponseBody;
use crate::grpc;
use crate::inner_service::Call;
use crate::telemetry;

pin_project! {
    /// Response future of [`Idempotency`](super::Idempotency).
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

pin_project! {
    #[project = StateProj]
    enum State<S, B, F, T, E> {
        Claiming {
            claiming: Claiming,
            call: Option<Call<S, Request<B>>>,
        },
        /// The event is ours, and waits until the inner service has room for it.
        Readying {
            call: Option<Call<S, Request<B>>>,
            held: Option<Held>,
        },
        /// `held` is `None` if the store failed, and the event is processed nevertheless. It comes last, so that a
        /// handler that is dropped is gone before its claim is.
        Serving {
            #[pin]
            future: F,
            held: Option<Held>,
        },
        /// The inner service answered, which is not passed on before the store knows of it.
        Settling {
            settling: Settling,
            result: Option<Result<T, E>>,
        },
        Answered {
            answer: Answer,
            is_grpc: bool,
        },
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

    /// Answers a request that has no event.
    pub(super) fn reject(request: &Request<B>, config: Arc<Config>) -> Self {
        let state = State::Answered {
            answer: Answer::EventMissing,
            is_grpc: grpc::is_call(request.headers()),
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
                    let held = match ready!(claiming.poll(cx)) {
                        Ok(held) => Ok(Some(held)),
                        Err(Answer::StoreUnavailable) if this.config.fail_open => Ok(None),
                        Err(answer) => Err(answer),
                    };
                    let call = call.take().expect(TAKEN);
                    match held {
                        Ok(held) => State::Readying {
                            call: Some(call),
                            held,
                        },
                        Err(answer) => State::Answered {
                            answer,
                            is_grpc: grpc::is_call(call.request().headers()),
                        },
                    }
                }
                StateProj::Readying { call, held } => {
                    match ready!(call.as_mut().expect(TAKEN).poll_ready(cx)) {
                        Ok(()) => State::Serving {
                            future: call.take().expect(TAKEN).make(),
                            held: held.take(),
                        },
                        Err(error) => match held.take() {
                            Some(held) => State::Settling {
                                settling: held.release(),
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

/// Completes or releases the claim, as the inner service's answer demands.
fn settle<S, B, F, ResBody, E>(
    result: Result<Response<ResBody>, E>,
    held: Held,
    config: &Config,
) -> State<S, B, F, Response<ResBody>, E> {
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
