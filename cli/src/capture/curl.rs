//! Output of curl, and curl commands.

use std::path::Path;

use bytes::Bytes;

use super::http::next_line;
use super::{Capture, shell};
use crate::{Failure, input};

/// Returns whether a text is the output of `curl --verbose`, which marks sent lines with `>`.
pub(super) fn is_verbose(file: &Bytes) -> bool {
    let mut rest = file.clone();
    std::iter::from_fn(|| next_line(&mut rest)).any(|line| is_request_line(&line))
}

fn is_request_line(line: &[u8]) -> bool {
    line.starts_with(b"> ") && line.windows(6).any(|part| part == b" HTTP/")
}

/// Reads the headers that curl sent. Its output does not contain the sent body.
pub(super) fn parse_verbose(file: &Bytes) -> Result<Capture, Failure> {
    let mut capture = Capture::default();
    let mut rest = file.clone();
    let sent = std::iter::from_fn(|| next_line(&mut rest))
        .skip_while(|line| !is_request_line(line))
        .skip(1)
        // Other lines are messages of curl.
        .filter_map(|line| Some(line.slice_ref(line.strip_prefix(b">")?.trim_ascii())))
        // The head ends here. After a redirect, there is a second head, which was sent elsewhere.
        .take_while(|line| !line.is_empty());
    for line in sent {
        capture.header_line(&line)?;
    }
    Ok(capture)
}

/// Reads a curl command, such as one from "copy as curl".
pub(super) fn parse_command(command: &str) -> Result<Capture, Failure> {
    let mut words = shell::words(command)?.into_iter().skip(1);
    let mut capture = Capture::default();
    let mut bodies: Vec<Bytes> = Vec::new();
    while let Some(word) = words.next() {
        let (option, attached) = split(&word);
        let mut value = || match attached {
            Some(value) => Ok(value.to_owned()),
            None => words
                .next()
                .ok_or_else(|| format!("nothing follows {option} of the curl command")),
        };
        match option {
            "-H" | "--header" => capture.header_line(value()?.as_bytes())?,
            "-d" | "--data" | "--data-ascii" => bodies.push(data(&value()?, false)?),
            "--data-binary" => bodies.push(data(&value()?, true)?),
            "--data-raw" | "--json" => bodies.push(value()?.into()),
            _ => {}
        }
    }
    capture.body = bodies.join(&b'&').into();
    Ok(capture)
}

/// Returns the bytes that are sent for a value. `@` names a file, from which `--data` removes line ends.
fn data(value: &str, is_binary: bool) -> Result<Bytes, Failure> {
    let Some(path) = value.strip_prefix('@') else {
        return Ok(value.to_owned().into());
    };
    let mut file = input::read(Path::new(path))?.to_vec();
    if !is_binary {
        file.retain(|byte| !b"\r\n\0".contains(byte));
    }
    Ok(file.into())
}

/// Splits `--option=value` and `-Hvalue`.
fn split(word: &str) -> (&str, Option<&str>) {
    if word.starts_with("--") {
        return word
            .split_once('=')
            .map_or((word, None), |(option, value)| (option, Some(value)));
    }
    match word.split_at_checked(2) {
        Some((option @ ("-H" | "-d"), value)) if !value.is_empty() => (option, Some(value)),
        _ => (word, None),
    }
}
