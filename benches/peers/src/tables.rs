//! The results as tables in Markdown, for the page and for the terminal.

use std::time::Duration;

use crate::contender::{OURS, Table};
use crate::results::{
    Added, Allocations, Blocks, Build, Http, HttpOf, HttpOfSize, Instructions, PollTimes, Polls,
    Spread, Times, TimesOfSize,
};
use crate::routers::BARE_HMAC;

/// Returns the table of all contenders, as multiples of the limit.
#[must_use]
pub fn ratios(times: &Times) -> String {
    let mut rows = vec![sizes(&times.sizes)];
    rows.extend(per_contender(
        times,
        &[Table::Controls, Table::Least, Table::Peers],
        show_ratio,
    ));
    table(&rows)
}

/// Returns the table of all contenders, in nanoseconds.
#[must_use]
pub fn nanos(times: &Times) -> String {
    let mut limit = vec!["limit".to_owned()];
    limit.extend(times.sizes.iter().map(|size| show(size.limit, 0)));
    let mut rows = vec![sizes(&times.sizes), limit];
    rows.extend(per_contender(
        times,
        &[Table::Controls, Table::Least, Table::Peers],
        show_nanos,
    ));
    table(&rows)
}

/// Returns the table of other deliveries to tower-svix, in nanoseconds.
#[must_use]
pub fn cases(times: &Times) -> String {
    let mut rows = vec![sizes(&times.sizes)];
    rows.extend(per_contender(times, &[Table::Cases], show_nanos));
    table(&rows)
}

/// Returns the table of builds of tower-svix, as multiples of the limit, with the difference from the first.
#[must_use]
pub fn builds(times: &Times) -> String {
    let Some(first) = times.builds.first() else {
        return String::new();
    };
    let ours = |size: &TimesOfSize<Spread>| {
        let ours = size.contenders.iter().find(|other| other.name == OURS);
        ours.and_then(|ours| ours.added.as_ref())
            .map(|added| added.ratio)
    };
    let row = |build: &Build| {
        let mut row = vec![build.label.clone()];
        for (size, first) in build.sizes.iter().zip(&first.sizes) {
            let (ratio, first) = (ours(size)?, ours(first)?);
            let percent = 100.0 * (ratio.median / first.median - 1.0);
            row.push(format!("{}, {percent:+.1} %", show(ratio, 2)));
        }
        Some(row)
    };
    let mut rows = vec![sizes(&first.sizes)];
    rows.extend(times.builds.iter().filter_map(row));
    table(&rows)
}

fn sizes(sizes: &[TimesOfSize<Spread>]) -> Vec<String> {
    let mut row = vec![String::new()];
    row.extend(sizes.iter().map(|size| bytes(size.body_len)));
    row
}

/// Returns a row for each contender of these tables that has a baseline, with a cell for each size.
fn per_contender(
    times: &Times,
    tables: &[Table],
    cell: fn(&Added<Spread>) -> String,
) -> Vec<Vec<String>> {
    let row = |index: usize| {
        let first = &times.sizes[0].contenders[index];
        let mut row = vec![first.name.clone()];
        for size in &times.sizes {
            row.push(cell(size.contenders[index].added.as_ref()?));
        }
        tables.contains(&first.table).then_some(row)
    };
    let count = times.sizes[0].contenders.len();
    (0..count).filter_map(row).collect()
}

fn show_ratio(added: &Added<Spread>) -> String {
    show(added.ratio, 2)
}

fn show_nanos(added: &Added<Spread>) -> String {
    show(added.nanos, 0)
}

/// Returns the table of allocations.
#[must_use]
pub fn allocations(allocations: &Allocations) -> String {
    let mut rows = vec![vec![
        bytes(allocations.body_len),
        "blocks".into(),
        "bytes".into(),
    ]];
    for contender in &allocations.contenders {
        if let Some(Blocks { count, bytes }) = contender.added {
            rows.push(vec![
                contender.name.clone(),
                count.to_string(),
                bytes.to_string(),
            ]);
        }
    }
    table(&rows)
}

