//! The cases of `tests/vectors`. Its `README.md` describes them.

use serde_json::Value;

use crate::reference::{Line, base64_decode};

/// A delivery, and how it arrives.
#[derive(Clone, Debug, Default)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "that is what a case consists of"
)]
pub struct Case {
    pub name: String,
    pub is_genuine: bool,
    pub secrets: Vec<String>,
    pub headers: Vec<Line>,
    pub body: Vec<u8>,
    pub now: u64,
    pub tolerance: Option<u64>,
    pub ignore_timestamp: bool,
    /// The lengths of the frames.
    pub frames: Vec<usize>,
    pub pending: bool,
    pub never_tells_its_end: bool,
    pub has_trailers: bool,
    pub error_after: Option<usize>,
    pub least_length: u64,
    pub limit: Option<u64>,
    pub is_parted: bool,
}

/// Returns all cases.
pub fn all() -> Vec<Case> {
    let json = include_str!("../../tests/vectors/cases.json");
    let cases: Vec<Value> = serde_json::from_str(json).expect("cases.json is valid");
    assert!(!cases.is_empty());
    cases.iter().map(case).collect()
}

fn case(json: &Value) -> Case {
    let delivery = &json["delivery"];
    let unit = base64_decode(text(&json["body_base64"]).as_bytes()).expect("base64");
    let times = json["body_repeat"].as_u64().unwrap_or(1);
    let body = unit.repeat(usize::try_from(times).expect("a number of times"));
    let mut headers: Vec<_> = items(&json["headers"])
        .map(|line| (text(&line[0]).into(), latin1(&text(&line[1]))))
        .collect();
    if let Some(length) = delivery["content_length"].as_u64() {
        headers.push(("content-length".into(), length.to_string().into()));
    }
    Case {
        name: text(&json["name"]),
        is_genuine: json["expect"] == "accept",
        secrets: [&json["secret"]]
            .into_iter()
            .chain(items(&json["extra_secrets"]))
            .map(text)
            .collect(),
        headers,
        now: json["now"].as_u64().expect("a time"),
        tolerance: json["tolerance"].as_u64(),
        ignore_timestamp: json["ignore_timestamp"].as_bool().unwrap_or(false),
        frames: match delivery["frames"].as_array() {
            Some(frames) => frames.iter().filter_map(length).collect(),
            None => vec![body.len()],
        },
        body,
        pending: delivery["pending"].as_bool().unwrap_or(false),
        never_tells_its_end: delivery["end_stream_flag"].is_string(),
        has_trailers: items(&delivery["trailers"]).next().is_some(),
        error_after: length(&delivery["error_after"]),
        least_length: delivery["size_hint_lower"].as_u64().unwrap_or(0),
        limit: delivery["limit"].as_u64(),
        is_parted: delivery["chained_buf"].as_bool().unwrap_or(false),
    }
}

fn items(json: &Value) -> impl Iterator<Item = &Value> {
    json.as_array().into_iter().flatten()
}

fn text(json: &Value) -> String {
    json.as_str().expect("a text").to_owned()
}

fn length(json: &Value) -> Option<usize> {
    usize::try_from(json.as_u64()?).ok()
}

/// Each character of a value is one byte.
fn latin1(text: &str) -> Vec<u8> {
    text.chars()
        .map(|char| u8::try_from(char).expect("Latin-1"))
        .collect()
}
