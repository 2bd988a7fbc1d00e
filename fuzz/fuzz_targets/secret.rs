//! Texts of keys: each is a key of its role or an error, on both sides, and `Debug` shows none.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tower_svix::{KeyError, Keyring, PrivateKey, PublicKey, Secret, SigningKey, Verifier};
use tower_svix_fuzz::headers::{Line, Name, Origin, Value};
use tower_svix_fuzz::keys::{agree, assert_same_error, hex_key, public_text, sign_ed25519};
use tower_svix_fuzz::reference::{
    self, Family, Key, SignatureHeaders, base64_encode, has_prefix, hex, hmac_sha256,
    parse_private, parts, signed_content, unversioned,
};

const ID: &str = "msg_1";
const SECONDS: u64 = 1_614_265_330;
const BODY: &[u8] = b"{}";

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    secret(&text);
    public_key(&text);
    private_key(&text);
    keyring(&text);
    if let Some((secret, Key::HexHmac(key))) =
        agree(Secret::text_key_with_hex_signatures(&text), hex_key(&text))
    {
        assert_eq!(
            format!("{secret:?}"),
            "Secret(HMAC-SHA256 in hexadecimal digits)"
        );
        let expected = format!("v1,{}", hex(&hmac_sha256(&key, &content())));
        assert_eq!(secret.sign(ID, SECONDS, BODY).unwrap(), expected);
    }
    match Secret::from_bytes(data) {
        Ok(secret) => assert_eq!(secret.sign(ID, SECONDS, BODY).unwrap(), mac(data)),
        Err(KeyError::Empty) => assert!(data.is_empty()),
        Err(error) => assert!(error == KeyError::AllZero && data.iter().all(|byte| *byte == 0)),
    }
    if let Ok(secret) = Secret::from_text(&text) {
        // A text may be the key of a sender that prints a version before it.
        let key = unversioned(&text).as_bytes();
        assert!(key.len() >= 16);
        assert_eq!(secret.sign(ID, SECONDS, BODY).unwrap(), mac(key));
    }
});

/// Checks that a symmetric key is a key of the receiver and of the sender.
fn secret(text: &str) {
    let Some((secret, Key::Hmac(key))) = agree(text.parse::<Secret>(), Key::parse_secret(text))
    else {
        return;
    };
    assert_eq!(format!("{secret:?}"), "Secret(HMAC-SHA256)");
    let signing = text.parse::<SigningKey>().expect("it is a secret");
    assert_eq!(format!("{signing:?}"), "SigningKey(Secret(HMAC-SHA256))");
    let signature = mac(&key);
    assert_eq!(secret.sign(ID, SECONDS, BODY).unwrap(), signature);
    assert_eq!(signing.sign(ID, SECONDS, BODY).unwrap(), signature);
    assert_eq!(signer(secret, &signature), Some(0));
}

/// Checks that a public key, which everyone knows, is never an HMAC key and never signs.
fn public_key(text: &str) {
    if unversioned(text).starts_with("whpk_") {
        let errors = [
            text.parse::<Secret>().unwrap_err(),
            Secret::text_key_with_hex_signatures(text).unwrap_err(),
            text.parse::<PrivateKey>().unwrap_err(),
            text.parse::<SigningKey>().unwrap_err(),
        ];
        assert_eq!(errors, [KeyError::PublicKey; 4]);
    }
    let Some((public, Key::Ed25519(key))) =
        agree(text.parse::<PublicKey>(), Key::parse_public(text))
    else {
        return;
    };
    assert_eq!(format!("{public:?}"), "PublicKey(ed25519)");
    let keyring: Keyring = text.parse().expect("it is a public key");
    for guess in [&key[..], text.as_bytes(), text.trim().as_bytes()] {
        for forged in [mac(guess), hex_mac(guess)] {
            assert_eq!(signer(public.clone(), &forged), None, "{forged}");
            assert_eq!(signer(keyring.clone(), &forged), None, "{forged}");
        }
    }
}

