//! An independent sender makes the same signatures as the crate, and the reference and the crate accept them.

#![no_main]

use http::{HeaderMap, Request, Response};
use libfuzzer_sys::fuzz_target;
use tower_layer::Layer as _;
use tower_service::Service;
use tower_svix::sign::{SignedBody, SvixSignError};
use tower_svix::verify::SvixVerify;
use tower_svix::{HeaderFamily, ResponseBody, SignError, SvixSignLayer, SvixVerifyLayer};
use tower_svix_fuzz::body::Step;
use tower_svix_fuzz::drive::run;
use tower_svix_fuzz::headers::Origin;
use tower_svix_fuzz::inner::{Answer, Behaviour, Failed, Recorder};
use tower_svix_fuzz::input::ToSign;
use tower_svix_fuzz::receiver::{At, receiver_keys};
use tower_svix_fuzz::reference::{Family, SignatureHeaders, signed_content, signer};

fuzz_target!(|input: ToSign| {
    let whole = input.body.whole();
    let mut keys = input.keys.0.clone();
    // Some texts are the key of one side only.
    keys.retain(|key| key.receiver().is_some() && key.sender().is_ok());
    let (keyring, expected_keys) = receiver_keys(&keys);
    let senders: Vec<_> = keys.iter().filter_map(|key| key.sender().ok()).collect();
    // A sender has a key.
    let Some((first, others)) = senders.split_first() else {
        return;
    };
    let origin = Origin {
        keys: &[],
        id: b"msg_given",
        timestamp: b"1",
        body: &whole,
    };
    let (headers, _) = origin.headers(&input.lines.0);

    // The layer signs the request, and a receiver with the same keys gets it.
    let recorder = Recorder::new(Behaviour {
        waits: 0,
        answer: Answer::Response,
    });
    let receiver = SvixVerifyLayer::new(keyring)
        .clock(At(Some(input.now)))
        .body_limit(usize::MAX)
        .layer(recorder.clone());
    let mut layer = SvixSignLayer::new(first.clone())
        .clock(At(Some(input.now)))
        .header_family(if input.as_svix {
            HeaderFamily::SVIX
        } else {
            HeaderFamily::WEBHOOK
        });
    for key in others {
        layer = layer.also_sign_with(key.clone());
    }
    if let Some(id) = &input.new_id {
        let id = String::from_utf8_lossy(&id.0).into_owned();
        layer = layer.id_generator(move || id.clone());
    }
    let (body, _) = input.body.body();
    let mut request = Request::new(body);
    request.headers_mut().clone_from(&headers);
    let answer = run(layer.layer(Sent::new(receiver)).call(request));

    let family = if input.as_svix {
        Family::Svix
    } else {
        Family::Webhook
    };
    let id = match headers.get(family.names()[0]) {
        Some(given) => Some(given.as_bytes().to_vec()),
        None => input
            .new_id
            .as_ref()
            .map(|id| String::from_utf8_lossy(&id.0).into_owned().into_bytes()),
    };
    let breaks_off = input.body.steps().any(|step| *step == Step::Error);
    match answer {
        Err(SvixSignError::Body(_)) => assert!(breaks_off),
        Err(SvixSignError::Sign(SignError::InvalidId)) => {
            assert!(!is_valid(id.as_deref().expect("a new id is valid")));
        }
        Err(error) => panic!("{error}"),
        Ok((sent, response)) => {
            assert!(!breaks_off);
            let lines: Vec<_> = sent
                .iter()
                .map(|(name, value)| (name.to_string().into(), value.as_bytes().to_vec()))
                .collect();
            if i64::try_from(input.now).is_err() {
                // No receiver can represent this time.
                assert_eq!(response.status(), 401);
                return;
            }
            // The reference accepts it, whatever other headers the request had.
            let signature_headers =
                SignatureHeaders::read(&lines, None, false).expect("a proper delivery");
            assert_eq!(signature_headers.family, family);
            assert_eq!(signature_headers.unix_seconds, input.now);
            if let Some(id) = id {
                assert!(is_valid(&id));
                assert_eq!(signature_headers.id, id);
            }
            assert_eq!(signer(&expected_keys, &signature_headers, &whole), Some(0));
            assert_eq!(response.status(), 200);
            let [call] = &recorder.take().calls[..] else {
                panic!("not called once");
            };
            assert_eq!(call.body, whole);
            assert_eq!(call.event.id().as_bytes(), signature_headers.id);

            // An independent sender makes the same signatures, key by key.
            let content =
                signed_content(&signature_headers.id, &signature_headers.timestamp, &whole);
            let alike: Vec<_> = keys.iter().filter_map(|key| key.sign(&content)).collect();
            assert_eq!(signature_headers.signatures, alike.join(" ").as_bytes());
            for (key, expected) in senders.iter().zip(alike) {
                let id = std::str::from_utf8(&signature_headers.id).expect("ASCII");
                assert_eq!(
                    key.sign(id, input.now, &whole).expect("it signed"),
                    expected
                );
            }
        }
    }
});

/// Returns whether receivers accept an id after HTTP has trimmed it.
fn is_valid(id: &[u8]) -> bool {
    let is_visible = |byte: &u8| (b' '..=b'~').contains(byte) && *byte != b'.';
    id.iter().all(is_visible) && id.first().is_some_and(|b| *b != b' ') && id.last() != Some(&b' ')
}

/// The network. It passes a request on, and keeps its headers.
#[derive(Clone)]
struct Sent {
    receiver: SvixVerify<Recorder>,
}

impl Sent {
    fn new(receiver: SvixVerify<Recorder>) -> Self {
        Self { receiver }
    }
}

impl Service<Request<SignedBody>> for Sent {
    type Response = (HeaderMap, Response<ResponseBody<String>>);
    type Error = Failed;
    type Future = std::future::Ready<Result<Self::Response, Failed>>;

    fn poll_ready(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), Failed>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<SignedBody>) -> Self::Future {
        let headers = request.headers().clone();
        std::future::ready(run(self.receiver.call(request)).map(|response| (headers, response)))
    }
}
