//! The whole middleware: each request ends as the reference says, and the inner service is called at most once.

#![no_main]

use std::future::poll_fn;
use std::task::Poll;

use http::request::Parts;
use http::{Request, Response};
use libfuzzer_sys::fuzz_target;
use tower_layer::Layer;
use tower_service::Service as _;
use tower_svix::verify::SvixVerify;
use tower_svix::{KeySource, Keyring, Rejection, ResponseBody, SvixVerifyLayer, key_source_fn};
use tower_svix_fuzz::body::Progress;
use tower_svix_fuzz::drive::{read_now, run};
use tower_svix_fuzz::headers::Origin;
use tower_svix_fuzz::inner::{Answer, Failed, Record, Recorder};
use tower_svix_fuzz::input::{Delivery, Source};
use tower_svix_fuzz::receiver::{BodyClock, family_of_crate, receiver_keys};
use tower_svix_fuzz::reference::{
    Lookup, Request as Given, SignatureHeaders, Verdict, judge, signed_content, status_of,
};

fuzz_target!(|input: Delivery| {
    let (keyring, keys) = receiver_keys(&input.keys.0);
    let whole = input.body.whole();
    let timestamp = input.signed.timestamp.text(input.times.now);
    let origin = Origin {
        keys: &input.keys.0,
        id: &input.signed.id.0,
        timestamp: &timestamp,
        body: &whole,
    };
    let (headers, lines) = origin.headers(&input.lines.0);
    let is_grpc = lines
        .iter()
        .find(|(name, _)| name == "content-type")
        .is_some_and(|(_, value)| {
            value
                .to_ascii_lowercase()
                .split(|byte| b"+; ".contains(byte))
                .next()
                == Some(b"application/grpc")
        });

    let [now, later] = input.times.both();
    // Without a wait, no time passes.
    let later = if input.body.waits() { later } else { now };
    let given = Given {
        headers: lines,
        least_length: input.body.least_length,
        body: input.body.events(),
        now,
        later,
    };
    let lookup = match input.source {
        Source::Fixed => Lookup::Single(keys),
        Source::Found { .. } => Lookup::Found(keys),
        Source::Unknown => Lookup::Unknown,
        Source::Failed => Lookup::Failed,
    };
    let expected = judge(&input.settings.rules(), &lookup, &given);

    let (body, progress) = input.body.body();
    let clock = BodyClock {
        times: [now, later],
        progress: progress.clone(),
    };
    let mut request = Request::new(body);
    *request.headers_mut() = headers;
    let recorder = Recorder::new(input.inner);
    let (answer, tenant) = match input.source {
        Source::Fixed => {
            let verifier = input.settings.verifier(keyring, clock);
            let layer = input.settings.limited(SvixVerifyLayer::from(verifier));
            (send(layer, &input, request, &recorder), None)
        }
        source => {
            let keyring = keyring.tenant("tenant");
            let key_source = key_source_fn(move |_: &Parts| look_up(source, keyring.clone()));
            let layer = input.settings.layer_with(key_source, clock);
            (send(layer, &input, request, &recorder), Some("tenant"))
        }
    };

    let record = recorder.take();
    match expected {
        Verdict::Forward {
            signature_headers,
            body,
            key_index,
        } => {
            check_forwarded(&record, input.inner.answer, &signature_headers, &body);
            for call in &record.calls {
                assert_eq!(call.event.key_index(), key_index);
                assert_eq!(call.event.tenant(), tenant);
            }
            check_passed_on(answer, input.inner.answer);
        }
        Verdict::Reject { codes, before_body } => {
            assert!(!record.was_polled, "asked for room, expected {codes:?}");
            assert!(record.calls.is_empty(), "called, expected {codes:?}");
            let response = answer.expect("a rejection is a response");
            check_rejection(response, &codes, input.opaque, is_grpc);
            check_untouched(&progress, before_body, &codes);
        }
    }
});

type Answered = Result<Response<ResponseBody<String>>, Failed>;

