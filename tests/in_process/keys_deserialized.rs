//! Keys in configuration files. The error never repeats the text, whatever its type.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde::de::value::{Error as ValueError, U64Deserializer};
use serde_json::{Value, json};
use tower_svix::{KeyError, Keyring, Secret, Verifier, VerifyingKey};
use tower_svix_tests::clock::At;
use tower_svix_tests::fixture::{BODY, ID, NOW};
use tower_svix_tests::sender::Sender;

const KEYS: [&str; 2] = [
    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX",
    "ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7fH1+f4CBgoM=",
];

#[derive(Debug, Deserialize)]
struct Config {
    secret: Secret,
    keys: Keyring,
    key: Option<VerifyingKey>,
}

fn key_index(keyring: Keyring, sender: &Sender) -> Option<usize> {
    let verifier = Verifier::new(keyring).clock(At(NOW));
    let event = verifier.verify(&sender.headers(ID, NOW, BODY), BODY).ok()?;
    Some(event.key_index())
}

#[test]
fn a_configuration_has_keys() {
    let [first, second] = KEYS.map(Sender::with_secret);
    let text = json!({
        "secret": format!("v1,whsec_{}\n", KEYS[0]),
        "keys": format!("whsec_{},v1,whsec_{}", KEYS[0], KEYS[1]),
        "key": KEYS[1],
    })
    .to_string();
    let config: Config = serde_json::from_str(&text).expect("a configuration");
    let expected = first.sign(ID.as_bytes(), b"1700000000", BODY);
    assert_eq!(config.secret.sign(ID, NOW, BODY).expect("signed"), expected);
    assert_eq!(key_index(config.keys.clone(), &first), Some(0));
    assert_eq!(key_index(config.keys, &second), Some(1));
    let keyring = config.key.expect("it has one").into();
    assert_eq!(key_index(keyring, &second), Some(0));
}

#[test]
fn a_keyring_is_a_list_as_well() {
    let [first, second] = KEYS.map(Sender::with_secret);
    // Each element is one key, so it needs no prefix.
    for list in [
        json!([
            format!("whsec_{}", KEYS[0]),
            format!("v1,whsec_{}", KEYS[1])
        ]),
        json!(KEYS),
    ] {
        let keyring: Keyring = serde_json::from_value(list).expect("two keys");
        assert_eq!(key_index(keyring.clone(), &first), Some(0));
        assert_eq!(key_index(keyring, &second), Some(1));
    }
    for (name, list, expected) in [
        ("empty", json!([]), KeyError::Empty),
        ("an empty key", json!([""]), KeyError::Empty),
        ("a list in a list", json!([KEYS.join(",")]), KeyError::List),
        (
            "a placeholder",
            json!([KEYS[0], "whsec_test"]),
            KeyError::Placeholder,
        ),
    ] {
        let error = serde_json::from_value::<Keyring>(list).expect_err(name);
        assert_eq!(error.to_string(), expected.to_string(), "{name}");
    }
}

#[test]
fn the_error_says_what_the_text_looks_like() {
    for (text, expected) in [
        (
            "\"WHSEC_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX\"",
            KeyError::MisspelledPrefix,
        ),
        (
            "\"polar_whs_0123456789abcdefghij\"",
            KeyError::ForeignPrefix,
        ),
        ("\"\"", KeyError::Empty),
    ] {
        let error = serde_json::from_str::<Secret>(text).expect_err(text);
        let shown = error.to_string();
        assert!(shown.starts_with(&expected.to_string()), "{shown}");
    }
}

#[test]
fn the_error_says_what_belongs_there() {
    fn error<K: DeserializeOwned>() -> String {
        let error = serde_json::from_value::<K>(Value::Null).err();
        error.expect("null is no key").to_string()
    }
    let one = "invalid type: null, expected the text of a key";
    assert_eq!(error::<Secret>(), one);
    assert_eq!(error::<VerifyingKey>(), one);
    assert_eq!(error::<Keyring>(), format!("{one}, or a list of them"));
}

#[test]
fn an_error_never_repeats_what_is_in_the_place_of_a_key() {
    fn check<K: DeserializeOwned>(key: &str) {
        const CANARY: &str = "8675309";
        for value in [
            json!(8_675_309),
            json!(-8_675_309),
            json!(8_675_309.5),
            json!("correct-8675309-horse"),
            json!("\"whsec_8675309\""),
            json!({"secret": "8675309"}),
            json!({"8675309": 1}),
            json!([8_675_309]),
            json!([["8675309"]]),
            json!(true),
            Value::Null,
        ] {
            let text = value.to_string();
            let from_text = serde_json::from_str::<K>(&text).err().expect(key);
            let from_value = serde_json::from_value::<K>(value).err().expect(key);
            for error in [from_text, from_value] {
                let shown = format!("{error} {error:?}");
                assert!(!shown.contains(CANARY), "{key} from {text}: {shown}");
                assert!(!shown.contains("true"), "{key} from {text}: {shown}");
            }
        }
    }
    check::<Secret>("Secret");
    check::<Keyring>("Keyring");
    check::<VerifyingKey>("VerifyingKey");

    let number: U64Deserializer<ValueError> =
        serde::de::IntoDeserializer::into_deserializer(8_675_309_u64);
    let error = Secret::deserialize(number).expect_err("a number is no key");
    assert_eq!(error.to_string(), "a key is a string: put it in quotes");
}
