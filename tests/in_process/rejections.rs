//! The response to a delivery that is rejected.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use serde_json::{Value, json};
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_svix::{HeaderFamily, Rejection, SvixVerifyLayer, VerifiedBody, VerifyError};
use tower_svix_tests::requests::{
    self, BODY, ID, NOW, SECRET, Stopped, genuine, head, head_with_signature, layer,
    layer_without_memory, read, signature,
};

type AnyBody = UnsyncBoxBody<Bytes, io::Error>;
type Configure = fn(SvixVerifyLayer) -> SvixVerifyLayer;

/// A cause of rejection, and a request that has it.
struct Case {
    code: &'static str,
    status: u16,
    rejection: Rejection,
    layer: SvixVerifyLayer,
    request: Request<AnyBody>,
}

fn any<B>(request: Request<B>) -> Request<AnyBody>
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: std::error::Error + Send + Sync,
{
    request.map(|body| body.map_err(io::Error::other).boxed_unsync())
}

fn with<R>(change: impl FnOnce(&mut HeaderMap) -> R) -> Request<AnyBody> {
    let mut request = any(genuine());
    change(request.headers_mut());
    request
}

fn aged(unix_seconds: u64) -> Request<AnyBody> {
    with(|headers| {
        headers.insert("webhook-timestamp", unix_seconds.into());
        let signature = signature(unix_seconds, BODY);
        headers.insert("webhook-signature", signature.parse().unwrap());
    })
}

fn broken_off() -> Request<AnyBody> {
    let frames = [
        Ok(Frame::data(Bytes::from_static(&BODY[..8]))),
        Err(io::Error::other("canary of the transport")),
    ];
    let body = StreamBody::new(futures_util::stream::iter(frames));
    any(head(BODY).body(body).unwrap())
}

/// Returns one case for each cause.
fn cases() -> Vec<Case> {
    let unverified = |error: VerifyError, request: Request<AnyBody>| Case {
        code: error.code(),
        status: 401,
        rejection: Rejection::Unverified(error),
        layer: layer(),
        request,
    };
    let mut cases = vec![
        unverified(
            VerifyError::MissingHeader("webhook-id"),
            with(|headers| headers.remove("webhook-id")),
        ),
        unverified(
            VerifyError::DuplicateHeader("webhook-id"),
            with(|headers| headers.append("webhook-id", ID.parse().unwrap())),
        ),
        unverified(
            VerifyError::MalformedHeader("webhook-id"),
            with(|headers| headers.insert("webhook-id", "msg_a.b".parse().unwrap())),
        ),
        unverified(
            VerifyError::MalformedTimestamp,
            with(|headers| headers.insert("webhook-timestamp", "+1".parse().unwrap())),
        ),
        unverified(
            VerifyError::TimestampTooOld { seconds: 301 },
            aged(NOW - 301),
        ),
        unverified(
            VerifyError::TimestampTooNew { seconds: 301 },
            aged(NOW + 301),
        ),
        unverified(
            VerifyError::NoSupportedSignature,
            any(head_with_signature("v9,AAAA")
                .body(Full::from(BODY))
                .unwrap()),
        ),
        unverified(VerifyError::SignatureMismatch, any(requests::forged())),
    ];
    cases.push(Case {
        code: "body-too-large",
        status: 413,
        rejection: Rejection::BodyTooLarge,
        layer: layer().body_limit(BODY.len() - 1),
        request: any(genuine()),
    });
    cases.push(Case {
        code: "body-unreadable",
        status: 503,
        rejection: Rejection::BodyUnreadable,
        layer: layer(),
        request: broken_off(),
    });
    cases.push(Case {
        code: "memory-exhausted",
        status: 503,
        rejection: Rejection::MemoryExhausted,
        layer: layer_without_memory(),
        request: any(genuine()),
    });
    cases.push(Case {
        code: "clock-unavailable",
        status: 503,
        rejection: Rejection::Unverified(VerifyError::ClockUnavailable),
        layer: layer().clock(Stopped(None)),
        request: any(genuine()),
    });
    cases
}

