//! JSON that was parsed and printed again on its way.
//!
//! It is not known how the sender printed it, so the usual ways are tried.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::ops::ControlFlow;

use super::finding::{Finding, TryBody};
use super::json::{self, Node};
use super::json_text::{Numbers, Strings};

/// The longest body that is printed again, in bytes: 256 KiB.
const MAX_LEN: usize = 256 * 1024;
/// The number of numbers that are printed in another form one by one.
const MAX_SINGLE_NUMBERS: usize = 16;

/// The places in which a writer puts spaces.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    Compact,
    /// After each comma and colon, as Python does.
    Spaced,
    /// On separate lines, with this indentation.
    Indented(&'static str),
}

const LAYOUTS: [Layout; 5] = [
    Layout::Compact,
    Layout::Spaced,
    Layout::Indented("  "),
    Layout::Indented("    "),
    Layout::Indented("\t"),
];

/// The order in which a writer writes the members of an object.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Kept,
    Sorted,
    /// `type`, `timestamp` and `data` first, as Standard Webhooks shows the payload.
    Envelope,
}

const ORDERS: [Order; 3] = [Order::Kept, Order::Sorted, Order::Envelope];

/// One way to print a document.
#[derive(Clone, Copy)]
struct Style {
    layout: Layout,
    order: Order,
    strings: Strings,
    numbers: Numbers,
    /// The only number that `numbers` applies to, counted from 0. `None`: it applies to all.
    only: Option<usize>,
}

/// Calls `try_body` with the body printed in each other way, if it is JSON.
pub(super) fn candidates(body: &[u8], try_body: &mut TryBody<'_>) -> ControlFlow<()> {
    let Some(document) = Some(body)
        .filter(|body| body.len() <= MAX_LEN)
        .and_then(json::parse)
    else {
        return ControlFlow::Continue(());
    };
    let mut seen = HashSet::from([fingerprint(body)]);
    for style in styles(&document) {
        let printed = style.print(&document);
        if seen.insert(fingerprint(printed.as_bytes())) {
            try_body(printed.as_bytes(), &|| style.finding())?;
        }
    }
    ControlFlow::Continue(())
}

/// Returns whether the body looks like JSON that is too long to be printed again.
pub(super) fn is_too_long(body: &[u8]) -> bool {
    body.len() > MAX_LEN && matches!(body.trim_ascii_start().first(), Some(b'{' | b'['))
}

