//! The response future: the states of a request, up to the response.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Request, Response, request};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::body::VerifiedBody;
use super::config::Config;
use super::key_source::KeySource;
use super::receive::{Failure, Verifying};
use crate::body::ResponseBody;
use crate::grpc;
use crate::inner_service::Call;
use crate::signature::{Keyring, VerifiedEvent};
use crate::telemetry::{DeliverySpan, Entered, Phase};

pin_project! {
    /// Response future of [`SvixVerify`](super::SvixVerify), whose [module docs](crate::verify) have an example.
    ///
    /// Dropping it frees the part of the body that was received, and whatever the inner service reserved.
    pub struct ResponseFuture<S, B, K = Keyring>
    where
        S: Service<Request<VerifiedBody>>,
        K: KeySource,
    {
        #[pin]
        state: State<S, B, K, S::Future>,
        config: Arc<Config<K>>,
        span: DeliverySpan,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, B, K, F>
    where
        K: KeySource,
    {
        Verifying {
            head: Option<request::Parts>,
            inner: Option<S>,
            #[pin]
            verifying: Verifying<B, K>,
        },
        /// The request is verified, and waits until the inner service is ready.
        Readying {
            call: Option<Call<S, Request<VerifiedBody>>>,
        },
        Serving {
            #[pin]
            future: F,
        },
        Ended,
    }
}

impl<S, B, K> ResponseFuture<S, B, K>
where
    S: Service<Request<VerifiedBody>>,
    K: KeySource,
{
    #[inline]
    pub(super) fn new(request: Request<B>, inner: S, config: Arc<Config<K>>) -> Self {
        let (head, body) = request.into_parts();
        Self {
            state: State::Verifying {
                head: Some(head),
                inner: Some(inner),
                verifying: Verifying::new(body),
            },
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

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        const TAKEN: &str = "each state is left once";

        let mut this = self.project();
        let mut entered = this.span.enter();
        loop {
            let mut call = match this.state.as_mut().project() {
                StateProj::Verifying {
                    head,
                    inner,
                    verifying,
                } => {
                    let verified = head.as_ref().expect(TAKEN);
                    match ready!(verifying.poll(verified, this.config, this.span, cx)) {
                        Ok(event) => {
                            observe(this.config, this.span, &mut entered, &event);
                            let mut head = head.take().expect(TAKEN);
                            let body = VerifiedBody::new(event.payload().clone());
                            head.extensions.insert(event);
                            let request = Request::from_parts(head, body);
                            Call::new(inner.take().expect(TAKEN), request)
                        }
                        Err(failure) => {
                            let is_grpc = grpc::is_call(verified.version, &verified.headers);
                            // The future may be kept after it has ended: it must not keep the rejected body.
                            this.state.set(State::Ended);
                            let response = reject(this.config, this.span, failure, is_grpc);
                            return Poll::Ready(Ok(response.map(ResponseBody::own)));
                        }
                    }
                }
                StateProj::Readying { call } => call.take().expect(TAKEN),
                StateProj::Serving { future } => {
                    let response = ready!(future.poll(cx));
                    this.span.end_of(Phase::Handler);
                    let response = response.inspect_err(|_| this.span.failed())?;
                    this.span.answered(response.status());
                    return Poll::Ready(Ok(response.map(ResponseBody::inner)));
                }
                StateProj::Ended => panic!("the future was polled after its end"),
            };
            let Poll::Ready(ready) = call.poll_ready(cx) else {
                let call = Some(call);
                this.state.set(State::Readying { call });
                return Poll::Pending;
            };
            this.span.end_of(Phase::Capacity);
            if let Err(error) = ready {
                this.state.set(State::Ended);
                this.span.failed();
                return Poll::Ready(Err(error));
            }
            let future = call.make();
            this.state.set(State::Serving { future });
        }
    }
}

/// Answers a rejected request, and reports it to operators.
fn reject<K>(
    config: &Config<K>,
    span: &DeliverySpan,
    Failure { rejection, cause }: Failure,
    is_grpc: bool,
) -> Response<Bytes> {
    let response = config.responder.respond(rejection, is_grpc);
    let is_ours = rejection.is_ours();
    let cause = cause
        .as_deref()
        .map(|cause| cause as &(dyn Error + 'static));
    let (code, status) = (rejection.code(), response.status());
    let (log, clock) = (&config.log, &*config.policy.clock);
    span.rejected(log, clock, code, &rejection, is_ours, cause, status);
    response
}

/// Reports a verified event to operators.
fn observe<K>(
    config: &Config<K>,
    span: &mut DeliverySpan,
    entered: &mut Entered,
    event: &VerifiedEvent,
) {
    let (log, clock) = (&config.log, &*config.policy.clock);
    span.verified(entered, log, clock, event.payload().len());
    if span.is_enabled() {
        span.event(event.id(), event.tenant(), event.key_index());
        if let Some(event_type) = config.event_type(event) {
            span.event_type(&event_type);
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
