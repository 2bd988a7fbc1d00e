//! Senders that take any 4xx as final lose no event.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::poll;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tokio::sync::Semaphore;
use tower::ServiceBuilder;
use tower::util::BoxCloneSyncService;
use tower_svix::idempotency::Outcome;
use tower_svix::{IdempotencyLayer, VerifiedBody};
use tower_svix_tests::net;
use tower_svix_tests::strict_sender::Verdict;

use super::{LEASE, Receiver, deliver, remote, request};

/// Returns a receiver whose first call waits at the gate and then fails. All other calls succeed.
fn receiver(layer: IdempotencyLayer, gate: &Arc<Semaphore>) -> (Receiver, Arc<AtomicUsize>) {
    let (gate, calls) = (Arc::clone(gate), Arc::<AtomicUsize>::default());
    let counter = Arc::clone(&calls);
    let service = ServiceBuilder::new()
        .layer(net::layer())
        .layer(layer)
        .service_fn(move |_: Request<VerifiedBody>| {
            let gate = Arc::clone(&gate);
            let call = counter.fetch_add(1, Ordering::SeqCst);
            async move {
                let mut response = Response::new(Full::from("done"));
                if call == 0 {
                    gate.acquire().await.unwrap().forget();
                    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                }
                Ok(response)
            }
        });
    (BoxCloneSyncService::new(service), calls)
}

#[tokio::test]
async fn a_first_attempt_that_fails_after_the_second_was_answered_loses_nothing() {
    let gate = Arc::new(Semaphore::new(0));
    let (store, _) = remote();
    let (service, _) = receiver(IdempotencyLayer::new(store), &gate);
    // The sender has stopped waiting, but the call continues.
    let mut first = pin!(deliver(&service, request("msg_1")));
    assert!(poll!(&mut first).is_pending());

    let second = deliver(&service, request("msg_1")).await.unwrap();
    assert_eq!(Verdict::on(Some(second.status)), Verdict::Again);
    assert!(second.retry_after.is_some());

    gate.add_permits(1);
    assert_eq!(first.await.unwrap().outcome, Outcome::Released);
    let third = deliver(&service, request("msg_1")).await.unwrap();
    assert_eq!(Verdict::on(Some(third.status)), Verdict::Delivered);
    assert_eq!(third.outcome, Outcome::Processed);
}

/// As after a crash, with a store that survives it.
#[tokio::test]
async fn a_first_attempt_that_never_ends_loses_nothing() {
    let gate = Arc::new(Semaphore::new(0));
    let (store, time) = remote();
    let (service, calls) = receiver(IdempotencyLayer::new(store), &gate);
    let mut first = pin!(deliver(&service, request("msg_1")));
    assert!(poll!(&mut first).is_pending());

    let mut passed = Duration::ZERO;
    loop {
        let again = deliver(&service, request("msg_1")).await.unwrap();
        match Verdict::on(Some(again.status)) {
            Verdict::Again => assert!(passed < LEASE, "{again:?}"),
            Verdict::Delivered => {
                assert_eq!(again.outcome, Outcome::Processed);
                break;
            }
            Verdict::GivenUp => panic!("the event is lost: {again:?}"),
        }
        time.pass(LEASE / 4);
        passed += LEASE / 4;
    }
    assert_eq!(passed, LEASE);
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_first_attempt_that_is_broken_off_loses_nothing() {
    let gate = Arc::new(Semaphore::new(0));
    let (store, _) = remote();
    let (service, _) = receiver(IdempotencyLayer::new(store.clone()), &gate);
    {
        let mut first = pin!(deliver(&service, request("msg_1")));
        assert!(poll!(&mut first).is_pending());
    }
    // The release is sent, but has not arrived.
    let second = deliver(&service, request("msg_1")).await.unwrap();
    assert_eq!(Verdict::on(Some(second.status)), Verdict::Again);
    assert_eq!(store.run_spawned().await, 1);
    let third = deliver(&service, request("msg_1")).await.unwrap();
    assert_eq!(Verdict::on(Some(third.status)), Verdict::Delivered);
    assert_eq!(third.outcome, Outcome::Processed);
}
