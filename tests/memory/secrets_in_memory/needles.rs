//! What to search the memory for: the secrets, and everything that is as useful to an attacker.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::block_api::compress256;
use tower_svix_tests::fixture::{ID, NOW};
use tower_svix_tests::sender::Sender;

use super::holder::{FORGED, with_key};

/// The key itself.
pub(crate) const KEY: &str = "key";
/// The key in base64.
pub(crate) const TEXT: &str = "text";
/// What HMAC derives from the key once: enough to sign.
pub(crate) const STATES: [&str; 2] = ["inner state", "outer state"];

/// A secret, or something as useful.
pub(crate) struct Needle {
    pub(crate) name: &'static str,
    pub(crate) bytes: Vec<u8>,
}

pub(crate) fn of_hmac_key() -> Vec<Needle> {
    let key = with_key(|key| *key);
    let mut inner = [0x36; 64];
    let mut outer = [0x5c; 64];
    for (index, byte) in key.iter().enumerate() {
        inner[index] ^= byte;
        outer[index] ^= byte;
    }
    let signature = signature_of(FORGED);
    let signature = signature.strip_prefix("v1,").unwrap();
    vec![
        needle(KEY, key),
        needle(TEXT, STANDARD.encode(key)),
        // As a comparison that ignores case makes it. The text before it has a piece without small letters.
        needle(
            "text in capitals",
            STANDARD.encode(key)[16..].to_uppercase(),
        ),
        needle("inner block", &inner[..key.len()]),
        needle("outer block", &outer[..key.len()]),
        needle(STATES[0], state_after(inner)),
        needle(STATES[1], state_after(outer)),
        needle("right signature of a forged delivery", signature),
        needle("its bytes", STANDARD.decode(signature).unwrap()),
    ]
}

/// Returns the valid signature of a delivery of `body`, made without the crate.
pub(crate) fn signature_of(body: &[u8]) -> String {
    let sender = Sender::with_key(with_key(|key| *key));
    sender.sign(ID.as_bytes(), NOW.to_string().as_bytes(), body)
}

/// Returns the text that was printed inverted, in hexadecimal digits, and the key in it.
pub(crate) fn of_generated(told: &str) -> Vec<Needle> {
    let (bytes, _) = told.as_bytes().as_chunks::<2>();
    let byte = |digits: &[u8; 2]| !u8::from_str_radix(str::from_utf8(digits).unwrap(), 16).unwrap();
    let text: Vec<u8> = bytes.iter().map(byte).collect();
    let base64 = text.strip_prefix(b"whsec_").unwrap();
    vec![
        needle(KEY, STANDARD.decode(base64).unwrap()),
        needle(TEXT, base64),
    ]
}

#[cfg(feature = "ed25519")]
pub(crate) fn of_private_key() -> Vec<Needle> {
    use ed25519_dalek::hazmat::ExpandedSecretKey;

    let key = ed25519_dalek::SigningKey::from_bytes(&with_key(|key| *key));
    let expanded = ExpandedSecretKey::from(key.as_bytes());
    vec![
        needle(KEY, key.as_bytes()),
        // The public key follows it.
        needle(TEXT, &STANDARD.encode(key.to_keypair_bytes())[..40]),
        needle("scalar", expanded.scalar.to_bytes()),
        needle("prefix", expanded.hash_prefix),
    ]
}

fn needle(name: &'static str, bytes: impl AsRef<[u8]>) -> Needle {
    Needle {
        name,
        bytes: bytes.as_ref().to_vec(),
    }
}

/// Returns the state of SHA-256 after its first block.
fn state_after(block: [u8; 64]) -> Vec<u8> {
    let mut state = [
        0x6a09_e667,
        0xbb67_ae85,
        0x3c6e_f372,
        0xa54f_f53a,
        0x510e_527f,
        0x9b05_688c,
        0x1f83_d9ab,
        0x5be0_cd19,
    ];
    compress256(&mut state, &[block]);
    state.into_iter().flat_map(u32::to_ne_bytes).collect()
}
