//! The verifier in Rocket, over real sockets, with deliveries signed by the official library.

#[allow(dead_code, reason = "each test uses its part")]
#[path = "../../../../tests/src/http1.rs"]
mod http1;
#[allow(dead_code, reason = "each test uses its part")]
#[path = "../../../../tests/src/net.rs"]
mod net;

use std::sync::Mutex;
use std::time::Duration;

use on_rocket::{Verified, Webhooks, rejected};
use rocket::fairing::AdHoc;
use rocket::{Build, Config, Rocket, State, catchers, post, routes};
use tokio::sync::oneshot;
use tower_svix::{Secret, Verifier};

use self::net::{BODY_LIMIT, Delivery, Inbox, Receiver, SECRET, within};

#[post("/<name>", data = "<verified>")]
fn receive(verified: Verified, name: &str, inbox: &State<Inbox>) -> String {
    let Verified(event) = verified;
    assert_eq!(name, "webhook");
    inbox.put(&event, event.payload().clone());
    event.id().into()
}

/// Any free port, and nothing that ends the process of the tests.
fn build() -> Rocket<Build> {
    let mut config = Config {
        port: 0,
        workers: 1,
        log_level: rocket::config::LogLevel::Off,
        ..Config::debug_default()
    };
    config.shutdown.ctrlc = false;
    #[cfg(unix)]
    config.shutdown.signals.clear();
    rocket::custom(config)
        .mount("/", routes![receive])
        .register("/", catchers![rejected])
}

async fn start() -> Receiver {
    let secret: Secret = SECRET.parse().unwrap();
    let webhooks = Webhooks {
        verifier: Verifier::new(secret),
        body_limit: BODY_LIMIT,
        body_timeout: Duration::from_secs(1),
    };
    let inbox = Inbox::default();
    let (tell, told) = oneshot::channel();
    let tell = Mutex::new(Some(tell));
    let liftoff = AdHoc::on_liftoff("port", move |rocket| {
        let tell = tell.lock().unwrap().take().unwrap();
        tell.send(rocket.config().port).unwrap();
        Box::pin(async {})
    });
    let rocket = build()
        .manage(webhooks)
        .manage(inbox.clone())
        .attach(liftoff);
    tokio::spawn(rocket.launch());
    let port = within(told).await.unwrap();
    let address = ([127, 0, 0, 1], port).into();
    Receiver { address, inbox }
}

http1::http1_tests!(start:
    a_genuine_delivery_reaches_the_handler
    a_forged_delivery_is_rejected
    a_chunked_delivery_arrives_whole
    a_delivery_that_breaks_off_never_reaches_the_handler
    a_connection_lives_on_after_a_rejection_without_body
);

/// Rocket reads the start of each body before it looks for a route, which also answers `Expect: 100-continue`.
#[tokio::test]
async fn a_request_that_its_headers_reject_is_answered_before_its_body_is_there() {
    let receiver = start().await;
    let mut dotted_id = Delivery::genuine("msg_1", "");
    dotted_id.id = "msg.1".into();
    for (delivery, length, status) in [
        (&dotted_id, BODY_LIMIT, 401),
        (&Delivery::genuine("msg_1", ""), BODY_LIMIT + 1, 413),
    ] {
        let mut connection = http1::Connection::open(receiver.address).await;
        let length = format!("content-length: {length}\r\n");
        connection.write(http1::head(delivery, &length)).await;
        connection.write([b' '; 512]).await;
        assert_eq!(connection.answer().await.status, status);
    }
}

#[tokio::test]
async fn a_chunked_body_beyond_the_limit_is_rejected() {
    let receiver = start().await;
    let delivery = Delivery::genuine("msg_1", vec![b' '; BODY_LIMIT + 1]);
    let mut connection = http1::Connection::open(receiver.address).await;
    let chunk = format!("{:x}\r\n", delivery.body.len());
    connection
        .write(http1::head(&delivery, "transfer-encoding: chunked\r\n") + &chunk)
        .await;
    connection.try_write(&delivery.body).await;
    connection.try_write("\r\n0\r\n\r\n").await;
    assert_eq!(connection.answer().await.status, 413);
    receiver.inbox.assert_holds(&[]);
}

#[tokio::test]
async fn a_stalled_delivery_is_ended_and_may_be_sent_again() {
    let receiver = start().await;
    let delivery = Delivery::genuine("msg_1", vec![b' '; 1024]);
    let mut connection = http1::Connection::open(receiver.address).await;
    let head = http1::head(&delivery, "content-length: 1024\r\n");
    connection.write(head).await;
    connection.write([b' '; 512]).await;
    assert_eq!(connection.answer().await.status, 503);
    receiver.inbox.assert_holds(&[]);
}

#[tokio::test]
async fn a_repeated_header_is_rejected() {
    let receiver = start().await;
    let delivery = Delivery::genuine("msg_1", "{}");
    let mut connection = http1::Connection::open(receiver.address).await;
    let more = "webhook-id: msg_2\r\ncontent-length: 2\r\n";
    connection.write(http1::head(&delivery, more) + "{}").await;
    let answer = connection.answer().await;
    assert!(answer.body.contains("header-duplicate"), "{}", answer.body);
    assert_eq!(answer.status, 401);
}

#[tokio::test]
async fn a_server_without_a_verifier_does_not_start() {
    let error = build().manage(Inbox::default()).ignite().await.unwrap_err();
    assert!(
        matches!(error.kind(), rocket::error::ErrorKind::SentinelAborts(_)),
        "{error:?}"
    );
}
