//! The tables and the chart of `docs/SCALING.md`.
//!
//! ```text
//! cargo run -p scaling      # write them
//! cargo test -p scaling     # see that they are up to date
//! ```
//!
//! The sizes follow from `inputs.txt`, which is what was measured; the retries, from a model of an outage.

pub mod outage;
pub mod schedule;

mod chart;
mod inputs;
mod page;
mod retries;
mod sizes;

pub use self::chart::draw;
pub use self::inputs::Inputs;
pub use self::page::with_tables;
