//! What the measurements share.

pub mod contender;
pub mod cpu_time;
pub mod delivery;
#[allow(dead_code, reason = "the benchmarks of the workspace use more of it")]
#[path = "../../support/frames.rs"]
mod frames;
pub mod least;
pub mod limit;
pub mod results;
pub mod routers;
pub mod services;
pub mod tables;
