//! What a forger changes, of a delivery that was captured and with the help of another.

use tower_svix_fuzz::reference::{
    Family, GROUP_ORDER, Key, SMALL_ORDER, base64_decode, base64_encode, hex, hmac_sha256,
    signed_content,
};

use crate::delivery::{Delivery, Genuine};
use crate::rng::Rng;

/// Makes a forgery of the first delivery. A change may turn out to be none: see `Captured::is_genuine`.
pub type Mutate = fn(&mut Rng, &Genuine, &Genuine) -> Delivery;

/// The kinds of forgeries, by name.
pub const KINDS: &[(&str, Mutate)] = &[
    ("a bit of the body", a_bit_of_the_body),
    ("a bit of the id", a_bit_of_the_id),
    ("a bit of the timestamp", a_bit_of_the_timestamp),
    ("a bit of the signatures", a_bit_of_the_signatures),
    ("another split", another_split),
    ("parts of another delivery", parts_of_another),
    ("sent to another receiver", to_another_receiver),
    ("a part shorter or longer", resized),
    ("families mixed", families_mixed),
    ("both families", both_families),
    ("a header twice", a_header_twice),
    ("a header empty or missing", empty_or_missing),
    ("another version", another_version),
    ("another base64", another_base64),
    ("hexadecimal digits", hexadecimal),
    ("a key that everyone knows", known_key),
    ("a part of a signature", part_of_a_signature),
    ("the timestamp written otherwise", timestamp_otherwise),
    ("a list without a genuine one", list_without_genuine),
    ("points and scalars of ed25519", points_and_scalars),
];

fn a_bit_of_the_body(rng: &mut Rng, captured: &Genuine, _: &Genuine) -> Delivery {
    let mut forged = captured.delivery.clone();
    flip(rng, &mut forged.body);
    forged
}

fn a_bit_of_the_id(rng: &mut Rng, captured: &Genuine, _: &Genuine) -> Delivery {
    let mut forged = captured.delivery.clone();
    flip(rng, &mut forged.id);
    forged
}

fn a_bit_of_the_timestamp(rng: &mut Rng, captured: &Genuine, _: &Genuine) -> Delivery {
    let mut forged = captured.delivery.clone();
    flip(rng, &mut forged.timestamp);
    forged
}

fn a_bit_of_the_signatures(rng: &mut Rng, captured: &Genuine, _: &Genuine) -> Delivery {
    let mut forged = captured.delivery.clone();
    flip(rng, &mut forged.signatures);
    forged
}

/// The same signed text, taken apart at other full stops, or a little beside them.
fn another_split(rng: &mut Rng, captured: &Genuine, _: &Genuine) -> Delivery {
    let mut forged = captured.delivery.clone();
    let text = signed_content(&forged.id, &forged.timestamp, &forged.body);
    let stops: Vec<_> = (0..text.len()).filter(|at| text[*at] == b'.').collect();
    let beside = |rng: &mut Rng, at: usize| (at + rng.below(7)).saturating_sub(3);
    let (mut first, mut second) = (*rng.pick(&stops), *rng.pick(&stops));
    if rng.one_in(2) {
        (first, second) = (beside(rng, first), beside(rng, second));
    }
    let last = text.len() - 1;
    let (first, second) = (first.min(second).min(last), first.max(second).min(last));
    forged.id = text[..first].to_vec();
    forged.timestamp = text[second.min(first + 1)..second].to_vec();
    forged.body = text[second + 1..].to_vec();
    forged
}

fn parts_of_another(rng: &mut Rng, captured: &Genuine, other: &Genuine) -> Delivery {
    let mut forged = captured.delivery.clone();
    let parts = 1 + rng.below(14);
    for (part, own) in [
        &mut forged.id,
        &mut forged.timestamp,
        &mut forged.signatures,
        &mut forged.body,
    ]
    .into_iter()
    .enumerate()
    {
        if parts >> part & 1 == 1 {
            let other = &other.delivery;
            own.clone_from([&other.id, &other.timestamp, &other.signatures, &other.body][part]);
        }
    }
    forged
}

fn to_another_receiver(rng: &mut Rng, captured: &Genuine, other: &Genuine) -> Delivery {
    let mut forged = other.delivery.clone();
    if rng.one_in(2) {
        let mut elements = forged.elements();
        elements.extend(captured.delivery.elements());
        forged.signatures = elements.join(&b' ');
    }
    forged
}

fn resized(rng: &mut Rng, captured: &Genuine, _: &Genuine) -> Delivery {
    let mut forged = captured.delivery.clone();
    let part = match rng.below(4) {
        0 => &mut forged.id,
        1 => &mut forged.timestamp,
        2 => &mut forged.signatures,
        _ => &mut forged.body,
    };
    let count = 1 + rng.below(4);
    match rng.below(4) {
        0 => part.truncate(part.len().saturating_sub(count)),
        1 => drop(part.drain(..count.min(part.len()))),
        2 => part.extend((0..count).map(|_| *rng.pick(b"\0 0a.\n}"))),
        _ => {
            let at = rng.below(part.len() + 1);
            part.insert(at, *rng.pick(b"\0 0a.\n}"));
        }
    }
    forged
}

