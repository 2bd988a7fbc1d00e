//! The changes that a forger makes to the list of signatures.

use tower_svix_fuzz::reference::{
    GROUP_ORDER, Key, SMALL_ORDER, base64_decode, base64_encode, hex, hmac_sha256, signed_content,
};

use crate::delivery::{Delivery, Genuine};
use crate::mutation::flip;
use crate::rng::Rng;

pub fn a_bit_of_the_signatures(rng: &mut Rng, captured: &Genuine, _: &Genuine) -> Delivery {
    let mut forged = captured.delivery.clone();
    flip(rng, &mut forged.signatures);
    forged
}

pub fn another_version(rng: &mut Rng, captured: &Genuine, _: &Genuine) -> Delivery {
    const VERSIONS: [&[u8]; 12] = [
        b"v1,", b"v1a,", b"v2,", b"V1,", b"v1", b"v1,,", b"v1, ", b" v1,", b"v01,", b"", b",",
        b"sha256=",
    ];
    let mut forged = captured.delivery.clone();
    let version = *rng.pick(&VERSIONS);
    let elements = forged.elements().into_iter();
    let elements = elements.map(|element| [version, signature_of(&element)].concat());
    forged.signatures = elements.collect::<Vec<_>>().join(&b' ');
    if rng.one_in(2) {
        flip(rng, &mut forged.body);
    }
    forged
}

/// Encodes the signature in a text that only a lenient decoder reads as the same bytes.
pub fn another_base64(rng: &mut Rng, captured: &Genuine, _: &Genuine) -> Delivery {
    let way = rng.below(7);
    let mut forged = edit_one(rng, captured, |rng, text| match way {
        0 => text.retain(|byte| *byte != b'='),
        1 => text.push(b'='),
        2 => {
            for byte in text.iter_mut() {
                *byte = match *byte {
                    b'+' => b'-',
                    b'/' => b'_',
                    other => other,
                };
            }
        }
        3 => {
            // The unused bits of the last character.
            if let Some(last) = text.iter().rposition(|byte| *byte != b'=') {
                text[last] =
                    text[last].wrapping_add(u8::try_from(1 + rng.below(3)).expect("small"));
            }
        }
        4 => text.insert(rng.below(text.len() + 1), *rng.pick(b"\t =,")),
        5 => text.make_ascii_lowercase(),
        _ => {
            let percent = String::from_utf8_lossy(text).replace('=', "%3D");
            *text = percent.replace('+', "%2B").into();
        }
    });
    if rng.one_in(4) {
        flip(rng, &mut forged.body);
    }
    forged
}

pub fn hexadecimal(rng: &mut Rng, captured: &Genuine, _: &Genuine) -> Delivery {
    let upper = rng.one_in(2);
    let mut forged = edit_one(rng, captured, |_, text| {
        let mut digits = hex(&base64_decode(text).unwrap_or_default());
        if upper {
            digits.make_ascii_uppercase();
        }
        *text = digits.into();
    });
    if rng.one_in(2) {
        let elements = forged.elements().into_iter();
        let elements: Vec<_> = elements
            .map(|element| signature_of(&element).to_vec())
            .collect();
        forged.signatures = elements.join(&b' ');
    }
    forged
}

/// Signs with a key that is not secret, or with the text of the secret as in wrong samples.
pub fn known_key(rng: &mut Rng, captured: &Genuine, _: &Genuine) -> Delivery {
    let mut forged = captured.delivery.clone();
    forged.body.extend_from_slice(b" forged");
    let text = rng.pick(&captured.secrets);
    let public = captured.keys.iter().find_map(|key| match key {
        Key::Ed25519(public) => Some(public.to_vec()),
        Key::Hmac(_) | Key::HexHmac(_) => None,
    });
    let mut key = match rng.below(7) {
        0 => Vec::new(),
        1 => vec![0; 32],
        2 => b"whsec_".to_vec(),
        3 => forged.id.clone(),
        4 => text.clone().into_bytes(),
        5 => text
            .trim_start_matches("whsec_")
            .trim_start_matches("whpk_")
            .into(),
        _ => public.unwrap_or_else(|| b"null".to_vec()),
    };
    // One receiver does have a key of zeros.
    if captured
        .keys
        .iter()
        .any(|own| matches!(own, Key::Hmac(own) if is_same_key(own, &key)))
    {
        key = b"another".to_vec();
    }
    let mac = hmac_sha256(
        &key,
        &signed_content(&forged.id, &forged.timestamp, &forged.body),
    );
    forged.signatures = match rng.below(4) {
        0 | 1 => format!("v1,{}", base64_encode(&mac)),
        2 => format!("v1,{}", hex(&mac)),
        _ => format!("v1a,{}", base64_encode(&[&mac[..], &mac].concat())),
    }
    .into();
    forged
}

