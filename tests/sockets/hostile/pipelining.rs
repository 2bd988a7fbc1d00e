//! Requests that follow a rejection on the same connection.

use tower_svix_tests::http1::{Connection, head};
use tower_svix_tests::net::{BODY_LIMIT, Delivery};

use super::target::Target;

/// Returns a request that would be accepted if the body around it were read as requests.
fn hidden() -> String {
    let delivery = Delivery::genuine("msg_hidden", "");
    head(&delivery, "content-length: 0\r\n")
}

fn chunked(body: &str) -> String {
    format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len())
}

/// Returns requests that are rejected, with requests in their bodies.
fn rejected() -> Vec<(&'static str, String)> {
    let forged = Delivery::forged("msg_forged", "");
    let mut malformed = Delivery::genuine("msg_1", "");
    malformed.set("webhook-id", "msg.1");
    let few = hidden();
    let many = few.repeat(BODY_LIMIT / few.len());
    let too_many = few.repeat(16 * BODY_LIMIT / few.len());

    let mut rows = Vec::new();
    for (name, delivery, body) in [
        ("malformed, short", &malformed, &few),
        ("malformed, long", &malformed, &many),
        ("malformed, too long", &malformed, &too_many),
        ("forged, short", &forged, &few),
        ("forged, long", &forged, &many),
        ("forged, too long", &forged, &too_many),
    ] {
        let length = format!("content-length: {}\r\n", body.len());
        rows.push((name, head(delivery, &length) + body));
        let framing = "transfer-encoding: chunked\r\n";
        rows.push((name, head(delivery, framing) + &chunked(body)));
    }
    rows
}

#[tokio::test]
async fn the_body_of_a_rejected_request_is_never_taken_for_requests() {
    let target = Target::start().await;
    let mut lived_on = 0;
    for (name, request) in rejected() {
        for size in [usize::MAX, 1_400] {
            let next = Delivery::genuine("msg_next", "{}");
            let all =
                request.clone() + &head(&next, "content-length: 2\r\nconnection: close\r\n") + "{}";
            let mut connection = Connection::open(target.address).await;
            let parts = all.as_bytes().chunks(size);
            for part in parts {
                connection.try_write(part).await;
            }
            let rest = connection.rest().await;
            assert!(
                rest.starts_with("HTTP/1.1 401 ") || rest.starts_with("HTTP/1.1 413 "),
                "{name}: {rest}"
            );
            // The connection ends with the rejection, or the server continues after the end of the body.
            let is_answered = rest.contains("HTTP/1.1 200 ");
            let expected = if is_answered { &[&next][..] } else { &[] };
            target.assert_received_in(name, expected);
            lived_on += usize::from(is_answered);
        }
    }
    // A body that has already arrived is skipped.
    assert!(lived_on > 0);
}
