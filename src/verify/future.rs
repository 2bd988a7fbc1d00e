//! What a request goes through from the lookup of its keys to the response.

use std::error::Error;
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
use super::config::Config;
use super::key_source::KeySource;
use super::rejection::Rejection;
use crate::body::{ResponseBody, claimed_len};
use crate::grpc;
use crate::signature::headers::SignatureHeaders;
use crate::signature::incoming::IncomingDelivery;
use crate::signature::search::Search;
use crate::signature::{Keyring, VerifiedEvent};
use crate::telemetry::{DeliverySpan, Phase};

/// How many bytes one poll may copy and hash before it lets other tasks run: some 200 µs of work.
const POLL_BUDGET: usize = 128 * 1024;
/// What a frame costs of the budget at least, so that a flood of empty frames is interrupted too.
const FRAME_COST: usize = 64;
/// What each pass over the body costs beyond its bytes: up to 100 µs on the curve of ed25519.
const PASS_COST: usize = 32 * 1024;
/// Up to this length, the span tells the type of an event: to find it takes a walk through the payload.
#[cfg(feature = "json")]
const MAX_TYPED_LEN: usize = 64 * 1024;

pin_project! {
    /// Response future of [`SvixVerify`](super::SvixVerify).
    ///
    /// Dropping it frees what was received of the body, and whatever the inner service reserved.
    pub struct ResponseFuture<S, B, K = Keyring>
    where
        S: Service<Request<VerifiedBody>>,
        K: KeySource,
    {
        #[pin]
        state: State<K::Future, S, S::Future>,
        // The request until the verdict. These are outside `State`: as variants they would be copied at every transition.
        #[pin]
        body: Option<B>,
        delivery: Option<IncomingDelivery>,
        unverified: Option<Unverified<S>>,
        config: Arc<Config<K>>,
        span: DeliverySpan,
    }
}

/// What waits for the verdict.
struct Unverified<S> {
    head: request::Parts,
    inner: S,
}

pin_project! {
    #[project = StateProj]
    enum State<L, S, F> {
        /// The keys that may have signed the request are being looked up.
        LookingUp {
            #[pin]
            lookup: L,
            headers: Option<SignatureHeaders>,
            claimed_len: u64,
        },
        /// The body is received, and hashed as it comes.
        Receiving,
        /// The request is verified, and waits until the inner service has room for it.
        Readying {
            request: Option<Request<VerifiedBody>>,
            inner: S,
        },
        Serving {
            #[pin]
            future: F,
        },
        Rejected {
            rejection: Rejection,
            is_grpc: bool,
            cause: Option<Box<dyn Error + Send + Sync>>,
        },
    }
}

