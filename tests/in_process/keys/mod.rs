//! Keys as portals print them and as people paste them: which are accepted, and the errors of the others.

mod errors;
mod keyrings;
mod looks;
mod senders;
mod whole_texts;

use tower_svix::{KeyError, Secret, SigningKey, VerifyingKey};

/// Base64 of 24 bytes.
const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
/// Base64 of 32 bytes.
const OTHER: &str = "ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7fH1+f4CBgoM=";

const ALL_ERRORS: [KeyError; 22] = [
    KeyError::Empty,
    KeyError::AllZero,
    KeyError::Placeholder,
    KeyError::TooShort,
    KeyError::Quoted,
    KeyError::Assignment,
    KeyError::Bearer,
    KeyError::Invisible,
    KeyError::List,
    KeyError::NoPrefix,
    KeyError::MisspelledPrefix,
    KeyError::ForeignPrefix,
    KeyError::HexDigits,
    KeyError::UrlSafe,
    KeyError::Incomplete,
    KeyError::NotBase64,
    KeyError::Secret,
    KeyError::PublicKey,
    KeyError::PrivateKey,
    KeyError::Ed25519Unsupported,
    KeyError::InvalidPublicKey,
    KeyError::InvalidPrivateKey,
];

#[track_caller]
fn assert_rejected(text: &str, expected: KeyError) {
    let error = text.parse::<Secret>().expect_err(text);
    assert_eq!(error, expected, "{text}");
    let error = text.parse::<SigningKey>().expect_err(text);
    assert_eq!(error, expected, "{text} as a SigningKey");
    let error = text.parse::<VerifyingKey>().expect_err(text);
    assert_eq!(error, expected, "{text} as a VerifyingKey");
}
