//! What the program prints, to whom it may and in which form.

use std::error::Error;
use std::io::{self, IsTerminal as _, Write as _};
use std::{env, fmt};

/// Prints a text. Unlike `print!` it does not panic when nobody reads.
pub(crate) fn print(text: &str) {
    let mut stdout = io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes());
    let _ = stdout.flush();
}

/// Prints a line.
pub(crate) fn say(line: fmt::Arguments<'_>) {
    print(&format!("{line}\n"));
}

/// Prints a JSON document on one line.
pub(crate) fn say_json(document: &serde_json::Value) {
    say(format_args!("{document}"));
}

/// Prints an error and what caused it.
pub(crate) fn complain(error: &(dyn Error + 'static)) {
    let _ = writeln!(io::stderr(), "error: {}", printable(&error.to_string()));
}

/// Escapes what would steer a terminal, so that a text from elsewhere stays within its line.
pub(crate) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() || is_invisible(character) {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Whether a character turns the direction of text round, or is not seen at all.
fn is_invisible(character: char) -> bool {
    matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// The colours of a terminal, where there is one that wants them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paint(bool);

impl Paint {
    /// For the standard output. The variable `NO_COLOR` switches colours off.
    pub(crate) fn stdout() -> Self {
        let unwanted = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self(io::stdout().is_terminal() && !unwanted)
    }

    pub(crate) fn green(self, text: &str) -> String {
        self.wrap("32", text)
    }

    pub(crate) fn red(self, text: &str) -> String {
        self.wrap("31", text)
    }

    pub(crate) fn dim(self, text: &str) -> String {
        self.wrap("2", text)
    }

    fn wrap(self, code: &str, text: &str) -> String {
        if self.0 {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn a_text_from_elsewhere_cannot_steer_the_terminal() {
        for (name, text, shown) in [
            ("an escape sequence", "a\x1b[2Jb", "a\\u{1b}[2Jb"),
            ("a new line", "a\nb", "a\\u{a}b"),
            ("a C1 control", "a\u{9b}b", "a\\u{9b}b"),
            ("text turned round", "a\u{202e}b", "a\\u{202e}b"),
            ("letters of any script", "é 日本", "é 日本"),
        ] {
            assert_eq!(printable(text), shown, "{name}");
        }
    }
}
