//! The contents of `docs/SENDERS.md`.

const PAGE: &str = include_str!("../../../docs/SENDERS.md");

/// A row of the table, and the section that it links to.
pub struct Row {
    pub sender: &'static str,
    pub headers: &'static str,
    pub type_at: &'static str,
    pub needs: &'static str,
    pub section: &'static str,
}

/// The lines that read a key. The page says above the table that the first is the default.
const READERS: [&str; 3] = [
    "`text.parse::<Secret>()?`",
    "`Secret::from_text(text)?`",
    "`text.parse::<Keyring>()?`",
];

pub fn rows() -> Vec<Row> {
    let (_, overview) = PAGE.split_once("## Overview").expect("there is one");
    let rows = overview
        .lines()
        .filter(|line| line.starts_with("| [") && line.contains("](#"));
    let rows = rows.take_while(|line| !line.contains("`signature-unsupported`"));
    rows.map(Row::read).collect()
}

/// Returns whether a list item of the page has this code.
pub fn shows(code: &str) -> bool {
    let indented = code.lines().map(|line| match line {
        "" => "\n".to_owned(),
        line => format!("  {line}\n"),
    });
    PAGE.contains(&format!(
        "  ```rust\n{}  ```\n",
        indented.collect::<String>()
    ))
}

impl Row {
    /// Returns the line that reads the key.
    pub fn key(&self) -> &'static str {
        let (_, overview) = PAGE.split_once("## Overview").expect("there is one");
        let (above, _) = overview.split_once("| Sender").expect("a table");
        let [default, others @ ..] = READERS;
        assert!(above.contains(&format!("{default} reads the key")));
        assert!(
            !self.needs.contains(default),
            "{}: the default",
            self.sender
        );
        let named = others.into_iter().find(|line| self.needs.contains(line));
        named.unwrap_or(default)
    }

    fn read(line: &'static str) -> Self {
        let cells: Vec<_> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [sender, headers, type_at, _retries, needs] = cells[..] else {
            panic!("not five cells: {line}");
        };
        let (sender, _) = sender
            .strip_prefix('[')
            .and_then(|linked| linked.split_once("](#"))
            .expect("the sender links to its section");
        let heading = format!("\n### {sender}\n");
        let (_, section) = PAGE
            .split_once(&heading)
            .unwrap_or_else(|| panic!("{sender} has no section"));
        let section = section.split("\n## ").next().unwrap_or_default();
        Self {
            sender,
            headers,
            type_at,
            needs,
            section: section.split("\n### ").next().unwrap_or_default(),
        }
    }
}
