//! Properties of every delivery, whatever its id, timestamp, body and key.

use bytes::Bytes;
use http::header::HeaderName;
use http::{HeaderMap, HeaderValue};
use http_body_util::Full;
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop};
use proptest::sample::Index;
use proptest::{prop_assert, prop_assert_eq, prop_assume, prop_oneof, proptest};
use tower_svix::{Secret, SvixVerifyLayer, Verifier};
use tower_svix_tests::body::{Script, Step};
use tower_svix_tests::clock::At;
use tower_svix_tests::fixture::{BODY, NOW, assert_accepted, secret, secret_of, signed};
use tower_svix_tests::sender::Sender;
use tower_svix_tests::{deliver, flip_bit, flip_header_bit};

/// A delivery and its sender.
#[derive(Clone, Debug)]
struct Delivery {
    key: Vec<u8>,
    id: String,
    unix_seconds: u64,
    body: Vec<u8>,
}

impl Delivery {
    fn sender(&self) -> Sender {
        Sender::with_key(self.key.clone())
    }

    fn headers(&self) -> HeaderMap {
        self.sender()
            .headers(&self.id, self.unix_seconds, &self.body)
    }

    fn receiver(&self) -> SvixVerifyLayer {
        SvixVerifyLayer::new(secret_of(&self.sender())).clock(At(self.unix_seconds))
    }
}

fn delivery() -> impl Strategy<Value = Delivery> {
    let key = vec(any::<u8>(), 16..100)
        .prop_filter("zeros are no key", |key| key.iter().any(|byte| *byte != 0));
    let id = "[ -~&&[^.]]{1,64}";
    let unix_seconds = prop_oneof![0..10_000_u64, Just(NOW), 0..(1_u64 << 40)];
    let body = vec(any::<u8>(), 0..2000);
    (key, id, unix_seconds, body).prop_map(|(key, id, unix_seconds, body)| Delivery {
        key,
        id,
        unix_seconds,
        body,
    })
}

/// The arrival of one frame of a split body.
#[derive(Clone, Debug)]
struct Cut {
    length: usize,
    parted_at: usize,
    waits: usize,
}

fn cuts() -> impl Strategy<Value = Vec<Cut>> {
    let length = prop_oneof![Just(0), 1..20_usize, 0..2000_usize];
    let cut = (length, 0..2000_usize, 0..3_usize).prop_map(|(length, parted_at, waits)| Cut {
        length,
        parted_at,
        waits,
    });
    vec(cut, 0..30)
}

/// Splits the body at `cuts`. The rest is one more frame.
fn split(body: &[u8], cuts: &[Cut]) -> Script {
    let mut rest = Bytes::copy_from_slice(body);
    let mut steps = Vec::new();
    for cut in cuts {
        steps.extend((0..cut.waits).map(|_| Step::Pending));
        let frame = rest.split_to(cut.length.min(rest.len()));
        steps.push(Step::parted_data(frame, cut.parted_at));
    }
    steps.push(Step::data(rest));
    Script::new(steps)
}

