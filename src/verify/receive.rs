//! The verification of a request, in polls that are short enough for other tasks to wait for.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Buf;
use http::request;
use http_body::Body;
use pin_project_lite::pin_project;

use super::config::Config;
use super::key_source::KeySource;
use super::memory::Room;
use super::rejection::Rejection;
use crate::body::claimed_len;
use crate::signature::headers::SignatureHeaders;
use crate::signature::incoming::{Conclusion, IncomingDelivery};
use crate::signature::search::Search;
use crate::signature::{Now, VerifiedEvent, VerifyError};
use crate::stack;
use crate::telemetry::{DeliverySpan, Phase};

/// The number of bytes that one poll may copy and hash before it lets other tasks run: about 200 µs of work.
const POLL_BUDGET: usize = 128 * 1024;
/// The minimum that a frame takes from the budget, so that a flood of empty frames is interrupted too.
const FRAME_COST: usize = 64;

pin_project! {
    /// The verification of a request whose head stays with the caller.
    pub(super) struct Verifying<B, K>
    where
        K: KeySource,
    {
        // The signature headers, once the delivery has had to wait. Until then they are borrowed from the head.
        headers: Option<SignatureHeaders>,
        #[pin]
        receiving: Receiving<B, K>,
    }
}

pin_project! {
    struct Receiving<B, K>
    where
        K: KeySource,
    {
        #[pin]
        keys: Keys<K::Future>,
        // `None` once it has ended.
        #[pin]
        body: Option<B>,
        delivery: IncomingDelivery,
        // Returned after the verdict, when the future enters another state.
        room: Room,
    }
}

pin_project! {
    /// The keys that may have signed the request.
    #[project = KeysProj]
    enum Keys<L> {
        /// The lookup has not started.
        Unasked,
        /// They are being looked up.
        LookingUp {
            #[pin]
            lookup: L,
        },
        /// The search for the key that signed the delivery has started.
        Known,
    }
}

/// The reason why a request was rejected, and the error behind it if the receiver failed.
pub(super) struct Failure {
    pub(super) rejection: Rejection,
    pub(super) cause: Option<Box<dyn Error + Send + Sync>>,
}

impl<R: Into<Rejection>> From<R> for Failure {
    fn from(rejection: R) -> Self {
        Self {
            rejection: rejection.into(),
            cause: None,
        }
    }
}

impl<B, K: KeySource> Verifying<B, K> {
    #[inline]
    pub(super) fn new(body: B) -> Self {
        Self {
            headers: None,
            receiving: Receiving {
                keys: Keys::Unasked,
                body: Some(body),
                delivery: IncomingDelivery::default(),
                room: Room::default(),
            },
        }
    }
}

impl<B: Body, K: KeySource> Verifying<B, K> {
    /// Polls for the verdict. `head` must be the same at each call.
    #[inline]
    pub(super) fn poll(
        self: Pin<&mut Self>,
        head: &request::Parts,
        config: &Config<K>,
        span: &mut DeliverySpan,
        cx: &mut Context<'_>,
    ) -> Poll<Result<VerifiedEvent, Failure>> {
        let mut this = self.project();
        let mut now = Now::default();
        let mut receiving = this.receiving.as_mut();
        let _wipe;
        let verdict = if let Some(headers) = this.headers {
            // A body that trickles in must not outlive the tolerance.
            config.policy.check_again(headers, &mut now)?;
            _wipe = stack::WipeOnDrop;
            receiving
                .as_mut()
                .poll(head, headers, &mut now, config, span, cx)
        } else {
            // Nearly all deliveries get their verdict here, without a copy of the signature headers.
            let headers = config.policy.admit(&head.headers, &mut now)?;
            _wipe = stack::WipeOnDrop;
            let verdict = receiving
                .as_mut()
                .poll(head, &headers, &mut now, config, span, cx);
            if verdict.is_pending() {
                *this.headers = Some(headers.keep());
            }
            verdict
        };
        // No guard of the keys may outlive a poll.
        if verdict.is_pending() {
            receiving.project().delivery.keep();
        }
        verdict
    }
}