/// Returns the code and status in each row of the documented table.
fn documented() -> BTreeMap<&'static str, u16> {
    include_str!("../../src/verify/mod.rs")
        .lines()
        .filter_map(|line| line.strip_prefix("//! | `"))
        .filter_map(|row| {
            let (code, rest) = row.split_once("` | ")?;
            Some((code, rest.split_once(' ')?.0.parse().ok()?))
        })
        .collect()
}

async fn send(layer: SvixVerifyLayer, request: Request<AnyBody>) -> Response<Bytes> {
    let accept = |_: Request<VerifiedBody>| async {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    };
    let response = layer
        .layer(service_fn(accept))
        .oneshot(request)
        .await
        .unwrap();
    let (head, body) = response.into_parts();
    Response::from_parts(head, read(body).await)
}

#[test]
fn the_documented_table_has_every_cause_with_its_status() {
    let tested = cases().into_iter().map(|case| (case.code, case.status));
    // This one takes a key source: see `tests/in_process/tenants/lookups.rs`.
    let elsewhere = [("keys-unavailable", 503)];
    assert_eq!(documented(), tested.chain(elsewhere).collect());
}

#[tokio::test]
async fn every_cause_is_told_as_problem_json() {
    for case in cases() {
        let code = case.code;
        let response = send(case.layer, case.request).await;
        assert_eq!(response.status(), case.status, "{code}");
        assert_eq!(
            response.headers()[CONTENT_TYPE],
            "application/problem+json",
            "{code}"
        );

        let problem: Value = serde_json::from_slice(response.body()).expect(code);
        let title = response.status().canonical_reason().unwrap();
        assert_eq!(problem["title"], title, "{code}");
        assert_eq!(problem["status"], case.status, "{code}");
        assert_eq!(problem["code"], code);
        assert_eq!(problem["detail"], case.rejection.to_string(), "{code}");
        assert_ne!(problem["detail"], "", "{code}");
        assert_eq!(problem.as_object().unwrap().len(), 4, "{code}: {problem}");
    }
}

#[tokio::test]
async fn an_unverified_delivery_is_challenged_and_an_undecided_one_is_asked_for_again() {
    for case in cases() {
        let code = case.code;
        let response = send(case.layer, case.request).await;
        let headers = response.headers();
        assert_eq!(
            headers.contains_key(WWW_AUTHENTICATE),
            case.status == 401,
            "{code}"
        );
        assert_eq!(
            headers.contains_key(RETRY_AFTER),
            case.status == 503,
            "{code}"
        );
        if let Some(seconds) = headers.get(RETRY_AFTER) {
            let seconds: u32 = seconds.to_str().unwrap().parse().expect(code);
            assert!(seconds > 0, "{code}");
        }
    }
}

#[tokio::test]
async fn the_rejection_is_in_the_extensions_of_every_kind_of_response() {
    let kinds: [(&str, Configure); 3] = [
        ("explained", |layer| layer),
        ("opaque", SvixVerifyLayer::opaque_rejections),
        ("replaced", |layer| {
            layer.rejection_response(|_| Response::default())
        }),
    ];
    for (kind, configure) in kinds {
        for case in cases() {
            let response = send(configure(case.layer), case.request).await;
            assert_eq!(
                response.extensions().get(),
                Some(&case.rejection),
                "{kind} {}",
                case.code
            );
        }
    }
}

#[tokio::test]
async fn opaque_rejections_tell_the_status_alone() {
    for case in cases() {
        let code = case.code;
        let response = send(case.layer.opaque_rejections(), case.request).await;
        let problem: Value = serde_json::from_slice(response.body()).expect(code);
        let title = response.status().canonical_reason().unwrap();
        assert_eq!(response.status(), case.status, "{code}");
        assert_eq!(
            problem,
            json!({ "title": title, "status": case.status }),
            "{code}"
        );
    }
}

#[tokio::test]
async fn rejection_response_replaces_the_whole_response() {
    for case in cases() {
        let code = case.code;
        let layer = case.layer.rejection_response(|rejection| {
            let mut response = Response::new(Bytes::from(rejection.code()));
            *response.status_mut() = StatusCode::IM_A_TEAPOT;
            response
        });
        let response = send(layer, case.request).await;
        assert_eq!(response.status(), StatusCode::IM_A_TEAPOT, "{code}");
        assert_eq!(response.body(), code);
        assert!(response.headers().is_empty(), "{code}");
    }
}

