//! `docs/PROXIES.md` has a row for each test, and shows the configurations that the tests use.

use std::collections::BTreeSet;

use super::failures::{RETRY_AFTER_HAPROXY, RETRY_AFTER_NGINX};
use super::proxy::{HAPROXY, NGINX};

const PAGE: &str = include_str!("../../../docs/PROXIES.md");

const SOURCES: [&str; 5] = [
    include_str!("bodies.rs"),
    include_str!("failures.rs"),
    include_str!("headers.rs"),
    include_str!("retries.rs"),
    include_str!("versions.rs"),
];

/// Returns the names of all tests that start a proxy.
fn tests() -> BTreeSet<&'static str> {
    SOURCES
        .into_iter()
        .flat_map(|source| source.split("#[tokio::test]\nasync fn ").skip(1))
        .filter_map(|test| Some(test.split_once('(')?.0))
        .collect()
}

/// Returns the last cell of each row of the tables.
fn named_in_rows() -> Vec<&'static str> {
    let rows = PAGE.lines().filter(|line| line.starts_with("| "));
    rows.filter_map(|row| {
        let (_, last) = row.strip_suffix(" |")?.rsplit_once(" | ")?;
        last.strip_prefix('`')?.strip_suffix('`')
    })
    .collect()
}

#[test]
fn each_row_of_the_page_names_a_test_and_each_test_has_a_row() {
    let named = named_in_rows();
    let rows = PAGE
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| ---"));
    let headings = PAGE.lines().filter(|line| line.starts_with("| ---"));
    assert_eq!(
        rows.count() - headings.count(),
        named.len(),
        "a row has no test"
    );
    assert_eq!(named.iter().copied().collect::<BTreeSet<_>>(), tests());
    let declared = SOURCES.map(|source| source.matches("#[tokio::test]").count());
    assert_eq!(tests().len(), declared.into_iter().sum::<usize>());
}

#[test]
fn the_page_shows_the_configurations_that_the_tests_run_with() {
    for (language, config) in [
        ("nginx", NGINX),
        ("haproxy", HAPROXY),
        ("nginx", RETRY_AFTER_NGINX),
        ("haproxy", RETRY_AFTER_HAPROXY),
    ] {
        let shown = format!("```{language}\n{config}```\n");
        assert!(PAGE.contains(&shown), "the page does not show\n{config}");
    }
}