impl<B: Body, K: KeySource> Receiving<B, K> {
    #[inline]
    fn poll<V: AsRef<[u8]>>(
        self: Pin<&mut Self>,
        head: &request::Parts,
        headers: &SignatureHeaders<V>,
        now: &mut Now,
        config: &Config<K>,
        span: &mut DeliverySpan,
        cx: &mut Context<'_>,
    ) -> Poll<Result<VerifiedEvent, Failure>> {
        let mut this = self.project();
        loop {
            let search = match this.keys.as_mut().project() {
                KeysProj::Known => break,
                KeysProj::Unasked => {
                    if let Some(keyring) = config.key_source.known_keys(head) {
                        Search::among(keyring)
                    } else {
                        let lookup = config.key_source.keys(head);
                        this.keys.set(Keys::LookingUp { lookup });
                        continue;
                    }
                }
                KeysProj::LookingUp { lookup } => match ready!(lookup.poll(cx)) {
                    Ok(Some(keyring)) => Search::among(&keyring),
                    Ok(None) => Search::with_decoy(&config.key_source.decoy()),
                    Err(cause) => {
                        span.end_of(Phase::Keys);
                        return Poll::Ready(Err(Failure {
                            rejection: Rejection::KeysUnavailable,
                            cause: Some(cause.into()),
                        }));
                    }
                },
            };
            span.end_of(Phase::Keys);
            this.keys.set(Keys::Known);
            this.delivery.search(search);
            let body = this.body.as_ref().get_ref().as_ref();
            let claimed = body.map_or(0, |body| claimed_len(&head.headers, body));
            before_body(config, this.delivery, this.room, headers, claimed)?;
        }
        let verdict = ready!(poll_verdict(
            config,
            this.body,
            this.delivery,
            this.room,
            headers,
            now,
            cx
        ));
        span.end_of(Phase::Body);
        Poll::Ready(verdict.map_err(Failure::from))
    }
}

/// Makes the remaining checks before the body is read, now that the keys are known. Makes room for the claimed length.
#[inline]
fn before_body<V: AsRef<[u8]>, K: KeySource>(
    config: &Config<K>,
    delivery: &mut IncomingDelivery,
    room: &mut Room,
    headers: &SignatureHeaders<V>,
    claimed_len: u64,
) -> Result<(), Rejection> {
    // Among tenants, an early rejection must not depend on the keys: it would reveal that the tenant exists.
    if config.key_source.is_single_tenant() && !delivery.can_succeed(headers) {
        return Err(VerifyError::NoSupportedSignature.into());
    }
    let claimed = usize::try_from(claimed_len).map_err(|_| Rejection::BodyTooLarge)?;
    room.make(claimed, config.body_limit, config.memory_limit.as_ref())?;
    delivery.expect_len(claimed);
    Ok(())
}

/// Receives the body and hashes it as it arrives, until there is a verdict.
#[inline]
fn poll_verdict<B: Body, V: AsRef<[u8]>, K>(
    config: &Config<K>,
    mut body: Pin<&mut Option<B>>,
    delivery: &mut IncomingDelivery,
    room: &mut Room,
    headers: &SignatureHeaders<V>,
    now: &mut Now,
    cx: &mut Context<'_>,
) -> Poll<Result<VerifiedEvent, Rejection>> {
    let mut budget = POLL_BUDGET;
    loop {
        budget -= delivery.advance(headers, budget);
        if budget == 0 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if let Some(unfinished) = body.as_mut().as_pin_mut() {
            match ready!(unfinished.poll_frame(cx)) {
                Some(Ok(frame)) => {
                    budget = budget.saturating_sub(FRAME_COST);
                    // Trailers are dropped, because they are not signed.
                    if let Ok(data) = frame.into_data() {
                        let (received, more) = (delivery.received(), data.remaining());
                        if more > room.bytes() - received {
                            room.grow_to(received.checked_add(more), config.body_limit)?;
                        }
                        delivery.receive(data);
                    }
                }
                Some(Err(_)) => return Poll::Ready(Err(Rejection::BodyUnreadable)),
                None => body.set(None),
            }
        } else {
            match delivery.conclude(headers, &config.policy, now) {
                Conclusion::Verdict(verdict) => {
                    return Poll::Ready(verdict.map_err(Rejection::from));
                }
                Conclusion::Unfinished { cost } => budget = budget.saturating_sub(cost),
            }
        }
    }
}
