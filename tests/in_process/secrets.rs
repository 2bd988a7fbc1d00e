//! Secrets: how their text is parsed, that it is never shown, and what they sign.

use http::HeaderMap;
use http_body_util::Full;
use rand::rngs::StdRng;
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use tower_svix::{KeyError, Keyring, Secret, SignError, SvixVerifyLayer, Verifier, VerifyError};
use tower_svix_tests::clock::At;
use tower_svix_tests::deliver;
use tower_svix_tests::fixture::{BODY, ID, NOW, layer, secret, secret_of, sender, signed};
use tower_svix_tests::sender::Sender;

/// Base64 of 24 bytes.
const KEY: &str = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

#[test]
fn the_text_of_a_secret_is_read_leniently_where_that_is_harmless() {
    let signature = parse(KEY);
    for (name, text) in [
        ("prefix", format!("whsec_{KEY}")),
        ("newline at the end", format!("whsec_{KEY}\n")),
        ("carriage return and newline", format!("{KEY}\r\n")),
        ("spaces and tabs around", format!(" \t whsec_{KEY} \t ")),
        ("form feed", format!("\x0c{KEY}\x0c")),
    ] {
        assert_eq!(parse(&text), signature, "{name}");
    }
    for (name, padded, other) in [
        ("one byte left, no padding", "YQ==", "YQ"),
        ("two bytes left, no padding", "YWI=", "YWI"),
        ("half a padding", "YQ==", "YQ="),
        ("unused bits", "YQ==", "YR=="),
        ("unused bits, no padding", "YWI=", "YWJ"),
    ] {
        let [padded, other] = [padded, other].map(|end| parse(&format!("whsec_{KEY}{end}")));
        assert_eq!(other, padded, "{name}");
    }
}

#[test]
fn a_text_that_is_no_secret_is_rejected_for_its_cause() {
    for (text, expected) in [
        ("", KeyError::Empty),
        (" \t\r\n", KeyError::Empty),
        ("whsec_", KeyError::Empty),
        ("whsec_ ", KeyError::Empty),
        ("\nwhsec_\n", KeyError::Empty),
        ("=", KeyError::NotBase64),
        ("whsec_=", KeyError::NotBase64),
        ("whsec_====", KeyError::NotBase64),
        ("whsec_A", KeyError::Incomplete),
        ("whsec_ABCDE", KeyError::Incomplete),
        ("whsec_ABCD=", KeyError::NotBase64),
        ("whsec_ABCD====", KeyError::NotBase64),
        ("whsec_AA==AA==", KeyError::NotBase64),
        ("whsec_AA=A", KeyError::NotBase64),
        ("whsec_ AAAA", KeyError::NotBase64),
        ("whsec_AA AA", KeyError::NotBase64),
        ("whsec_AA\nAA", KeyError::Invisible),
        ("whsec_-_-_", KeyError::UrlSafe),
        ("whsec_whsec_AAAA", KeyError::MisspelledPrefix),
        ("WHSEC_AAAA", KeyError::MisspelledPrefix),
        ("Whsec_AAAA", KeyError::MisspelledPrefix),
        ("whsec-AAAA", KeyError::MisspelledPrefix),
        ("\"whsec_AAAA\"", KeyError::Quoted),
        ("\u{feff}whsec_AAAA", KeyError::AllZero),
        ("\u{a0}whsec_AAAA", KeyError::AllZero),
        ("whsec_ÄÄÄÄ", KeyError::Placeholder),
        ("whsec_AAAA\0", KeyError::Invisible),
        ("whsec_AAAA whsec_BBBB", KeyError::List),
        ("a secret in words", KeyError::NotBase64),
        ("null", KeyError::Placeholder),
        ("None", KeyError::Placeholder),
        ("test", KeyError::Placeholder),
        ("changeme", KeyError::Placeholder),
        ("AAAAAAAAAA", KeyError::AllZero),
        ("whpk_", KeyError::PublicKey),
        ("whpk_AAAA", KeyError::PublicKey),
        (" whpk_AAAA ", KeyError::PublicKey),
        ("whsk_", KeyError::PrivateKey),
        ("whsk_AAAA", KeyError::PrivateKey),
        ("\twhsk_AAAA", KeyError::PrivateKey),
        ("whsec_whpk_AAAA", KeyError::MisspelledPrefix),
    ] {
        let error = text.parse::<Secret>().expect_err(text);
        assert_eq!(error, expected, "{text:?}");
    }
}

