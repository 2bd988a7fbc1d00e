//! Verification of a body in parts is as strict as `verify_strict` of `ed25519-dalek` for the whole message.
#![cfg(feature = "ed25519")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use bytes::Bytes;
use curve25519_dalek::constants::EIGHT_TORSION;
use curve25519_dalek::{EdwardsPoint, Scalar};
use ed25519_dalek::hazmat::ExpandedSecretKey;
use ed25519_dalek::{Signature, Verifier as _, VerifyingKey};
use proptest::prelude::*;
use sha2::{Digest as _, Sha512};
use tower_svix::{KeyError, PublicKey, SvixVerifyLayer};
use tower_svix_tests::body::{Script, Step};
use tower_svix_tests::clock::At;
use tower_svix_tests::keys::{NOW, answer, request_with_body};
use tower_svix_tests::keys_ed25519::{element, message, public_text};

/// The order of the group of the signatures, in little endian: L = 2^252 + 27742317777372353535851937790883648493.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// A signer that breaks the rules.
struct Forger {
    /// The private scalar.
    a: Scalar,
    /// The alleged public key.
    public: [u8; 32],
    /// The secret scalar of one signature.
    r: Scalar,
    /// The alleged point of the signature.
    point: [u8; 32],
}

impl Forger {
    fn honest(seed: &[u8; 32], r: Scalar) -> Self {
        let a = ExpandedSecretKey::from(seed).scalar;
        Self {
            a,
            public: encode(EdwardsPoint::mul_base(&a)),
            r,
            point: encode(EdwardsPoint::mul_base(&r)),
        }
    }

    /// Returns R, and an S that fits the hash that the receiver will compute.
    fn sign(&self, message: &[u8]) -> [u8; 64] {
        let hash = Sha512::new()
            .chain_update(self.point)
            .chain_update(self.public)
            .chain_update(message);
        let k = Scalar::from_bytes_mod_order_wide(&hash.finalize().into());
        let s = self.r + k * self.a;
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(&self.point);
        signature[32..].copy_from_slice(s.as_bytes());
        signature
    }
}

fn encode(point: EdwardsPoint) -> [u8; 32] {
    point.compress().to_bytes()
}

/// Makes S + L: the same scalar, unless the receiver checks the range.
fn add_order(signature: &mut [u8; 64]) {
    let mut carry = 0;
    for (byte, addend) in signature[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(addend) + carry;
        [*byte, _] = sum.to_le_bytes();
        carry = sum >> 8;
    }
    assert_eq!(carry, 0);
}

/// Returns whether the middleware accepts a body in these frames.
fn accepts(public: &[u8; 32], signature: &[u8], frames: Vec<Bytes>) -> bool {
    let Ok(secret) = public_text(public).parse::<PublicKey>() else {
        return false;
    };
    let steps = frames
        .into_iter()
        .flat_map(|frame| [Step::data(frame), Step::Pending]);
    let request = request_with_body("/", &element(signature), Script::new(steps));
    let layer = SvixVerifyLayer::new(secret).clock(At(NOW));
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let answer = runtime.unwrap().block_on(answer(&layer, request));
    if answer.event.is_none() {
        answer.assert_mismatch();
    }
    answer.event.is_some()
}

/// Returns the verdicts of `ed25519-dalek`: strict, and by the plain equation. The range of S is checked here, because
/// `ed25519-dalek` does not check it with its feature `legacy_compatibility`.
fn reference(public: &[u8; 32], signature: &[u8; 64], body: &[u8]) -> [bool; 2] {
    let Ok(public) = VerifyingKey::from_bytes(public) else {
        return [false; 2];
    };
    let is_below_order = has_canonical_scalar(signature);
    let signature = Signature::from_bytes(signature);
    [
        is_below_order && public.verify_strict(&message(body), &signature).is_ok(),
        public.verify(&message(body), &signature).is_ok(),
    ]
}

fn has_canonical_scalar(signature: &[u8; 64]) -> bool {
    let scalar = signature[32..].try_into().unwrap();
    Scalar::from_canonical_bytes(scalar).is_some().into()
}