/// Each header may be of either family, so that none is complete but by chance.
fn families_mixed(rng: &mut Rng, captured: &Genuine, other: &Genuine) -> Delivery {
    let mut forged = captured.delivery.clone();
    let moved = 1 + rng.below(6);
    let names = other_family(forged.family).names();
    let values = [&forged.id, &forged.timestamp, &forged.signatures].map(Clone::clone);
    for (part, value) in values.into_iter().enumerate() {
        if moved >> part & 1 == 1 {
            forged.without[part] = true;
            forged.after.push((names[part], value));
        }
    }
    if rng.one_in(2) {
        forged.body.clone_from(&other.delivery.body);
    }
    forged
}

/// A genuine delivery in one family, and what is to be smuggled in with it in the other.
fn both_families(rng: &mut Rng, captured: &Genuine, other: &Genuine) -> Delivery {
    let mut forged = captured.delivery.clone();
    let names = other_family(forged.family).names();
    let smuggled = &other.delivery;
    let lines = [&smuggled.id, &smuggled.timestamp, &smuggled.signatures];
    let lines = names.into_iter().zip(lines.map(Clone::clone));
    if rng.one_in(2) {
        forged.before.extend(lines);
    } else {
        forged.after.extend(lines);
    }
    if rng.one_in(2) {
        forged.family = other_family(forged.family);
        for line in forged.before.iter_mut().chain(&mut forged.after) {
            let own = names.iter().position(|name| *name == line.0);
            line.0 = other_family(forged.family).names()[own.expect("a name of the family")];
        }
    }
    if rng.one_in(2) {
        forged.body.clone_from(&smuggled.body);
    } else if rng.one_in(2) {
        flip(rng, &mut forged.body);
    }
    forged
}

fn a_header_twice(rng: &mut Rng, captured: &Genuine, other: &Genuine) -> Delivery {
    let mut forged = captured.delivery.clone();
    let part = rng.below(3);
    let own = [&forged.id, &forged.timestamp, &forged.signatures][part];
    let others = [
        &other.delivery.id,
        &other.delivery.timestamp,
        &other.delivery.signatures,
    ][part];
    let value = if rng.one_in(2) { own } else { others }.clone();
    let line = (forged.family.names()[part], value);
    if rng.one_in(2) {
        forged.before.push(line);
    } else {
        forged.after.push(line);
    }
    if rng.one_in(2) {
        forged.body.clone_from(&other.delivery.body);
    }
    forged
}

fn empty_or_missing(rng: &mut Rng, captured: &Genuine, _: &Genuine) -> Delivery {
    let mut forged = captured.delivery.clone();
    match rng.below(5) {
        0 => forged.id.clear(),
        1 => forged.timestamp.clear(),
        2 => forged.signatures.clear(),
        3 => forged.body.clear(),
        _ => forged.without[rng.below(3)] = true,
    }
    forged
}

fn another_version(rng: &mut Rng, captured: &Genuine, _: &Genuine) -> Delivery {
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

/// The bytes of the signature, in a text that only a lenient decoder reads the same from.
fn another_base64(rng: &mut Rng, captured: &Genuine, _: &Genuine) -> Delivery {
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
            // The bits that the last character has to spare.
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

fn hexadecimal(rng: &mut Rng, captured: &Genuine, _: &Genuine) -> Delivery {
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

/// A MAC under a key that is no secret, or under the text of the secret as in wrong samples.
fn known_key(rng: &mut Rng, captured: &Genuine, _: &Genuine) -> Delivery {
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

fn part_of_a_signature(rng: &mut Rng, captured: &Genuine, _: &Genuine) -> Delivery {
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

fn timestamp_otherwise(rng: &mut Rng, captured: &Genuine, _: &Genuine) -> Delivery {
    let mut forged = captured.delivery.clone();
    let text = String::from_utf8_lossy(&forged.timestamp).into_owned();
    let number: i64 = text.parse().unwrap_or_default();
    forged.timestamp = match rng.below(12) {
        0 => format!("+{text}"),
        1 => format!("-{text}"),
        2 => format!("0{text}"),
        3 => format!("{text}.0"),
        4 => format!(" {text}"),
        5 => format!("{text} "),
        6 => format!("{text}e0"),
        7 => format!("{number:#x}"),
        8 => format!("{text}000"),
        9 => format!("{}", i128::from(number) + (1 << 64)),
        10 => format!("{}", number.saturating_add(1 + i64::from(rng.one_in(2)))),
        _ => format!("{}", number.saturating_sub(1)),
    }
    .into();
    forged
}

fn list_without_genuine(rng: &mut Rng, captured: &Genuine, other: &Genuine) -> Delivery {
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

/// Signatures that lax verifiers take: of points of small order, or with another scalar that means the same.
fn points_and_scalars(rng: &mut Rng, captured: &Genuine, _: &Genuine) -> Delivery {
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

/// Edits what stands after the comma in one element of the list.
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

/// HMAC fills a short key up with zeros.
fn is_same_key(a: &[u8], b: &[u8]) -> bool {
    let (short, long) = if a.len() < b.len() { (a, b) } else { (b, a) };
    long.strip_prefix(short)
        .is_some_and(|rest| rest.iter().all(|byte| *byte == 0))
}

fn flip(rng: &mut Rng, bytes: &mut Vec<u8>) {
    if bytes.is_empty() {
        bytes.push(b' ');
    } else {
        let bit = rng.below(8 * bytes.len());
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
}

fn other_family(family: Family) -> Family {
    match family {
        Family::Svix => Family::Webhook,
        Family::Webhook => Family::Svix,
    }
}
