//! Receiving a body, with as much work in one poll as other tasks can wait for.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Buf;
use http_body::Body;

use super::config::Config;
use super::rejection::Rejection;
use crate::signature::VerifiedEvent;
use crate::signature::incoming::IncomingDelivery;

/// How many bytes one poll may copy and hash before it lets other tasks run: some 200 µs of work.
const POLL_BUDGET: usize = 128 * 1024;
/// What a frame costs of the budget at least, so that a flood of empty frames is interrupted too.
const FRAME_COST: usize = 64;
/// What each pass over the body costs beyond its bytes: up to 100 µs on the curve of ed25519.
const PASS_COST: usize = 32 * 1024;

/// Receives the body and hashes it as it comes, until there is a verdict.
#[inline]
pub(super) fn poll_verdict<B: Body, K>(
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
            // To compare a MAC with one that is listed takes as long as to hash a byte or two.
            let compared = 2 * delivery.listed();
            budget = budget.saturating_sub(PASS_COST + compared);
        }
    }
}