pub fn part_of_a_signature(rng: &mut Rng, captured: &Genuine, _: &Genuine) -> Delivery {
    let end = rng.below(44);
    let fill = rng.one_in(2);
    edit_one(rng, captured, |_, text| {
        let len = text.len();
        text.truncate(end.min(len.saturating_sub(2)));
        if fill {
            text.resize(len, b'A');
        }
    })
}

pub fn list_without_genuine(rng: &mut Rng, captured: &Genuine, other: &Genuine) -> Delivery {
    let mut forged = captured.delivery.clone();
    forged.body.push(b' ');
    let count = if rng.one_in(64) {
        300
    } else {
        1 + rng.below(6)
    };
    let elements: Vec<Vec<u8>> = (0..count)
        .map(|_| match rng.below(6) {
            0 => format!("v1,{}", base64_encode(&rng.bytes(32))).into(),
            1 => format!("v1a,{}", base64_encode(&rng.bytes(64))).into(),
            2 => format!("v1,{}", hex(&rng.bytes(32))).into(),
            3 => rng.pick(&captured.delivery.elements()).clone(),
            4 => rng.pick(&other.delivery.elements()).clone(),
            _ => rng.pick(&[&b""[..], b"v1,", b"v1a,", b"v1", b","]).to_vec(),
        })
        .collect();
    forged.signatures = elements.join(&b' ');
    forged
}

/// Makes signatures that lax verifiers accept: points of small order, or another scalar with the same effect.
pub fn points_and_scalars(rng: &mut Rng, captured: &Genuine, _: &Genuine) -> Delivery {
    let way = rng.below(4);
    let mut forged = edit_one(rng, captured, |rng, text| {
        let mut signature = base64_decode(text).unwrap_or_default();
        signature.resize(64, 0);
        let (point, scalar) = signature.split_at_mut(32);
        if way != 3 {
            point.copy_from_slice(rng.pick::<[u8; 32]>(&SMALL_ORDER));
            point[31] |= *rng.pick(&[0, 0x80]);
        }
        match way {
            0 => scalar.fill(0),
            1 => scalar.copy_from_slice(&GROUP_ORDER),
            2 => {}
            _ => {
                let mut carry = 0;
                for (digit, add) in scalar.iter_mut().zip(GROUP_ORDER) {
                    let sum = u16::from(*digit) + u16::from(add) + carry;
                    *digit = sum.to_le_bytes()[0];
                    carry = sum >> 8;
                }
            }
        }
        *text = base64_encode(&signature).into();
    });
    if way != 3 || rng.one_in(2) {
        forged.body.push(b' ');
    }
    forged
}

/// Changes the text after the comma in one element of the list.
fn edit_one(
    rng: &mut Rng,
    captured: &Genuine,
    edit: impl FnOnce(&mut Rng, &mut Vec<u8>),
) -> Delivery {
    let mut forged = captured.delivery.clone();
    let mut elements = forged.elements();
    let index = rng.below(elements.len());
    let element = &mut elements[index];
    let mut signature = signature_of(element).to_vec();
    element.truncate(element.len() - signature.len());
    edit(rng, &mut signature);
    element.extend(signature);
    forged.signatures = elements.join(&b' ');
    forged
}

fn signature_of(element: &[u8]) -> &[u8] {
    let comma = element.iter().position(|byte| *byte == b',');
    &element[comma.map_or(0, |comma| comma + 1)..]
}

/// HMAC pads a short key with zeros.
fn is_same_key(a: &[u8], b: &[u8]) -> bool {
    let (short, long) = if a.len() < b.len() { (a, b) } else { (b, a) };
    long.strip_prefix(short)
        .is_some_and(|rest| rest.iter().all(|byte| *byte == 0))
}