#[tokio::test]
async fn a_grpc_call_is_told_the_cause_in_headers_of_its_own() {
    for mut case in cases() {
        let code = case.code;
        let status = match case.status {
            401 => "16",
            413 => "8",
            400 => "3",
            503 => "14",
            other => panic!("{code}: {other}"),
        };
        let grpc = HeaderValue::from_static("application/grpc");
        case.request.headers_mut().insert(CONTENT_TYPE, grpc);
        *case.request.version_mut() = Version::HTTP_2;
        let response = send(case.layer, case.request).await;
        assert_eq!(response.status(), 200, "{code}");
        assert_eq!(
            response.headers()["content-type"],
            "application/grpc",
            "{code}"
        );
        assert!(response.body().is_empty(), "{code}");
        assert_eq!(response.headers()["grpc-status"], status, "{code}");
        let message = format!("{code}: {}", case.rejection);
        assert_eq!(response.headers()["grpc-message"], message, "{code}");
    }
}

#[tokio::test]
async fn an_opaque_rejection_tells_a_grpc_call_the_status_alone() {
    let grpc = HeaderValue::from_static("application/grpc");
    let mut request = with(|headers| headers.insert(CONTENT_TYPE, grpc));
    *request.version_mut() = Version::HTTP_2;
    let layer = layer().body_limit(0).opaque_rejections();
    let response = send(layer, request).await;
    assert_eq!(response.headers()["grpc-status"], "8");
    assert!(!response.headers().contains_key("grpc-message"));
}

#[tokio::test]
async fn a_grpc_call_is_told_from_other_requests_by_its_content_type() {
    for (content_type, is_grpc) in [
        ("application/grpc", true),
        ("application/grpc+proto", true),
        ("application/grpc;charset=utf-8", true),
        ("application/grpc ; charset=utf-8", true),
        ("Application/gRPC", true),
        ("application/grpc-web", false),
        ("application/grpcs", false),
        ("application/json", false),
        ("text/plain; a=application/grpc", false),
        ("", false),
    ] {
        let value = HeaderValue::from_static(content_type);
        let mut request = with(|headers| headers.insert(CONTENT_TYPE, value));
        *request.version_mut() = Version::HTTP_2;
        let response = send(layer().body_limit(0), request).await;
        let told = response.headers().contains_key("grpc-status");
        assert_eq!(told, is_grpc, "{content_type}");
    }
    let response = send(layer().body_limit(0), any(genuine())).await;
    assert!(!response.headers().contains_key("grpc-status"));
}

/// Otherwise, a forger could make its rejection count as a success.
#[tokio::test]
async fn a_header_alone_does_not_make_a_rejection_a_200() {
    for (version, is_call) in [
        (Version::HTTP_09, false),
        (Version::HTTP_10, false),
        (Version::HTTP_11, false),
        (Version::HTTP_2, true),
        (Version::HTTP_3, true),
    ] {
        let grpc = HeaderValue::from_static("application/grpc");
        let mut request = with(|headers| headers.insert(CONTENT_TYPE, grpc));
        *request.version_mut() = version;
        let response = send(layer().body_limit(0), request).await;
        let status = if is_call { 200 } else { 413 };
        assert_eq!(response.status(), status, "{version:?}");
        let told = response.headers().contains_key("grpc-status");
        assert_eq!(told, is_call, "{version:?}");
    }
}

#[tokio::test]
async fn no_method_is_exempt() {
    let methods = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::DELETE,
        Method::CONNECT,
        Method::OPTIONS,
        Method::TRACE,
        Method::PATCH,
        Method::from_bytes(b"PURGE").unwrap(),
        Method::from_bytes(b"patch").unwrap(),
    ];
    for method in methods {
        let mut request = any(requests::forged());
        *request.method_mut() = method.clone();
        let response = send(layer(), request).await;
        assert_eq!(response.status(), 401, "{method} with a forged body");

        let mut request = Request::new(Full::<Bytes>::default());
        *request.method_mut() = method.clone();
        let response = send(layer(), any(request)).await;
        assert_eq!(response.status(), 401, "{method} with nothing at all");

        let mut request = any(genuine());
        *request.method_mut() = method.clone();
        let response = send(layer(), request).await;
        assert_eq!(response.status(), 200, "{method} with a genuine delivery");
    }
}

