//! Writes the tables of `docs/SCALING.md`, and its chart.

use std::fs;
use std::process::ExitCode;

fn main() -> ExitCode {
    match write() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write() -> Result<(), String> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let page = format!("{root}/docs/SCALING.md");
    let text = fs::read_to_string(&page).map_err(|error| format!("{page}: {error}"))?;
    let inputs = scaling::Inputs::parse(include_str!("../inputs.txt"))?;
    let text = scaling::with_tables(&text, &inputs)?;
    fs::write(&page, text).map_err(|error| format!("{page}: {error}"))?;
    let chart = format!("{root}/docs/retries.svg");
    fs::write(&chart, scaling::draw()).map_err(|error| format!("{chart}: {error}"))
}
