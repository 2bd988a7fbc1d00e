//! Header names that a sender chose.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use http::{HeaderMap, HeaderName};
use http_body_util::Full;
use tower::{ServiceBuilder, ServiceExt as _, service_fn};
use tower_svix::sign::SignedBody;
use tower_svix::test_util::{ManualClock, SignedRequest};
use tower_svix::{
    HeaderFamily, InvalidHeaderNames, SvixSignLayer, SvixVerifyLayer, Verifier, VerifyError,
};
use tower_svix_tests::clock::At;
use tower_svix_tests::fixture::{BODY, ID, NOW, assert_accepted, secret, sender, signed};
use tower_svix_tests::{deliver, run};

const FINCH: [&str; 3] = ["finch-event-id", "finch-timestamp", "finch-signature"];
const SENT: [&str; 3] = ["x-webhook-id", "x-webhook-timestamp", "x-webhook-signature"];

fn named([id, timestamp, signature]: [&str; 3]) -> HeaderFamily {
    HeaderFamily::named(id, timestamp, signature).unwrap()
}

/// Returns the headers of a valid delivery under these names.
fn renamed(names: [&'static str; 3]) -> HeaderMap {
    let genuine = signed(BODY);
    ["webhook-id", "webhook-timestamp", "webhook-signature"]
        .into_iter()
        .zip(names)
        .map(|(from, to)| (HeaderName::from_static(to), genuine[from].clone()))
        .collect()
}

fn verifier(family: HeaderFamily) -> Verifier {
    Verifier::new(secret()).clock(At(NOW)).header_family(family)
}

#[test]
fn a_pinned_family_of_any_names_is_read_and_told() {
    for (family, names) in [
        (named(FINCH), FINCH),
        (named(SENT), SENT),
        (HeaderFamily::prefixed("x-webhook-").unwrap(), SENT),
        (HeaderFamily::prefixed("X-Webhook-").unwrap(), SENT),
    ] {
        let event = verifier(family).verify(&renamed(names), BODY).unwrap();
        assert_eq!(event.id(), ID);
        assert_eq!(event.header_family(), family);

        let layer = SvixVerifyLayer::from(verifier(family));
        let outcome = deliver(&layer, renamed(names), Full::new(BODY));
        assert_accepted(&outcome, BODY);
    }
}

#[test]
fn names_are_never_guessed_nor_mixed() {
    let open = Verifier::new(secret()).clock(At(NOW));
    let missing = |name| Some(VerifyError::MissingHeader(name));
    for names in [FINCH, SENT] {
        let error = open.verify(&renamed(names), BODY).err();
        assert_eq!(error, Some(VerifyError::NoHeaders), "{names:?}");

        // It is rejected even if all other headers are there.
        let error = verifier(named(names)).verify(&signed(BODY), BODY).err();
        assert_eq!(error, missing(names[0]), "{names:?}");
        for absent in names {
            let mut headers = renamed(names);
            headers.extend(signed(BODY));
            headers.remove(absent);
            let error = verifier(named(names)).verify(&headers, BODY).err();
            assert_eq!(error, missing(absent));
        }
    }
    // Both families are complete, and one is forged. Each receiver reads its own.
    let mut headers = renamed(FINCH);
    headers.extend(renamed(SENT));
    headers.insert("finch-event-id", "another".parse().unwrap());
    assert!(verifier(named(SENT)).verify(&headers, BODY).is_ok());
    let error = verifier(named(FINCH)).verify(&headers, BODY).err();
    assert_eq!(error, Some(VerifyError::SignatureMismatch));
}

#[test]
fn an_error_names_the_header_as_the_sender_does() {
    for (change, value, expected) in [
        (
            "finch-event-id",
            "a.b",
            VerifyError::MalformedHeader("finch-event-id"),
        ),
        (
            "finch-signature",
            "\t",
            VerifyError::MalformedHeader("finch-signature"),
        ),
        ("finch-timestamp", "+1", VerifyError::MalformedTimestamp),
    ] {
        let mut headers = renamed(FINCH);
        headers.insert(change, value.parse().unwrap());
        let error = verifier(named(FINCH)).verify(&headers, BODY).err();
        assert_eq!(error, Some(expected));
    }
    for name in FINCH {
        let mut headers = renamed(FINCH);
        let value = headers[name].clone();
        headers.append(name, value);
        let error = verifier(named(FINCH)).verify(&headers, BODY).unwrap_err();
        assert_eq!(error, VerifyError::DuplicateHeader(name));
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn a_family_is_its_names_however_it_was_made() {
    assert_eq!(HeaderFamily::prefixed("svix-"), Ok(HeaderFamily::SVIX));
    assert_eq!(
        HeaderFamily::prefixed("Webhook-"),
        Ok(HeaderFamily::WEBHOOK)
    );
    assert_eq!(HeaderFamily::prefixed("x-webhook-"), Ok(named(SENT)));
    assert_ne!(named(FINCH), named(SENT));
    assert_eq!(named(FINCH).id_header(), FINCH[0]);
    assert_eq!(named(FINCH).timestamp_header(), FINCH[1]);
    assert_eq!(named(FINCH).signature_header(), FINCH[2]);
    assert_eq!(format!("{:?}", named(FINCH)), format!("Custom({FINCH:?})"));
}

#[test]
fn what_is_no_name_of_a_header_is_an_error() {
    for prefix in ["x webhook-", "x-webhook:", "ü-", "\n"] {
        let error: InvalidHeaderNames = HeaderFamily::prefixed(prefix).expect_err(prefix);
        assert!(error.to_string().contains("three different names"));
    }
    for [id, timestamp, signature] in [
        ["", "t", "s"],
        ["i", "t", "s:"],
        ["i", "i", "s"],
        ["i", "t", "I"],
        ["i", "t", "T"],
    ] {
        let family = HeaderFamily::named(id, timestamp, signature);
        assert!(family.is_err(), "{id:?} {timestamp:?} {signature:?}");
    }
}

/// If a client signed under such a name, it would send another request than it was given, or none.
#[test]
fn what_http_needs_for_itself_is_no_name_of_a_senders_own() {
    for name in [
        "host",
        "Content-Length",
        "content-type",
        "content-encoding",
        "transfer-encoding",
        "connection",
        "keep-alive",
        "TE",
        "trailer",
        "upgrade",
        "expect",
        "proxy-connection",
    ] {
        for [id, timestamp, signature] in [[name, "t", "s"], ["i", name, "s"], ["i", "t", name]] {
            let family = HeaderFamily::named(id, timestamp, signature);
            assert!(family.is_err(), "{id:?} {timestamp:?} {signature:?}");
        }
    }
}

#[test]
fn a_sender_signs_under_its_own_names_and_under_no_others() {
    let family = named(FINCH);
    let mut request = http::Request::new(Full::new(BODY));
    // A gateway forwards the headers of another sender.
    request.headers_mut().extend(signed(BODY));
    request
        .headers_mut()
        .extend(renamed(["svix-id", "svix-timestamp", "svix-signature"]));
    request
        .headers_mut()
        .insert("finch-event-id", ID.parse().unwrap());
    let client = ServiceBuilder::new()
        .layer(
            SvixSignLayer::new(secret())
                .clock(At(NOW))
                .header_family(family),
        )
        .service_fn(|request: http::Request<SignedBody>| async {
            Ok::<_, std::convert::Infallible>(http::Response::new(request))
        });
    let sent = run(client.oneshot(request)).unwrap().into_body();
    for name in signed(BODY).keys() {
        assert!(!sent.headers().contains_key(name), "{name}");
    }
    assert!(!sent.headers().contains_key("svix-signature"));
    let expected = sender().sign(ID.as_bytes(), NOW.to_string().as_bytes(), BODY);
    assert_eq!(sent.headers()["finch-event-id"], ID);
    assert_eq!(sent.headers()["finch-signature"], expected);
}

#[test]
fn a_request_for_a_test_is_signed_under_these_names() {
    let request = SignedRequest::new(secret())
        .header_family(named(SENT))
        .unix_seconds(NOW)
        .body("{}")
        .build();
    let layer = SvixVerifyLayer::new(secret())
        .clock(ManualClock::new(NOW))
        .header_family(named(SENT));
    let accept =
        |_| async { Ok::<_, std::convert::Infallible>(http::Response::new(String::new())) };
    let service = ServiceBuilder::new()
        .layer(layer)
        .service(service_fn(accept));
    assert_eq!(run(service.oneshot(request)).unwrap().status(), 200);
}