/// Checks that a private key is a key of the sender only, and that its public half verifies its signatures.
fn private_key(text: &str) {
    let private = text.parse::<PrivateKey>();
    let signing = text.parse::<SigningKey>();
    let pair = match parse_private(text) {
        Ok(pair) => pair,
        Err(expected) => {
            assert_same_error(private.unwrap_err(), expected);
            if unversioned(text).starts_with("whsk_") {
                assert_same_error(signing.unwrap_err(), expected);
            } else {
                // It is the key of a sender if it is a secret.
                agree(signing, Key::parse_secret(text));
            }
            return;
        }
    };
    let (private, signing) = (
        private.expect("it is a private key"),
        signing.expect("it is a private key"),
    );
    assert_eq!(format!("{private:?}"), "PrivateKey(ed25519)");
    assert_eq!(format!("{signing:?}"), "SigningKey(PrivateKey(ed25519))");
    let signature = sign_ed25519(&pair, &content());
    assert_eq!(private.sign(ID, SECONDS, BODY).unwrap(), signature);
    assert_eq!(signing.sign(ID, SECONDS, BODY).unwrap(), signature);
    let public = public_text(&pair);
    let public: PublicKey = public.parse().expect("it is the public half");
    assert_eq!(signer(public, &signature), Some(0));
}

/// Checks that the keys of a keyring are those of its parts, in order.
fn keyring(text: &str) {
    let found = text.parse::<Keyring>();
    let parts = parts(text);
    if parts.is_empty() {
        assert_eq!(found.unwrap_err(), KeyError::Empty);
        return;
    }
    if parts.len() > 1 && !parts.iter().all(|part| has_prefix(part)) {
        // The error may also say what the text, or the part without a prefix, looks like.
        assert!(found.is_err());
        return;
    }
    let mut keys = Vec::new();
    for part in parts {
        let parsed = part.parse::<Keyring>();
        let Some((_, key)) = agree(parsed, Key::parse(part)) else {
            assert!(found.is_err());
            return;
        };
        keys.push(key);
    }
    let found = found.expect("each of its parts is a key");
    let shown: Vec<_> = keys
        .iter()
        .map(|key| match key {
            Key::Hmac(_) => "Secret(HMAC-SHA256)",
            Key::Ed25519(_) => "PublicKey(ed25519)",
            Key::HexHmac(_) => unreachable!("only made on purpose"),
        })
        .collect();
    assert_eq!(
        format!("{found:?}"),
        format!("Keyring {{ tenant: None, keys: [{}] }}", shown.join(", "))
    );
    // The first key that made a MAC is found. A public key makes none, even if its bytes are also those of a secret.
    // A few keys are enough, because each is tried with all.
    for key in keys.iter().take(8) {
        let signature = match key {
            Key::Hmac(bytes) | Key::HexHmac(bytes) => mac(bytes),
            Key::Ed25519(bytes) => mac(bytes),
        };
        let expected = reference::signer(&keys, &headers(&signature), BODY);
        assert_eq!(signer(found.clone(), &signature), expected);
    }
}

/// Returns the position of the key that accepts this signature.
fn signer(keys: impl Into<Keyring>, signature: &str) -> Option<usize> {
    let origin = Origin {
        keys: &[],
        id: ID.as_bytes(),
        timestamp: b"1614265330",
        body: BODY,
    };
    let line = |name, value| Line { name, value };
    let (headers, _) = origin.headers(&[
        line(Name::WebhookId, Value::Id),
        line(Name::WebhookTimestamp, Value::Timestamp),
        line(Name::WebhookSignature, Value::Raw(signature.into())),
    ]);
    let verifier = Verifier::new(keys).insecure_ignore_timestamp();
    let event = verifier.verify(&headers, BODY).ok()?;
    Some(event.key_index())
}

/// Returns the headers of a delivery with this signature, for the reference.
fn headers(signature: &str) -> SignatureHeaders {
    SignatureHeaders {
        family: Family::Webhook,
        id: ID.into(),
        timestamp: SECONDS.to_string().into(),
        unix_seconds: SECONDS,
        signatures: signature.into(),
    }
}

fn mac(key: &[u8]) -> String {
    format!("v1,{}", base64_encode(&hmac_sha256(key, &content())))
}

fn hex_mac(key: &[u8]) -> String {
    format!("v1,{}", hex(&hmac_sha256(key, &content())))
}

fn content() -> Vec<u8> {
    signed_content(ID.as_bytes(), SECONDS.to_string().as_bytes(), BODY)
}
