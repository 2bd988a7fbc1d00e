//! A request in the format of HTTP/1.1, or a response that echoes one: a first line, headers, an empty line, and the
//! body.

use bytes::Bytes;

use super::{Capture, chunked};
use crate::Failure;

/// Reads such a file. Lines of the head may end with a newline only, and the first line may be missing.
pub(super) fn parse(file: &Bytes) -> Result<Capture, Failure> {
    let mut capture = Capture::default();
    let mut rest = file.clone();
    let mut is_first = true;
    while let Some(line) = next_line(&mut rest) {
        match (is_first, line.is_empty()) {
            // An empty line before the request, from an editor or from copying, does not end the head.
            (true, true) => continue,
            (false, true) => break,
            (true, false) if is_start(&line) => {}
            _ => capture.header_line(&line).map_err(|error| {
                format!("it is neither raw HTTP, nor HAR, nor of curl: {error}")
            })?,
        }
        is_first = false;
    }
    if is_first {
        return Err("it is empty".into());
    }
    capture.body = if is_chunked(&capture) {
        // The header also says `chunked` in a file whose body is already decoded.
        chunked::decode(&rest).unwrap_or(rest)
    } else {
        rest
    };
    Ok(capture)
}

/// Splits off the next line, without its end. The last line may have no end.
pub(super) fn next_line(rest: &mut Bytes) -> Option<Bytes> {
    if rest.is_empty() {
        return None;
    }
    let end = rest.iter().position(|byte| *byte == b'\n');
    let mut line = rest.split_to(end.map_or(rest.len(), |end| end + 1));
    for byte in [b'\n', b'\r'] {
        if line.last() == Some(&byte) {
            line.truncate(line.len() - 1);
        }
    }
    Some(line)
}

/// Returns whether a line is a request line or a status line.
fn is_start(line: &[u8]) -> bool {
    let mut words = line.split(|byte| *byte == b' ');
    let is_version = |word: &[u8]| word.starts_with(b"HTTP/");
    words.next().is_some_and(is_version) || words.next_back().is_some_and(is_version)
}

fn is_chunked(capture: &Capture) -> bool {
    let encodings = capture.headers.get_all("transfer-encoding");
    encodings
        .iter()
        .any(|value| value.as_bytes().to_ascii_lowercase().ends_with(b"chunked"))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn the_body_is_taken_byte_by_byte() {
        let head = "POST /webhook HTTP/1.1\r\nsvix-id: msg_1\r\n\r\n";
        for (name, file, body) in [
            ("as it is", format!("{head}{{}}"), "{}"),
            ("with a newline", format!("{head}{{}}\n"), "{}\n"),
            (
                "with empty lines",
                format!("{head}\r\n\r\n{{}}"),
                "\r\n\r\n{}",
            ),
            ("newlines alone", head.replace('\r', "") + "{}", "{}"),
            ("no first line", "svix-id: msg_1\n\n{}".into(), "{}"),
            (
                "a status line",
                "HTTP/2 200 \r\nsvix-id: msg_1\r\n\r\n{}".into(),
                "{}",
            ),
            ("empty lines before", format!("\n\r\n{head}{{}}"), "{}"),
            ("no body", head.into(), ""),
            ("no end of the head", "svix-id: msg_1".into(), ""),
            (
                "chunked",
                "svix-id: msg_1\ntransfer-encoding: chunked\n\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"
                    .into(),
                "{}",
            ),
            (
                "no longer chunked",
                "svix-id: msg_1\ntransfer-encoding: chunked\n\n{}".into(),
                "{}",
            ),
        ] {
            let capture = parse(&file.into()).expect(name);
            assert_eq!(capture.body, body, "{name}");
            assert_eq!(capture.headers["svix-id"], "msg_1", "{name}");
        }
    }

    #[test]
    fn what_is_no_request_is_an_error() {
        for (name, file) in [
            ("nothing", &b""[..]),
            ("empty lines", b"\r\n\n"),
            ("prose", b"what is this\n"),
            ("a name with a space", b"svix id: 1\n\n"),
            ("a control character", b"svix-id: a\0b\n\n"),
        ] {
            assert!(parse(&file.to_vec().into()).is_err(), "{name}");
        }
    }
}
