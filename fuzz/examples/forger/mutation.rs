//! The changes that a forger makes to a captured delivery, some with the help of another one: the list of all kinds,
//! and the changes of content and headers.

use tower_svix_fuzz::reference::{Family, signed_content};

use crate::delivery::{Delivery, Genuine};
use crate::rng::Rng;
use crate::signatures;

/// Makes a forgery of the first delivery. The change may have no effect: see `Captured::is_genuine`.
pub type Mutate = fn(&mut Rng, &Genuine, &Genuine) -> Delivery;

/// The kinds of forgeries, by name.
pub const KINDS: &[(&str, Mutate)] = &[
    ("a bit of the body", a_bit_of_the_body),
    ("a bit of the id", a_bit_of_the_id),
    ("a bit of the timestamp", a_bit_of_the_timestamp),
    (
        "a bit of the signatures",
        signatures::a_bit_of_the_signatures,
    ),
    ("another split", another_split),
    ("parts of another delivery", parts_of_another),
    ("sent to another receiver", to_another_receiver),
    ("a part shorter or longer", resized),
    ("families mixed", families_mixed),
    ("both families", both_families),
    ("a header twice", a_header_twice),
    ("a header empty or missing", empty_or_missing),
    ("another version", signatures::another_version),
    ("another base64", signatures::another_base64),
    ("hexadecimal digits", signatures::hexadecimal),
    ("a key that everyone knows", signatures::known_key),
    ("a part of a signature", signatures::part_of_a_signature),
    ("the timestamp written otherwise", timestamp_otherwise),
    (
        "a list without a genuine one",
        signatures::list_without_genuine,
    ),
    (
        "points and scalars of ed25519",
        signatures::points_and_scalars,
    ),
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

/// Splits the same signed text at other full stops, or near them.
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

/// Puts each header into either family, so that a family is complete only by chance.
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

/// Combines a genuine delivery in one family with a forgery in the other.
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
    match rng.below(4) {
        0 | 1 => forged.body.clone_from(&smuggled.body),
        2 => flip(rng, &mut forged.body),
        _ => {}
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

pub fn flip(rng: &mut Rng, bytes: &mut Vec<u8>) {
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
