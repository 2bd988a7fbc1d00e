//! The phases of a delivery.

/// What a delivery spends its time with.
#[derive(Clone, Copy)]
pub(crate) enum Phase {
    /// The lookup of the keys.
    Keys,
    /// The arrival of the body, and the hash over it.
    Body,
    /// The wait until the inner service has room.
    Capacity,
    /// The inner service.
    Handler,
}
