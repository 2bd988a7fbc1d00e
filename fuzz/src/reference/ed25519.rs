//! Strict ed25519: what *ring* verifies, except what anyone could make or change.

use ring::signature::{ED25519, UnparsedPublicKey};

/// The encodings of points of small order, and those that decode to one, without the sign of x.
pub const SMALL_ORDER: [[u8; 32]; 7] = [
    of_hex(b"0000000000000000000000000000000000000000000000000000000000000000"),
    of_hex(b"0100000000000000000000000000000000000000000000000000000000000000"),
    of_hex(b"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    of_hex(b"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
    of_hex(b"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    of_hex(b"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    of_hex(b"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
];

/// The order of the group. A scalar must be below it.
pub const GROUP_ORDER: [u8; 32] =
    of_hex(b"edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");

/// Returns whether `signature` is valid for `message`, and only the owner of the key can have made it.
pub(super) fn verify(key: &[u8; 32], message: &[u8], signature: &[u8]) -> bool {
    let Some(point) = signature.first_chunk::<32>() else {
        return false;
    };
    !is_small_order(point)
        && UnparsedPublicKey::new(&ED25519, key)
            .verify(message, signature)
            .is_ok()
}

/// Returns whether the 32 bytes may be a key, if they are a point on the curve.
pub(super) fn may_be_key(key: &[u8; 32]) -> bool {
    !is_small_order(key) && is_canonical(key)
}

fn is_small_order(point: &[u8; 32]) -> bool {
    SMALL_ORDER.contains(&without_sign(point))
}

/// Returns whether y is below 2^255 - 19.
fn is_canonical(point: &[u8; 32]) -> bool {
    let y = without_sign(point);
    y[31] < 0x7f || y[1..31].iter().any(|byte| *byte != 0xff) || y[0] < 0xed
}

fn without_sign(point: &[u8; 32]) -> [u8; 32] {
    let mut y = *point;
    y[31] &= 0x7f;
    y
}

const fn of_hex(hex: &[u8; 64]) -> [u8; 32] {
    const fn digit(byte: u8) -> u8 {
        if byte <= b'9' {
            byte - b'0'
        } else {
            byte - b'a' + 10
        }
    }
    let mut bytes = [0; 32];
    let mut index = 0;
    while index < 32 {
        bytes[index] = digit(hex[2 * index]) << 4 | digit(hex[2 * index + 1]);
        index += 1;
    }
    bytes
}