fn send<K: KeySource>(
    layer: SvixVerifyLayer<K>,
    input: &Delivery,
    request: Request<tower_svix_fuzz::body::ScriptedBody>,
    recorder: &Recorder,
) -> Answered
where
    SvixVerifyLayer<K>: Layer<Recorder, Service = SvixVerify<Recorder, K>>,
{
    let layer = if input.opaque {
        layer.opaque_rejections()
    } else {
        layer
    };
    run(layer.layer(recorder.clone()).call(request))
}

async fn look_up(source: Source, keyring: Keyring) -> Result<Option<Keyring>, &'static str> {
    match source {
        Source::Fixed => unreachable!("looks nothing up"),
        Source::Found { waits } => {
            let mut left = waits % 4;
            poll_fn(|cx| {
                if left == 0 {
                    return Poll::Ready(());
                }
                left -= 1;
                cx.waker().wake_by_ref();
                Poll::Pending
            })
            .await;
            Ok(Some(keyring))
        }
        Source::Unknown => Ok(None),
        Source::Failed => Err("the keys are out of reach"),
    }
}

/// Checks that the inner service got the signed bytes and the proof once.
fn check_forwarded(
    record: &Record,
    answer: Answer,
    signature_headers: &SignatureHeaders,
    body: &[u8],
) {
    assert!(record.was_polled, "not asked for room");
    let calls = usize::from(answer != Answer::NeverReady);
    assert_eq!(record.calls.len(), calls);
    for call in &record.calls {
        let event = &call.event;
        assert_eq!(call.body, body);
        assert_eq!(event.payload(), body);
        assert_eq!(event.unix_seconds(), signature_headers.unix_seconds);
        assert_eq!(
            event.header_family(),
            family_of_crate(signature_headers.family)
        );
        assert_eq!(
            signed_content(
                event.id().as_bytes(),
                event.unix_seconds().to_string().as_bytes(),
                event.payload()
            ),
            signed_content(&signature_headers.id, &signature_headers.timestamp, body)
        );
        assert!(!format!("{event:?}").contains("payload:"));
    }
}

/// Checks that the response of the inner service was passed on unchanged.
fn check_passed_on(answered: Answered, answer: Answer) {
    match (answered, answer) {
        (Ok(response), Answer::Response) => {
            assert_eq!(response.status(), 200);
            assert!(response.extensions().get::<Rejection>().is_none());
            assert_eq!(read_now(response.into_body()), b"processed");
        }
        (Err(Failed(failed)), answer) => assert_eq!(failed, answer),
        (Ok(response), _) => panic!("{}, but the inner service failed", response.status()),
    }
}

fn check_rejection(
    response: Response<ResponseBody<String>>,
    codes: &[&str],
    opaque: bool,
    is_grpc: bool,
) {
    let rejection: &Rejection = response.extensions().get().expect("tells why");
    let code = rejection.code();
    assert!(codes.contains(&code), "{code}, expected {codes:?}");
    let status = response.status();
    assert_eq!(status, status_of(code));
    let headers = response.headers();
    assert_eq!(headers["content-type"], "application/problem+json");
    assert_eq!(headers.contains_key("www-authenticate"), status == 401);
    assert_eq!(headers.contains_key("retry-after"), status == 503);
    assert_eq!(headers.contains_key("grpc-status"), is_grpc);
    assert_eq!(headers.contains_key("grpc-message"), is_grpc && !opaque);
    let text = String::from_utf8(read_now(response.into_body())).expect("the text is text");
    let told = format!(r#""code":"{code}""#);
    assert_eq!(text.contains(&told), !opaque, "{text}");
    let problem: serde_json::Value = serde_json::from_str(&text).expect("the text is JSON");
    assert_eq!(problem["status"], status.as_u16());
}

fn check_untouched(progress: &Progress, before_body: bool, codes: &[&str]) {
    assert!(
        !(before_body && progress.was_touched()),
        "the body was read, expected {codes:?}"
    );
}
