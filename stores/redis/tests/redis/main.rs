//! The store in a real Redis, which each test starts for itself.

mod blocking;
mod model;
mod names;
mod nested;
mod receivers;
mod round_trips;
mod store;
