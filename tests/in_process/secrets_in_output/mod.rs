//! No output shows a secret: no `Debug`, error, log, metric, response or panic.
//!
//! Every secret here is a canary. All output is searched for it, and for parts of it, in every form in which bytes are
//! written.
#![cfg(feature = "ed25519")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[allow(dead_code, reason = "here it only signs")]
mod canaries;
mod deliveries;
mod keys;
mod panics;
mod types;

use std::collections::BTreeSet;

use self::canaries::assert_silent;

#[test]
fn no_type_shows_a_secret() {
    for (name, shown) in types::shown() {
        assert!(!shown.trim().is_empty(), "{name} shows as nothing at all");
        assert_silent(name, &shown);
    }
}

/// So that a new type is not forgotten.
#[test]
fn every_type_that_can_be_shown_is() {
    let shown: BTreeSet<_> = types::shown().into_iter().map(|(name, _)| name).collect();
    let listed: BTreeSet<_> = include_str!("../../../docs/public-api/tower-svix.txt")
        .lines()
        .filter(|line| {
            line.contains("core::fmt::Debug for ") || line.contains("core::fmt::Display for ")
        })
        .map(|line| line.split(" for tower_svix::").nth(1).unwrap())
        .map(|path| path.split(['<', ' ']).next().unwrap())
        .filter(|path| !types::HOLD_NOTHING.contains(path))
        .collect();
    assert_eq!(shown, listed);
}

#[test]
fn no_error_of_a_key_shows_it() {
    for (name, shown) in keys::errors() {
        assert_silent(&name, &shown);
    }
}

#[test]
fn nothing_that_a_delivery_leaves_behind_shows_a_secret() {
    for delivery in deliveries::all() {
        let code = delivery.code;
        let trace = delivery.run();
        let seen = trace.answer.contains(code) || trace.log.contains(code);
        assert!(seen, "{code}: {} {}", trace.answer, trace.log);
        for (place, shown) in [
            ("the answer", &trace.answer),
            ("the log", &trace.log),
            ("the numbers", &trace.metrics),
        ] {
            assert_silent(&format!("{place} of {code}"), shown);
        }
    }
}

#[test]
fn no_panic_shows_a_secret() {
    for (name, message) in panics::messages() {
        assert_silent(name, &message);
    }
}