#[test]
fn the_error_of_a_secret_never_repeats_its_text() {
    for text in [
        "whsec_correct-horse",
        "whsk_correct-horse",
        "whpk_correct-horse",
        "correct-horse",
        "whsec_whsec_correct-horse",
    ] {
        let error = text.parse::<Secret>().expect_err(text);
        for shown in [
            format!("{error}"),
            format!("{error:?}"),
            format!("{error:#?}"),
        ] {
            assert!(!shown.contains("correct-horse"), "{text}: {shown}");
        }
    }
}

#[test]
fn raw_bytes_are_a_key_unless_there_are_none() {
    assert_eq!(Secret::from_bytes(b"").err(), Some(KeyError::Empty));
    // Lengths around the block size of SHA-256. A longer key is hashed first.
    for length in [1, 16, 24, 32, 63, 64, 65, 75, 128, 1000] {
        let key = vec![b'k'; length];
        let signature = Sender::with_key(key.clone()).sign(ID.as_bytes(), b"1700000000", BODY);
        let secret = Secret::from_bytes(&key).expect("a key");
        assert_eq!(
            secret.sign(ID, NOW, BODY).expect("a signature"),
            signature,
            "{length}"
        );
    }
}

#[test]
fn a_signature_is_the_one_of_the_official_library() {
    let mut rng = StdRng::seed_from_u64(0);
    for round in 0..200 {
        let mut key = vec![0; rng.random_range(1..100)];
        rng.fill_bytes(&mut key);
        let secret = Secret::from_bytes(&key).expect("a key");
        let official = standardwebhooks::Webhook::from_bytes(key).expect("a key");

        let inner: String = (0..rng.random_range(0..60))
            .map(|_| id_char(&mut rng))
            .collect();
        let id = format!("<{inner}>");
        let body: String = (0..rng.random_range(0..300))
            .map(|_| rng.random::<char>())
            .collect();
        let timestamp = rng.random_range(0..=i64::MAX);

        let expected = official
            .sign(&id, timestamp, body.as_bytes())
            .expect("a signature");
        let found = secret.sign(&id, timestamp.unsigned_abs(), body.as_bytes());
        assert_eq!(found.expect("a signature"), expected, "round {round}");
    }
}

#[test]
fn an_id_that_receivers_reject_is_not_signed() {
    for id in [
        "", ".", "a.b", "msg_1.", "msg\n", "msg\t1", "\u{7f}", "msg_ä", "msg\0", " ", " msg",
        "msg ",
    ] {
        let error = secret().sign(id, NOW, BODY).expect_err(id);
        assert_eq!(error, SignError::InvalidId, "{id:?}");
    }
    for id in ["m", "msg_1", "a b", "~", "!#$%&'()*+,-/:;<=>?@[]^_`{|}"] {
        let signature = secret().sign(id, NOW, BODY).expect(id);
        assert_eq!(
            signature,
            sender().sign(id.as_bytes(), b"1700000000", BODY),
            "{id:?}"
        );
    }
}

#[test]
fn the_event_tells_which_key_matched() {
    let senders = [
        b"the first of keys",
        b"the second of key",
        b"the third of keys",
    ]
    .map(|key| Sender::with_key(*key));
    let secrets = || senders.iter().map(secret_of);
    let keyrings = [
        secrets().collect::<Keyring>(),
        Keyring::from(secrets().collect::<Vec<_>>()),
        Keyring::from(senders.each_ref().map(secret_of)),
    ];
    for keyring in keyrings {
        let layer = SvixVerifyLayer::new(keyring).clock(At(NOW));
        for (index, sender) in senders.iter().enumerate() {
            let outcome = deliver(&layer, sender.headers(ID, NOW, BODY), Full::new(BODY));
            assert_eq!(outcome.calls[0].event.key_index(), index);
        }
    }
    let alone = Verifier::new(secret()).clock(At(NOW));
    assert_eq!(
        alone
            .verify(&signed(BODY), BODY)
            .expect("genuine")
            .key_index(),
        0
    );
}

