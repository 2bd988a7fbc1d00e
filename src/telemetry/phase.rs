//! The phases of a delivery.

/// A part of the time that a delivery takes.
#[derive(Clone, Copy)]
pub(crate) enum Phase {
    /// The lookup of the keys.
    Keys,
    /// The arrival of the body, and its hash.
    Body,
    /// The wait until the inner service is ready.
    Capacity,
    /// The inner service.
    Handler,
}