#[derive(Clone, Copy, Debug)]
enum Change {
    None,
    SignatureBit(usize),
    KeyBit(usize),
    BodyBit(usize),
    /// S + L instead of S.
    AddOrder,
    /// A point of small order as R, and an S that fits it.
    SmallOrderR(usize),
    /// R plus a point of small order, and an S that fits it.
    MixedOrderR(usize),
    /// A point of small order as the public key.
    SmallOrderKey(usize),
    /// The public key plus a point of small order. Whether a signature is valid depends on the message.
    MixedOrderKey(usize),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        2 => Just(Change::None),
        3 => (0..512_usize).prop_map(Change::SignatureBit),
        1 => (0..256_usize).prop_map(Change::KeyBit),
        1 => any::<usize>().prop_map(Change::BodyBit),
        1 => Just(Change::AddOrder),
        1 => (0..8_usize).prop_map(Change::SmallOrderR),
        1 => (0..8_usize).prop_map(Change::MixedOrderR),
        1 => (0..8_usize).prop_map(Change::SmallOrderKey),
        2 => (0..8_usize).prop_map(Change::MixedOrderKey),
    ]
}

fn flip(bytes: &mut [u8], bit: usize) {
    if !bytes.is_empty() {
        let index = bit / 8 % bytes.len();
        bytes[index] ^= 1 << (bit % 8);
    }
}

/// Splits the body at the cuts.
fn frames(body: &[u8], mut cuts: Vec<usize>) -> Vec<Bytes> {
    for cut in &mut cuts {
        *cut %= body.len() + 1;
    }
    cuts.extend([0, body.len()]);
    cuts.sort_unstable();
    let pieces = cuts.windows(2).map(|cut| &body[cut[0]..cut[1]]);
    pieces.map(Bytes::copy_from_slice).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 160, ..ProptestConfig::default() })]

    #[test]
    fn streaming_agrees_with_verify_strict(
        seed: [u8; 32],
        r: [u8; 32],
        mut body in prop::collection::vec(any::<u8>(), 0..600),
        cuts in prop::collection::vec(any::<usize>(), 0..6),
        change in change(),
    ) {
        let mut forger = Forger::honest(&seed, Scalar::from_bytes_mod_order(r));
        match change {
            Change::SmallOrderR(index) => {
                forger.r = Scalar::ZERO;
                forger.point = encode(EIGHT_TORSION[index]);
            }
            Change::MixedOrderR(index) => {
                let point = EdwardsPoint::mul_base(&forger.r);
                forger.point = encode(point + EIGHT_TORSION[index]);
            }
            Change::SmallOrderKey(index) => forger.public = encode(EIGHT_TORSION[index]),
            Change::MixedOrderKey(index) => {
                let point = EdwardsPoint::mul_base(&forger.a);
                forger.public = encode(point + EIGHT_TORSION[index]);
            }
            _ => {}
        }
        let mut signature = forger.sign(&message(&body));
        match change {
            Change::SignatureBit(bit) => flip(&mut signature, bit),
            Change::KeyBit(bit) => flip(&mut forger.public, bit),
            Change::BodyBit(bit) => flip(&mut body, bit),
            Change::AddOrder => add_order(&mut signature),
            _ => {}
        }

        let [strict, plain] = reference(&forger.public, &signature, &body);
        prop_assert_eq!(accepts(&forger.public, &signature, frames(&body, cuts)), strict);
        match change {
            Change::None => prop_assert!(strict),
            // R is the identity. It satisfies the equation, but is rejected.
            Change::SmallOrderR(0) => prop_assert!(plain && !strict),
            Change::BodyBit(_) if body.is_empty() => prop_assert!(strict),
            Change::SignatureBit(_)
            | Change::KeyBit(_)
            | Change::BodyBit(_)
            | Change::AddOrder
            | Change::SmallOrderR(_)
            | Change::SmallOrderKey(_) => prop_assert!(!strict),
            Change::MixedOrderR(_) | Change::MixedOrderKey(_) => {}
        }
    }
}

