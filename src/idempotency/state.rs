//! The states that a request goes through, and which of them follows when the store or the inner service has answered.

use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::claim::{Claim, Claiming, Held, Settling};
use super::config::Config;
use super::fingerprint::{Fingerprint, Hasher};
use super::key::EventKey;
use super::nested::HeldOutside;
use super::outcome::Answer;
use super::report::{Report, report};
use super::store::BoxFuture;
use crate::grpc;
use crate::inner_service::Call;

pin_project! {
    #[project = StateProj]
    pub(super) enum State<S, B, F, T, E> {
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
pub(super) enum Purpose {
    Process(Held),
    Compare {
        key: EventKey,
        fingerprint: Fingerprint,
    },
}

/// A claim with the fingerprint that it is to be completed with.
pub(super) struct Hashed {
    pub(super) held: Held,
    fingerprint: Fingerprint,
}

/// Goes on from the answer of the store.
pub(super) fn claimed<S: Service<Request<B>>, B, F, T, E>(
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
pub(super) fn hashed<S: Service<Request<B>>, B, F, T, E>(
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
pub(super) fn settle<S, B, F, ResBody, E>(
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
