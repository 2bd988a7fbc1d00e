//! The states of a request, and the transitions after the store or the inner service has answered.

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
        /// An outer layer holds the event. The trial finds out whether it uses the same store.
        Tracing {
            search: BoxFuture<bool>,
            key: EventKey,
            otherwise: Answer,
            is_grpc: bool,
        },
        /// The payload is hashed: its fingerprint is recorded later, or compared.
        Hashing {
            hasher: Option<Hasher>,
            call: Option<Call<S, Request<B>>>,
            purpose: Option<Purpose>,
        },
        /// The event is claimed, and waits until the inner service is ready.
        Readying {
            call: Option<Call<S, Request<B>>>,
            held: Option<Hashed>,
        },
        /// `held` is `None` if the store failed, and the event is processed anyway. It is the last field, so that the
        /// handler is dropped before its claim.
        Serving {
            #[pin]
            future: F,
            held: Option<Hashed>,
        },
        /// The inner service has answered. Its answer is passed on once the store has answered too.
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

/// The purpose of a fingerprint.
pub(super) enum Purpose {
    Process(Held),
    Compare {
        key: EventKey,
        fingerprint: Fingerprint,
    },
}

/// A claim, and the fingerprint to complete it with.
pub(super) struct Hashed {
    pub(super) held: Held,
    fingerprint: Fingerprint,
}

/// Returns the state that follows the store's answer to a claim.
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

/// Returns the state that follows when the payload is hashed.
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

/// Completes or releases the claim, depending on the inner service's answer.
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
