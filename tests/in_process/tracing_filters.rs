//! A rejection does not keep the events of other crates from a subscriber.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_svix::VerifiedBody;
use tower_svix_tests::keys::{secret, sender};
use tower_svix_tests::subscriber;
use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt as _};

/// Counts the application's events.
#[derive(Clone, Default)]
struct Counter(Arc<AtomicUsize>);

impl<S: Subscriber> Layer<S> for Counter {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "application" {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[tokio::test]
async fn a_rejection_that_is_not_logged_takes_no_event_from_a_filtered_subscriber() {
    const EVENTS: usize = 30;

    let (errors, warnings) = (Counter::default(), Counter::default());
    let registry = tracing_subscriber::registry()
        .with(errors.clone().with_filter(LevelFilter::ERROR))
        .with(warnings.clone().with_filter(LevelFilter::WARN));
    let _guard = subscriber::set_default(registry);
    let service = tower_svix::SvixVerifyLayer::new(secret(&sender(1))).layer(service_fn(
        |_: Request<VerifiedBody>| async {
            Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
        },
    ));
    for _ in 0..EVENTS {
        let request = Request::new(Full::<Bytes>::default());
        let Ok(response) = service.clone().oneshot(request).await;
        assert_eq!(response.status(), 401);
        tracing::error!(target: "application", "something else");
    }
    for counter in [errors, warnings] {
        assert_eq!(counter.0.load(Ordering::Relaxed), EVENTS);
    }
}
