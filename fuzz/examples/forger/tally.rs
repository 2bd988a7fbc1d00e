//! The results of the forgeries.

use crate::mutation::KINDS;

/// The number of deliveries. Each had the right result.
#[derive(Default)]
pub struct Tally {
    /// Rejected, by kind.
    pub forgeries: [u64; KINDS.len()],
    /// Accepted, because the change had no effect.
    pub left_genuine: [u64; KINDS.len()],
    pub of_hmac: u64,
    pub of_ed25519: u64,
    pub through_the_layer: u64,
    /// Genuine deliveries between them, accepted.
    pub controls: u64,
}

impl Tally {
    pub fn add(&mut self, other: &Self) {
        for kind in 0..KINDS.len() {
            self.forgeries[kind] += other.forgeries[kind];
            self.left_genuine[kind] += other.left_genuine[kind];
        }
        self.of_hmac += other.of_hmac;
        self.of_ed25519 += other.of_ed25519;
        self.through_the_layer += other.through_the_layer;
        self.controls += other.controls;
    }

    pub fn print(&self) {
        println!("{:>12} {:>12}", "rejected", "left genuine");
        for (kind, (name, _)) in KINDS.iter().enumerate() {
            let (forgeries, genuine) = (self.forgeries[kind], self.left_genuine[kind]);
            println!("{forgeries:>12} {genuine:>12}  {name}");
        }
        println!(
            "{} forgeries before HMAC keys and {} before public keys, {} of them through the layer: none accepted",
            self.of_hmac, self.of_ed25519, self.through_the_layer
        );
        println!("{} controls: all accepted", self.controls);
    }
}
