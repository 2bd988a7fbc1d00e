//! The output of the program.

use std::error::Error;
use std::io::{self, IsTerminal as _, Write as _};
use std::{env, fmt};

/// Prints a text. Unlike `print!`, this does not panic when the output is closed.
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

/// Prints an error to standard error.
pub(crate) fn complain(error: &(dyn Error + 'static)) {
    let _ = writeln!(io::stderr(), "error: {}", printable(&error.to_string()));
}

/// Escapes characters that control a terminal or are not visible, so that an untrusted text stays within its line.
pub(crate) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            // `escape_debug` escapes these, too, although they are visible.
            '"' | '\'' | '\\' => shown.push(character),
            _ => shown.extend(character.escape_debug()),
        }
    }
    shown
}

/// The colours of a terminal, if the output is one and colours are wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paint(bool);

impl Paint {
    /// Returns the colours of the standard output. The variable `NO_COLOR` disables them.
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
            ("a new line", "a\nb", "a\\nb"),
            ("a C1 control", "a\u{9b}b", "a\\u{9b}b"),
            ("text turned round", "a\u{202e}b", "a\\u{202e}b"),
            ("letters of any script", "é 日本", "é 日本"),
            ("quotes", "\"a\" 'b' \\n", "\"a\" 'b' \\n"),
        ] {
            assert_eq!(printable(text), shown, "{name}");
        }
    }
}
