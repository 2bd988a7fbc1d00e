//! What the measurements have in common.

pub mod contender;
pub mod cpu_time;
pub mod delivery;
pub mod limit;
pub mod results;
pub mod routers;
pub mod services;
