//! A delivery as a curl command.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Returns the command that sends exactly these headers and this body. Everything is quoted for the shell.
pub(crate) fn command(
    url: &str,
    method: &str,
    headers: &[(String, String)],
    body: &[u8],
) -> String {
    let mut command = format!("curl -X {} {}", quoted(method), quoted(url));
    for (name, value) in headers {
        let header = if value.is_empty() {
            // With a colon, curl would omit the header.
            format!("{name};")
        } else {
            format!("{name}: {value}")
        };
        let _ = write!(command, " \\\n  -H {}", quoted(&header));
    }
    match str::from_utf8(body) {
        Ok("") => command,
        Ok(text) if is_plain(text) => command + " \\\n  --data-raw " + &quoted(text),
        // A control character could end a paste. No terminal handles all of them safely.
        _ => format!(
            "printf %s {} | base64 -d | {command} \\\n  --data-binary @-",
            quoted(&STANDARD.encode(body))
        ),
    }
}

fn is_plain(text: &str) -> bool {
    text.chars()
        .all(|character| character == '\n' || !character.is_control())
}

/// Quotes a word for a shell. Between single quotes, only the quote itself is special.
fn quoted(text: &str) -> String {
    let text: String = text
        .chars()
        .filter(|character| *character == '\n' || !character.is_control())
        .collect();
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::command;

    #[test]
    fn nothing_leaves_its_quotes() {
        let headers = [
            ("x-quote".to_owned(), "a'; touch /tmp/x; '".to_owned()),
            ("x-empty".to_owned(), String::new()),
        ];
        let body = "{\"a\": \"$(touch x) `b` it's\"}\n";
        let expected = r#"curl -X 'POST' 'http://localhost/' \
  -H 'x-quote: a'\''; touch /tmp/x; '\''' \
  -H 'x-empty;' \
  --data-raw '{"a": "$(touch x) `b` it'\''s"}
'"#;
        let command = command("http://localhost/", "POST", &headers, body.as_bytes());
        assert_eq!(command, expected);
    }

    #[test]
    fn a_body_that_could_end_a_paste_goes_as_base64() {
        for (name, body) in [
            ("an escape sequence", &b"\x1b[201~rm x\n"[..]),
            ("a carriage return", b"a\rb"),
            ("not UTF-8", b"\xff\xfe"),
            ("a zero", b"a\0b"),
        ] {
            let command = command("http://localhost/", "POST", &[], body);
            assert!(command.starts_with("printf %s '"), "{name}: {command}");
            assert!(command.ends_with("--data-binary @-"), "{name}: {command}");
            let is_harmless = |character: char| character == '\n' || !character.is_control();
            assert!(command.chars().all(is_harmless), "{name}");
        }
    }
}