/// A signature that satisfies the equation although R has a small order. The key must have a component of small order,
/// and it takes a few tries until it cancels that of R.
#[test]
fn no_point_of_small_order_is_taken_for_r_even_if_the_equation_holds() {
    let generator = EIGHT_TORSION[1];
    for (index, point) in EIGHT_TORSION.into_iter().enumerate() {
        let mut forger = Forger::honest(&[1; 32], Scalar::ZERO);
        forger.public = encode(EdwardsPoint::mul_base(&forger.a) + generator);
        forger.point = encode(point);
        let (body, signature) = (0..1000_u32)
            .map(|number| number.to_string().into_bytes())
            .map(|body| (body.clone(), forger.sign(&message(&body))))
            .find(|(body, signature)| reference(&forger.public, signature, body)[1])
            .unwrap();
        public_text(&forger.public).parse::<PublicKey>().unwrap();
        assert!(!reference(&forger.public, &signature, &body)[0], "{index}");
        assert!(
            !accepts(&forger.public, &signature, vec![body.into()]),
            "{index}"
        );
    }
}

#[test]
fn points_of_small_order_are_no_public_keys() {
    for (index, point) in EIGHT_TORSION.into_iter().enumerate() {
        let rejected = public_text(&encode(point))
            .parse::<PublicKey>()
            .unwrap_err();
        assert_eq!(rejected, KeyError::InvalidPublicKey, "{index}");
    }
}

/// Some points have a second encoding, with p + y instead of y. If both were accepted, one key would have two texts.
#[test]
fn no_public_key_is_taken_in_an_encoding_that_is_not_canonical() {
    let mut points = 0;
    for y in 0..19 {
        for sign in [0x7f, 0xff] {
            let mut encoding = [0xff; 32];
            encoding[0] = 0xed + y;
            encoding[31] = sign;
            points += usize::from(VerifyingKey::from_bytes(&encoding).is_ok());
            let rejected = public_text(&encoding).parse::<PublicKey>().unwrap_err();
            assert_eq!(rejected, KeyError::InvalidPublicKey, "p + {y}, {sign:x}");
        }
    }
    assert!(points > 2, "some of them do encode a point");
}

/// The same for R, where the second encoding does not change what is signed.
#[test]
fn no_r_is_taken_in_an_encoding_that_is_not_canonical() {
    for y in 0..19 {
        for sign in [0x7f, 0xff] {
            let mut forger = Forger::honest(&[1; 32], Scalar::ZERO);
            forger.point = [0xff; 32];
            forger.point[0] = 0xed + y;
            forger.point[31] = sign;
            let signature = forger.sign(&message(b"{}"));
            let frames = vec![Bytes::from_static(b"{}")];
            assert!(
                !accepts(&forger.public, &signature, frames),
                "p + {y}, {sign:x}"
            );
        }
    }
}

/// All multiples of L for which every S has room.
#[test]
fn a_signature_has_no_second_form() {
    let forger = Forger::honest(&[1; 32], Scalar::from(5_u8));
    let mut signature = forger.sign(&message(b"{}"));
    let frames = || vec![Bytes::from_static(b"{"), Bytes::from_static(b"}")];
    assert!(accepts(&forger.public, &signature, frames()));
    for times in 1..=14 {
        add_order(&mut signature);
        assert!(
            !accepts(&forger.public, &signature, frames()),
            "S + {times} L"
        );
    }
}

/// `./test` runs the tests of this file again with that feature, which any crate in the graph may switch on. This test
/// shows that it is on: the library accepts the second form then, and only this crate rejects it.
#[test]
#[ignore = "needs `--features ed25519-dalek/legacy_compatibility`"]
fn the_library_takes_a_second_form_with_legacy_compatibility() {
    let forger = Forger::honest(&[1; 32], Scalar::from(5_u8));
    let mut signature = forger.sign(&message(b"{}"));
    add_order(&mut signature);
    let public = VerifyingKey::from_bytes(&forger.public).unwrap();
    let verdict = public.verify_strict(&message(b"{}"), &Signature::from_bytes(&signature));
    assert!(verdict.is_ok());
}