/// Returns a table with a heading for each size.
#[must_use]
pub fn http(http: &Http) -> String {
    let of_size = |size: &HttpOfSize| {
        let mut rows = vec![
            [
                "",
                "added, CPU ns for a request",
                "CPU ns for a request",
                "requests/s",
                "p50, µs",
                "p99, µs",
            ]
            .map(str::to_owned)
            .to_vec(),
        ];
        rows.extend(size.forms.iter().map(http_row));
        format!("### {}\n\n{}", bytes(size.body_len), table(&rows))
    };
    http.sizes
        .iter()
        .map(of_size)
        .collect::<Vec<_>>()
        .join("\n")
}

fn http_row(form: &HttpOf) -> Vec<String> {
    let added = form.added.map_or("–".to_owned(), |added| show(added, 0));
    let others = [form.cpu_nanos, form.requests_per_second, form.p50, form.p99];
    let mut row = vec![form.name.clone(), added];
    row.extend(others.map(|spread| show(spread, 0)));
    row
}

/// Returns a row for each server: the instructions of a delivery, and in brackets those beyond the bare HMAC.
#[must_use]
pub fn instructions(instructions: &Instructions) -> String {
    let mut rows = vec![vec![String::new()]];
    rows[0].extend(instructions.body_lens.iter().map(|len| bytes(*len)));
    let bare = instructions
        .servers
        .iter()
        .find(|server| server.name == BARE_HMAC)
        .expect("it is measured");
    for server in &instructions.servers {
        let mut row = vec![server.name.clone()];
        for (count, bare) in server.counts.iter().zip(&bare.counts) {
            let mut cell = grouped(*count as f64, 0);
            if count > bare {
                cell += &format!(" (+{})", grouped((count - bare) as f64, 0));
            }
            row.push(cell);
        }
        rows.push(row);
    }
    table(&rows)
}

/// Returns the table of polls.
#[must_use]
pub fn polls(polls: &Polls) -> String {
    let mut rows = vec![vec![
        format!("{} × {}", polls.deliveries, bytes(polls.body_len)),
        "service: longest".to_owned(),
        "p99".to_owned(),
        "polls for a delivery".to_owned(),
        "connection: longest".to_owned(),
        "p99".to_owned(),
        "polls for a delivery".to_owned(),
    ]];
    for contender in &polls.contenders {
        let mut row = vec![contender.name.clone()];
        for PollTimes {
            count,
            p99,
            longest,
        } in [&contender.service, &contender.connection]
        {
            row.extend([
                millis(*longest),
                millis(*p99),
                (count / polls.deliveries).to_string(),
            ]);
        }
        rows.push(row);
    }
    table(&rows)
}

/// Formats rows of cells as Markdown. The first row is the head.
fn table(rows: &[Vec<String>]) -> String {
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        text += &format!("| {} |\n", row.join(" | "));
        if index == 0 {
            text += &format!("| --- |{}\n", " ---: |".repeat(row.len() - 1));
        }
    }
    text
}

fn show(spread: Spread, decimals: usize) -> String {
    let [lower, median, upper] =
        [spread.lower, spread.median, spread.upper].map(|value| grouped(value, decimals));
    format!("{median} ({lower}–{upper})")
}

/// Formats a number with a comma before each three digits.
fn grouped(number: f64, decimals: usize) -> String {
    let mut text = format!("{number:.decimals$}");
    let mut end = text.find('.').unwrap_or(text.len());
    while end > 3 && text.as_bytes()[end - 4].is_ascii_digit() {
        end -= 3;
        text.insert(end, ',');
    }
    text
}

fn millis(time: Duration) -> String {
    format!("{:.3} ms", 1e3 * time.as_secs_f64())
}

/// Formats a length with its unit.
#[must_use]
pub fn bytes(len: usize) -> String {
    match len {
        0..0x400 => format!("{len} B"),
        0x400..0x10_0000 => format!("{} KiB", len >> 10),
        _ => format!("{} MiB", len >> 20),
    }
}
