//! Runs a future without a runtime.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use http_body::Body;

/// Runs a future to its end. It is polled again only if it was woken. A future that would never finish is a finding.
pub fn run<F: Future>(future: F) -> F::Output {
    struct Flag(AtomicBool);

    impl Wake for Flag {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    let mut future = pin!(future);
    let flag = Arc::new(Flag(AtomicBool::new(false)));
    let waker = Waker::from(Arc::clone(&flag));
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        assert!(
            flag.0.swap(false, Ordering::Relaxed),
            "asleep, and not woken"
        );
    }
}

/// Reads a body that never waits, and checks that it ends where it says.
pub fn read_now<B: Body<Data = Bytes>>(body: B) -> Vec<u8> {
    let mut body = pin!(body);
    let mut bytes = Vec::new();
    let claimed = body.size_hint().exact();
    let mut cx = Context::from_waker(Waker::noop());
    loop {
        let told_its_end = body.is_end_stream();
        match body.as_mut().poll_frame(&mut cx) {
            Poll::Ready(Some(Ok(frame))) => {
                assert!(!told_its_end, "a frame after the end");
                let data = frame.into_data();
                bytes.extend_from_slice(&data.expect("there are no trailers"));
            }
            Poll::Ready(Some(Err(_))) | Poll::Pending => panic!("all frames are there"),
            Poll::Ready(None) => break,
        }
    }
    assert_eq!(claimed, Some(bytes.len() as u64));
    bytes
}
