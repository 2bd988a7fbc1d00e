//! The scheme of the sample handlers in Pulse's documentation, which is not the scheme of Svix.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write as _;

use futures_util::FutureExt as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use tower_svix::{KeyError, Rejection, Secret, SvixVerifyLayer, VerifyError};
use tower_svix_tests::clock::At;
use tower_svix_tests::keys::{self, Answer, BODY, Case, ID, NOW, request};

/// The secret of the samples, and one in the form of Svix. The samples use the text itself as the key.
const SECRETS: [&str; 2] = [
    "your_webhook_secret_here",
    concat!("whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
];

/// `hmac.new(secret.encode(), f"{id}.{timestamp}.{payload}".encode(), hashlib.sha256).hexdigest()`, as in Python, and
/// `crypto.createHmac('sha256', secret).update(signedContent).digest('hex')`, as in TypeScript.
fn hex_digest(secret: &str, payload: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{ID}.{NOW}.").as_bytes());
    mac.update(payload);
    let mut digits = String::new();
    for byte in mac.finalize().as_bytes() {
        write!(digits, "{byte:02x}").unwrap();
    }
    digits
}

/// `signature.split(',')[1] if ',' in signature else signature`: both samples accept both forms.
fn forms(digest: &str) -> [String; 2] {
    [digest.to_owned(), format!("v1,{digest}")]
}

fn answer(secret: Secret, signatures: &str) -> Answer {
    let layer = SvixVerifyLayer::new(secret).clock(At(NOW));
    let answer = keys::answer(&layer, request("/", signatures));
    answer.now_or_never().expect("nothing in it waits")
}

fn sample_scheme(text: &str) -> Secret {
    Secret::text_key_with_hex_signatures(text).unwrap()
}

#[test]
fn what_the_sample_handlers_expect_is_accepted() {
    for text in SECRETS {
        for form in forms(&hex_digest(text, BODY)) {
            let event = answer(sample_scheme(text), &form).accepted();
            assert_eq!(event.payload(), BODY);
        }
        // The samples read the first element only. Here, all elements of a list are read.
        let [bare, tagged] = forms(&hex_digest(text, BODY));
        let wrong = "0".repeat(64);
        for list in [
            format!("{wrong} {bare}"),
            format!("v1,{wrong} v2,a {tagged}"),
            format!("{bare} {bare}"),
            format!("{tagged} {bare}"),
            format!("{bare}, v1,{wrong}"),
        ] {
            answer(sample_scheme(text), &list).accepted();
        }
    }
}

#[test]
fn a_hex_signature_is_accepted_by_no_ordinary_secret() {
    for text in SECRETS {
        let keys = [text.parse().ok(), Secret::from_bytes(text.as_bytes()).ok()];
        for key in keys.into_iter().flatten() {
            for form in forms(&hex_digest(text, BODY)) {
                let answer = answer(key.clone(), &form);
                let unsupported = Rejection::Unverified(VerifyError::NoSupportedSignature);
                assert_eq!(answer.rejection, Some(unsupported), "{form}");
            }
        }
    }
}

#[test]
fn a_delivery_of_svix_is_rejected() {
    let mut checked = 0;
    for case in Case::all() {
        let is_svix = case.name.starts_with("real-v1-") || case.group == "published";
        if !is_svix || case.expect != "accept" {
            continue;
        }
        for text in [&*case.secret, case.secret.trim_start_matches("whsec_")] {
            let layer = SvixVerifyLayer::new(sample_scheme(text)).clock(At(case.now));
            let answer = keys::answer(&layer, case.request()).now_or_never();
            assert!(answer.unwrap().event.is_none(), "{}", case.name);
            checked += 1;
        }
    }
    assert!(checked > 10, "{checked}");
}

#[test]
fn whatever_is_not_the_digest_in_lower_case_is_rejected() {
    let text = SECRETS[0];
    let digest = hex_digest(text, BODY);
    let upper = digest.to_uppercase();
    assert_ne!(upper, digest);
    for signatures in [
        upper.clone(),
        format!("v1,{upper}"),
        digest.replacen(|digit: char| digit.is_ascii_lowercase(), "A", 1),
        format!("v2,{digest}"),
        format!("v1a,{digest}"),
        format!("V1,{digest}"),
        format!("v1,v1,{digest}"),
        format!("v1={digest}"),
        format!("0x{digest}"),
        format!("{digest},,"),
        format!(",{digest}"),
        digest[..63].to_owned(),
        format!("{digest}0"),
        hex_digest(text, b"another body"),
        hex_digest("another secret", BODY),
        // The samples never compare with an empty text, even if a header has one.
        "v1,".into(),
        ",".into(),
    ] {
        let answer = answer(sample_scheme(text), &signatures);
        assert_eq!(answer.status, 401, "{signatures}");
        assert!(answer.event.is_none(), "{signatures}");
    }
}

#[test]
fn the_whole_text_is_the_key_but_for_white_space_around_it() {
    let prefixed = SECRETS[1];
    let digest = hex_digest(prefixed, BODY);
    answer(sample_scheme(&format!(" {prefixed}\r\n")), &digest).accepted();
    for other in [
        prefixed.trim_start_matches("whsec_"),
        &prefixed.to_lowercase(),
        &format!("{prefixed}="),
    ] {
        answer(sample_scheme(other), &digest).assert_mismatch();
    }
    // The text can be anything: no base64, no ASCII.
    for text in ["%%%", "geheim niß"] {
        answer(sample_scheme(text), &hex_digest(text, BODY)).accepted();
    }
}

#[test]
fn an_empty_text_is_no_key() {
    for text in ["", " ", "\n\t"] {
        let error = Secret::text_key_with_hex_signatures(text).unwrap_err();
        assert_eq!(error, KeyError::Empty);
    }
}

#[test]
fn what_it_signs_is_what_the_samples_expect() {
    for text in SECRETS {
        let signed = sample_scheme(text).sign(ID, NOW, BODY).unwrap();
        assert_eq!(signed, format!("v1,{}", hex_digest(text, BODY)));
    }
}

#[test]
fn a_text_key_can_be_in_one_keyring_with_an_ordinary_secret() {
    let text = SECRETS[0];
    let svix = keys::sender(1);
    let layer = SvixVerifyLayer::new([keys::secret(&svix), sample_scheme(text)]).clock(At(NOW));
    for (signatures, index) in [
        (keys::signature(&svix), 0),
        (hex_digest(text, BODY), 1),
        (
            format!("{} {}", hex_digest(text, BODY), keys::signature(&svix)),
            0,
        ),
    ] {
        let answer = keys::answer(&layer, request("/", &signatures)).now_or_never();
        assert_eq!(answer.unwrap().accepted().key_index(), index);
    }
}

#[test]
fn debug_tells_it_apart_and_shows_no_key() {
    let shown = format!("{:?}", sample_scheme(SECRETS[0]));
    assert_eq!(shown, "Secret(HMAC-SHA256 in hexadecimal digits)");
}

#[test]
fn a_text_that_everyone_knows_is_no_key() {
    for (text, expected) in [
        ("whsec_", KeyError::Empty),
        (
            "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=",
            KeyError::PublicKey,
        ),
        ("whpk_", KeyError::PublicKey),
        ("whsk_AAAA", KeyError::PrivateKey),
    ] {
        let error = Secret::text_key_with_hex_signatures(text).unwrap_err();
        assert_eq!(error, expected, "{text}");
    }
}
