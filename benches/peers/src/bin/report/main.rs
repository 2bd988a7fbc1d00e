//! Writes `benches/RESULTS.md` and `docs/performance.svg` from the stored results.

mod chart;
mod machine;

use std::fs;
use std::io;

use peers::results::{Allocations, Http, Instructions, Polls, Stored as _, Times};
use peers::tables;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

fn main() -> io::Result<()> {
    let times = Times::load()?;
    let http = Http::load()?;
    let page = format!(
        include_str!("page.template"),
        machine = machine::describe()?,
        processes = times.processes,
        rounds = times.rounds,
        ratios = tables::ratios(&times),
        nanos = tables::nanos(&times),
        cases = tables::cases(&times),
        builds = tables::builds(&times),
        allocations = tables::allocations(&Allocations::load()?),
        turns = http.turns,
        connections = http.connections,
        http = tables::http(&http),
        instructions = tables::instructions(&Instructions::load()?),
        polls = tables::polls(&Polls::load()?),
    );
    fs::write(format!("{ROOT}/benches/RESULTS.md"), page)?;
    fs::write(format!("{ROOT}/docs/performance.svg"), chart::draw(&times))
}
