//! The tables within `docs/SCALING.md`.

use crate::inputs::Inputs;
use crate::{retries, sizes};

/// The page with its tables written anew: each is between `<!-- table NAME -->` and `<!-- end -->`.
///
/// Fails with the name of a table whose place is missing.
pub fn with_tables(page: &str, inputs: &Inputs) -> Result<String, String> {
    let tables = [
        ("inputs", sizes::inputs(inputs)),
        ("delivery", sizes::deliveries(inputs)),
        ("sizes", sizes::sizes(inputs)),
        ("retention", sizes::retentions(inputs)),
        ("retries", retries::table()),
    ];
    let mut page = page.to_owned();
    for (name, table) in tables {
        let begin = format!("<!-- table {name} -->\n");
        let from = page.find(&begin).ok_or(name)? + begin.len();
        let len = page[from..].find("<!-- end -->\n").ok_or(name)?;
        page.replace_range(from..from + len, &format!("\n{table}\n"));
    }
    Ok(page)
}