#[tokio::test]
async fn a_rejection_repeats_nothing_of_the_delivery_or_the_secret() {
    let right = signature(NOW, BODY);
    let right_without_version = right.trim_start_matches("v1,");
    for case in cases() {
        let code = case.code;
        let given: Vec<String> = case
            .request
            .headers()
            .values()
            .map(|value| value.to_str().unwrap().to_owned())
            .collect();
        let response = send(case.layer, case.request).await;
        let told = format!("{:?} {:?}", response.headers(), response.body());
        let secrets = [
            SECRET,
            &SECRET["whsec_".len()..],
            right_without_version,
            "job.completed",
            "job_id",
            "canary",
        ];
        for canary in secrets
            .into_iter()
            .chain(given.iter().map(String::as_str))
            // Shorter ones may be part of the text around them by chance.
            .filter(|canary| canary.len() > 3)
        {
            assert!(!told.contains(canary), "{code} tells {canary}: {told}");
        }
    }
}

/// Returns the `detail` of the response to a request.
async fn detail(layer: SvixVerifyLayer, request: Request<AnyBody>) -> String {
    let response = send(layer, request).await;
    let problem: Value = serde_json::from_slice(response.body()).unwrap();
    problem["detail"].as_str().unwrap().to_owned()
}

/// The code only says that a timestamp is too old or too new. A clock that is a minute wrong and one that is a year
/// wrong have different causes.
#[tokio::test]
async fn a_timestamp_beyond_the_tolerance_is_told_with_its_distance_from_now() {
    for (timestamp, expected) in [
        (NOW - 301, "the timestamp is 301 seconds in the past"),
        (NOW - 90_000, "the timestamp is 25 hours in the past"),
        (NOW - 864_000, "the timestamp is 10 days in the past"),
        (NOW + 301, "the timestamp is 301 seconds in the future"),
    ] {
        let told = detail(layer(), aged(timestamp)).await;
        assert!(told.starts_with(expected), "{timestamp}: {told}");
    }
}

#[tokio::test]
async fn a_timestamp_in_smaller_units_than_seconds_is_told_as_such() {
    for (factor, unit) in [
        (1_000, "milliseconds"),
        (1_000_000, "microseconds"),
        (1_000_000_000, "nanoseconds"),
    ] {
        let told = detail(layer(), aged(NOW * factor)).await;
        assert!(told.contains(unit), "{told}");
        assert!(!told.contains("in the future"), "{told}");
    }
    // In 300 years, which is no other unit, but a wrong clock.
    let told = detail(layer(), aged(NOW + 300 * 31_557_600)).await;
    assert!(
        told.ends_with("in the future, beyond the tolerance"),
        "{told}"
    );
}

#[tokio::test]
async fn a_request_without_any_of_the_headers_is_told_all_names_that_are_read() {
    let bare = || any(Request::new(Full::<Bytes>::default()));
    let told = detail(layer(), bare()).await;
    for name in [
        "svix-id",
        "svix-signature",
        "webhook-id",
        "webhook-signature",
    ] {
        assert!(told.contains(&format!("`{name}`")), "{name}: {told}");
    }

    let prefixed = HeaderFamily::prefixed("x-sent-").unwrap();
    for (family, own) in [
        (HeaderFamily::SVIX, "`svix-id`"),
        (HeaderFamily::WEBHOOK, "`webhook-id`"),
        (prefixed, "`x-sent-id`"),
    ] {
        let told = detail(layer().header_family(family), bare()).await;
        let expected = format!("the header {own} is missing");
        assert_eq!(told, expected, "{family:?}");
    }

    // The headers that are present show which family is meant. If there are as many of each, it is that of the standard.
    for (present, missing) in [
        (&["svix-id"][..], "svix-timestamp"),
        (&["webhook-timestamp"], "webhook-id"),
        (&["svix-id", "webhook-id"], "webhook-timestamp"),
    ] {
        let mut request = bare();
        for name in present {
            let value = HeaderValue::from_static("1");
            request.headers_mut().insert(*name, value);
        }
        let told = detail(layer(), request).await;
        let expected = format!("the header `{missing}` is missing");
        assert_eq!(told, expected, "{present:?}");
    }
}
