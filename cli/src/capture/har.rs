//! A HAR file, as the developer tools of browsers and proxies save one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::Capture;
use crate::Failure;

#[derive(Deserialize)]
struct Har {
    log: Log,
}

#[derive(Deserialize)]
struct Log {
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    request: Request,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    headers: Vec<Header>,
    post_data: Option<PostData>,
}

#[derive(Deserialize)]
struct Header {
    name: String,
    value: String,
}

#[derive(Deserialize)]
struct PostData {
    #[serde(default)]
    text: String,
    /// Not in the standard, but used.
    encoding: Option<String>,
}

/// Reads the request with this number, counted from 1, or the only signed request.
pub(super) fn parse(json: &str, number: Option<usize>) -> Result<Capture, Failure> {
    let har: Har = serde_json::from_str(json)
        // The error of the parser could contain a value.
        .map_err(|error| format!("it is JSON, but no HAR file: see line {}", error.line()))?;
    let entries = har.log.entries;
    let number = match number {
        Some(number) => number,
        None => only_signed(&entries)?,
    };
    let chosen = number.checked_sub(1).and_then(|index| entries.get(index));
    let Some(Entry { request }) = chosen else {
        let count = entries.len();
        return Err(format!("--entry {number}: it has {count} requests, counted from 1").into());
    };
    let mut capture = Capture::default();
    for Header { name, value } in &request.headers {
        // Skip the pseudo-headers of HTTP/2.
        if !name.starts_with(':') {
            capture.header(name.as_bytes(), value.as_bytes())?;
        }
    }
    if let Some(PostData { text, encoding }) = &request.post_data {
        capture.body = match encoding.as_deref() {
            Some("base64") => STANDARD
                .decode(text)
                .map_err(|_| "the body of the request is not the base64 that it says")?
                .into(),
            _ => text.clone().into(),
        };
    }
    Ok(capture)
}

/// Returns the number of the only request with a signature header, or of the only request.
fn only_signed(entries: &[Entry]) -> Result<usize, Failure> {
    let is_signed = |entry: &Entry| {
        let mut headers = entry.request.headers.iter();
        headers.any(|header| header.name.to_ascii_lowercase().ends_with("-signature"))
    };
    let signed: Vec<usize> = (1..=entries.len())
        .filter(|number| is_signed(&entries[number - 1]))
        .collect();
    match signed[..] {
        [number] => Ok(number),
        [] if entries.len() == 1 => Ok(1),
        [] => Err("none of its requests is signed: choose one with --entry".into()),
        _ => Err(format!("requests {signed:?} of it are signed: choose one with --entry").into()),
    }
}
