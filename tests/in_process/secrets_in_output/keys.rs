//! The errors of keys.

use std::error::Error;
use std::fmt::Write as _;

use tower_svix::{Secret, SigningKey};

use super::canaries::{
    HMAC_KEY, NOW, TEXT_KEY, UNVERIFIED_ID, body, hmac_text, private_text, public_text,
};

/// Returns the errors of texts that contain a secret, and of what they were to sign.
pub(crate) fn errors() -> Vec<(String, String)> {
    let (hmac, private, public) = (hmac_text(), private_text(), public_text());
    let base64 = hmac.strip_prefix("whsec_").unwrap();
    let texts = [
        format!("\"{hmac}\""),
        format!("{hmac}!"),
        format!("whsec_{hmac}"),
        format!("{hmac} {private}"),
        format!("whpk_{base64}"),
        format!("whpk_{base64}!"),
        format!("whpk_{}", &private["whsk_".len()..]),
        format!("whsk_{base64}"),
        format!("{private}!"),
        format!("whsk_{base64}{}", &public["whpk_".len()..]),
        format!("{}Z", &private[..private.len() - 1]),
        format!("postgres://app:{TEXT_KEY}@db/tenants"),
        private,
        public,
        base64[..8].to_owned(),
        "whsec_".to_owned(),
    ];
    let mut errors = Vec::new();
    for text in &texts {
        let mut add = |reader: &str, error: Option<&dyn Error>| {
            if let Some(error) = error {
                errors.push((format!("the error of {text} as a {reader}"), show(error)));
            }
        };
        let error = text.parse::<Secret>().err();
        add("secret", error.as_ref().map(|error| error as &dyn Error));
        let error = text.parse::<SigningKey>().err();
        add(
            "signing key",
            error.as_ref().map(|error| error as &dyn Error),
        );
        let error = Secret::text_key_with_hex_signatures(text).err();
        add(
            "key that is a text",
            error.as_ref().map(|error| error as &dyn Error),
        );
    }
    assert!(errors.len() > texts.len(), "each is an error to somebody");

    let secret = Secret::from_bytes(HMAC_KEY).unwrap();
    let dotted = format!("{UNVERIFIED_ID}.{UNVERIFIED_ID}");
    let error = secret.sign(&dotted, NOW, body().as_bytes()).unwrap_err();
    errors.push(("the error of an id".to_owned(), show(&error)));
    errors
}

/// Returns an error as it is logged: in both formats, with its causes.
pub(crate) fn show(error: &dyn Error) -> String {
    let mut shown = format!("{error} {error:?} {error:#?}");
    let mut cause = error.source();
    while let Some(error) = cause {
        write!(shown, " {error} {error:?}").unwrap();
        cause = error.source();
    }
    shown
}
