//! The program that holds secrets. It wipes its own copies, so that only copies of the crate are left.

use std::io;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use tower_svix::{Keyring, Secret, SigningKey, SvixVerifyLayer, Verifier, VerifyingKey};
use tower_svix_tests::clock::At;
use tower_svix_tests::fixture::{BODY, ID, NOW};
use zeroize::Zeroizing;

use super::deliveries::{self, End};

/// The variable that selects what to do.
pub(crate) const ROLE: &str = "TEST_ROLE";
/// The variable with the public half of the private key, in base64.
pub(crate) const PUBLIC_KEY: &str = "TEST_PUBLIC_KEY";
/// The variable with the signature of [`BODY`]. Computing it here would leave traces that are not the middleware's.
pub(crate) const SIGNATURE: &str = "TEST_SIGNATURE";
/// What the program sends without a valid signature.
pub(crate) const FORGED: &[u8] = b"{}";
pub(crate) const KEY_LEN: usize = 32;

pub(crate) fn play(role: &str) {
    match role {
        "careless" => forget_to_wipe(),
        "secret" => use_a_secret(),
        "rejected" => parse_what_is_no_secret(),
        "generated" => generate_a_secret(),
        "moved" => move_a_secret(),
        "boxed, accepted" => deliveries::in_a_box(secret(), End::Accepted),
        "boxed, forged" => deliveries::in_a_box(secret(), End::Forged),
        "boxed, in the body" => deliveries::in_a_box(secret(), End::InTheBody),
        "deep, accepted" => deliveries::deep_in_a_box(secret(), End::Accepted),
        "deep, forged" => deliveries::deep_in_a_box(secret(), End::Forged),
        "deep, in the body" => deliveries::deep_in_a_box(secret(), End::InTheBody),
        "boxed, panics" => deliveries::in_a_box(secret(), End::Panic),
        "deep, panics" => deliveries::deep_in_a_box(secret(), End::Panic),
        "verification, accepted" => deliveries::in_parts(secret(), End::Accepted),
        "verification, in the body" => deliveries::in_parts(secret(), End::InTheBody),
        "axum, accepted" => deliveries::in_axum(secret(), End::Accepted),
        "axum, forged" => deliveries::in_axum(secret(), End::Forged),
        "axum, in the body" => deliveries::in_axum(secret(), End::InTheBody),
        #[cfg(feature = "ed25519")]
        "private key" => use_a_private_key(),
        _ => panic!("no such role: {role}"),
    }
}

/// Calls `use_it` with the key. No file or variable has the key, and it is wiped before it is moved.
pub(crate) fn with_key<T>(use_it: impl FnOnce(&[u8; KEY_LEN]) -> T) -> T {
    let mut key = Zeroizing::new([0; KEY_LEN]);
    let mut state = std::hint::black_box(0x9e37_79b9_7f4a_7c15_u64);
    for byte in key.iter_mut() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        *byte = state.to_le_bytes()[4];
    }
    use_it(&key)
}

fn forget_to_wipe() {
    let copies = (with_key(|key| key.to_vec()), secret_text("whsec_").to_vec());
    pause("alive");
    drop(copies);
    pause("dropped");
}

fn use_a_secret() {
    let secret = secret();
    pause("parsed");
    let headers = signed(secret.sign(ID, NOW, BODY).unwrap().to_str().unwrap());
    let verifier = Verifier::new(secret).clock(At(NOW));
    verifier.verify(&headers, BODY).unwrap();
    verifier.verify(&headers, FORGED).unwrap_err();
    pause("used");
    drop(verifier);
    pause("dropped");
}

/// Moves secrets to all places on the heap where a receiver or a sender keeps them.
fn move_a_secret() {
    let places = (
        Arc::new(secret()),
        Box::new(VerifyingKey::from(secret())),
        Arc::new(Keyring::from(vec![secret(), secret(), secret()])),
        Arc::new(SvixVerifyLayer::new(secret())),
        Box::new(Verifier::new([secret(), secret()])),
        Arc::new(SigningKey::from(secret())),
    );
    pause("moved");
    drop(places);
    pause("dropped");
}

fn parse_what_is_no_secret() {
    let mut wrong = secret_text("whsec_");
    *wrong.last_mut().unwrap() = b'!';
    str(&wrong).parse::<Secret>().unwrap_err();
    str(&secret_text("whsk_")).parse::<Secret>().unwrap_err();
    str(&secret_text("whsec_whsec_"))
        .parse::<Secret>()
        .unwrap_err();
    // Its padding makes it look like `NAME=`.
    wrong.make_ascii_uppercase();
    *wrong.last_mut().unwrap() = b'=';
    Secret::from_text(str(&wrong["whsec_".len()..])).unwrap();
    let mixed = secret_text("");
    Secret::from_text(str(&mixed)).unwrap();
    drop((wrong, mixed));
    pause("rejected");
}

fn generate_a_secret() {
    let text = tower_svix::sign::generate::secret().unwrap();
    let secret: Secret = text.expose().parse().unwrap();
    print!("text ");
    for byte in text.expose().bytes() {
        // Inverted, because printed text stays in a buffer.
        print!("{:02x}", !byte);
    }
    println!();
    pause("alive");
    drop((text, secret));
    pause("dropped");
}

#[cfg(feature = "ed25519")]
fn use_a_private_key() {
    let mut pair = Zeroizing::new([0; 2 * KEY_LEN]);
    with_key(|key| pair[..KEY_LEN].copy_from_slice(key));
    STANDARD
        .decode_slice_unchecked(std::env::var(PUBLIC_KEY).unwrap(), &mut pair[KEY_LEN..])
        .unwrap();
    let key: SigningKey = str(&text("whsk_", &*pair)).parse().unwrap();
    drop(pair);
    pause("parsed");
    key.sign(ID, NOW, BODY).unwrap();
    pause("used");
    drop(key);
    pause("dropped");
}

fn secret() -> Secret {
    str(&secret_text("whsec_")).parse().unwrap()
}

/// Returns the headers of a delivery of [`BODY`].
pub(crate) fn signed(signature: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("webhook-id", ID.parse().unwrap());
    headers.insert("webhook-timestamp", NOW.into());
    headers.insert("webhook-signature", signature.parse().unwrap());
    headers
}

/// Returns the key after a prefix, as a portal shows it.
fn secret_text(prefix: &str) -> Zeroizing<Vec<u8>> {
    with_key(|key| text(prefix, key))
}

/// Returns any key after a prefix. Unlike that of a `String`, the buffer never moves.
fn text(prefix: &str, key: &[u8]) -> Zeroizing<Vec<u8>> {
    let len = prefix.len() + key.len().div_ceil(3) * 4;
    let mut text = Zeroizing::new(vec![0; len]);
    text[..prefix.len()].copy_from_slice(prefix.as_bytes());
    STANDARD
        .encode_slice(key, &mut text[prefix.len()..])
        .unwrap();
    text
}

fn str(text: &[u8]) -> &str {
    std::str::from_utf8(text).unwrap()
}

/// Waits until the memory has been searched.
pub(crate) fn pause(phase: &str) {
    println!("{phase}");
    io::stdin().read_line(&mut String::new()).unwrap();
}
