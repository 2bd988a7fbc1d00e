//! The verifier in actix-web, over real sockets, with deliveries signed by the official library.

#[allow(dead_code, reason = "each test uses its part")]
#[path = "../../../../tests/src/http1.rs"]
mod http1;
#[allow(dead_code, reason = "each test uses its part")]
#[path = "../../../../tests/src/net.rs"]
mod net;

use std::time::Duration;

use actix_web::{App, HttpServer, web};
use on_actix::{Verified, Webhooks};
use tower_svix::{Secret, Verifier};

use self::net::{BODY_LIMIT, Delivery, Inbox, Receiver, SECRET};

async fn receive(
    Verified(event): Verified,
    inbox: web::Data<Inbox>,
    name: web::Path<String>,
) -> String {
    assert_eq!(*name, "webhook");
    inbox.put(&event, event.payload().clone());
    event.id().into()
}

fn serve(webhooks: Option<Webhooks>) -> Receiver {
    let inbox = Inbox::default();
    let app_inbox = web::Data::new(inbox.clone());
    let webhooks = webhooks.map(web::Data::new);
    let server = HttpServer::new(move || {
        let app = App::new().app_data(app_inbox.clone());
        let app = match webhooks.clone() {
            Some(webhooks) => app.app_data(webhooks),
            None => app,
        };
        app.route("/{name}", web::post().to(receive))
    });
    let server = server
        .workers(1)
        .disable_signals()
        .bind("127.0.0.1:0")
        .unwrap();
    let address = server.addrs()[0];
    tokio::spawn(server.run());
    Receiver { address, inbox }
}

#[allow(clippy::unused_async, reason = "the tests wait for it")]
async fn start() -> Receiver {
    let secret: Secret = SECRET.parse().unwrap();
    serve(Some(Webhooks {
        verifier: Verifier::new(secret),
        body_limit: BODY_LIMIT,
        body_timeout: Duration::from_secs(1),
    }))
}

http1::http1_tests!(start:
    a_genuine_delivery_reaches_the_handler
    a_forged_delivery_is_rejected
    a_chunked_delivery_arrives_whole
    a_delivery_that_breaks_off_never_reaches_the_handler
    a_connection_lives_on_after_a_rejection_without_body
);

/// actix-web answers `Expect: 100-continue` by itself, before the extractor runs.
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
async fn a_handler_without_a_verifier_never_runs() {
    let receiver = serve(None);
    let mut connection = http1::Connection::open(receiver.address).await;
    let delivery = Delivery::genuine("msg_1", "{}");
    assert_eq!(connection.post(&delivery).await.status, 500);
    receiver.inbox.assert_holds(&[]);
}
