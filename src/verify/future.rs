//! What a request goes through from the lookup of its keys to the response.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::body::VerifiedBody;
use super::config::Config;
use super::key_source::KeySource;
use super::receive::poll_verdict;
use super::rejection::Rejection;
use crate::body::{ResponseBody, claimed_len};
use crate::grpc;
use crate::inner_service::Call;
use crate::signature::headers::SignatureHeaders;
use crate::signature::incoming::IncomingDelivery;
use crate::signature::search::Search;
use crate::signature::{Keyring, VerifiedEvent, VerifyError};
use crate::telemetry::{DeliverySpan, Phase};

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
        state: State<K::Future, S::Future>,
        // The request. These are outside `State`: as parts of variants they would be copied at every transition.
        #[pin]
        body: Option<B>,
        delivery: Option<IncomingDelivery>,
        // Until the verdict, its request lacks the body and the proof.
        call: Option<Call<S, Request<VerifiedBody>>>,
        config: Arc<Config<K>>,
        span: DeliverySpan,
    }
}

/// What failed, if it was on our side.
type Cause = Option<Box<dyn Error + Send + Sync>>;

pin_project! {
    #[project = StateProj]
    enum State<L, F> {
        /// The keys that may have signed the request are being looked up.
        LookingUp {
            #[pin]
            lookup: L,
            // The length that is claimed for the body, in bytes.
            claimed_len: u64,
        },
        /// The body is received, and hashed as it comes.
        Receiving,
        /// The request is verified, and waits until the inner service has room for it.
        Readying,
        Serving {
            #[pin]
            future: F,
        },
        Rejected {
            rejection: Rejection,
            is_grpc: bool,
            cause: Cause,
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
            claimed_len: claimed_len(&head.headers, &body),
        };
        Self {
            state,
            body: Some(body),
            delivery: Some(IncomingDelivery::new(headers)),
            call: Some(Call::new(
                inner,
                Request::from_parts(head, VerifiedBody::new(Bytes::new())),
            )),
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
            call: None,
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
            match this.state.as_mut().project() {
                StateProj::LookingUp {
                    lookup,
                    claimed_len,
                } => {
                    let keyring = ready!(lookup.poll(cx));
                    this.span.end_of(Phase::Keys);
                    let delivery = this.delivery.as_mut().expect(TAKEN);
                    match start(this.config, delivery, keyring, *claimed_len) {
                        Ok(()) => this.state.set(State::Receiving),
                        Err((rejection, cause)) => {
                            *this.delivery = None;
                            let rejected = State::rejected(rejection, cause, this.call);
                            this.state.set(rejected);
                        }
                    }
                }
                StateProj::Receiving => {
                    let delivery = this.delivery.as_mut().expect(TAKEN);
                    let verdict =
                        ready!(poll_verdict(this.config, this.body.as_mut(), delivery, cx));
                    this.span.end_of(Phase::Body);
                    *this.delivery = None;
                    match verdict {
                        Ok(event) => {
                            observe(this.config, this.span, &event);
                            let request = this.call.as_mut().expect(TAKEN).request_mut();
                            *request.body_mut() = VerifiedBody::new(event.payload().clone());
                            request.extensions_mut().insert(event);
                            this.state.set(State::Readying);
                        }
                        Err(rejection) => {
                            let rejected = State::rejected(rejection, None, this.call);
                            this.state.set(rejected);
                        }
                    }
                }
                StateProj::Readying => {
                    let ready = ready!(this.call.as_mut().expect(TAKEN).poll_ready(cx));
                    this.span.end_of(Phase::Capacity);
                    ready.inspect_err(|_| this.span.failed())?;
                    let future = this.call.take().expect(TAKEN).make();
                    this.state.set(State::Serving { future });
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
                    // A future that is kept must not keep what was rejected.
                    this.body.set(None);
                    let response = this.config.responder.respond(*rejection, *is_grpc);
                    let is_ours = rejection.status().is_server_error();
                    let cause = cause
                        .as_deref()
                        .map(|cause| cause as &(dyn Error + 'static));
                    let (code, status) = (rejection.code(), response.status());
                    this.span.rejected(code, rejection, is_ours, cause, status);
                    return Poll::Ready(Ok(response.map(ResponseBody::own)));
                }
            }
        }
    }
}

impl<L, F> State<L, F> {
    /// Frees what waited for the verdict, too.
    fn rejected<S: Service<Request<VerifiedBody>>>(
        rejection: Rejection,
        cause: Cause,
        call: &mut Option<Call<S, Request<VerifiedBody>>>,
    ) -> Self {
        let call = call.take();
        Self::Rejected {
            rejection,
            is_grpc: call.is_some_and(|call| grpc::is_call(call.request().headers())),
            cause,
        }
    }
}

/// What is left to do before the body is read, now that the keys are known.
fn start<K: KeySource>(
    config: &Config<K>,
    delivery: &mut IncomingDelivery,
    keyring: Result<Option<Keyring>, K::Error>,
    claimed_len: u64,
) -> Result<(), (Rejection, Cause)> {
    let search = match keyring {
        Ok(Some(keyring)) => Search::among(&keyring),
        Ok(None) => Search::with_decoy(&config.key_source.decoy()),
        Err(cause) => return Err((Rejection::KeysUnavailable, Some(cause.into()))),
    };
    delivery.search(search);
    // Among tenants, the keys of one must not decide what is rejected early: it would tell that there is such a tenant.
    if config.key_source.is_single_tenant() && !delivery.can_succeed() {
        return Err((VerifyError::NoSupportedSignature.into(), None));
    }
    match usize::try_from(claimed_len) {
        Ok(claimed_len) if claimed_len <= config.body_limit => {
            delivery.expect_len(claimed_len);
            Ok(())
        }
        _ => Err((Rejection::BodyTooLarge, None)),
    }
}

/// Tells operators of a verified event.
#[cfg_attr(
    not(feature = "json"),
    expect(unused_variables, reason = "without JSON, there is no type")
)]
fn observe<K>(config: &Config<K>, span: &DeliverySpan, event: &VerifiedEvent) {
    let body_len = event.payload().len();
    span.verified(body_len);
    if span.is_enabled() {
        span.event(event.id(), event.tenant(), event.key_index());
        #[cfg(feature = "json")]
        if body_len <= MAX_TYPED_LEN {
            let event_type = match &config.event_type_at {
                Some(pointer) => event.text_at(pointer),
                None => event.event_type(),
            };
            if let Ok(event_type) = event_type {
                span.event_type(&event_type);
            }
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
