//! The tables of the page.

use std::fmt::Write as _;
use std::time::Duration;

use peers::results::{
    Added, Allocations, Blocks, Http, HttpOf, HttpOfSize, PollTimes, Polls, Spread, Times,
};

pub(super) fn ratios(times: &Times) -> String {
    let mut rows = vec![sizes(times)];
    rows.extend(per_contender(times, |added| show(added.ratio, 2)));
    table(&rows)
}

pub(super) fn nanos(times: &Times) -> String {
    let mut limit = vec!["limit".to_owned()];
    limit.extend(times.sizes.iter().map(|size| show(size.limit, 0)));
    let mut rows = vec![sizes(times), limit];
    rows.extend(per_contender(times, |added| show(added.nanos, 0)));
    table(&rows)
}

fn sizes(times: &Times) -> Vec<String> {
    let mut row = vec![String::new()];
    row.extend(times.sizes.iter().map(|size| bytes(size.body_len)));
    row
}

/// A row for all that verify, with a cell for each size.
fn per_contender(times: &Times, cell: impl Fn(&Added) -> String) -> Vec<Vec<String>> {
    let count = times.sizes[0].contenders.len();
    let row = |index: usize| {
        let mut row = vec![times.sizes[0].contenders[index].name.clone()];
        for size in &times.sizes {
            row.push(cell(size.contenders[index].added.as_ref()?));
        }
        Some(row)
    };
    (0..count).filter_map(row).collect()
}

pub(super) fn allocations(allocations: &Allocations) -> String {
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

pub(super) fn http(http: &Http) -> String {
    let mut text = format!(
        "\
{} rounds of {} seconds with {connections} connections, and of one second with one. *Added* is the time that verification
adds to a request: by the throughputs with and without it, and by the time that the server ran. With {connections}
connections a request waits for the others before it, so that its latency moves by that many times as much.
",
        http.rounds,
        http.seconds,
        connections = http.connections,
    );
    for size in &http.sizes {
        let limit = show(size.limit, 0);
        write!(
            text,
            "\n### {}\n\nThe limit is {limit} ns.\n\n{}\n{}",
            bytes(size.body_len),
            table(&throughputs(size)),
            table(&latencies(size, http.connections)),
        )
        .expect("a string has room");
    }
    text
}

fn throughputs(size: &HttpOfSize) -> Vec<Vec<String>> {
    let head = [
        "",
        "requests/s",
        "share",
        "added, ns",
        "added, × limit",
        "added, ns that the server ran",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for form in &size.forms {
        let mut row = vec![form.name.clone(), show(form.requests_per_second, 0)];
        match &form.added {
            Some(added) => row.extend([
                percent(added.share),
                show(added.nanos, 0),
                show(added.ratio, 2),
                show(added.cpu_nanos, 0),
            ]),
            None => row.resize(head.len(), "–".to_owned()),
        }
        rows.push(row);
    }
    rows
}

fn latencies(size: &HttpOfSize, connections: usize) -> Vec<Vec<String>> {
    let mut rows = vec![vec![
        "latency, µs".to_owned(),
        format!("p50, {connections} connections"),
        format!("p99, {connections} connections"),
        "p50, one".to_owned(),
        "p99, one".to_owned(),
    ]];
    let row = |form: &HttpOf| {
        let HttpOf {
            p50,
            p99,
            p50_alone,
            p99_alone,
            ..
        } = form;
        let mut row = vec![form.name.clone()];
        row.extend([p50, p99, p50_alone, p99_alone].map(|micros| show(*micros, 0)));
        row
    };
    rows.extend(size.forms.iter().map(row));
    rows
}

pub(super) fn polls(polls: &Polls) -> String {
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

/// Rows of cells as Markdown, the first of which is the head.
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

/// A number with a comma before each three digits.
fn grouped(number: f64, decimals: usize) -> String {
    let mut text = format!("{number:.decimals$}");
    let mut end = text.find('.').unwrap_or(text.len());
    while end > 3 && text.as_bytes()[end - 4].is_ascii_digit() {
        end -= 3;
        text.insert(end, ',');
    }
    text
}

fn percent(share: Spread) -> String {
    let Spread {
        lower,
        median,
        upper,
    } = share;
    format!(
        "{:.1} % ({:.1}–{:.1})",
        100.0 * median,
        100.0 * lower,
        100.0 * upper
    )
}

fn millis(time: Duration) -> String {
    format!("{:.3} ms", 1e3 * time.as_secs_f64())
}

/// A length as one says it.
pub(super) fn bytes(len: usize) -> String {
    match len {
        0..0x400 => format!("{len} B"),
        0x400..0x10_0000 => format!("{} KiB", len >> 10),
        _ => format!("{} MiB", len >> 20),
    }
}
