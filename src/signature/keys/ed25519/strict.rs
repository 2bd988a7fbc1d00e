//! The checks of a signature beyond the equation. They ensure that it has only one form, and that only the owner of the
//! key can make it.
//!
//! `verify_strict` of `ed25519-dalek` makes the same checks, but needs the whole message at once. The checks of that
//! crate's other functions depend on its feature `legacy_compatibility`, which any crate in the graph may enable.

/// The order of the group, in little-endian: 2^252 + 27742317777372353535851937790883648493
/// ([RFC 8032, section 5.1](https://www.rfc-editor.org/rfc/rfc8032#section-5.1)).
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// The prime of the field: 2^255 - 19.
const PRIME: [u8; 32] = {
    let mut prime = [0xff; 32];
    prime[0] = 0xed;
    prime[31] = 0x7f;
    prime
};

/// The y coordinates of the points whose order divides 8. Each belongs to one or two points, which differ in the sign
/// of x.
const SMALL_ORDER: [[u8; 32]; 5] = [
    // Of order 4.
    [0; 32],
    // Of order 1: the identity.
    {
        let mut one = [0; 32];
        one[0] = 1;
        one
    },
    // Of order 2: p - 1.
    {
        let mut minus_one = PRIME;
        minus_one[0] -= 1;
        minus_one
    },
    // Of order 8: two values that are the negative of each other.
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
        0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
        0x03, 0x7a,
    ],
];

/// Whether the scalar of a signature is less than the order, and its point is in canonical form and not of small order.
///
/// Whether the point is on the curve needs no check: it is compared with one that is.
pub(super) fn is_acceptable(signature: &[u8; 64]) -> bool {
    let (point, scalar) = signature.split_at(32);
    let mut y = [0; 32];
    y.copy_from_slice(point);
    y[31] &= 0x7f;
    is_below(scalar, &ORDER) && is_below(&y, &PRIME) && !SMALL_ORDER.contains(&y)
}

/// Whether `number` is less than `bound`, both in little-endian and of the same length.
fn is_below(number: &[u8], bound: &[u8]) -> bool {
    number.iter().rev().lt(bound.iter().rev())
}
