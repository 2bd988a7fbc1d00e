//! The fast tests in one binary, for mutation testing: see `.cargo/mutants.toml`.
//!
//! A mutant so costs one binary to build and link. `cargo test` runs the files by themselves, and leaves this one out.

#![allow(
    clippy::duplicate_mod,
    reason = "each file has its own copy of what it shares"
)]

#[path = "asymmetric.rs"]
mod asymmetric;
#[path = "asymmetric_strict.rs"]
mod asymmetric_strict;
#[path = "bodies.rs"]
mod bodies;
#[path = "bodies_cost.rs"]
mod bodies_cost;
#[path = "bounds.rs"]
mod bounds;
#[path = "composition.rs"]
mod composition;
#[path = "contract.rs"]
mod contract;
#[path = "extract.rs"]
mod extract;
#[path = "front_page.rs"]
mod front_page;
#[path = "generate.rs"]
mod generate;
#[path = "idempotency/main.rs"]
mod idempotency;
#[path = "idempotency_conformance.rs"]
mod idempotency_conformance;
#[path = "idempotency_model.rs"]
mod idempotency_model;
#[path = "idempotency_stores.rs"]
mod idempotency_stores;
#[path = "properties.rs"]
mod properties;
#[path = "pulse_events.rs"]
mod pulse_events;
#[path = "pulse_sample_scheme.rs"]
mod pulse_sample_scheme;
#[path = "refusals.rs"]
mod refusals;
#[path = "replays.rs"]
mod replays;
#[path = "rotation.rs"]
mod rotation;
#[path = "secrets.rs"]
mod secrets;
#[path = "secrets_in_output/main.rs"]
mod secrets_in_output;
#[path = "sign_layer/main.rs"]
mod sign_layer;
#[path = "telemetry.rs"]
mod telemetry;
#[path = "tenants/main.rs"]
mod tenants;
#[path = "test_util.rs"]
mod test_util;
#[path = "tracing.rs"]
mod tracing;
#[path = "vectors.rs"]
mod vectors;
#[path = "verdicts.rs"]
mod verdicts;
#[path = "verified_body.rs"]
mod verified_body;
