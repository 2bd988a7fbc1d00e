//! Each link in a Markdown file leads to a file of the repository, and to a heading in it.
//!
//! Links to other sites are not checked here. Rustdoc checks links within the documentation of the code.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn every_link_leads_somewhere() {
    let root = tower_svix_tests::process::workspace();
    let mut documents = Vec::new();
    find_documents(root, &mut documents);
    let mut checked = 0;
    for document in documents {
        let text = fs::read_to_string(&document).unwrap();
        for target in targets(&text) {
            let (path, fragment) = target.split_once('#').unwrap_or((target, ""));
            let path = match path {
                _ if path.contains(':') => continue,
                "" => document.clone(),
                _ => document.parent().unwrap().join(path),
            };
            let found = path.exists()
                && (fragment.is_empty() || anchors(&path).any(|anchor| anchor == fragment));
            assert!(found, "{}: {target} leads nowhere", document.display());
            checked += 1;
        }
    }
    assert!(checked > 0, "no link was found");
}

/// All Markdown files that are ours.
fn find_documents(directory: &Path, documents: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            if !matches!(name, "target" | "node_modules") && !name.starts_with('.') {
                find_documents(&path, documents);
            }
        } else if path.extension().is_some_and(|extension| extension == "md") {
            documents.push(path);
        }
    }
}

/// What is linked to: `[text](target)`, and `[name]: target` at the start of a line.
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

/// The addresses of the headings of a document, as GitHub, crates.io and rustdoc make them.
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

/// The lines that are not code.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut is_code = false;
    text.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}
