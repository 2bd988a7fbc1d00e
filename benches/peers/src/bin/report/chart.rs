//! The chart of the page: a panel for each size, and a bar for each contender.

use peers::contender::{OURS, Table};
use peers::results::{Spread, TimeOf, Times, TimesOfSize};

use peers::tables::bytes;

const WIDTH: usize = 960;
const NAMES_WIDTH: usize = 224;
const MARGIN: usize = 20;
const HEAD_HEIGHT: usize = 112;
const FOOT_HEIGHT: usize = 48;
const ROW_HEIGHT: usize = 30;
const BAR_HEIGHT: usize = 16;
/// The width of the number beside a bar.
const NUMBER_WIDTH: usize = 52;

const STYLE: &str = "
    .page { fill: #ffffff }
    .text { fill: #1f2328 }
    .faint { fill: #57606a }
    .bar { fill: #b6bec8 }
    .ours { fill: #1a7f37 }
    .limit { stroke: #57606a; stroke-dasharray: 3 3 }
    @media (prefers-color-scheme: dark) {
      .page { fill: #0d1117 }
      .text { fill: #f0f6fc }
      .faint { fill: #9198a1 }
      .bar { fill: #545d68 }
      .ours { fill: #3fb950 }
      .limit { stroke: #9198a1 }
    }
  ";

pub(super) fn draw(times: &Times) -> String {
    let names = order(&times.sizes[1]);
    let height = HEAD_HEIGHT + names.len() * ROW_HEIGHT + FOOT_HEIGHT;
    let panel_width = (WIDTH - NAMES_WIDTH - MARGIN) / times.sizes.len();
    let longest = (times.sizes.iter())
        .flat_map(|size| size.contenders.iter().filter_map(ratio))
        .fold(1.0, f64::max);
    let scale = (panel_width - NUMBER_WIDTH) as f64 / longest;

    let mut svg = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="Helvetica, Arial, sans-serif" font-size="14" role="img" aria-labelledby="title description">
  <title id="title">What verification costs</title>
  <desc id="description">{description}</desc>
  <style>{STYLE}</style>
  <rect class="page" width="{WIDTH}" height="{height}" rx="8"/>
  <text class="text" x="{MARGIN}" y="32" font-size="16" font-weight="bold">What verification adds to a delivery, as a multiple of the bare HMAC-SHA256</text>
  <text class="faint" x="{MARGIN}" y="52">Time beyond the same service without verification, median; shorter is better.</text>
  <text class="faint" x="{MARGIN}" y="{foot}" font-size="12">tower-github-webhook verifies GitHub’s scheme, which signs the body alone. What is on axum is compared with axum’s extractor.</text>
"#,
        description = description(times, &names),
        foot = height - MARGIN,
    );
    for (index, name) in names.iter().enumerate() {
        let weight = if is_ours(name) { "bold" } else { "normal" };
        let y = row(index) + 13;
        svg += &format!(
            "  <text class=\"text\" x=\"{MARGIN}\" y=\"{y}\" font-weight=\"{weight}\">{name}</text>\n"
        );
    }
    for (index, size) in times.sizes.iter().enumerate() {
        let x = NAMES_WIDTH + MARGIN / 2 + index * panel_width;
        svg += &panel(size, &names, x, height, scale);
    }
    svg + "</svg>\n"
}

fn panel(
    size: &TimesOfSize<Spread>,
    names: &[&str],
    x: usize,
    height: usize,
    scale: f64,
) -> String {
    let len = bytes(size.body_len);
    let limit = duration(size.limit.median);
    let limit_x = x as f64 + scale;
    let bottom = height - FOOT_HEIGHT;
    let mut svg = format!(
        "  <text class=\"text\" x=\"{x}\" y=\"80\" font-weight=\"bold\">{len}</text>\n  \
         <text class=\"faint\" x=\"{x}\" y=\"98\" font-size=\"12\">1× is {limit}</text>\n",
    );
    for (index, name) in names.iter().enumerate() {
        let contender = size
            .contenders
            .iter()
            .find(|contender| contender.name == *name);
        let Some(ratio) = contender.and_then(ratio) else {
            continue;
        };
        let class = if is_ours(name) { "ours" } else { "bar" };
        let width = scale * ratio;
        let y = row(index);
        let number_x = x as f64 + width + 6.0;
        let number_y = y + 13;
        svg += &format!(
            "  <rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width:.1}\" height=\"{BAR_HEIGHT}\" rx=\"2\"/>\n  \
             <text class=\"text\" x=\"{number_x:.1}\" y=\"{number_y}\" font-size=\"13\">{}</text>\n",
            multiple(ratio),
        );
    }
    svg += &format!("  <path class=\"limit\" d=\"M{limit_x:.1} {HEAD_HEIGHT} V{bottom}\"/>\n");
    svg
}

/// Returns all contenders that verify, the fastest first.
fn order(size: &TimesOfSize<Spread>) -> Vec<&str> {
    let mut contenders: Vec<_> = (size.contenders.iter())
        .filter_map(|contender| Some((ratio(contender)?, contender.name.as_str())))
        .collect();
    contenders.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    contenders.into_iter().map(|(_, name)| name).collect()
}

fn description(times: &Times, names: &[&str]) -> String {
    let sentence = |name: &&str| {
        let ratios = times.sizes.iter().filter_map(|size| {
            let contender = size
                .contenders
                .iter()
                .find(|contender| contender.name == **name)?;
            Some(format!(
                "{} at {}",
                multiple(ratio(contender)?),
                bytes(size.body_len)
            ))
        });
        format!("{name}: {}.", ratios.collect::<Vec<_>>().join(", "))
    };
    names.iter().map(sentence).collect::<Vec<_>>().join(" ")
}

fn ratio(contender: &TimeOf<Spread>) -> Option<f64> {
    let added = contender.added.as_ref()?;
    (contender.table == Table::Peers).then_some(added.ratio.median)
}

fn is_ours(name: &str) -> bool {
    name.starts_with(OURS)
}

/// Returns the top of a row's bar.
fn row(index: usize) -> usize {
    HEAD_HEIGHT + index * ROW_HEIGHT + (ROW_HEIGHT - BAR_HEIGHT) / 2
}

fn multiple(ratio: f64) -> String {
    if ratio < 2.0 {
        format!("{ratio:.2}×")
    } else {
        format!("{ratio:.1}×")
    }
}

fn duration(nanos: f64) -> String {
    if nanos < 1e4 {
        format!("{nanos:.0} ns")
    } else if nanos < 1e6 {
        format!("{:.0} µs", nanos / 1e3)
    } else {
        format!("{:.1} ms", nanos / 1e6)
    }
}
