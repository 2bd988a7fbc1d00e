//! Splitting of a shell command into words.

use std::iter::Peekable;
use std::str::Chars;

use crate::Failure;

/// Splits a command as `bash` does, with `'…'`, `"…"`, `$'…'`, and backslashes, also at the end of a line.
pub(super) fn words(command: &str) -> Result<Vec<String>, Failure> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = command.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            ' ' | '\t' | '\r' | '\n' => words.extend(word.take()),
            '\\' => match rest.next() {
                Some('\n') | None => {}
                Some(escaped) => word.get_or_insert_default().push(escaped),
            },
            '\'' => {
                let word = word.get_or_insert_default();
                quoted(&mut rest, '\'', |_, character| word.push(character))?;
            }
            '"' => {
                let word = word.get_or_insert_default();
                quoted(&mut rest, '"', |rest, character| match character {
                    '\\' => match rest.next() {
                        Some('\n') | None => {}
                        Some(escaped @ ('"' | '\\' | '$' | '`')) => word.push(escaped),
                        Some(other) => word.extend(['\\', other]),
                    },
                    _ => word.push(character),
                })?;
            }
            '$' if rest.peek() == Some(&'\'') => {
                rest.next();
                let word = word.get_or_insert_default();
                quoted(&mut rest, '\'', |rest, character| match character {
                    '\\' => word.extend(escaped(rest)),
                    _ => word.push(character),
                })?;
            }
            _ => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    Ok(words)
}

type Rest<'a> = Peekable<Chars<'a>>;

fn quoted<'a>(
    rest: &mut Rest<'a>,
    end: char,
    mut take: impl FnMut(&mut Rest<'a>, char),
) -> Result<(), Failure> {
    while let Some(character) = rest.next() {
        if character == end {
            return Ok(());
        }
        take(rest, character);
    }
    Err("a quotation mark of the curl command is not closed".into())
}

/// Parses the escape after a backslash within `$'…'`.
fn escaped(rest: &mut Rest<'_>) -> Option<char> {
    let most = match rest.next()? {
        'n' => return Some('\n'),
        'r' => return Some('\r'),
        't' => return Some('\t'),
        'x' => 2,
        'u' => 4,
        'U' => 8,
        other => return Some(other),
    };
    let mut code = 0;
    for _ in 0..most {
        let Some(digit) = rest.peek().and_then(|digit| digit.to_digit(16)) else {
            break;
        };
        code = code * 16 + digit;
        rest.next();
    }
    Some(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn words_are_split_as_a_shell_does() {
        for (name, command, expected) in [
            ("plain", "curl -X POST", &["curl", "-X", "POST"][..]),
            ("single quotes", r#"a 'b "c" \d'"#, &["a", r#"b "c" \d"#]),
            (
                "double quotes",
                r#"a "b 'c' \"d\" \e""#,
                &["a", r#"b 'c' "d" \e"#],
            ),
            ("a quote within", r"'it'\''s'", &["it's"]),
            ("ANSI quotes", r"$'a\nb\u00e9\x41\'c'", &["a\nbéA'c"]),
            ("a line that goes on", "a \\\n  b", &["a", "b"]),
            ("an empty word", "a ''", &["a", ""]),
            ("joined", "a'b'\"c\"d", &["abcd"]),
        ] {
            assert_eq!(words(command).expect(name), expected, "{name}");
        }
        assert!(words("curl 'open").is_err());
        assert!(words("curl \"open").is_err());
    }
}