#[test]
fn a_delivery_that_several_keys_signed_matches_the_first_of_the_keyring() {
    let senders = [
        b"the first of keys",
        b"the second of key",
        b"the third of keys",
    ]
    .map(|key| Sender::with_key(*key));
    let sign = |index: usize| senders[index].sign(ID.as_bytes(), b"1700000000", BODY);
    let verifier = Verifier::new(senders.each_ref().map(secret_of)).clock(At(NOW));
    for (signatures, expected) in [
        (format!("{} {}", sign(2), sign(1)), 1),
        (format!("{} {} {}", sign(2), sign(1), sign(0)), 0),
        (format!("{} {}", sign(2), sign(2)), 2),
    ] {
        let mut headers = signed(BODY);
        headers.insert(
            "webhook-signature",
            signatures.parse().expect("visible ASCII"),
        );
        let event = verifier.verify(&headers, BODY).expect("genuine");
        assert_eq!(event.key_index(), expected);
    }
}

#[test]
fn a_keyring_without_keys_rejects_everything() {
    let verifier = Verifier::new(Vec::<Secret>::new()).clock(At(NOW));
    let error = verifier.verify(&signed(BODY), BODY).err();
    assert_eq!(error, Some(VerifyError::NoSupportedSignature));
    let error = verifier.verify(&HeaderMap::new(), BODY).err();
    assert_eq!(error, Some(VerifyError::NoHeaders));
}

#[test]
fn debug_output_shows_neither_keys_nor_payloads() {
    let verifier = Verifier::new([secret(), secret()]).clock(At(NOW));
    let outcome = deliver(&layer(), signed(BODY), Full::new(BODY));
    let event = &outcome.calls[0].event;
    let mut verification = verifier
        .start(&signed(BODY))
        .expect("the headers are valid");
    verification.update(BODY);

    assert_eq!(format!("{:?}", secret()), "Secret(HMAC-SHA256)");
    assert_eq!(
        format!("{:?}", Keyring::from(secret())),
        "Keyring { tenant: None, keys: [Secret(HMAC-SHA256)] }"
    );
    assert_eq!(
        format!("{verifier:?}"),
        "Verifier { keyring: Keyring { tenant: None, keys: [Secret(HMAC-SHA256), Secret(HMAC-SHA256)] }, \
         policy: Policy { tolerance: Some(300s), header_family: None, allow_dotted_ids: false, clock: At(1700000000) } }"
    );
    assert_eq!(
        format!("{:?}", layer()),
        "SvixVerifyLayer { config: Config { key_source: Keyring { tenant: None, keys: [Secret(HMAC-SHA256)] }, \
         policy: Policy { tolerance: Some(300s), header_family: None, allow_dotted_ids: false, clock: At(1700000000) }, \
         body_limit: 2097152, memory_limit: None, responder: Explain, log: RejectionLog, event_type_at: JsonPointer(\"/type\") } }"
    );
    assert_eq!(
        format!("{event:?}"),
        "VerifiedEvent { id: \"msg_2ZsXh8Qv0cR1kLw3TnYb5EfJdGa\", unix_seconds: 1700000000, payload_len: 44, \
         key_index: 0, tenant: None, header_family: Webhook }"
    );
    assert_eq!(
        format!("{verification:?}"),
        "Verification { received: 44, .. }"
    );
}

/// Returns the signature of the secret with this text.
fn parse(text: &str) -> http::HeaderValue {
    let secret: Secret = text.parse().expect(text);
    secret.sign(ID, NOW, BODY).expect("a signature")
}

/// Returns visible ASCII or a space, and no full stop.
fn id_char(rng: &mut StdRng) -> char {
    match rng.random_range(b' '..=b'~') {
        b'.' => '_',
        other => char::from(other),
    }
}
