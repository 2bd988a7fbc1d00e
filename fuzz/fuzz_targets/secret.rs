//! Texts of keys: each is a key or an error, on both sides, and none shows in `Debug`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ring::signature::Ed25519KeyPair;
use tower_svix::{KeyError, Secret, SignError, SigningKey, Verifier};
use tower_svix_fuzz::headers::{Line, Name, Origin, Value};
use tower_svix_fuzz::keys::{agree, hex_key, sign_ed25519};
use tower_svix_fuzz::reference::{
    Key, base64_decode, base64_encode, hex, hmac_sha256, signed_content,
};

const ID: &str = "msg_1";
const SECONDS: u64 = 1_614_265_330;
const BODY: &[u8] = b"{}";

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    receiver_key(&text);
    sender_key(&text);
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
        Err(error) => assert!(data.is_empty() && error == KeyError::Empty),
    }
});

fn receiver_key(text: &str) {
    let Some((secret, key)) = agree(text.parse::<Secret>(), Key::parse(text)) else {
        return;
    };
    match key {
        Key::Hmac(key) => {
            assert_eq!(format!("{secret:?}"), "Secret(HMAC-SHA256)");
            assert_eq!(secret.sign(ID, SECONDS, BODY).unwrap(), mac(&key));
        }
        Key::Ed25519(key) => {
            assert_eq!(format!("{secret:?}"), "Secret(ed25519)");
            assert_eq!(
                secret.sign(ID, SECONDS, BODY).unwrap_err(),
                SignError::PublicKey
            );
            // Everyone knows the public key: it must not be an HMAC key in any way.
            for forged in [mac(&key), mac(text.as_bytes()), mac(text.trim().as_bytes())] {
                assert!(!accepts(secret.clone(), &forged), "{forged} is accepted");
            }
        }
        Key::HexHmac(_) => unreachable!("only made on purpose"),
    }
}

fn sender_key(text: &str) {
    let key = text.parse::<SigningKey>();
    if let Ok(key) = &key {
        let shown = format!("{key:?}");
        assert!(
            ["SigningKey(Secret(HMAC-SHA256))", "SigningKey(ed25519)"].contains(&&*shown),
            "shows {shown}"
        );
    }
    let trimmed = text.trim_ascii();
    if trimmed.starts_with("whpk_") {
        assert_eq!(key.unwrap_err(), KeyError::PublicKey);
    } else if let Some(base64) = trimmed.strip_prefix("whsk_") {
        let pair = base64_decode(base64.as_bytes()).and_then(|bytes| {
            let (seed, public) = bytes.split_at_checked(32)?;
            Ed25519KeyPair::from_seed_and_public_key(seed, public).ok()
        });
        match (key, pair) {
            (Ok(key), Some(pair)) => {
                let expected = sign_ed25519(&pair, &content());
                assert_eq!(key.sign(ID, SECONDS, BODY).unwrap(), expected);
            }
            (Err(_), None) => {}
            (key, pair) => panic!("{key:?}, expected {pair:?}"),
        }
    } else if let Some((key, Key::Hmac(bytes))) = agree_on_sender(key, text) {
        assert_eq!(key.sign(ID, SECONDS, BODY).unwrap(), mac(&bytes));
    }
}

/// A text without a prefix of ed25519 is a sender's key if it is a receiver's.
fn agree_on_sender(key: Result<SigningKey, KeyError>, text: &str) -> Option<(SigningKey, Key)> {
    agree(text.parse(), Key::parse(text))
        .map(|(_, expected)| (key.expect("it is a receiver's key"), expected))
}

fn accepts(secret: Secret, signature: &str) -> bool {
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
    let verifier = Verifier::new(secret).insecure_ignore_timestamp();
    verifier.verify(&headers, BODY).is_ok()
}

fn mac(key: &[u8]) -> String {
    format!("v1,{}", base64_encode(&hmac_sha256(key, &content())))
}

fn content() -> Vec<u8> {
    signed_content(ID.as_bytes(), SECONDS.to_string().as_bytes(), BODY)
}
