//! The contenders at the level of Tower, and how they get a delivery.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use axum::body::Body;
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Full;
use serde::{Deserialize, Serialize};
use tower_svix::Secret;

use crate::delivery::{Delivery, SECRET};
use crate::frames::Frames;
use crate::least::STEPS;
use crate::routers::{self, FORMS};
use crate::services::{self, Receiver, RequestBody, tower_svix_layer};

pub const OURS: &str = "tower-svix";
const SERVICE: &str = "service, no verification";
const FRAMED: &str = "service, no verification, in frames of 16 KiB";
const REJECTING: &str = "service that rejects at once";
/// What hyper reads at once.
const FRAME: usize = 16 * 1024;

/// The table that a contender is shown in.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Table {
    /// A genuine delivery, in one frame, with one key. All of these verify.
    Peers,
    /// The same delivery. These verify nothing, or a part.
    Controls,
    /// The same delivery, for the least that a layer can do.
    Least,
    /// Other deliveries to tower-svix.
    Cases,
}

/// A service, and the delivery that it gets.
pub struct Contender {
    pub name: String,
    pub table: Table,
    /// The contender that does the same without verification. A baseline has none.
    pub baseline: Option<String>,
    request: Request<Full<Bytes>>,
    expected: StatusCode,
    /// How many deliveries are measured together.
    pub batch: usize,
    send: Box<dyn FnMut(Request<Full<Bytes>>) -> StatusCode>,
}

impl Contender {
    /// Delivers a batch.
    pub fn deliver(&mut self) {
        for _ in 0..self.batch {
            assert_eq!((self.send)(self.request.clone()), self.expected);
        }
    }
}

/// Returns all contenders. Checks first that each responds as it should, and that those that verify reject a forgery.
#[must_use]
pub fn all(delivery: &Delivery) -> Vec<Contender> {
    let mut contenders = on_tower(delivery);
    contenders.extend(least(delivery));
    contenders.extend(cases(delivery));
    contenders.extend(on_axum(delivery));
    for contender in &mut contenders {
        contender.deliver();
        if contender.expected == StatusCode::OK {
            let accepts_forged = (contender.send)(delivery.forged().request()) == StatusCode::OK;
            let verifies = contender.table != Table::Controls && contender.baseline.is_some();
            assert_eq!(accepts_forged, !verifies, "{}", contender.name);
        }
    }
    contenders
}

/// Returns a number that takes some 200 µs, so that reading the clock costs nothing in comparison, and at least a few.
#[must_use]
pub fn batch(body_len: usize) -> usize {
    (256 * 1024 / body_len).clamp(4, 600)
}

fn on_tower(delivery: &Delivery) -> Vec<Contender> {
    let baseline = |name, send| contender(name, None, delivery, send);
    let contender = |name, send| contender(name, Some(SERVICE), delivery, send);
    vec![
        baseline(SERVICE, sender(services::unverified())),
        Contender {
            table: Table::Controls,
            ..contender(
                "a layer that does nothing",
                sender(services::behind_no_op_layer()),
            )
        },
        contender(OURS, sender(services::tower_svix(&tower_svix_layer()))),
        contender("webhook-verify", sender(services::webhook_verify())),
        contender("svix, by hand", sender(services::svix())),
        contender(
            "standardwebhooks, by hand",
            sender(services::standardwebhooks()),
        ),
        contender(
            "tower-github-webhook",
            sender(services::tower_github_webhook()),
        ),
    ]
}

fn least(delivery: &Delivery) -> Vec<Contender> {
    let contender = |(name, step)| Contender {
        table: Table::Least,
        ..contender(name, Some(SERVICE), delivery, sender(services::least(step)))
    };
    STEPS.map(contender).into()
}

fn cases(delivery: &Delivery) -> Vec<Contender> {
    let wrong_key = Secret::from_bytes(&[1; 24]).expect("it is not empty");
    let two_keys = [wrong_key, SECRET.parse().expect("valid")];
    let second_signed = tower_svix::SvixVerifyLayer::new(two_keys);
    let ours = |delivery: &Delivery, name, baseline| {
        let send = sender(services::tower_svix(&tower_svix_layer()));
        contender(name, Some(baseline), delivery, send)
    };
    let forged = Contender {
        expected: StatusCode::UNAUTHORIZED,
        ..ours(&delivery.forged(), "forged", REJECTING)
    };
    let rejected_at_once = |delivery: &Delivery, name| Contender {
        expected: StatusCode::UNAUTHORIZED,
        batch: batch(1),
        ..ours(delivery, name, REJECTING)
    };
    let cases = vec![
        contender(
            "2 keys, the second signed",
            Some(SERVICE),
            delivery,
            sender(services::tower_svix(&second_signed)),
        ),
        contender(
            FRAMED,
            None,
            delivery,
            sender_of(framed, services::unverified()),
        ),
        contender(
            "in frames of 16 KiB",
            Some(FRAMED),
            delivery,
            sender_of(framed, services::tower_svix(&tower_svix_layer())),
        ),
        Contender {
            expected: StatusCode::UNAUTHORIZED,
            batch: batch(1),
            ..contender(REJECTING, None, delivery, sender(services::rejecting()))
        },
        forged,
        rejected_at_once(&delivery.clone().stale(), "stale"),
        rejected_at_once(&delivery.clone().unsigned(), "not signed"),
    ];
    let in_table = |case| Contender {
        table: Table::Cases,
        ..case
    };
    cases.into_iter().map(in_table).collect()
}

fn on_axum(delivery: &Delivery) -> Vec<Contender> {
    let contender = |form: &routers::Form| {
        let baseline = (form.name != routers::UNVERIFIED).then_some(routers::UNVERIFIED);
        let name = |name| format!("{name}, on axum");
        Contender {
            table: form.table,
            ..contender(
                &name(form.name),
                baseline.map(name).as_deref(),
                delivery,
                sender_of(Body::new, (form.router)()),
            )
        }
    };
    FORMS.iter().map(contender).collect()
}

fn contender(
    name: &str,
    baseline: Option<&str>,
    delivery: &Delivery,
    send: Box<dyn FnMut(Request<Full<Bytes>>) -> StatusCode>,
) -> Contender {
    Contender {
        name: name.to_owned(),
        table: Table::Peers,
        baseline: baseline.map(str::to_owned),
        request: delivery.request(),
        expected: StatusCode::OK,
        batch: batch(delivery.body.len()),
        send,
    }
}

fn framed(body: Full<Bytes>) -> Frames {
    Frames::new(body.into_inner().unwrap_or_default(), FRAME)
}

fn sender<R: 'static>(
    service: impl Receiver<Full<Bytes>, R> + 'static,
) -> Box<dyn FnMut(Request<Full<Bytes>>) -> StatusCode> {
    sender_of(|body| body, service)
}

/// Sends requests with another body to a service.
fn sender_of<B: RequestBody, R: 'static>(
    body: impl Fn(Full<Bytes>) -> B + 'static,
    mut service: impl Receiver<B, R> + 'static,
) -> Box<dyn FnMut(Request<Full<Bytes>>) -> StatusCode> {
    Box::new(move |request| {
        let ready = service.poll_ready(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(ready, Poll::Ready(Ok(()))));
        let response = run(service.call(request.map(&body))).expect("an answer");
        response.status()
    })
}

/// Polls a future that never waits, except to let other tasks run.
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
