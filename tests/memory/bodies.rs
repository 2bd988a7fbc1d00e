//! The memory of a body that arrives, stalls or is rejected, counted by a heap profiler.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use http_body_util::StreamBody;
use tower::{Layer as _, Service as _};
use tower_svix::{Rejection, Verifier, VerifyError};
use tower_svix_tests::body::{Script, Step};
use tower_svix_tests::clock::{At, Broken};
use tower_svix_tests::fixture::{BODY, NOW, layer, secret, signed};
use tower_svix_tests::recorder::Recorder;

use crate::{blocks_of, count, held};

const KIB: usize = 1024;
/// The length that most stalled uploads claim: the default limit.
const CLAIMED: usize = 2 * 1024 * KIB;
static ZEROS: [u8; CLAIMED] = [0; CLAIMED];
/// What a delivery may hold apart from its body: the future, the headers, the event.
const BESIDE: usize = 4 * KIB;

pub(crate) fn a_claimed_length_reserves_at_most_64_kib() {
    let _counting = count();
    let held = held_by_stalled_uploads(1, &[1, 1], CLAIMED);
    assert!(held <= 64 * KIB + BESIDE, "{held}");
}

pub(crate) fn a_claimed_length_is_reserved_at_once_when_half_a_mib_has_arrived() {
    let _counting = count();
    let half = 512 * KIB;
    for (frames, claimed, expected) in [
        (&[half - 16, 16][..], CLAIMED, half),
        (&[half - 2, 1, 1], CLAIMED, half * 5 / 4),
        (&[half - 16, 16, 1], CLAIMED, CLAIMED),
        (&[half - 16, 16, 1], 16 * half, 16 * half),
        // Whatever length is claimed.
        (&[half - 16, 16, 1], 64 * half, 16 * half),
    ] {
        let held = held_by_stalled_uploads(1, frames, claimed);
        let range = expected - KIB..=expected + BESIDE;
        assert!(range.contains(&held), "{frames:?} of {claimed}: {held}");
    }
}

pub(crate) fn a_body_of_the_claimed_length_takes_no_more_than_that() {
    let _counting = count();
    for claimed in [2 * KIB, 64 * KIB, CLAIMED] {
        let held = held_by_stalled_uploads(1, &frames(claimed, KIB), claimed);
        assert!(held <= claimed + BESIDE, "{claimed} bytes: {held}");
    }
}

pub(crate) fn a_claimed_length_spares_all_moves_of_the_buffer() {
    let _counting = count();
    for len in [4 * KIB, 64 * KIB] {
        let blocks = |frame: usize| {
            let frames = frames(len, frame);
            blocks_of(|| held_by_stalled_uploads(1, &frames, len)).0
        };
        // Two frames are joined in one buffer of exactly their size.
        assert_eq!(blocks(KIB), blocks(len / 2), "{len} bytes");
    }
}

pub(crate) fn a_buffer_that_grows_is_moved_a_few_times() {
    let _counting = count();
    let verifier = Verifier::new(secret()).clock(At(NOW));
    let headers = signed(BODY);
    for (len, frame, most) in [(16 * KIB, 1, 15), (CLAIMED, 64, 30)] {
        let mut verification = verifier.start(&headers).expect("the headers are valid");
        let frames = frames(len, frame);
        let (blocks, ()) = blocks_of(|| {
            for len in &frames {
                verification.update(&ZEROS[..*len]);
            }
        });
        assert!(blocks <= most, "{len} bytes: {blocks}");
    }
}

pub(crate) fn a_stalled_upload_holds_little_more_than_it_sent() {
    let _counting = count();
    for sent in [64 * KIB, 100 * KIB, 256 * KIB] {
        for frame in [sent, 16 * KIB, KIB, 100, 1] {
            let held = held_by_stalled_uploads(1, &frames(sent, frame), CLAIMED);
            assert!(
                held <= sent * 5 / 4 + 16 * KIB,
                "{sent} bytes in frames of {frame}: {held}"
            );
        }
    }
}

/// From half a MiB on, room for the claimed length is reserved. It is at most the limit.
pub(crate) fn a_claim_is_not_exceeded_once_it_is_believed() {
    let _counting = count();
    for sent in [512 * KIB, 768 * KIB, 1536 * KIB] {
        let held = held_by_stalled_uploads(1, &frames(sent, 16 * KIB), CLAIMED);
        assert!(held <= 2048 * KIB + BESIDE, "{sent} bytes: {held}");
    }
}

pub(crate) fn a_thousand_stalled_uploads_hold_little_more_than_they_sent() {
    let _counting = count();
    let (uploads, sent) = (1000, 64 * KIB);
    let each = held_by_stalled_uploads(uploads, &frames(sent, 16 * KIB), CLAIMED) / uploads;
    assert!(each <= sent * 5 / 4 + 16 * KIB, "{each}");
}

