//! Writes `benches/RESULTS.md` and `docs/performance.svg` from what the measurements left.

mod chart;
mod machine;
mod tables;

use std::fs;
use std::io;

use peers::results::{Allocations, Http, Polls, Stored as _, Times};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

fn main() -> io::Result<()> {
    let times = Times::load()?;
    let page = format!(
        include_str!("page.template"),
        machine = machine::describe()?,
        rounds = times.rounds,
        ratios = tables::ratios(&times),
        nanos = tables::nanos(&times),
        allocations = tables::allocations(&Allocations::load()?),
        http = tables::http(&Http::load()?),
        polls = tables::polls(&Polls::load()?),
    );
    fs::write(format!("{ROOT}/benches/RESULTS.md"), page)?;
    fs::write(format!("{ROOT}/docs/performance.svg"), chart::draw(&times))
}
