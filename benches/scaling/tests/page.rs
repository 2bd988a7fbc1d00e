//! The page shows what follows from the inputs and the model.

use scaling::Inputs;

const INPUTS: &str = include_str!("../inputs.txt");
const PAGE: &str = include_str!("../../../docs/SCALING.md");
const CHART: &str = include_str!("../../../docs/retries.svg");

#[test]
fn the_tables_are_up_to_date() {
    let page = scaling::with_tables(PAGE, &Inputs::parse(INPUTS).unwrap()).unwrap();
    let lines = || page.lines().zip(PAGE.lines());
    let differs = lines().find(|(written, kept)| written != kept);
    assert_eq!(differs, None, "`cargo run -p scaling` writes the first");
    assert_eq!(page.len(), PAGE.len(), "`cargo run -p scaling` writes it");
}

#[test]
fn the_chart_is_up_to_date() {
    assert!(
        scaling::draw() == CHART,
        "`cargo run -p scaling` writes docs/retries.svg"
    );
}

#[test]
fn an_input_that_is_missing_unknown_or_no_number_is_an_error() {
    let line = "verify_1k ";
    let at = INPUTS.find(line).unwrap();
    for (case, text) in [
        ("missing", INPUTS.replacen(line, "# ", 1)),
        ("unknown", format!("{INPUTS}more 1\n")),
        ("twice", format!("{INPUTS}handshake 1\n")),
        ("no number", INPUTS.replacen(line, "verify_1k about ", 1)),
        ("no value", format!("{}\n", &INPUTS[..at + line.len() - 1])),
    ] {
        assert!(Inputs::parse(&text).is_err(), "{case}");
    }
    Inputs::parse(INPUTS).unwrap();
}
