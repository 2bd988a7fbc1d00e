//! The text of an error and its sources, for the log.

use std::error::Error;
use std::fmt::{self, Write as _};

/// An error with its sources, on one line. A text that quotes a request must not start a new line, or hide a part of it.
pub(super) struct Cause<'e>(pub(super) &'e (dyn Error + 'static));

/// The maximum number of sources to write: a longer chain is most likely a cycle.
const MAX_SOURCES: usize = 16;

impl fmt::Display for Cause<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = OneLine(f);
        write!(line, "{}", self.0)?;
        let mut error = self.0;
        for _ in 0..MAX_SOURCES {
            let Some(source) = error.source() else {
                break;
            };
            write!(line, ": {source}")?;
            error = source;
        }
        Ok(())
    }
}

struct OneLine<'a, 'f>(&'a mut fmt::Formatter<'f>);

impl fmt::Write for OneLine<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            match character {
                // `escape_debug` escapes these, too, although they are visible.
                '"' | '\'' | '\\' => self.0.write_char(character)?,
                _ => write!(self.0, "{}", character.escape_debug())?,
            }
        }
        Ok(())
    }
}
