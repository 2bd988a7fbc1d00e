//! What a request goes through from the lookup of its keys to the response.

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
use super::key_source::KeySource;
use super::layer::Config;
use super::rejection::Rejection;
use crate::signature::envelope::{Envelope, content_length, is_grpc};
use crate::signature::{Keyring, Verification, VerifiedEvent};
use crate::telemetry::{Delivery, Phase};

/// How many bytes one poll may hash before it lets other tasks run: some 100 µs of work.
const POLL_BUDGET: usize = 128 * 1024;
/// What a frame costs of the budget at least, so that a flood of empty frames is interrupted too.
const FRAME_COST: usize = 64;
/// What each pass over the body costs beyond its bytes: up to 100 µs on the curve of ed25519.
const PASS_COST: usize = 32 * 1024;

pin_project! {
    /// Response future of [`SvixVerify`](crate::SvixVerify).
    ///
    /// Dropping it frees what was received of the body, and whatever the inner service reserved.
    pub struct ResponseFuture<S, B, K = Keyring>
    where
        S: Service<Request<VerifiedBody>>,
        K: KeySource,
    {
        #[pin]
        state: State<K::Future, S::Future>,
        // What the request came with, until it is needed.
        head: Option<request::Parts>,
        #[pin]
        body: Option<B>,
        inner: Option<S>,
        config: Arc<Config<K>>,
        delivery: Delivery,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<L, F> {
        /// The keys that may have signed the request are being looked up.
        LookingUp {
            #[pin]
            lookup: L,
            envelope: Option<Envelope>,
        },
        /// The body is received, and hashed as it comes.
        Receiving {
            verification: Verification,
        },
        /// The request is verified, and waits until the inner service has room for it.
        Readying {
            event: Option<VerifiedEvent>,
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

impl<S, B, K> ResponseFuture<S, B, K>
where
    S: Service<Request<VerifiedBody>>,
    K: KeySource,
{
    pub(super) fn look_up_keys(
        request: Request<B>,
        envelope: Envelope,
        inner: S,
        config: Arc<Config<K>>,
    ) -> Self {
        let (head, body) = request.into_parts();
        let lookup = config.key_source.keys(&head);
        Self {
            state: State::LookingUp {
                lookup,
                envelope: Some(envelope),
            },
            head: Some(head),
            body: Some(body),
            inner: Some(inner),
            config,
            delivery: Delivery::start(),
        }
    }

    pub(super) fn refuse(
        request: Request<B>,
        rejection: Rejection,
        config: Arc<Config<K>>,
    ) -> Self {
        let (head, body) = request.into_parts();
        Self {
            state: State::Refused { rejection },
            head: Some(head),
            body: Some(body),
            inner: None,
            config,
            delivery: Delivery::start(),
        }
    }
}

impl<S, B, K, ResBody> Future for ResponseFuture<S, B, K>
where
    S: Service<Request<VerifiedBody>, Response = Response<ResBody>>,
    K: KeySource,
    B: Body,
{
    type Output = Result<Response<ResponseBody<ResBody>>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        const TAKEN: &str = "each state is left once";

        let mut this = self.project();
        let _entered = this.delivery.enter();
        loop {
            let next = match this.state.as_mut().project() {
                StateProj::LookingUp { lookup, envelope } => {
                    let keyring = ready!(lookup.poll(cx));
                    this.delivery.end_of(Phase::Keys);
                    let envelope = envelope.take().expect(TAKEN);
                    let head = this.head.as_ref().expect(TAKEN);
                    let body = this.body.as_ref().as_pin_ref().expect(TAKEN);
                    match start(this.config, envelope, keyring, head, body.get_ref()) {
                        Ok(verification) => State::Receiving { verification },
                        Err(rejection) => State::Refused { rejection },
                    }
                }
                StateProj::Receiving { verification } => {
                    let limit = this.config.body_limit;
                    let verdict = ready!(poll_verdict(this.body.as_mut(), verification, limit, cx));
                    this.delivery.end_of(Phase::Body);
                    match verdict {
                        Ok(event) => {
                            this.delivery.verified(&event);
                            State::Readying { event: Some(event) }
                        }
                        Err(rejection) => State::Refused { rejection },
                    }
                }
                StateProj::Readying { event } => {
                    let ready = ready!(this.inner.as_mut().expect(TAKEN).poll_ready(cx));
                    this.delivery.end_of(Phase::Capacity);
                    ready.inspect_err(|_| this.delivery.failed())?;
                    let mut inner = this.inner.take().expect(TAKEN);
                    let request = verified_request(
                        this.head.take().expect(TAKEN),
                        event.take().expect(TAKEN),
                    );
                    State::Serving {
                        future: inner.call(request),
                    }
                }
                StateProj::Serving { future } => {
                    let response = ready!(future.poll(cx));
                    this.delivery.end_of(Phase::Handler);
                    let response = response.inspect_err(|_| this.delivery.failed())?;
                    this.delivery.answered(response.status());
                    return Poll::Ready(Ok(response.map(ResponseBody::inner)));
                }
                StateProj::Refused { rejection } => {
                    // Whoever holds on to the future must not hold on to what was refused.
                    this.body.set(None);
                    *this.inner = None;
                    let is_grpc = this.head.take().is_some_and(|head| is_grpc(&head.headers));
                    let response = this.config.responder.respond(*rejection, is_grpc);
                    this.delivery.refused(rejection, response.status());
                    return Poll::Ready(Ok(response.map(ResponseBody::refusal)));
                }
            };
            this.state.set(next);
        }
    }
}

/// What is left to check before the body is read, now that the keys are known.
fn start<K: KeySource>(
    config: &Config<K>,
    envelope: Envelope,
    keyring: Result<Option<Keyring>, K::Error>,
    head: &request::Parts,
    body: &impl Body,
) -> Result<Verification, Rejection> {
    let policy = config.policy.clone();
    let mut verification = match keyring.map_err(|_| Rejection::KeysUnavailable)? {
        Some(keyring) => Verification::start(policy, envelope, &keyring),
        None => Verification::start_with_decoy(policy, envelope, &config.key_source.decoy()),
    };
    let claimed = body
        .size_hint()
        .lower()
        .max(content_length(&head.headers).unwrap_or(0));
    match usize::try_from(claimed) {
        Ok(claimed) if claimed <= config.body_limit => verification.expect_len(claimed),
        _ => return Err(Rejection::BodyTooLarge),
    }
    Ok(verification)
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
        } else {
            budget = budget.saturating_sub(PASS_COST);
        }
    }
}

fn verified_request(mut head: request::Parts, event: VerifiedEvent) -> Request<VerifiedBody> {
    let body = VerifiedBody::new(event.payload().clone());
    head.extensions.insert(event);
    Request::from_parts(head, body)
}

impl<S, B, K> fmt::Debug for ResponseFuture<S, B, K>
where
    S: Service<Request<VerifiedBody>>,
    K: KeySource,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
