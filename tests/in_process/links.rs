//! Each link to a file of the repository leads to a file that exists, and to a heading in it.
//!
//! Links to other sites are not checked here. Rustdoc checks links within the documentation of the code.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

/// Where our files are shown. The documentation on docs.rs links to them there.
const SITE: [&str; 2] = [
    "https://github.com/tower-svix/tower-svix/blob/main/",
    "https://github.com/tower-svix/tower-svix/tree/main/",
];

#[test]
fn every_link_in_a_page_leads_somewhere() {
    let mut checked = 0;
    for document in files("md") {
        let text = fs::read_to_string(&document).unwrap();
        for target in targets(&text) {
            if !target.contains(':') {
                check(target, document.parent().unwrap(), &document);
                checked += 1;
            }
        }
    }
    assert!(checked > 0, "no link was found");
}

#[test]
fn every_link_to_a_file_on_our_site_leads_somewhere() {
    let root = tower_svix_tests::process::workspace();
    let mut checked = 0;
    for document in files("md").into_iter().chain(files("rs")) {
        let text = fs::read_to_string(&document).unwrap();
        for site in SITE {
            for link in text.split(site).skip(1) {
                let is_end = |c: char| c.is_whitespace() || matches!(c, ')' | '>' | '"');
                let target = link.split(is_end).next().unwrap();
                if !target.is_empty() {
                    check(target, root, &document);
                    checked += 1;
                }
            }
        }
    }
    assert!(checked > 0, "no link was found");
}

/// Checks a link in `document` to a file, and to a heading in it. The path of the file starts at `base`.
fn check(target: &str, base: &Path, document: &Path) {
    let (path, fragment) = target.split_once('#').unwrap_or((target, ""));
    let path = match path {
        "" => document.to_owned(),
        _ => base.join(path),
    };
    let found =
        path.exists() && (fragment.is_empty() || anchors(&path).any(|anchor| anchor == fragment));
    assert!(found, "{}: {target} leads nowhere", document.display());
}

/// Returns all files of the project with this extension.
fn files(extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    find(
        tower_svix_tests::process::workspace(),
        extension,
        &mut found,
    );
    found
}

fn find(directory: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            if !matches!(name, "target" | "node_modules") && !name.starts_with('.') {
                find(&path, extension, found);
            }
        } else if path.extension().is_some_and(|other| other == extension) {
            found.push(path);
        }
    }
}

/// Returns the targets of links: `[text](target)`, and `[name]: target` at the start of a line.
fn targets(text: &str) -> impl Iterator<Item = &str> {
    prose(text).flat_map(|line| {
        let inline = line.split("](").skip(1);
        let inline = inline.map(|rest| rest.split([')', ' ']).next().unwrap());
        let defined = line
            .starts_with('[')
            .then(|| line.split_once("]: "))
            .flatten();
        inline.chain(defined.map(|(_, target)| target.trim()))
    })
}

/// Returns the anchors of the headings of a document, as GitHub, crates.io and rustdoc make them.
fn anchors(document: &Path) -> impl Iterator<Item = String> {
    let text = fs::read_to_string(document).unwrap();
    let headings = prose(&text).filter(|line| line.starts_with('#'));
    let anchor = |line: &str| -> String {
        let heading = line.trim_start_matches('#').trim().to_lowercase();
        let kept = heading
            .chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(anchor).collect::<Vec<_>>().into_iter()
}

/// Returns the lines that are not code.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut is_code = false;
    text.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}