fn fingerprint(text: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// Returns the ways to print this document, the most usual ones first.
fn styles(document: &Node<'_>) -> impl Iterator<Item = Style> {
    // Leaves out the ways that make no difference to this document.
    let strings = distinct(Strings::ALL, document, |strings| Style {
        strings,
        ..Style::KEPT
    });
    let orders = distinct(ORDERS, document, |order| Style {
        order,
        ..Style::KEPT
    });
    let numbers = distinct(Numbers::ALL, document, |numbers| Style {
        numbers,
        ..Style::KEPT
    });
    let combined = numbers.into_iter().flat_map(move |numbers| {
        // Other numbers and other escapes are two differences: only the usual escapes are tried.
        let all = numbers == Numbers::Kept;
        let mut styles = Vec::new();
        for strings in strings.iter().filter(|strings| all || strings.is_usual()) {
            for order in &orders {
                styles.extend(LAYOUTS.map(|layout| Style {
                    layout,
                    order: *order,
                    strings: *strings,
                    numbers,
                    only: None,
                }));
            }
        }
        styles
    });
    let single = [Numbers::Point, Numbers::Cents, Numbers::Exponent]
        .into_iter()
        .flat_map(|numbers| {
            (0..MAX_SINGLE_NUMBERS).flat_map(move |only| {
                [Layout::Compact, Layout::Spaced].map(|layout| Style {
                    layout,
                    numbers,
                    only: Some(only),
                    ..Style::KEPT
                })
            })
        });
    combined.chain(single)
}

/// Returns those of `all` that print the document in different ways.
fn distinct<T: Copy, const N: usize>(
    all: [T; N],
    document: &Node<'_>,
    style: impl Fn(T) -> Style,
) -> Vec<T> {
    let mut seen = HashSet::new();
    let is_new = |one: &T| seen.insert(fingerprint(style(*one).print(document).as_bytes()));
    all.into_iter().filter(is_new).collect()
}

impl Style {
    const KEPT: Self = Self {
        layout: Layout::Compact,
        order: Order::Kept,
        strings: Strings::Kept,
        numbers: Numbers::Kept,
        only: None,
    };

    fn print(self, document: &Node<'_>) -> String {
        let mut printer = Printer {
            style: self,
            out: String::new(),
            numbers: 0,
        };
        printer.node(document, 0);
        printer.out
    }

    fn finding(self) -> Finding {
        let layout = match self.layout {
            Layout::Compact => "compactly",
            Layout::Spaced => "with a space after each comma and colon",
            Layout::Indented("\t") => "with an indentation of a tab",
            Layout::Indented("  ") => "with an indentation of two spaces",
            Layout::Indented(_) => "with an indentation of four spaces",
        };
        let order = match self.order {
            Order::Kept => None,
            Order::Sorted => Some("with sorted keys"),
            Order::Envelope => Some("with `type`, `timestamp` and `data` first"),
        };
        let words = [order, self.strings.words(), self.numbers.words()];
        let words: Vec<_> = [Some(layout)].into_iter().chain(words).flatten().collect();
        Finding::new(
            "body-json-reprinted",
            format!(
                "The delivery verifies with its JSON printed in another way: {}.",
                words.join(", ")
            ),
            "Verify the bytes as they arrive: a proxy, a framework or the handler parsed the JSON and printed it anew. The \
             values may be the same, but the bytes are not.",
        )
    }
}

struct Printer {
    style: Style,
    out: String,
    /// The number of numbers that are printed so far.
    numbers: usize,
}

impl Printer {
    fn node(&mut self, node: &Node<'_>, depth: usize) {
        match node {
            Node::Literal(text) => self.out.push_str(text),
            Node::Number(text) => self.number(text),
            Node::String(raw) => self.string(raw),
            Node::Array(items) => {
                self.elements('[', ']', depth, items, |printer, item| {
                    printer.node(item, depth + 1);
                });
            }
            Node::Object(members) => {
                let mut members: Vec<_> = members.iter().collect();
                match self.style.order {
                    Order::Sorted => members.sort_by_cached_key(|(name, _)| decoded(name)),
                    Order::Envelope if depth == 0 => {
                        members.sort_by_key(|(name, _)| envelope_rank(name));
                    }
                    Order::Kept | Order::Envelope => {}
                }
                self.elements('{', '}', depth, &members, |printer, (name, value)| {
                    printer.string(name);
                    let is_compact = printer.style.layout == Layout::Compact;
                    printer.out.push_str(if is_compact { ":" } else { ": " });
                    printer.node(value, depth + 1);
                });
            }
        }
    }

    fn elements<T>(
        &mut self,
        open: char,
        close: char,
        depth: usize,
        elements: &[T],
        mut print: impl FnMut(&mut Self, &T),
    ) {
        self.out.push(open);
        for (index, element) in elements.iter().enumerate() {
            if index > 0 {
                let is_spaced = self.style.layout == Layout::Spaced;
                self.out.push_str(if is_spaced { ", " } else { "," });
            }
            self.new_line(depth + 1);
            print(self, element);
        }
        if !elements.is_empty() {
            self.new_line(depth);
        }
        self.out.push(close);
    }

    fn new_line(&mut self, depth: usize) {
        if let Layout::Indented(indent) = self.style.layout {
            self.out.push('\n');
            for _ in 0..depth {
                self.out.push_str(indent);
            }
        }
    }

    fn string(&mut self, raw: &str) {
        self.out.push('"');
        self.style.strings.write(raw, &mut self.out);
        self.out.push('"');
    }

    fn number(&mut self, text: &str) {
        let is_meant = self.style.only.is_none_or(|only| only == self.numbers);
        self.numbers += 1;
        let numbers = if is_meant {
            self.style.numbers
        } else {
            Numbers::Kept
        };
        self.out.push_str(&numbers.print(text));
    }
}

/// Returns the text of a name, with as few escapes as possible.
fn decoded(raw: &str) -> String {
    let mut text = String::new();
    Strings::Utf8.write(raw, &mut text);
    text
}

fn envelope_rank(name: &str) -> usize {
    let names = ["type", "timestamp", "data"];
    let rank = names.iter().position(|first| *first == name);
    rank.unwrap_or(names.len())
}
