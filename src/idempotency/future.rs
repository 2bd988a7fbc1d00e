//! What a request goes through from the claim to the response.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::claim::{Claim, Claiming, Held, Settling};
use super::config::Config;
use super::fingerprint::{Fingerprint, Hasher};
use super::key::EventKey;
use super::nested::HeldOutside;
use super::outcome::{Answer, Outcome};
use super::report::{Report, report};
use super::store::BoxFuture;
use crate::body::ResponseBody;
use crate::grpc;
use crate::inner_service::Call;
use crate::signature::VerifiedEvent;
use crate::telemetry;

/// How many bytes one poll may hash before it lets other tasks run: some 100 to 300 µs of work.
const POLL_BUDGET: usize = 128 * 1024;

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
        /// A layer outside holds the event: is it in the same store?
        Tracing {
            search: BoxFuture<bool>,
            key: EventKey,
            otherwise: Answer,
            is_grpc: bool,
        },
        /// The fingerprint of the payload is needed: to be written down later, or to be compared.
        Hashing {
            hasher: Option<Hasher>,
            call: Option<Call<S, Request<B>>>,
            purpose: Option<Purpose>,
        },
        /// The event is ours, and waits until the inner service has room for it.
        Readying {
            call: Option<Call<S, Request<B>>>,
            held: Option<Hashed>,
        },
        /// `held` is `None` if the store failed, and the event is processed nevertheless. It comes last, so that a
        /// handler that is dropped is gone before its claim is.
        Serving {
            #[pin]
            future: F,
            held: Option<Hashed>,
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

/// What a fingerprint is needed for.
enum Purpose {
    Process(Held),
    Compare {
        key: EventKey,
        fingerprint: Fingerprint,
    },
}

/// A claim with the fingerprint that it is to be completed with.
struct Hashed {
    held: Held,
    fingerprint: Fingerprint,
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

/// Goes on from the answer of the store.
fn claimed<S: Service<Request<B>>, B, F, T, E>(
    claim: Claim,
    mut call: Call<S, Request<B>>,
    config: &Config,
) -> State<S, B, F, T, E> {
    let is_grpc = grpc::is_call(call.request().version(), call.request().headers());
    let answer = match claim {
        Claim::Ours(held) => {
            held.tell(call.request_mut().extensions_mut());
            return State::hashing(call, Purpose::Process(held));
        }
        Claim::Completed { .. } if config.any_payload => Answer::Replayed,
        Claim::Completed { key, fingerprint } => {
            return State::hashing(call, Purpose::Compare { key, fingerprint });
        }
        Claim::InProgress { key, expires_in } => {
            let otherwise = Answer::InProgress { expires_in };
            let extensions = call.request().extensions();
            match HeldOutside::look_for(extensions, &config.store, &key) {
                Some(search) => {
                    return State::Tracing {
                        search,
                        key,
                        otherwise,
                        is_grpc,
                    };
                }
                None => otherwise,
            }
        }
        Claim::Failed if config.fail_open => {
            return State::Readying {
                call: Some(call),
                held: None,
            };
        }
        Claim::Failed => Answer::StoreUnavailable,
    };
    State::Answered { answer, is_grpc }
}

impl<S, B, F, T, E> State<S, B, F, T, E> {
    fn hashing(call: Call<S, Request<B>>, purpose: Purpose) -> Self {
        Self::Hashing {
            hasher: Some(Hasher::new()),
            call: Some(call),
            purpose: Some(purpose),
        }
    }
}

/// Goes on once the fingerprint of the payload is there.
fn hashed<S: Service<Request<B>>, B, F, T, E>(
    found: Fingerprint,
    purpose: Purpose,
    call: Call<S, Request<B>>,
) -> State<S, B, F, T, E> {
    let answer = match purpose {
        Purpose::Process(held) => {
            return State::Readying {
                call: Some(call),
                held: Some(Hashed {
                    held,
                    fingerprint: found,
                }),
            };
        }
        Purpose::Compare { fingerprint, .. } if fingerprint == found => Answer::Replayed,
        Purpose::Compare { key, .. } => {
            report(&Report::PayloadDiffers(&key));
            Answer::PayloadDiffers
        }
    };
    State::Answered {
        answer,
        is_grpc: grpc::is_call(call.request().version(), call.request().headers()),
    }
}

/// Completes or releases the claim, as the inner service's answer demands.
fn settle<S, B, F, ResBody, E>(
    result: Result<Response<ResBody>, E>,
    hashed: Hashed,
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
        hashed.held.complete(hashed.fingerprint, config.retention)
    } else {
        hashed.held.release()
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
