//! Failures of the store.

use std::pin::pin;
use std::time::Duration;

use futures_util::poll;
use http::StatusCode;
use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use tower_svix::IdempotencyLayer;
use tower_svix::idempotency::{
    BoxFuture, ClaimStatus, ClaimToken, EventKey, Fingerprint, Outcome, Settlement, Store,
    StoreError,
};
use tower_svix_tests::net::within;

use super::{Handler, deliver, receiver, remote, request};

#[tokio::test]
async fn while_the_store_fails_nothing_is_processed() {
    let (store, _) = remote();
    let handler = Handler::default();
    let service = receiver(IdempotencyLayer::new(store.clone()), &handler);
    store.claim.lose_replies(true);
    let rejected = deliver(&service, request("msg_1")).await.unwrap();
    assert_eq!(rejected.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(rejected.retry_after.is_some());
    assert_eq!(
        (&*rejected.code(), rejected.outcome),
        ("store-unavailable", Outcome::StoreUnavailable)
    );
    assert_eq!(handler.calls(), 0);

    // Only the reply was lost. The claim is released.
    store.claim.lose_replies(false);
    assert_eq!(within(store.run_spawned()).await, 1);
    let retried = deliver(&service, request("msg_1")).await.unwrap();
    assert_eq!(retried.outcome, Outcome::Processed);
}

#[tokio::test]
async fn an_outage_is_counted_once_for_each_delivery() {
    let recorder = DebuggingRecorder::new();
    let (store, _) = remote();
    let service = receiver(IdempotencyLayer::new(store.clone()), &Handler::default());
    store.claim.lose_replies(true);
    store.release.lose_replies(true);
    let _guard = metrics::set_default_local_recorder(&recorder);
    for _ in 0..3 {
        deliver(&service, request("msg_1")).await.unwrap();
    }
    assert_eq!(within(store.run_spawned()).await, 3);

    let counted = recorder.snapshotter().snapshot().into_vec();
    let counted: Vec<_> = counted
        .iter()
        .filter(|(key, ..)| key.key().name().contains("store"))
        .map(|(key, _, _, value)| {
            let labels: Vec<_> = key.key().labels().map(metrics::Label::value).collect();
            (labels, value)
        })
        .collect();
    assert_eq!(counted, [(vec!["claim"], &DebugValue::Counter(3))]);
}

/// A user's store may report any time.
#[tokio::test]
async fn a_lease_that_never_ends_asks_for_a_retry_within_a_minute() {
    #[derive(Clone)]
    struct Endless;

    impl Store for Endless {
        async fn claim(
            &self,
            _: &EventKey,
            _: ClaimToken,
            _: Duration,
        ) -> Result<ClaimStatus, StoreError> {
            let expires_in = Duration::MAX;
            Ok(ClaimStatus::InProgress { expires_in })
        }

        async fn complete(
            &self,
            _: &EventKey,
            _: ClaimToken,
            _: Fingerprint,
            _: Duration,
        ) -> Result<Settlement, StoreError> {
            unreachable!("nothing is ever claimed")
        }

        async fn release(&self, _: &EventKey, _: ClaimToken) -> Result<Settlement, StoreError> {
            unreachable!("nothing is ever claimed")
        }

        async fn forget(&self, _: &EventKey) -> Result<bool, StoreError> {
            unreachable!("nothing is ever claimed")
        }

        fn spawn(&self, _: BoxFuture<()>) {
            unreachable!("nothing is left to do")
        }
    }

    let service = receiver(IdempotencyLayer::new(Endless), &Handler::default());
    let seen = deliver(&service, request("msg_1")).await.unwrap();
    assert_eq!(seen.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(seen.retry_after.as_deref(), Some("60"));
}

#[tokio::test]
async fn risking_duplicates_processes_though_the_store_fails() {
    let (store, _) = remote();
    let handler = Handler::default();
    let layer = IdempotencyLayer::new(store.clone()).fail_open();
    let service = receiver(layer, &handler);
    store.claim.lose_replies(true);
    for _ in 0..2 {
        let seen = deliver(&service, request("msg_1")).await.unwrap();
        assert_eq!((&*seen.body, seen.outcome), ("done", Outcome::Unprotected));
    }
    assert_eq!(handler.calls(), 2);

    store.claim.lose_replies(false);
    within(store.run_spawned()).await;
    let seen = deliver(&service, request("msg_1")).await.unwrap();
    assert_eq!(seen.outcome, Outcome::Processed);
}

#[tokio::test]
async fn a_response_stands_though_it_could_not_be_written_down() {
    let (store, _) = remote();
    store.complete.lose_replies(true);
    store.release.lose_replies(true);
    let service = receiver(IdempotencyLayer::new(store.clone()), &Handler::failing(1));
    for status in [StatusCode::INTERNAL_SERVER_ERROR, StatusCode::OK] {
        let seen = deliver(&service, request("msg_1")).await.unwrap();
        assert_eq!((seen.status, seen.outcome), (status, Outcome::Unsettled));
        assert_eq!(seen.body, "done");
    }
}

#[tokio::test]
async fn a_response_is_held_back_until_the_store_knows_of_it() {
    let (store, _) = remote();
    let service = receiver(IdempotencyLayer::new(store.clone()), &Handler::default());
    store.complete.stick(true);
    let mut first = pin!(deliver(&service, request("msg_1")));
    assert!(poll!(&mut first).is_pending());
    let duplicate = deliver(&service, request("msg_1")).await.unwrap();
    assert_eq!(duplicate.status, StatusCode::SERVICE_UNAVAILABLE);
    store.complete.stick(false);
    assert_eq!(first.await.unwrap().outcome, Outcome::Processed);
}
