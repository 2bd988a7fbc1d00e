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

use super::body::VerifiedBody;
use super::key_source::KeySource;
use super::layer::Config;
use super::rejection::Rejection;
use crate::response_body::ResponseBody;
use crate::signature::envelope::{Envelope, content_length, is_grpc};
use crate::signature::reception::Reception;
use crate::signature::{Keyring, VerifiedEvent};
use crate::telemetry::{Delivery, Phase};

/// How many bytes one poll may copy and hash before it lets other tasks run: some 200 µs of work.
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
        // What is known of the delivery, until the verdict. In a state of its own it would share its place with the inner
        // future, but would be moved from state to state, which takes longer than all that it is asked.
        reception: Option<Reception>,
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
        },
        /// The body is received, and hashed as it comes.
        Receiving,
        /// The request is verified, and waits until the inner service has room for it.
        Readying {
            body: Option<VerifiedBody>,
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
            state: State::LookingUp { lookup },
            reception: Some(Reception::new(envelope)),
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
            reception: None,
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
                StateProj::LookingUp { lookup } => {
                    let keyring = ready!(lookup.poll(cx));
                    this.delivery.end_of(Phase::Keys);
                    let reception = this.reception.as_mut().expect(TAKEN);
                    let head = this.head.as_ref().expect(TAKEN);
                    let body = this.body.as_ref().as_pin_ref().expect(TAKEN);
                    match start(this.config, reception, keyring, head, body.get_ref()) {
                        Ok(()) => State::Receiving,
                        Err(rejection) => State::Refused { rejection },
                    }
                }
                StateProj::Receiving => {
                    let reception = this.reception.as_mut().expect(TAKEN);
                    let verdict =
                        ready!(poll_verdict(this.config, this.body.as_mut(), reception, cx));
                    this.delivery.end_of(Phase::Body);
                    *this.reception = None;
                    match verdict {
                        Ok(event) => {
                            this.delivery.verified(&event);
                            let body = VerifiedBody::new(event.payload().clone());
                            this.head.as_mut().expect(TAKEN).extensions.insert(event);
                            State::Readying { body: Some(body) }
                        }
                        Err(rejection) => State::Refused { rejection },
                    }
                }
                StateProj::Readying { body } => {
                    let ready = ready!(this.inner.as_mut().expect(TAKEN).poll_ready(cx));
                    this.delivery.end_of(Phase::Capacity);
                    ready.inspect_err(|_| this.delivery.failed())?;
                    let head = this.head.take().expect(TAKEN);
                    let request = Request::from_parts(head, body.take().expect(TAKEN));
                    let future = this.inner.take().expect(TAKEN).call(request);
                    State::Serving { future }
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
                    *this.reception = None;
                    *this.inner = None;
                    let is_grpc = this.head.take().is_some_and(|head| is_grpc(&head.headers));
                    let response = this.config.responder.respond(*rejection, is_grpc);
                    this.delivery.refused(rejection, response.status());
                    return Poll::Ready(Ok(response.map(ResponseBody::own)));
                }
            };
            this.state.set(next);
        }
    }
}

/// What is left to check before the body is read, now that the keys are known.
fn start<K: KeySource>(
    config: &Config<K>,
    reception: &mut Reception,
    keyring: Result<Option<Keyring>, K::Error>,
    head: &request::Parts,
    body: &impl Body,
) -> Result<(), Rejection> {
    match keyring.map_err(|_| Rejection::KeysUnavailable)? {
        Some(keyring) => reception.try_keys(&keyring),
        None => reception.try_decoy(&config.key_source.decoy()),
    }
    let claimed = body
        .size_hint()
        .lower()
        .max(content_length(&head.headers).unwrap_or(0));
    match usize::try_from(claimed) {
        Ok(claimed) if claimed <= config.body_limit => {
            reception.expect_len(claimed);
            Ok(())
        }
        _ => Err(Rejection::BodyTooLarge),
    }
}

/// Receives the body and hashes it as it comes, until there is a verdict.
fn poll_verdict<B: Body, K>(
    config: &Config<K>,
    mut body: Pin<&mut Option<B>>,
    reception: &mut Reception,
    cx: &mut Context<'_>,
) -> Poll<Result<VerifiedEvent, Rejection>> {
    let mut budget = POLL_BUDGET;
    loop {
        budget -= reception.advance(budget);
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
                        if data.remaining() > config.body_limit - reception.received() {
                            return Poll::Ready(Err(Rejection::BodyTooLarge));
                        }
                        reception.receive(data);
                    }
                }
                Some(Err(_)) => return Poll::Ready(Err(Rejection::BodyUnreadable)),
                None => body.set(None),
            }
        } else if let Some(verdict) = reception.conclude(&config.policy) {
            return Poll::Ready(verdict.map_err(Rejection::from));
        } else {
            budget = budget.saturating_sub(PASS_COST);
        }
    }
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
