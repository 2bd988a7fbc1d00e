//! Secrets are wiped: the heap of a process that used one holds nothing of it afterwards.
//!
//! This file is two programs: one that holds secrets, and the test, which searches the memory of the first. So it brings
//! its own `main`. Two, because whoever searches knows what to search for, and would find that.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../support/mod.rs"]
mod support;

mod holder;
mod needles;
mod search;

use std::env;

use self::needles::{KEY, STATES, TEXT, of_hmac_key};
use self::search::Holder;

const NOTHING: [&str; 0] = [];

fn main() {
    if let Ok(role) = env::var(holder::ROLE) {
        return holder::play(&role);
    }
    if cfg!(not(target_os = "linux")) {
        println!("NOT TESTED: only Linux shows the memory of another process");
        return;
    }
    the_search_finds_what_lives_and_what_was_not_wiped();
    a_secret_leaves_nothing_behind();
    a_text_that_is_no_secret_leaves_nothing_behind();
    #[cfg(feature = "generate")]
    a_generated_secret_leaves_nothing_behind();
    #[cfg(feature = "ed25519")]
    a_private_key_leaves_nothing_behind();
    println!("the heap holds nothing of a secret that was dropped");
}

/// Were it not so, it would prove nothing to find nothing.
fn the_search_finds_what_lives_and_what_was_not_wiped() {
    let mut holder = Holder::start("careless");
    for phase in ["alive", "dropped"] {
        assert_eq!(holder.found(phase, &of_hmac_key()), [KEY, TEXT], "{phase}");
    }
}

/// Only what the key schedule made of the key is kept, and only as long as the secret lives. The right signature of a
/// forged delivery is as good as the key to whoever can read the memory: it is not kept at all.
fn a_secret_leaves_nothing_behind() {
    let mut holder = Holder::start("secret");
    for phase in ["parsed", "used"] {
        assert_eq!(holder.found(phase, &of_hmac_key()), STATES, "{phase}");
    }
    assert_eq!(holder.found("dropped", &of_hmac_key()), NOTHING);
}

fn a_text_that_is_no_secret_leaves_nothing_behind() {
    let mut holder = Holder::start("refused");
    assert_eq!(holder.found("refused", &of_hmac_key()), NOTHING);
}

#[cfg(feature = "generate")]
fn a_generated_secret_leaves_nothing_behind() {
    let mut holder = Holder::start("generated");
    let text = holder.told("text");
    let needles = needles::of_generated(&text);
    assert_eq!(holder.found("alive", &needles), [TEXT]);
    assert_eq!(holder.found("dropped", &needles), NOTHING);
}

#[cfg(feature = "ed25519")]
fn a_private_key_leaves_nothing_behind() {
    let mut holder = Holder::start("private key");
    for phase in ["parsed", "used"] {
        let found = holder.found(phase, &needles::of_private_key());
        assert_eq!(found, [KEY], "{phase}");
    }
    let found = holder.found("dropped", &needles::of_private_key());
    assert_eq!(found, NOTHING);
}
