//! Who is measured at the level of Tower, and how a delivery is handed to them.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Full;

use crate::delivery::Delivery;
use crate::services::{Receiver, tower_svix_layer};
use crate::{routers, services};

pub const OURS: &str = "tower-svix";
const SERVICE: &str = "service, no verification";
const AXUM: &str = "axum, no verification";

/// A service that is measured.
pub struct Contender {
    pub name: &'static str,
    /// The contender that does the same without verification, unless it is one of these.
    pub baseline: Option<&'static str>,
    deliver: Box<dyn FnMut(usize) -> usize>,
}

impl Contender {
    /// Delivers so many times, and returns how many deliveries were accepted.
    pub fn deliver(&mut self, times: usize) -> usize {
        (self.deliver)(times)
    }
}

/// Everyone, each of whom is to be handed clones of `delivery`.
#[must_use]
pub fn all(delivery: &Delivery) -> Vec<Contender> {
    let request = &delivery.request();
    vec![
        on_tower(SERVICE, request, services::unverified()),
        on_tower(OURS, request, services::tower_svix(&tower_svix_layer())),
        on_tower("webhook-verify", request, services::webhook_verify()),
        on_tower("svix, by hand", request, services::svix()),
        on_tower(
            "standardwebhooks, by hand",
            request,
            services::standardwebhooks(),
        ),
        on_tower(
            "tower-github-webhook",
            request,
            services::tower_github_webhook(),
        ),
        on_axum(AXUM, request, routers::unverified()),
        on_axum("tower-svix, on axum", request, routers::tower_svix()),
        on_axum(
            "axum-standardwebhooks",
            request,
            routers::axum_standardwebhooks(),
        ),
    ]
}

/// Everyone, once it is sure that each accepts the delivery, and that only those without verification accept a forgery.
#[must_use]
pub fn all_sound(delivery: &Delivery) -> Vec<Contender> {
    for mut contender in all(&delivery.forged()) {
        let expected = usize::from(contender.baseline.is_none());
        assert_eq!(
            contender.deliver(1),
            expected,
            "a forgery: {}",
            contender.name
        );
    }
    let mut contenders = all(delivery);
    for contender in &mut contenders {
        assert_eq!(contender.deliver(1), 1, "genuine: {}", contender.name);
    }
    contenders
}

fn on_tower<R: 'static>(
    name: &'static str,
    request: &Request<Full<Bytes>>,
    service: impl Receiver<Full<Bytes>, R> + 'static,
) -> Contender {
    let request = request.clone();
    Contender {
        name,
        baseline: (name != SERVICE).then_some(SERVICE),
        deliver: deliver(service, move || request.clone()),
    }
}

fn on_axum(name: &'static str, request: &Request<Full<Bytes>>, router: Router) -> Contender {
    let request = request.clone();
    Contender {
        name,
        baseline: (name != AXUM).then_some(AXUM),
        deliver: deliver(router, move || request.clone().map(Body::new)),
    }
}

fn deliver<B, R>(
    mut service: impl Receiver<B, R> + 'static,
    request: impl Fn() -> Request<B> + 'static,
) -> Box<dyn FnMut(usize) -> usize>
where
    B: 'static,
    R: 'static,
{
    Box::new(move |times| {
        (0..times)
            .filter(|_| {
                let ready = service.poll_ready(&mut Context::from_waker(Waker::noop()));
                assert!(matches!(ready, Poll::Ready(Ok(()))));
                let response = run(service.call(request())).expect("an answer");
                response.status() == StatusCode::OK
            })
            .count()
    })
}

/// Polls a future that never waits for anything, though it may let other tasks run.
fn run<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            return output;
        }
    }
}
