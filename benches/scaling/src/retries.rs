//! The table of what senders do after an outage.

use crate::outage::{END, OUTAGE, Overload, Run};
use crate::schedule::Schedule;

pub(crate) const CAPACITIES: [f64; 3] = [1.2, 2.0, 5.0];

/// The answer to what is beyond the capacity, with no wish when to come back.
pub(crate) const REFUSE: Overload = Overload::Refuse { wait_at_least: 0 };

pub(crate) fn table() -> String {
    let mut table = "\
| Schedule | Attempts, in | Peak | Drained after, with 1.2 × | 2 × | 5 × | Given up, with 1.2 × | 2 × | 5 × |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
"
    .to_owned();
    for schedule in Schedule::all() {
        table += &row(schedule.name, &schedule, REFUSE);
    }
    for (name, schedule, overload) in [
        (
            "Svix, waits for 1 min at least",
            Schedule::svix(),
            Overload::Refuse { wait_at_least: 60 },
        ),
        (
            "Svix, waits for 10 min at least",
            Schedule::svix(),
            Overload::Refuse { wait_at_least: 600 },
        ),
        (
            "Every minute, waits for 10 min at least",
            Schedule::every_minute(),
            Overload::Refuse { wait_at_least: 600 },
        ),
        (
            "Svix, a receiver that never refuses",
            Schedule::svix(),
            Overload::Queue { wait_at_least: 60 },
        ),
    ] {
        table += &row(name, &schedule, overload);
    }
    table
}

fn row(name: &str, schedule: &Schedule, overload: Overload) -> String {
    let runs = CAPACITIES.map(|capacity| Run::new(schedule, capacity, overload));
    let peaks = runs.each_ref().map(|run| run.peak(0..END));
    let peak = peaks.into_iter().fold(0.0, f64::max);
    let drained = (runs.each_ref()).map(|run| run.drained().map_or("never".to_owned(), duration));
    // What never drains gives up more than the events of the outage.
    let given_up = runs.each_ref().map(|run| match run.drained() {
        Some(_) => percent(run.given_up / OUTAGE as f64),
        None => "nearly all".to_owned(),
    });
    format!(
        "| {name} | {}, {} | {peak:.1} × | {} | {} |\n",
        schedule.attempts(),
        duration(schedule.span() as usize),
        drained.join(" | "),
        given_up.join(" | "),
    )
}

fn duration(seconds: usize) -> String {
    if seconds < 3600 {
        format!("{} min", seconds.div_ceil(60))
    } else {
        format!("{:.1} h", seconds as f64 / 3600.0)
    }
}

fn percent(part: f64) -> String {
    if part > 0.0 && part < 1e-4 {
        "< 0.01 %".to_owned()
    } else if part == 0.0 {
        "none".to_owned()
    } else {
        format!("{:.2} %", 100.0 * part)
    }
}
