//! The chart of an outage: a column for each schedule, attempts above, events under way below.

use crate::outage::{OUTAGE, Run};
use crate::retries::{CAPACITIES, REFUSE};
use crate::schedule::Schedule;

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 560.0;
const LEFT: f64 = 56.0;
const PANEL_WIDTH: f64 = 200.0;
const PANEL_HEIGHT: f64 = 160.0;
const GAP: f64 = 24.0;
const ATTEMPTS_TOP: f64 = 112.0;
const UNDER_WAY_TOP: f64 = 344.0;
/// A point of a line is the mean of so many seconds.
const STEP: usize = 60;
const HOURS: [usize; 2] = [2, 4];
/// The capacity of the upper row.
const SHOWN: usize = 1;

const STYLE: &str = "
    .page { fill: #ffffff }
    .text { fill: #1f2328 }
    .faint { fill: #57606a }
    .grid { stroke: #d1d9e0 }
    .outage { fill: #eaeef2 }
    .limit { stroke: #57606a; stroke-dasharray: 4 3 }
    .line { fill: none; stroke-width: 2 }
    .c0 { stroke: #cf222e } .c1 { stroke: #0969da } .c2 { stroke: #1a7f37 }
    @media (prefers-color-scheme: dark) {
      .page { fill: #0d1117 }
      .text { fill: #f0f6fc }
      .faint { fill: #9198a1 }
      .grid { stroke: #3d444d }
      .outage { fill: #212830 }
      .limit { stroke: #9198a1 }
      .c0 { stroke: #f85149 } .c1 { stroke: #4493f8 } .c2 { stroke: #3fb950 }
    }
  ";

pub fn draw() -> String {
    let mut svg = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="Helvetica, Arial, sans-serif" font-size="12" role="img" aria-labelledby="title description">
  <title id="title">What an outage of 30 minutes leads to</title>
  <desc id="description">Four schedules of retries side by side. Above, the attempts a second over two hours. Below, the events that are under way over four hours, for a receiver with 1.2, 2 and 5 times the capacity that its arrivals need. The table in docs/SCALING.md has the numbers.</desc>
  <style>{STYLE}</style>
  <rect class="page" width="{WIDTH}" height="{HEIGHT}" rx="8"/>
  <text class="text" x="20" y="30" font-size="16" font-weight="bold">What an outage of 30 minutes leads to</text>
  <text class="faint" x="20" y="50">Nothing is served in the shaded time. Then, what is beyond the capacity is refused at once.</text>
  <text class="text" x="20" y="74">Attempts a second, as a multiple of the arrivals; dashed: the capacity, 2×</text>
  <text class="text" x="20" y="{}">Events under way, in minutes of arrivals, with a capacity of</text>
"#,
        UNDER_WAY_TOP - 22.0,
    );
    for (index, capacity) in CAPACITIES.into_iter().enumerate() {
        let x = 396.0 + 70.0 * index as f64;
        svg += &format!(
            "  <path class=\"line c{index}\" d=\"M{x} {y} h24\"/>\n  \
             <text class=\"text\" x=\"{text_x}\" y=\"{text_y}\">{capacity}×</text>\n",
            y = UNDER_WAY_TOP - 26.0,
            text_x = x + 30.0,
            text_y = UNDER_WAY_TOP - 22.0,
        );
    }
    for (column, schedule) in Schedule::all().iter().enumerate() {
        svg += &draw_column(schedule, column);
    }
    svg + "</svg>\n"
}

fn draw_column(schedule: &Schedule, column: usize) -> String {
    let runs = CAPACITIES.map(|capacity| Run::new(schedule, capacity, REFUSE));
    let x = LEFT + column as f64 * (PANEL_WIDTH + GAP);
    let attempts = Panel {
        x,
        top: ATTEMPTS_TOP,
        hours: HOURS[0],
        height_of: |value| 1.0 - (value.max(0.5) / 50.0).ln() / (0.5_f64 / 50.0).ln(),
    };
    let under_way = Panel {
        x,
        top: UNDER_WAY_TOP,
        hours: HOURS[1],
        height_of: |events| events / (35.0 * 60.0),
    };
    let first = column == 0;
    let mut svg = format!(
        "  <text class=\"text\" x=\"{x}\" y=\"{}\" font-weight=\"bold\">{}</text>\n",
        ATTEMPTS_TOP - 10.0,
        schedule.name
    );
    svg += &attempts.frame(
        &[1.0, 2.0, 5.0, 10.0, 20.0, 50.0].map(|value| (value, format!("{value}×"))),
        first,
    );
    svg += &attempts.limit(CAPACITIES[SHOWN]);
    // Once all is served, only what arrives is attempted.
    svg += &attempts.line(&runs[SHOWN].attempts, 1.0, SHOWN);
    svg += &under_way.frame(
        &[0, 10, 20, 30].map(|minutes| (f64::from(minutes) * 60.0, format!("{minutes}"))),
        first,
    );
    for (index, run) in runs.iter().enumerate() {
        svg += &under_way.line(&run.under_way, 0.0, index);
    }
    svg
}

/// A part of the chart, with time from left to right.
struct Panel {
    x: f64,
    top: f64,
    hours: usize,
    /// How high a value is, as a part of the panel.
    height_of: fn(f64) -> f64,
}

impl Panel {
    fn x(&self, second: usize) -> f64 {
        self.x + PANEL_WIDTH * second as f64 / (self.hours * 3600) as f64
    }

    fn y(&self, value: f64) -> f64 {
        self.top + PANEL_HEIGHT * (1.0 - (self.height_of)(value))
    }

    /// The time of the outage, and lines at these values.
    fn frame(&self, values: &[(f64, String)], labelled: bool) -> String {
        let bottom = self.top + PANEL_HEIGHT;
        let mut svg = format!(
            "  <rect class=\"outage\" x=\"{:.1}\" y=\"{}\" width=\"{:.1}\" height=\"{PANEL_HEIGHT}\"/>\n",
            self.x,
            self.top,
            self.x(OUTAGE) - self.x,
        );
        for (value, label) in values {
            let y = self.y(*value);
            svg += &format!(
                "  <path class=\"grid\" d=\"M{:.1} {y:.1} h{PANEL_WIDTH}\"/>\n",
                self.x
            );
            if labelled {
                svg += &format!(
                    "  <text class=\"faint\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>\n",
                    self.x - 6.0,
                    y + 4.0
                );
            }
        }
        for hour in 0..=self.hours {
            let (anchor, unit) = match hour {
                0 => ("start", ""),
                hour if hour == self.hours => ("end", " h"),
                _ => ("middle", ""),
            };
            svg += &format!(
                "  <text class=\"faint\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{hour}{unit}</text>\n",
                self.x(hour * 3600),
                bottom + 18.0
            );
        }
        svg
    }

    fn limit(&self, value: f64) -> String {
        let y = self.y(value);
        let from = self.x(OUTAGE);
        format!(
            "  <path class=\"limit\" d=\"M{from:.1} {y:.1} H{:.1}\"/>\n",
            self.x + PANEL_WIDTH
        )
    }

    /// What happened in each second, and `after` once the run has ended.
    fn line(&self, seconds: &[f64], after: f64, class: usize) -> String {
        let points: Vec<_> = (0..self.hours * 3600)
            .step_by(STEP)
            .map(|from| {
                let values =
                    (from..from + STEP).map(|second| seconds.get(second).unwrap_or(&after));
                let mean = values.sum::<f64>() / STEP as f64;
                format!("{:.1} {:.1}", self.x(from + STEP / 2), self.y(mean))
            })
            .collect();
        format!(
            "  <path class=\"line c{class}\" d=\"M{}\"/>\n",
            points.join(" L")
        )
    }
}
