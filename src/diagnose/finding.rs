//! A finding, in words.

use std::borrow::Cow;
use std::fmt;
use std::ops::ControlFlow;

/// A mistake of the sender or the receiver, or something suspicious.
///
/// `Display` prints a sentence that says what would have matched. It contains no key, no signature, no value of a
/// header and no part of the body. See the [module docs](super#example) for an example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    code: &'static str,
    sentence: Cow<'static, str>,
    advice: Cow<'static, str>,
}

impl Finding {
    pub(super) fn new(
        code: &'static str,
        sentence: impl Into<Cow<'static, str>>,
        advice: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            code,
            sentence: sentence.into(),
            advice: advice.into(),
        }
    }

    /// Returns the stable, machine-readable name of the finding: see [the list](super#what-is-tried).
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// Returns what to do about it, in a sentence or two.
    #[must_use]
    pub fn advice(&self) -> &str {
        &self.advice
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

/// A function that tries a body. It also gets the finding for the case that the body matches, and breaks when nothing
/// else is to be tried.
pub(super) type TryBody<'t> = dyn FnMut(&[u8], &dyn Fn() -> Finding) -> ControlFlow<()> + 't;