proptest! {
    #[test]
    fn a_body_verifies_and_arrives_the_same_however_it_is_split(
        delivery in delivery(),
        cuts in cuts(),
    ) {
        let body = split(&delivery.body, &cuts);
        let outcome = deliver(&delivery.receiver(), delivery.headers(), body);
        assert_accepted(&outcome, &delivery.body);
        let event = &outcome.calls[0].event;
        prop_assert_eq!(event.id(), &delivery.id);
        prop_assert_eq!(event.unix_seconds(), delivery.unix_seconds);
    }

    #[test]
    fn a_change_of_one_bit_in_a_header_is_rejected(delivery in delivery(), bit in any::<Index>()) {
        for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
            let mut headers = delivery.headers();
            let bit = bit.index(headers[name].len() * 8);
            headers.insert(name, flip_header_bit(&headers[name], bit));
            // It is not rejected only for its age: a changed timestamp is not the one that was signed.
            for receiver in [
                delivery.receiver(),
                delivery.receiver().insecure_ignore_timestamp().insecure_allow_dotted_ids(),
            ] {
                let outcome = deliver(&receiver, headers.clone(), Full::new(&*delivery.body));
                prop_assert!(outcome.calls.is_empty(), "{}", name);
                prop_assert_eq!(outcome.status, 401, "{}", name);
            }
        }
    }

    #[test]
    fn a_change_of_one_bit_in_the_body_is_rejected(
        delivery in delivery().prop_filter("has a bit", |delivery| !delivery.body.is_empty()),
        bit in any::<Index>(),
        cuts in cuts(),
    ) {
        let forged = flip_bit(&delivery.body, bit.index(delivery.body.len() * 8));
        let outcome = deliver(&delivery.receiver(), delivery.headers(), split(&forged, &cuts));
        prop_assert!(outcome.calls.is_empty());
        prop_assert_eq!(outcome.status, 401);
    }

    #[test]
    fn a_body_that_lost_or_gained_bytes_is_rejected(
        delivery in delivery(),
        at in any::<Index>(),
        extra in vec(any::<u8>(), 1..20),
    ) {
        let at = at.index(delivery.body.len() + 1);
        let (start, end) = delivery.body.split_at(at);
        let longer = [start, &extra, end].concat();
        for forged in [start, end, &longer] {
            if forged != delivery.body {
                let body = Full::new(forged);
                let outcome = deliver(&delivery.receiver(), delivery.headers(), body);
                prop_assert!(outcome.calls.is_empty());
                prop_assert_eq!(outcome.status, 401);
            }
        }
    }

    #[test]
    fn a_delivery_under_another_key_is_rejected(
        delivery in delivery(),
        other in vec(any::<u8>(), 1..100),
        bit in any::<Index>(),
    ) {
        let nearly = flip_bit(&delivery.key, bit.index(delivery.key.len() * 8));
        for key in [other, nearly] {
            // HMAC pads a short key with zeros. Keys that differ only in these zeros are the same key.
            let block = |key: &[u8]| {
                let mut key = key.to_vec();
                key.resize(key.len().max(64), 0);
                key
            };
            prop_assume!(block(&key) != block(&delivery.key));
            let secret = Secret::from_bytes(&key).expect("a key");
            let receiver = SvixVerifyLayer::new(secret).clock(At(delivery.unix_seconds));
            let outcome = deliver(&receiver, delivery.headers(), Full::new(&*delivery.body));
            prop_assert!(outcome.calls.is_empty());
            prop_assert_eq!(outcome.status, 401);
        }
    }

    #[test]
    fn headers_that_nobody_signed_are_rejected(
        lines in vec((header_name(), header_value()), 0..10),
        body in vec(any::<u8>(), 0..100),
    ) {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(name, value);
        }
        let verifier = Verifier::new(secret()).clock(At(NOW));
        let lax = verifier.clone().insecure_ignore_timestamp().insecure_allow_dotted_ids();
        for verifier in [verifier, lax] {
            prop_assert!(verifier.verify(&headers, &body).is_err());
        }
    }

    #[test]
    fn a_genuine_delivery_among_other_headers_is_accepted(
        lines in vec((any_name(), header_value()), 0..10),
    ) {
        let mut headers = signed(BODY);
        for (name, value) in lines {
            headers.append(name, value);
        }
        let verifier = Verifier::new(secret()).clock(At(NOW));
        prop_assert!(verifier.verify(&headers, BODY).is_ok());
    }

    #[test]
    fn any_text_is_a_secret_or_an_error_that_does_not_repeat_it(text in secret_text()) {
        if let Err(error) = text.parse::<Secret>() {
            let tail = text.trim().rsplit('_').next().unwrap_or_default().to_owned();
            for shown in [error.to_string(), format!("{error:?}")] {
                prop_assert!(tail.chars().count() < 6 || !shown.contains(&tail), "{}", shown);
            }
        }
    }

    #[test]
    fn any_bytes_but_none_are_a_key(key in vec(any::<u8>(), 0..300)) {
        prop_assert_eq!(Secret::from_bytes(&key).is_ok(), !key.is_empty());
    }
}

/// A header of either family.
fn header_name() -> impl Strategy<Value = HeaderName> {
    prop::sample::select(vec![
        HeaderName::from_static("webhook-id"),
        HeaderName::from_static("webhook-timestamp"),
        HeaderName::from_static("webhook-signature"),
        HeaderName::from_static("svix-id"),
        HeaderName::from_static("svix-timestamp"),
        HeaderName::from_static("svix-signature"),
    ])
}

/// A header of neither family.
fn any_name() -> impl Strategy<Value = HeaderName> {
    "x-[a-z]{1,20}".prop_map(|name| name.parse().expect("a legal name"))
}

/// Any bytes that a header can have, and values that are close to those of a delivery.
fn header_value() -> impl Strategy<Value = HeaderValue> {
    let legal = vec(any::<u8>(), 0..60).prop_map(|bytes| {
        let legal = bytes
            .into_iter()
            .filter(|byte| *byte == b'\t' || *byte >= b' ' && *byte != 0x7f);
        legal.collect()
    });
    let signature = "v1,[A-Za-z0-9+/]{43}=";
    let element = prop_oneof![signature, "v1a?,?[ -~]{0,50}"];
    let list = vec(element, 0..6).prop_map(|list| list.join(" ").into_bytes());
    let time = (NOW - 400..NOW + 400).prop_map(|seconds| seconds.to_string().into_bytes());
    let number = "[+-]?[0-9]{1,25}".prop_map(String::into_bytes);
    let id = "msg_[A-Za-z0-9.]{1,30}".prop_map(String::into_bytes);
    prop_oneof![legal, list, time, number, id]
        .prop_map(|bytes: Vec<u8>| HeaderValue::from_bytes(&bytes).expect("legal bytes"))
}

/// Any text, and texts that are close to a secret.
fn secret_text() -> impl Strategy<Value = String> {
    let bytes = vec(any::<u8>(), 0..80).prop_map(|bytes| String::from_utf8_lossy(&bytes).into());
    let close = "[ \n]?(whsec_|whsk_|whpk_|WHSEC_)?[A-Za-z0-9+/=_-]{0,80}[ \n]?";
    prop_oneof![bytes, any::<String>(), close]
}