impl<S, B, K> ResponseFuture<S, B, K>
where
    S: Service<Request<VerifiedBody>>,
    B: Body,
    K: KeySource,
{
    pub(super) fn look_up_keys(
        request: Request<B>,
        headers: SignatureHeaders,
        inner: S,
        config: Arc<Config<K>>,
    ) -> Self {
        let (head, body) = request.into_parts();
        let state = State::LookingUp {
            lookup: config.key_source.keys(&head),
            headers: Some(headers),
            claimed_len: claimed_len(&head.headers, &body),
        };
        Self {
            state,
            body: Some(body),
            delivery: None,
            unverified: Some(Unverified { head, inner }),
            config,
            span: DeliverySpan::start(),
        }
    }

    pub(super) fn reject(
        request: &Request<B>,
        rejection: Rejection,
        config: Arc<Config<K>>,
    ) -> Self {
        let state = State::Rejected {
            rejection,
            is_grpc: grpc::is_call(request.headers()),
            cause: None,
        };
        Self {
            state,
            body: None,
            delivery: None,
            unverified: None,
            config,
            span: DeliverySpan::start(),
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
        let _entered = this.span.enter();
        loop {
            let next = match this.state.as_mut().project() {
                StateProj::LookingUp {
                    lookup,
                    headers,
                    claimed_len,
                } => {
                    let keyring = ready!(lookup.poll(cx));
                    this.span.end_of(Phase::Keys);
                    let headers = headers.take().expect(TAKEN);
                    match search(this.config, keyring, *claimed_len) {
                        Ok((search, claimed_len)) => {
                            *this.delivery =
                                Some(IncomingDelivery::new(headers, search, claimed_len));
                            State::Receiving
                        }
                        Err((rejection, cause)) => {
                            State::rejected(rejection, cause, this.unverified)
                        }
                    }
                }
                StateProj::Receiving => {
                    let delivery = this.delivery.as_mut().expect(TAKEN);
                    let verdict =
                        ready!(poll_verdict(this.config, this.body.as_mut(), delivery, cx));
                    this.span.end_of(Phase::Body);
                    // Nothing that was rejected is kept for as long as the future is.
                    *this.delivery = None;
                    this.body.set(None);
                    match verdict {
                        Ok(event) => {
                            observe(this.span, &event);
                            let Unverified { mut head, inner } =
                                this.unverified.take().expect(TAKEN);
                            let body = VerifiedBody::new(event.payload().clone());
                            head.extensions.insert(event);
                            State::Readying {
                                request: Some(Request::from_parts(head, body)),
                                inner,
                            }
                        }
                        Err(rejection) => State::rejected(rejection, None, this.unverified),
                    }
                }
                StateProj::Readying { request, inner } => {
                    let ready = ready!(inner.poll_ready(cx));
                    this.span.end_of(Phase::Capacity);
                    ready.inspect_err(|_| this.span.failed())?;
                    let request = request.take().expect(TAKEN);
                    State::Serving {
                        future: inner.call(request),
                    }
                }
                StateProj::Serving { future } => {
                    let response = ready!(future.poll(cx));
                    this.span.end_of(Phase::Handler);
                    let response = response.inspect_err(|_| this.span.failed())?;
                    this.span.answered(response.status());
                    return Poll::Ready(Ok(response.map(ResponseBody::inner)));
                }
                StateProj::Rejected {
                    rejection,
                    is_grpc,
                    cause,
                } => {
                    this.body.set(None);
                    let response = this.config.responder.respond(*rejection, *is_grpc);
                    let (code, status) = (rejection.code(), response.status());
                    match cause.take() {
                        Some(cause) => {
                            let detail = format_args!("{rejection}: {cause}");
                            this.span.rejected(code, detail, status);
                        }
                        None => this
                            .span
                            .rejected(code, format_args!("{rejection}"), status),
                    }
                    return Poll::Ready(Ok(response.map(ResponseBody::own)));
                }
            };
            this.state.set(next);
        }
    }
}

type Cause = Option<Box<dyn Error + Send + Sync>>;

impl<L, S, F> State<L, S, F> {
    /// Frees what waited for the verdict, too.
    fn rejected(
        rejection: Rejection,
        cause: Cause,
        unverified: &mut Option<Unverified<S>>,
    ) -> Self {
        let unverified = unverified.take();
        Self::Rejected {
            rejection,
            is_grpc: unverified.is_some_and(|unverified| grpc::is_call(&unverified.head.headers)),
            cause,
        }
    }
}

/// Starts the search for the key, now that the keys are known, and returns the length that is claimed for the body.
fn search<K: KeySource>(
    config: &Config<K>,
    keyring: Result<Option<Keyring>, K::Error>,
    claimed_len: u64,
) -> Result<(Search, usize), (Rejection, Cause)> {
    let search = match keyring {
        Ok(Some(keyring)) => Search::among(&keyring),
        Ok(None) => Search::with_decoy(&config.key_source.decoy()),
        Err(cause) => return Err((Rejection::KeysUnavailable, Some(cause.into()))),
    };
    match usize::try_from(claimed_len) {
        Ok(claimed_len) if claimed_len <= config.body_limit => Ok((search, claimed_len)),
        _ => Err((Rejection::BodyTooLarge, None)),
    }
}

/// Tells operators of a verified event.
fn observe(span: &DeliverySpan, event: &VerifiedEvent) {
    let body_len = event.payload().len();
    span.verified(event.id(), event.tenant(), event.key_index(), body_len);
    #[cfg(feature = "json")]
    if body_len <= MAX_TYPED_LEN {
        span.event_type(|| event.event_type().ok());
    }
}

/// Receives the body and hashes it as it comes, until there is a verdict.
fn poll_verdict<B: Body, K>(
    config: &Config<K>,
    mut body: Pin<&mut Option<B>>,
    delivery: &mut IncomingDelivery,
    cx: &mut Context<'_>,
) -> Poll<Result<VerifiedEvent, Rejection>> {
    let mut budget = POLL_BUDGET;
    loop {
        budget -= delivery.advance(budget);
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
                        if data.remaining() > config.body_limit - delivery.received() {
                            return Poll::Ready(Err(Rejection::BodyTooLarge));
                        }
                        delivery.receive(data);
                    }
                }
                Some(Err(_)) => return Poll::Ready(Err(Rejection::BodyUnreadable)),
                None => body.set(None),
            }
        } else if let Some(verdict) = delivery.conclude(&config.policy) {
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