/// Returns the lengths of the frames of a body of `len` bytes: `frame` bytes each, and the rest in one more.
fn frames(len: usize, frame: usize) -> Vec<usize> {
    let mut frames = vec![frame; len / frame];
    frames.extend(Some(len % frame).filter(|rest| *rest > 0));
    frames
}

/// Returns what stalled uploads hold that have each sent frames of these lengths and claim `claimed` bytes. The futures
/// and the headers count, too.
fn held_by_stalled_uploads(uploads: usize, frames: &[usize], claimed: usize) -> usize {
    let layer = layer().body_limit(claimed.max(CLAIMED));
    let headers = signed(BODY);
    let before = held();
    let stalled: Vec<_> = (0..uploads)
        .map(|_| {
            // The frames themselves allocate nothing.
            let frames = frames.iter().map(|len| Bytes::from_static(&ZEROS[..*len]));
            let frames = stream::iter(frames.map(Frame::data).map(Ok::<_, Infallible>));
            let body = Claiming {
                body: StreamBody::new(frames.chain(stream::pending())),
                claimed,
            };
            let mut service = layer.layer(Recorder::default());
            let mut response =
                Box::pin(service.call(tower_svix_tests::request(headers.clone(), body)));
            while let (Poll::Pending, true) = tower_svix_tests::poll_once(response.as_mut()) {}
            response
        })
        .collect();
    let after = held();
    drop(stalled);
    after - before
}

pub(crate) fn a_body_in_single_bytes_takes_at_most_twice_its_size() {
    let _counting = count();
    for len in [KIB, 64 * KIB, 65 * KIB, 300 * KIB] {
        let peak = peak_of_single_bytes(&vec![b'a'; len]);
        assert!(peak >= len, "{len} bytes: {peak} cannot be");
        assert!(peak <= 2 * len + BESIDE, "{len} bytes: {peak}");
    }
}

/// Returns the peak while a body arrives in single bytes and is verified.
fn peak_of_single_bytes(body: &[u8]) -> usize {
    let headers = signed(body);
    let mut service = layer().layer(Recorder::default());
    let byte = Bytes::copy_from_slice(&body[..1]);
    let mut peak = 0;
    let before = held();
    let frames = (0..=body.len()).map_while(|index| {
        peak = peak.max(held());
        (index < body.len()).then(|| Ok::<_, Infallible>(Frame::data(byte.clone())))
    });
    let body = StreamBody::new(stream::iter(frames));
    let Ok(response) =
        tower_svix_tests::run(service.call(tower_svix_tests::request(headers, body)));
    assert_eq!(response.status(), 200);
    peak.max(held()) - before
}

pub(crate) fn a_rejected_request_holds_nothing_even_while_its_future_lives() {
    let _counting = count();
    let body = vec![b'a'; 300 * KIB];
    let whole = || body.chunks(16 * KIB).map(Bytes::copy_from_slice);
    let ends_well: &dyn Fn() -> Script = &|| Script::new(whole().map(Step::data));
    let breaks_off: &dyn Fn() -> Script =
        &|| Script::new(whole().map(Step::data).chain([Step::Error]));

    let stale = layer().clock(At(NOW + 301));
    let clockless = layer().clock(Broken);
    let limited = layer().body_limit(body.len() - 1);
    let (unsigned, forged, genuine) = (HeaderMap::new(), signed(BODY), signed(&body));
    let missing = VerifyError::NoHeaders;
    for (layer, headers, script, cause) in [
        (&layer(), &unsigned, ends_well, missing.into()),
        (
            &stale,
            &genuine,
            ends_well,
            VerifyError::TimestampTooOld { seconds: 301 }.into(),
        ),
        (
            &clockless,
            &genuine,
            ends_well,
            VerifyError::ClockUnavailable.into(),
        ),
        (
            &layer(),
            &forged,
            ends_well,
            VerifyError::SignatureMismatch.into(),
        ),
        (&limited, &genuine, ends_well, Rejection::BodyTooLarge),
        (&layer(), &genuine, breaks_off, Rejection::BodyUnreadable),
    ] {
        let mut service = layer.layer(Recorder::default());
        // A header value becomes shared with its first clone.
        drop(headers.clone());
        let before = held();
        let request = tower_svix_tests::request(headers.clone(), script());
        let mut future = pin!(service.call(request));
        let Ok(response) = tower_svix_tests::run(future.as_mut());
        assert_eq!(response.extensions().get(), Some(&cause));
        drop(response);
        assert_eq!(held(), before, "{cause:?}");
    }
}

/// A body that claims this number of bytes.
struct Claiming<B> {
    body: B,
    claimed: usize,
}

impl<B: Body + Unpin> Body for Claiming<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.claimed as u64)
    }
}
