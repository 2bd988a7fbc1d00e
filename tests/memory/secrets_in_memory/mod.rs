//! Secrets are wiped: after use, nothing of them is left on the heap of the process.
//!
//! One process holds secrets, and another one searches its memory. A process that searches its own memory would find
//! what it searches for.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod deliveries;
mod holder;
mod needles;
mod search;

use std::env;

use self::needles::{KEY, STATES, TEXT, of_hmac_key};
use self::search::Holder;

const NOTHING: [&str; 0] = [];

/// Acts in the role that the variable names, if it is set.
pub(crate) fn plays_a_role() -> bool {
    let Ok(role) = env::var(holder::ROLE) else {
        return false;
    };
    holder::play(&role);
    true
}

/// Otherwise, an empty result would prove nothing.
pub(crate) fn the_search_finds_what_lives_and_what_was_not_wiped() {
    let mut holder = Holder::start("careless");
    for phase in ["alive", "dropped"] {
        assert_eq!(holder.found(phase, &of_hmac_key()), [KEY, TEXT], "{phase}");
    }
}

/// Only the key schedule is kept, and only while the secret lives. The valid signature of a forged delivery is as
/// useful as the key to anyone who can read the memory, so it is not kept at all.
pub(crate) fn a_secret_leaves_nothing_behind() {
    let mut holder = Holder::start("secret");
    for phase in ["parsed", "used"] {
        assert_eq!(holder.found(phase, &of_hmac_key()), STATES, "{phase}");
    }
    assert_eq!(holder.found("dropped", &of_hmac_key()), NOTHING);
}

/// A place that is larger than its key takes a copy of what is beside it on the stack, and nothing wipes that copy.
pub(crate) fn a_secret_that_moves_leaves_nothing_behind() {
    let mut holder = Holder::start("moved");
    assert_eq!(holder.found("moved", &of_hmac_key()), STATES);
    assert_eq!(holder.found("dropped", &of_hmac_key()), NOTHING);
}

/// A framework moves it. A move also copies the unused parts of a future, and nothing wipes those.
pub(crate) fn a_delivery_in_a_box_leaves_nothing_behind() {
    leave_nothing_behind(["boxed, accepted", "boxed, forged", "boxed, in the body"]);
}

pub(crate) fn a_delivery_deep_on_the_stack_leaves_nothing_behind() {
    leave_nothing_behind(["deep, accepted", "deep, forged", "deep, in the body"]);
}

pub(crate) fn a_delivery_to_axum_leaves_nothing_behind() {
    leave_nothing_behind(["axum, accepted", "axum, forged", "axum, in the body"]);
}

fn leave_nothing_behind<const N: usize>(roles: [&'static str; N]) {
    let left_behind = roles.map(|role| {
        let mut holder = Holder::start(role);
        assert_eq!(holder.found("used", &of_hmac_key()), STATES, "{role}");
        (role, holder.found("dropped", &of_hmac_key()))
    });
    assert_eq!(left_behind, roles.map(|role| (role, vec![])));
}

/// A caller may keep a started verification anywhere, such as in a `Vec` that grows.
pub(crate) fn a_verification_that_moves_leaves_nothing_behind() {
    leave_nothing_behind(["verification, accepted", "verification, in the body"]);
}

pub(crate) fn a_body_that_panics_leaves_nothing_behind() {
    leave_nothing_behind(["boxed, panics", "deep, panics"]);
}

pub(crate) fn a_text_that_is_no_secret_leaves_nothing_behind() {
    let mut holder = Holder::start("rejected");
    assert_eq!(holder.found("rejected", &of_hmac_key()), NOTHING);
}

pub(crate) fn a_generated_secret_leaves_nothing_behind() {
    let mut holder = Holder::start("generated");
    let text = holder.told("text");
    let needles = needles::of_generated(&text);
    assert_eq!(holder.found("alive", &needles), [TEXT]);
    assert_eq!(holder.found("dropped", &needles), NOTHING);
}

#[cfg(feature = "ed25519")]
pub(crate) fn a_private_key_leaves_nothing_behind() {
    let mut holder = Holder::start("private key");
    for phase in ["parsed", "used"] {
        let found = holder.found(phase, &needles::of_private_key());
        assert_eq!(found, [KEY], "{phase}");
    }
    let found = holder.found("dropped", &needles::of_private_key());
    assert_eq!(found, NOTHING);
}
